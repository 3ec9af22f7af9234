use orchestrator_core::system::Estimate;

use super::{data, run, system};

fn estimate(yaml: &str) -> Estimate {
    let system = system(yaml);
    system.estimate(&system.components(), &data(), 0.25).unwrap()
}

#[test]
fn a_single_call_is_foreseen_exactly() {
    let e = estimate("modules: {t: {kind: llm, model: echo, prompt: 'About {{ input }}', max_tokens: 10}}");
    assert_eq!(e.examples, 6);
    assert_eq!((e.calls.min, e.calls.mean, e.calls.max), (1.0, 1.0, 1.0));
    assert_eq!((e.tokens_out.min, e.tokens_out.mean, e.tokens_out.max), (0.0, 5.0, 10.0));
    let chars = |text: &str| (("About ".len() + text.len()) as f64 * 0.25).ceil();
    let expected = (chars("cannot log in"), chars("the card was charged twice"));
    assert_eq!((e.tokens_in.min, e.tokens_in.max), expected);
}

#[test]
fn loops_branches_and_votes_span_their_bounds() {
    let e = estimate(
        "modules:
  a: {kind: llm, model: dice, prompt: '{{ input }}', temperature: 1.0, max_tokens: 4}
  b: {kind: llm, model: echo, prompt: '{{ a }}{{ critique }}'}
  ok: {kind: verify, model: echo, prompt: '{{ b }}'}
  c: {kind: llm, model: echo, prompt: 'C'}
flow:
  - vote: {of: a, samples: 3}
  - branch: {on: '{{ a }}', cases: {x: [c, c, c], y: [c]}}
  - refine: {draft: b, critique: ok, max_rounds: 4}",
    );
    assert_eq!((e.calls.min, e.calls.mean, e.calls.max), (3.0 + 1.0 + 2.0, 3.0 + 2.0 + 5.0, 3.0 + 3.0 + 8.0));
    assert!(e.tokens_in.min < e.tokens_in.mean && e.tokens_in.mean < e.tokens_in.max);
}

#[test]
fn a_branch_on_the_input_alone_is_known() {
    let e = estimate(
        "modules:
  a: {kind: llm, model: echo, prompt: 'A'}
  b: {kind: llm, model: echo, prompt: 'B {{ a }}'}
flow:
  - branch: {on: '{{ input }}', cases: {cannot log in: [a]}, default: [a, b]}",
    );
    assert_eq!((e.calls.min, e.calls.max), (1.0, 2.0));
    assert!((e.calls.mean - 11.0 / 6.0).abs() < 1e-12, "{:?}", e.calls);
}

#[test]
fn the_cap_covers_what_is_spent() {
    for yaml in [
        "modules: {t: {kind: llm, model: echo, prompt: 'a b {{ input }}', max_tokens: 10}}",
        "modules: {t: {kind: llm, model: echo, prompt: 'a b {{ input }}', labels: [one word, two]}}",
        "modules:
  near: {kind: retrieve, corpus: train, k: 2, query: '{{ input }}'}
  x: {kind: llm, model: echo, prompt: '{{ near }} {{ input }}', max_tokens: 7}
  far: {kind: retrieve, corpus: train, k: 2, query: '{{ x }}'}
  y: {kind: llm, model: echo, prompt: '{{ far }} {{ x }}'}",
        "modules:
  answer: {kind: llm, model: echo, prompt: '{{ input }} {{ draft }} {{ critique }}'}
  check: {kind: verify, model: echo, prompt: 'no {{ draft }}', accept: zzz}
flow: [{refine: {draft: answer, critique: check, max_rounds: 4}}]",
    ] {
        let system = system(yaml);
        for input in ["the parcel is late", "x"] {
            let cap = system.cap(&system.components(), &input.into());
            let spent = run(&system, input).unwrap().cost;
            assert_eq!(cap.less(spent) + spent, cap, "{yaml}\n{cap:?} {spent:?}");
            assert_eq!(cap.calls, spent.calls, "{yaml}");
        }
    }
}
