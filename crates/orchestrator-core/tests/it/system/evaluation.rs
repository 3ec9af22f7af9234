use std::sync::Arc;

use evaluation::Scorer;
use meta_traits::{
    Components, Cost, Draw, ErrorKind, Evaluator, ExampleId, Fidelity, Instances, Outcome, Split, Stream,
    Trial, TrialId,
};
use orchestrator_core::system::SystemEvaluator;

use super::{block_on, data, system};

const TOPIC: &str = "modules:
  hint: {kind: llm, model: echo, prompt: 'Hint for {{ input }}', optimize: false}
  topic: {kind: llm, model: echo, prompt: 'Sort: {{ hint }}', labels: [delivery, billing, account]}";

fn evaluator(yaml: &str) -> SystemEvaluator {
    let data = Arc::new(data());
    let scorer = Scorer::by_name("label", &data).unwrap();
    SystemEvaluator::new(system(yaml), data, scorer)
}

fn trial(candidate: Components, draws: &[(Split, u32, u32)]) -> Trial<Components> {
    let draw =
        |&(split, index, repeat): &(Split, u32, u32)| Draw { example: ExampleId::new(split, index), repeat };
    let on = Instances::Draws(draws.iter().map(draw).collect());
    Trial::new(TrialId(0), candidate, Fidelity::FULL, on)
}

#[test]
fn draws_are_scored_in_order_and_charged_exactly() {
    let evaluator = evaluator(TOPIC);
    let trial = trial(evaluator.system().components(), &[(Split::Val, 1, 0), (Split::Train, 1, 0)]);
    let Outcome::Complete(seen) = block_on(evaluator.evaluate(&trial, Stream::root(1))) else { panic!() };
    let scores: Vec<f32> = seen.instances.iter().map(|s| s.score).collect();
    assert_eq!(scores, [1.0, 0.0], "the card example holds no label's word, so the first label is chosen");
    assert!(seen.instances.iter().all(|s| s.notes.is_empty()), "no trace was asked for");
    assert_eq!((seen.cost.evaluations, seen.cost.calls), (2, 4));
    let cap = evaluator.cap(&trial);
    assert_eq!(cap.less(seen.cost) + seen.cost, cap);
    assert_eq!(evaluator.batching().block, 1);
}

#[test]
fn a_trace_tells_a_component_what_it_got_said_and_should_have_said() {
    let evaluator = evaluator(TOPIC);
    let trial = trial(evaluator.system().components(), &[(Split::Train, 1, 0)]).traced();
    let Outcome::Complete(seen) = block_on(evaluator.evaluate(&trial, Stream::root(1))) else { panic!() };
    let notes = &seen.instances[0].notes;
    assert_eq!(notes.len(), 1, "hint is no component");
    assert_eq!(notes[0].component, "topic");
    assert_eq!(
        notes[0].text,
        "hint: <Hint for the card was charged twice>
answer: delivery (scores: delivery -2.00, billing -3.00, account -4.00)
expected: billing
verdict: score 0, expected label 'billing', got 'delivery'"
    );
}

#[test]
fn failures_are_data_with_kind_and_cost() {
    let evaluator = evaluator(TOPIC);
    let fails = |trial: &Trial<Components>| match block_on(evaluator.evaluate(trial, Stream::root(1))) {
        Outcome::Failed { kind, message, cost } => (kind, message, cost),
        other => panic!("{other:?}"),
    };
    let seed = evaluator.system().components();
    let (kind, message, cost) = fails(&trial(seed.with("topic", "{{ oops"), &[(Split::Val, 0, 0)]));
    assert_eq!((kind, cost), (ErrorKind::InvalidInput, Cost::evaluations(1)));
    assert!(message.starts_with("candidate: component 'topic' uses {{ oops"), "{message}");
    let (kind, message, _) = fails(&trial(seed.clone(), &[(Split::Test, 0, 0)]));
    assert_eq!((kind, message.as_str()), (ErrorKind::InvalidInput, "the data set has no example test/0"));
    let driver = Trial::new(TrialId(0), seed, Fidelity::FULL, Instances::Driver);
    assert_eq!(fails(&driver).0, ErrorKind::Bug);
}

#[test]
fn a_repeat_is_a_fresh_draw_and_the_same_draw_is_the_same() {
    let yaml = "modules: {roll: {kind: llm, model: dice, prompt: '{{ input }}', temperature: 1.0}}";
    let evaluator = evaluator(yaml);
    let notes = |repeat, seed| {
        let trial = trial(evaluator.system().components(), &[(Split::Val, 0, repeat)]).traced();
        let Outcome::Complete(seen) = block_on(evaluator.evaluate(&trial, Stream::root(seed))) else {
            panic!()
        };
        seen.instances[0].notes[0].text.clone()
    };
    let course = |seed| (0..12).map(|repeat| notes(repeat, seed)).collect::<Vec<_>>();
    assert_eq!(course(1), course(1));
    assert!(course(1).windows(2).any(|w| w[0] != w[1]));
    assert_ne!(course(1), course(2));
}
