use orchestrator_core::system::SystemSpec;

/// The first fault of a description, as the user sees it.
#[track_caller]
fn check(yaml: &str, expected: &str) {
    let error = match SystemSpec::from_yaml(yaml) {
        Err(error) => error,
        Ok(spec) => spec.validate(&["task"]).expect_err("the description is accepted"),
    };
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    assert_eq!(message, expected, "\n{yaml}");
}

/// As [`check`], for one `llm` module with more keys.
#[track_caller]
fn check_llm(keys: &str, expected: &str) {
    check(&format!("modules: {{a: {{kind: llm, model: task, prompt: '{{{{ input }}}}'{keys}}}}}"), expected);
}

#[track_caller]
fn check_flow(flow: &str, expected: &str) {
    let modules = "modules:
  topic: {kind: llm, model: task, prompt: '{{ input }}', labels: [a, bill]}
  answer: {kind: llm, model: task, prompt: '{{ topic }}', temperature: 0.7}
  judge: {kind: verify, model: task, prompt: '{{ answer }}'}
flow:";
    check(&format!("{modules} {flow}"), expected);
}

#[test]
fn unknown_names_come_with_the_nearest_one() {
    check_flow("[topc, answer, judge]", "config: system.flow[0] names module 'topc'; did you mean topic?");
    check_flow(
        "[topic, answer, {branch: {on: x, cases: {x: [judgee]}}}]",
        "config: system.flow[2].branch.cases.x[0] names module 'judgee'; did you mean judge?",
    );
    check_flow(
        "[topic, {refine: {draft: anser, critique: judge, max_rounds: 2}}]",
        "config: system.flow[1].refine.draft names module 'anser'; did you mean answer?",
    );
    check(
        "modules: {a: {kind: llm, model: taks, prompt: x}}",
        "config: system.modules.a.model is 'taks', which is not defined; did you mean task?; defined: task",
    );
    check(
        "input: [text]
modules: {a: {kind: llm, model: task, prompt: '{{ txet }}'}}",
        "config: system.modules.a.prompt uses the unknown name 'txet'; did you mean text?; known: text, a",
    );
    check(
        "output: '{{ b }}'
modules: {a: {kind: llm, model: task, prompt: x}}",
        "config: system.output uses the unknown name 'b'; known: input, a",
    );
    check(
        "modules: {a: {kind: vote, of: [b, c]}, b: {kind: llm, model: task, prompt: x}}",
        "config: system.modules.a.of[1] names module 'c'",
    );
}

#[test]
fn circles_are_named() {
    check(
        "modules:
  a: {kind: llm, model: task, prompt: '{{ c }}'}
  b: {kind: llm, model: task, prompt: '{{ a }}'}
  c: {kind: route, on: '{{ input }}', cases: {x: [b]}}",
        "config: system.modules.a depends on itself: a -> c -> b -> a; cut the circle, or use a refine step with {{ critique }}",
    );
    check(
        "modules: {a: {kind: llm, model: task, prompt: '{{ a }}'}}",
        "config: system.modules.a depends on itself: a -> a; cut the circle, or use a refine step with {{ critique }}",
    );
}

#[test]
fn order_and_use_are_checked() {
    check_flow(
        "[answer, topic, judge]",
        "config: system.flow[0] runs 'answer', which uses 'topic' before it has run; put 'topic' earlier in the flow",
    );
    check_flow(
        "[topic, answer]",
        "config: system.modules.judge never runs; add it to system.flow, or remove it",
    );
    check_flow(
        "[{branch: {on: '{{ topic }}', cases: {a: [topic]}, default: [topic]}}, answer, judge]",
        "config: system.flow[0].branch.on uses 'topic' before it has run; put 'topic' earlier in the flow",
    );
    check_flow(
        "[{branch: {on: '{{ input }}', cases: {a: [topic], b: [answer]}}}, judge]",
        "config: system.flow[0].branch.cases.b[0] runs 'answer', which uses 'topic' before it has run; put 'topic' earlier in the flow",
    );
    check_flow("[]", "config: system.flow is empty; name at least one module, or leave the key out");
    check("modules: {}", "config: system.modules is empty; define at least one module");
}

#[test]
fn values_must_be_in_range() {
    check_llm(
        ", labels: []",
        "config: system.modules.a.labels names fewer than two labels; name two, or leave the key out for free text",
    );
    check_llm(", labels: [x, ' x']", "config: system.modules.a.labels[1] names ' x' a second time");
    check_llm(", labels: [x, '']", "config: system.modules.a.labels[1] is empty");
    check_llm(
        ", max_tokens: 0",
        "config: system.modules.a.max_tokens = 0 is out of range; allowed 1 to 32768",
    );
    check_llm(
        ", temperature: 2.5",
        "config: system.modules.a.temperature = 2.5 is out of range; allowed 0 to 2",
    );
    check_llm(
        ", temperature: .nan",
        "config: system.modules.a.temperature = NaN is out of range; allowed 0 to 2",
    );
    check_llm(", top_p: 0.0", "config: system.modules.a.top_p = 0 is out of range; allowed above 0 to 1");
    check_llm(", stop: ['']", "config: system.modules.a.stop[0] is empty; name the text that ends an answer");
    check(
        "modules: {a: {kind: retrieve, corpus: train, k: 0, query: x}}",
        "config: system.modules.a.k = 0 is out of range; allowed 1 to 100",
    );
    check(
        "modules: {a: {kind: tool, command: [cat], input: x, timeout_s: 0}}",
        "config: system.modules.a.timeout_s = 0 is out of range; allowed above 0 to 3600",
    );
    check("modules: {a: {kind: tool, input: x}}", "config: system.modules.a needs a command or a url");
    check(
        "modules: {a: {kind: tool, url: 'ftp://x', input: x}}",
        "config: system.modules.a.url must start with http:// or https://",
    );
    check(
        "modules: {a: {kind: vote, of: [b]}, b: {kind: llm, model: task, prompt: x}}",
        "config: system.modules.a.of names fewer than two modules; a vote needs two",
    );
    check(
        "modules: {a: {kind: verify, model: task, prompt: x, accept: no}}",
        "config: system.modules.a.accept must not be empty and must differ from reject",
    );
    check_flow(
        "[topic, {refine: {draft: answer, critique: judge, max_rounds: 11}}]",
        "config: system.flow[1].refine.max_rounds = 11 is out of range; allowed 1 to 10",
    );
    check_flow(
        "[topic, {vote: {of: answer, samples: 1}}, judge]",
        "config: system.flow[1].vote.samples = 1 is out of range; allowed 2 to 64",
    );
}

#[test]
fn steps_must_make_sense() {
    check_flow(
        "[{vote: {of: topic, samples: 3}}, answer, judge]",
        "config: system.flow[0].vote.of names 'topic', which scores its labels, which gives the same answer every time; drop labels or set choose: generate",
    );
    check_flow(
        "[topic, answer, {vote: {of: judge, samples: 3}}]",
        "config: system.flow[2].vote.of names 'judge', which is not of kind llm; only those can be sampled",
    );
    check_flow(
        "[topic, judge, {refine: {draft: judge, critique: answer, max_rounds: 2}}]",
        "config: system.flow[2].refine needs accept: the text an accepting answer of 'answer' starts with (only verify modules have their own)",
    );
    check_flow(
        "[topic, {branch: {on: '{{ topic }}', cases: {a: [answer], bil: [answer]}}}, judge]",
        "config: system.flow[1].branch.cases.bil can never match; did you mean bill?; labels: a, bill",
    );
    check_flow(
        "[topic, {branch: {on: '{{ topic }}', cases: {a: [answer]}}}, judge]",
        "config: system.flow[1].branch.cases has no case for the label 'bill' and no default; add one of them",
    );
    check(
        "modules: {a: {kind: llm, model: task, prompt: '{{ draft }}'}}",
        "config: system.modules.a.prompt uses {{ draft }}, which only the modules of a refine step have",
    );
}

#[test]
fn names_must_be_usable_in_templates() {
    check(
        "modules: {my-module: {kind: llm, model: task, prompt: x}}",
        "config: system.modules.my-module has a name that is no name; allowed: letters, digits and _, no digit first",
    );
    check(
        "modules: {critique: {kind: llm, model: task, prompt: x}}",
        "config: system.modules.critique has a name that is reserved for refine steps; rename it",
    );
    check(
        "input: [a]
modules: {a: {kind: llm, model: task, prompt: x}}",
        "config: system.input[0] is 'a', which is also a module; rename the module",
    );
    check(
        "input: [x, x]
modules: {a: {kind: llm, model: task, prompt: x}}",
        "config: system.input[1] names 'x' a second time",
    );
}

#[test]
fn template_errors_name_their_line() {
    check(
        "modules:
  a:
    kind: llm
    model: task
    prompt: |
      fine
      {{ input
      more",
        "config: system.modules.a.prompt has a template error in its line 3: syntax error: unexpected identifier, expected end of variable block",
    );
}

#[test]
fn grammar_errors_name_line_and_key() {
    for (yaml, parts) in [
        ("modules: {a: {kind: llm, modle: task}}", vec!["unknown field `modle`", "did you mean model?"]),
        ("modules: {a: {kind: lm, model: task}}", vec!["unknown variant `lm`"]),
        ("modules: {a: {kind: llm, model: task}}", vec!["kind llm needs the key prompt"]),
        (
            "modules: {a: {kind: retrieve, corpus: train, k: 1, query: x, prompt: y}}",
            vec!["key prompt does not belong to kind retrieve", "allowed: corpus, k, query, each, between"],
        ),
        ("modules: {}\nflow: [{refien: {}}]", vec!["unknown step 'refien'; did you mean refine?"]),
        ("modules: {}\nflow: [{vote: {of: a, samples: 2}, branch: x}]", vec!["a step has one key"]),
        ("modules: {}\nflw: []", vec!["unknown field `flw`", "did you mean flow?"]),
        ("modules: [", vec!["line"]),
    ] {
        let message = SystemSpec::from_yaml(yaml).expect_err(yaml).to_string();
        assert!(message.starts_with("config: ") && !message.contains('\n'), "{message}");
        for part in parts {
            assert!(message.contains(part), "{yaml}: {message}");
        }
    }
}

#[test]
fn every_fault_is_listed_in_document_order() {
    let spec = SystemSpec::from_yaml(
        "modules:
  a: {kind: llm, model: nope, prompt: '{{ x }}', max_tokens: 0}
flow: [b, a]",
    )
    .unwrap();
    let paths: Vec<String> = spec.faults(&["task"]).into_iter().map(|f| f.path).collect();
    assert_eq!(
        paths,
        [
            "system.modules.a.model",
            "system.modules.a.prompt",
            "system.modules.a.max_tokens",
            "system.flow[0]"
        ]
    );
}

#[test]
fn a_description_survives_being_written_and_read() {
    let yaml = "input: [text]
output: '{{ a }}'
modules:
  r: {kind: retrieve, corpus: train, k: 2, query: '{{ text }}'}
  a: {kind: llm, model: task, prompt: \"x\\n{{ r }}\\n\", labels: ['yes', 'no'], format: chat}
  t: {kind: tool, command: [cat], input: '{{ a }}'}
  v: {kind: verify, model: task, prompt: '{{ a }}'}
  p: {kind: vote, of: [a, t]}
  w: {kind: route, on: '{{ a }}', cases: {'yes': [t]}, default: [p]}
flow: [r, a, t, p, w, {refine: {draft: a, critique: v, max_rounds: 2}}, {branch: {on: '{{ a }}', cases: {x: [t]}}}]";
    let spec = SystemSpec::from_yaml(yaml).unwrap();
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(SystemSpec::from_json(&json).unwrap(), spec);
    let written = serde_saphyr::to_string(&spec).unwrap();
    assert_eq!(SystemSpec::from_yaml(&written).unwrap(), spec, "{written}");
}
