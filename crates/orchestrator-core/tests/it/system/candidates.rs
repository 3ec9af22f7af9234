use meta_traits::{Classify, Components, ErrorKind, Stream};

use super::{block_on, system};

const TWO: &str = "modules:
  a: {kind: llm, model: echo, prompt: 'First {{ input }}'}
  fixed: {kind: llm, model: echo, prompt: 'Fixed', optimize: false}
  judge: {kind: verify, model: echo, prompt: 'Good? {{ a }}'}
  b: {kind: llm, model: echo, prompt: '{% if fixed %}Then {{ a|upper }}{% endif %}'}";

#[test]
fn components_are_the_prompts_that_may_change() {
    let system = system(TWO);
    assert_eq!(system.components().names().collect::<Vec<_>>(), ["a", "b"]);
    assert!(system.check_components(&system.components()).is_ok());
}

#[track_caller]
fn refused(candidate: &Components, message: &str) {
    let system = system(TWO);
    let error = system.check_components(candidate).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let failure = block_on(system.run(candidate, &"x".into(), &Stream::root(0), true)).unwrap_err();
    assert_eq!(failure.to_string(), message);
    assert_eq!(failure.cost.calls, 0);
}

#[test]
fn broken_candidates_are_refused_before_anything_is_spent() {
    let seed = system(TWO).components();
    refused(
        &seed.with("a", "First {{ input"),
        "candidate: component 'a' uses {{ input; allowed: {{ input }}",
    );
    refused(
        &seed.with("a", "First"),
        "candidate: component 'a' lost the placeholder {{ input }}; keep every placeholder of the first prompt",
    );
    refused(
        &seed.with("a", "{{ input }} {{ ticket }}"),
        "candidate: component 'a' uses {{ ticket }}; allowed: {{ input }}",
    );
    refused(
        &seed.with(
            "a",
            "{% for i in range(9999) %}{% for j in range(9999) %}{{ input }}{% endfor %}{% endfor %}",
        ),
        "candidate: component 'a' changed the {% .. %} statements; keep those of the first prompt, in their order",
    );
    refused(&seed.with("c", "x"), "candidate: component 'c' is none of this system; allowed: a, b");
    let lone: Components = [("b", seed.get("b").unwrap())].into_iter().collect();
    refused(&lone, "candidate: component 'a' is missing");
}

#[test]
fn candidates_may_say_anything_around_the_placeholders() {
    let system = system(TWO);
    let candidate = system.components().with("a", "Braces } { and {{input}} twice {{ input }} \u{0}");
    let done = block_on(system.run(&candidate, &"{{ a }}".into(), &Stream::root(0), true)).unwrap();
    assert_eq!(done.trace[0].prompt, "Braces } { and {{ a }} twice {{ a }} \u{0}");
}
