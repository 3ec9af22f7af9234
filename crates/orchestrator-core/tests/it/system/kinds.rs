use serde_json::json;

use meta_traits::{Classify, Cost, ErrorKind};

use super::{output, ran, run, system, system_in};

#[test]
fn llm_writes_text_and_is_charged() {
    let system = system("modules: {say: {kind: llm, model: echo, prompt: 'Say {{ input }}', max_tokens: 9}}");
    let done = run(&system, "three short words").unwrap();
    assert_eq!(done.output, "<Say three short words>");
    assert_eq!(done.cost, Cost::tokens(1, 4, 4));
    assert_eq!(done.trace[0].inputs, [("input".to_owned(), "three short words".to_owned())]);
    assert_eq!(done.trace[0].prompt, "Say three short words");
}

#[test]
fn llm_chooses_the_likeliest_label() {
    let system = system(
        "modules: {topic: {kind: llm, model: echo, prompt: 'About {{ input }}', labels: [billing, delivery, other]}}",
    );
    let done = run(&system, "my delivery").unwrap();
    assert_eq!(done.output, "delivery");
    let scores: Vec<(&str, f64)> = done.trace[0].label_scores.iter().map(|(l, p)| (l.as_str(), *p)).collect();
    assert_eq!(scores, [("billing", -2.0), ("delivery", -0.5), ("other", -4.0)]);
    assert_eq!(run(&system, "zzz").unwrap().output, "billing");
}

#[test]
fn a_written_answer_is_read_as_the_label_it_means() {
    let yaml = "modules: {t: {kind: llm, model: echo, choose: generate, format: chat, prompt: '{{ input }}',
        labels: [bill, billing, other]}}";
    assert_eq!(output(yaml, "I think Other, not billing"), "other");
    assert_eq!(output(yaml, "It is billing"), "billing");
    assert_eq!(output(yaml, "neither"), "<neither>");
}

#[test]
fn fields_of_an_object_are_variables() {
    let yaml = "input: [title, body]
modules: {t: {kind: llm, model: echo, prompt: '{{ title }}|{{ body.text }}|{{ body.tags[1] }}'}}";
    let input = json!({"title": "T", "body": {"text": "B", "tags": ["x", 2]}, "unused": 1});
    assert_eq!(output(yaml, input), "<T|B|2>");
    let failure = run(&system(yaml), json!({"title": "T"})).unwrap_err();
    assert_eq!(failure.to_string(), "input: no field 'body'; the example's input has: title");
    assert_eq!(failure.kind(), ErrorKind::InvalidInput);
    let failure = run(&system(yaml), "plain").unwrap_err();
    assert!(failure.to_string().contains("declares the fields title, body"), "{failure}");
}

#[test]
fn retrieve_finds_train_examples_but_never_the_input_itself() {
    let yaml = "modules:
  near: {kind: retrieve, corpus: train, k: 3, query: '{{ input }}'}
  say: {kind: llm, model: echo, prompt: '{{ near }}{% for n in near %}[{{ n.input }}={{ n.expected }}]{% endfor %}'}";
    let done = run(&system(yaml), "the parcel is late").unwrap();
    assert_eq!(ran(&done), ["near", "say"]);
    assert_eq!(done.trace[0].output, "the parcel is lost -> delivery");
    assert_eq!(
        done.output, "<the parcel is lost -> delivery[the parcel is lost=delivery]>",
        "one passage shares a word (the is a stop word), and the input's own is left out"
    );
    let other = run(&system(yaml), "parcel").unwrap();
    assert_eq!(other.trace[0].output, "the parcel is late -> delivery\nthe parcel is lost -> delivery");
    let none = run(&system(yaml), "zebra").unwrap();
    assert_eq!(none.trace[0].output, "");
}

#[test]
fn retrieve_reads_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "Cats purr\nsoftly.\n\n\nDogs bark.\n").unwrap();
    std::fs::write(
        folder.path().join("b.jsonl"),
        "\"Fish swim\"\n{\"q\": \"Who barks?\", \"a\": \"Dogs\"}\n",
    )
    .unwrap();
    let spec = |file: &str, each: &str| {
        format!("modules: {{r: {{kind: retrieve, corpus: {file}, k: 1, query: '{{{{ input }}}}'{each}}}}}")
    };
    let found = |file: &str, each: &str, input: &str| {
        run(&system_in(folder.path(), &spec(file, each)), input).unwrap().output
    };
    assert_eq!(found("a.txt", "", "purr"), "Cats purr\nsoftly.");
    assert_eq!(found("b.jsonl", "", "fish"), "Fish swim");
    assert_eq!(found("b.jsonl", ", each: '{{ q }} - {{ a }}'", "barking"), "Who barks? - Dogs");
}

#[test]
fn vote_takes_the_majority_and_the_first_of_equals() {
    let yaml = "modules:
  a: {kind: llm, model: echo, prompt: 'x {{ input }}', labels: [x, y]}
  b: {kind: llm, model: echo, prompt: 'y {{ input }}', labels: [x, y]}
  c: {kind: llm, model: echo, prompt: '{{ input }}', labels: [x, y]}
  panel: {kind: vote, of: [b, a, c]}
flow: [panel]";
    let done = run(&system(yaml), "y").unwrap();
    assert_eq!(ran(&done), ["b", "a", "c", "panel"], "members run when they are needed, in order");
    assert_eq!(done.output, "y");
    let two = "modules:
  a: {kind: llm, model: echo, prompt: 'x {{ input }}', labels: [x, y]}
  b: {kind: llm, model: echo, prompt: 'y {{ input }}', labels: [x, y]}
  panel: {kind: vote, of: [b, a]}
flow: [a, panel]";
    let done = run(&system(two), "!").unwrap();
    assert_eq!(ran(&done), ["a", "b", "panel"], "a member that has run is not run again");
    assert_eq!(done.output, "y", "a tie goes to the first named");
}

#[test]
fn verify_judges() {
    let yaml = "modules: {ok: {kind: verify, model: echo, prompt: 'Right? {{ input }}', accept: sound, reject: wrong}}";
    assert_eq!(output(yaml, "it is sound"), "sound");
    assert_eq!(output(yaml, "it is wrong"), "wrong");
    let written = yaml.replace("accept", "choose: generate, accept");
    assert_eq!(output(&written, "quite wrong"), "wrong");
}

#[test]
fn route_runs_the_modules_of_the_case() {
    let yaml = "modules:
  topic: {kind: llm, model: echo, prompt: '{{ input }}', labels: [bill, parcel, other]}
  a: {kind: llm, model: echo, prompt: 'A {{ input }}'}
  b: {kind: llm, model: echo, prompt: 'B {{ input }}'}
  where: {kind: route, on: '{{ topic }}', cases: {bill: [a], parcel: [b, a]}, default: [b]}
flow: [topic, where]";
    for (input, modules, out) in [
        ("bill", vec!["topic", "a", "where"], "<A bill>"),
        ("parcel", vec!["topic", "b", "a", "where"], "<A parcel>"),
        ("other", vec!["topic", "b", "where"], "<B other>"),
    ] {
        let done = run(&system(yaml), input).unwrap();
        assert_eq!((ran(&done), done.output.as_str()), (modules, out));
    }
    let open = "modules:
  a: {kind: llm, model: echo, prompt: 'A'}
  where: {kind: route, on: '{{ input }}', cases: {x: [a]}}
flow: [where]";
    let failure = run(&system(open), "y").unwrap_err();
    assert_eq!(failure.to_string(), "module 'where' has no case for 'y' and no default; add one of them");
}

#[test]
fn a_failing_model_is_named_and_what_was_spent_is_kept() {
    let yaml = "modules:
  a: {kind: llm, model: echo, prompt: 'one two', max_tokens: 2}
  b: {kind: llm, model: broken, prompt: '{{ a }}'}";
    let failure = run(&system(yaml), "x").unwrap_err();
    assert!(failure.to_string().starts_with("module 'b': scripted client: no answer"), "{failure}");
    assert_eq!(failure.cost, Cost::tokens(1, 2, 2));
    assert_eq!(failure.trace.len(), 2);
    let yaml = "modules: {b: {kind: llm, model: broken, prompt: x, labels: [p, q]}}";
    let failure = run(&system(yaml), "x").unwrap_err();
    assert!(failure.to_string().contains("cannot score labels; set `choose: generate`"), "{failure}");
}
