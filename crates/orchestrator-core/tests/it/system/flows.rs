use meta_traits::{Classify, ErrorKind, Stream};

use super::{block_on, output, ran, run, system};

#[test]
fn without_a_flow_every_module_runs_after_those_it_uses() {
    let yaml = "modules:
  last: {kind: llm, model: echo, prompt: '{{ first }}!'}
  first: {kind: llm, model: echo, prompt: '{{ input }}'}";
    let done = run(&system(yaml), "x").unwrap();
    assert_eq!(ran(&done), ["first", "last"]);
    assert_eq!(done.output, "<<x>!>");
}

#[test]
fn the_output_template_joins_results() {
    let yaml = "output: '{{ a }} & {{ b }} of {{ input }}'
modules:
  a: {kind: llm, model: echo, prompt: 'a'}
  b: {kind: llm, model: echo, prompt: 'b'}";
    assert_eq!(output(yaml, "x"), "<a> & <b> of x");
}

#[test]
fn branch_follows_the_value_and_falls_to_the_default() {
    let yaml = "modules:
  a: {kind: llm, model: echo, prompt: 'A'}
  b: {kind: llm, model: echo, prompt: 'B'}
  c: {kind: llm, model: echo, prompt: 'C'}
flow:
  - branch: {on: ' {{ input }}', cases: {one: [a, c], two: [{branch: {on: x, cases: {x: [b]}}}]}, default: [c]}";
    let modules = |input: &str| ran(&run(&system(yaml), input).unwrap()).join(" ");
    assert_eq!([modules("one"), modules("two"), modules("?")], ["a c", "b", "c"]);
    let failure = run(&system(&yaml.replace(", default: [c]", "")), "?").unwrap_err();
    assert_eq!(
        failure.to_string(),
        "system.flow[0].branch has no case for ' ?' and no default; add one of them"
    );
    assert_eq!(failure.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_value_of_a_branch_not_taken_is_an_error_not_an_empty_text() {
    let yaml = "modules:
  a: {kind: llm, model: echo, prompt: 'A'}
  b: {kind: llm, model: echo, prompt: 'B'}
  end: {kind: llm, model: echo, prompt: '{{ a }}'}
flow:
  - branch: {on: '{{ input }}', cases: {one: [a]}, default: [b]}
  - end";
    assert_eq!(output(yaml, "one"), "<<A>>");
    let failure = run(&system(yaml), "two").unwrap_err();
    assert!(failure.to_string().starts_with("module 'end': the template cannot be filled in"), "{failure}");
}

const REFINE: &str = "modules:
  answer: {kind: llm, model: echo, prompt: '{{ input }}{% if critique %}, not {{ draft }} as {{ critique }}{% endif %}'}
  check: {kind: verify, model: echo, prompt: 'Is {{ draft }} good?', accept: 'not', reject: 'bad'}
flow:
  - refine: {draft: answer, critique: check, max_rounds: 3}";

#[test]
fn refine_stops_when_the_critique_accepts() {
    let done = run(&system(REFINE), "bad").unwrap();
    assert_eq!(ran(&done), ["answer", "check", "answer", "check"]);
    assert_eq!(done.output, "<bad, not <bad> as bad>", "the draft is the result, not the verdict");
    assert_eq!(done.trace[2].call, 1);
}

#[test]
fn refine_ends_at_its_bound() {
    let never = REFINE.replace("accept: 'not'", "accept: 'zzz'");
    let done = run(&system(&never), "bad").unwrap();
    assert_eq!(done.trace.len(), 6);
    assert!(done.output.starts_with("<bad, not <bad, not"), "{}", done.output);
    let once = never.replace("max_rounds: 3", "max_rounds: 1");
    assert_eq!(run(&system(&once), "bad").unwrap().output, "<bad>");
}

#[test]
fn refine_takes_any_module_as_critic_that_has_an_accepting_text() {
    let yaml = "modules:
  answer: {kind: llm, model: echo, prompt: '{{ input }} {{ critique }}'}
  critic: {kind: tool, command: [sh, -c, 'grep -q again && echo ok fine || echo again'], input: '{{ answer }}'}
flow: [{refine: {draft: answer, critique: critic, accept: OK, max_rounds: 5}}]";
    let done = run(&system(yaml), "x").unwrap();
    assert_eq!(ran(&done), ["answer", "critic", "answer", "critic"]);
    assert_eq!(done.output, "<x again>");
}

#[test]
fn vote_samples_with_seeds_of_the_stream() {
    let yaml = "modules: {roll: {kind: llm, model: dice, prompt: '{{ input }}', temperature: 1.0}}
flow: [{vote: {of: roll, samples: 15}}]";
    let system = system(yaml);
    let go = |seed| {
        let done =
            block_on(system.run(&system.components(), &"x".into(), &Stream::root(seed), true)).unwrap();
        let rolls: Vec<String> = done.trace.iter().map(|t| t.output.clone()).collect();
        (done.output, rolls, done.cost)
    };
    assert_eq!(go(1), go(1));
    let (output, rolls, cost) = go(1);
    assert_ne!(rolls, go(2).1, "another stream, other samples");
    assert_eq!(cost.calls, 15);
    let votes = |side: &str| rolls.iter().filter(|r| *r == side).count();
    assert!(["0", "1", "2"].iter().all(|side| votes(side) > 0), "{rolls:?}");
    assert!(["0", "1", "2"].iter().all(|side| votes(side) <= votes(&output)), "{output} of {rolls:?}");
}

#[test]
fn seeds_depend_on_module_and_call_alone() {
    let alone = "modules: {roll: {kind: llm, model: dice, prompt: x, temperature: 1.0}}";
    let after = "modules:
  other: {kind: llm, model: dice, prompt: x, temperature: 1.0}
  roll: {kind: llm, model: dice, prompt: x, temperature: 1.0}
flow: [other, other, roll]";
    let rolls = |yaml: &str| {
        let system = system(yaml);
        let roll = |seed| {
            block_on(system.run(&system.components(), &"x".into(), &Stream::root(seed), false))
                .unwrap()
                .output
        };
        (0..20).map(roll).collect::<String>()
    };
    assert_eq!(rolls(alone), rolls(after));
}

#[test]
fn modules_side_by_side_give_the_same_as_one_after_another() {
    let apart = "modules:
  a: {kind: tool, command: [sh, -c, 'sleep 0.05; echo slow'], input: '{{ input }}'}
  b: {kind: llm, model: dice, prompt: 'b', temperature: 1.0}
  c: {kind: llm, model: echo, prompt: '{{ a }}{{ b }}'}
flow: [a, b, c]";
    let together = run(&system(apart), "x").unwrap();
    assert_eq!(ran(&together), ["a", "b", "c"], "the trace keeps the order of the flow, not of completion");
    let nested = apart.replace("[a, b, c]", "[a, {branch: {on: x, cases: {x: [b]}}}, c]");
    let one_by_one = run(&system(&nested), "x").unwrap();
    assert_eq!(together, one_by_one);
}

#[test]
fn one_failure_side_by_side_does_not_hide_what_the_others_cost() {
    let yaml = "modules:
  a: {kind: llm, model: broken, prompt: 'x'}
  b: {kind: llm, model: echo, prompt: 'one two three'}";
    let failure = run(&system(yaml), "x").unwrap_err();
    assert!(failure.to_string().starts_with("module 'a'"), "{failure}");
    assert_eq!(failure.cost.calls, 1);
    assert_eq!(failure.cost.tokens_in, 3);
}
