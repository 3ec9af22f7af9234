//! The evaluator as a driver sees it.
use std::task::{Context, Poll, Waker};

use meta_traits::{
    Components, Draw, ErrorKind, Evaluator, ExampleId, Fidelity, Instances, Observation, Outcome, Split,
    Stream, Trial, TrialId,
};
use orchestrator_core::simulated::{Family, Genome, Problem, Scenario};

pub(crate) fn evaluate(problem: &Problem, candidate: Components, on: Instances, trace: bool) -> Outcome {
    let mut trial = Trial::new(TrialId(0), candidate, Fidelity::FULL, on);
    trial.trace = trace;
    let mut future = problem.evaluate(&trial, Stream::root(0));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the simulator never waits"),
    }
}

pub(crate) fn draws(problem: &Problem, split: Split, repeat: u32) -> Instances {
    Instances::Draws(problem.examples(split).into_iter().map(|example| Draw { example, repeat }).collect())
}

pub(crate) fn complete(outcome: Outcome) -> Observation {
    match outcome {
        Outcome::Complete(observation) => observation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn splits_are_numbered_one_after_the_other() {
    let problem = Problem::new(2, Scenario::Prompts, Family::Base);
    let measured = problem.measure(&Genome::seed());
    for (split, start) in [(Split::Train, 0), (Split::Val, 100), (Split::Test, 200)] {
        let seen = complete(evaluate(&problem, problem.seed(), draws(&problem, split, 0), false));
        assert_eq!(seen.instances.len(), if split == Split::Test { 1000 } else { 100 });
        for (i, scored) in seen.instances.iter().enumerate() {
            assert_eq!(scored.example, ExampleId::new(split, i as u32));
            assert_eq!(f64::from(scored.score), measured.read(start + i, 0).unwrap().score);
        }
        assert_eq!(seen.cost.evaluations, seen.instances.len() as u64);
        assert_eq!(seen.cost.calls, 3 * seen.cost.evaluations);
    }
}

#[test]
fn notes_come_with_a_trace_and_name_the_first_failing_module() {
    let problem = Problem::new(2, Scenario::Full, Family::Base);
    let measured = problem.measure(&Genome::seed());
    let plain = complete(evaluate(&problem, problem.seed(), draws(&problem, Split::Train, 0), false));
    assert!(plain.instances.iter().all(|s| s.notes.is_empty()));
    let traced = complete(evaluate(&problem, problem.seed(), draws(&problem, Split::Train, 0), true));
    let names = ["query", "reason", "answer"];
    for (x, scored) in traced.instances.iter().enumerate() {
        let about: Vec<&str> = scored.notes.iter().map(|n| n.component.as_str()).collect();
        match measured.read(x, 0).unwrap().failed {
            Some(m) => assert_eq!(about, [names[m], "hyper", "topology"]),
            None => assert!(about.is_empty()),
        }
    }
    assert_eq!(traced.losses, plain.losses);
}

#[test]
fn the_price_of_extra_calls_is_in_cost_and_score() {
    let problem = Problem::new(2, Scenario::Full, Family::Base);
    let costly = problem.seed().with("topology", "verify=1\ndecompose=1\nvote=2");
    let seen = complete(evaluate(&problem, costly, draws(&problem, Split::Val, 0), false));
    assert_eq!(seen.cost.calls, 900);
    assert!(seen.instances.iter().all(|s| s.score == 0.88 || s.score == -0.12));
}

#[test]
fn noise_changes_with_the_repeat_only_and_as_often_as_told() {
    let scores = |problem: &Problem, repeat| {
        let seen = complete(evaluate(problem, problem.seed(), draws(problem, Split::Test, repeat), false));
        seen.instances.iter().map(|s| s.score).collect::<Vec<f32>>()
    };
    let quiet = Problem::new(5, Scenario::Prompts, Family::Saturated);
    assert_eq!(scores(&quiet, 0), scores(&quiet, 7));
    let noisy = Problem::new(5, Scenario::Prompts, Family::Saturated).with_rho(0.3);
    assert_eq!(scores(&noisy, 1), scores(&noisy, 1));
    let changed = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(&b).filter(|(a, b)| a != b).count();
    let few = changed(scores(&noisy, 0), scores(&noisy, 1));
    let many = changed(scores(&noisy, 0), scores(&noisy.relabelled(1).with_rho(0.9), 1));
    assert!(20 < few && few < many && many < 500, "{few} {many}");
}

#[test]
fn tiny_has_ten_examples_a_split_and_the_same_test() {
    let tiny = Problem::new(9, Scenario::Prompts, Family::Tiny);
    let base = Problem::new(9, Scenario::Prompts, Family::Base);
    assert_eq!(tiny.examples(Split::Train).len(), 10);
    assert_eq!(tiny.examples(Split::Val).len(), 10);
    assert_eq!(tiny.examples(Split::Test).len(), 1000);
    let ten = complete(evaluate(&tiny, tiny.seed(), draws(&tiny, Split::Val, 0), true));
    let all = complete(evaluate(&base, base.seed(), draws(&base, Split::Val, 0), true));
    assert_eq!(ten.instances, all.instances[..10]);
    let eleventh = Instances::Draws(vec![Draw { example: ExampleId::new(Split::Train, 10), repeat: 0 }]);
    let refused = evaluate(&tiny, tiny.seed(), eleventh, false);
    assert!(matches!(refused, Outcome::Failed { kind: ErrorKind::InvalidInput, .. }));
}

#[test]
fn what_is_not_a_candidate_fails_and_costs_nothing() {
    let problem = Problem::new(1, Scenario::Prompts, Family::Base);
    let seed = problem.seed();
    let bad = [
        Components::new(),
        seed.with("query", "Think step by step."),
        seed.with("query", "role=0\ntask=0\nreasoning=0\nformat=0\nexamples=0"),
        seed.with("query", "role=5\ntask=0\nreasoning=0\nformat=0\nexamples=0\nconstraints=0"),
        seed.with("query", "role=0\nrole=0\ntask=0\nreasoning=0\nformat=0\nexamples=0\nconstraints=0"),
        seed.with("query", "role\ntask=0\nreasoning=0\nformat=0\nexamples=0\nconstraints=0"),
        seed.with("hyper", "temperature=0\nretrieval_k=0\nmax_tokens=0"),
    ];
    for candidate in bad {
        match evaluate(&problem, candidate, draws(&problem, Split::Val, 0), false) {
            Outcome::Failed { kind, message, cost } => {
                assert_eq!(kind, ErrorKind::InvalidInput);
                assert_eq!(cost, meta_traits::Cost::ZERO);
                assert!(message.starts_with("component '") && !message.contains('\n'), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    let undrawn = evaluate(&problem, seed, Instances::Driver, false);
    assert!(matches!(undrawn, Outcome::Failed { kind: ErrorKind::Bug, .. }));
}

#[test]
fn lines_may_stand_in_any_order() {
    let problem = Problem::new(1, Scenario::Prompts, Family::Base);
    let sorted =
        problem.seed().with("query", "role=1\ntask=2\nreasoning=3\nformat=4\nexamples=0\nconstraints=1");
    let mixed = problem
        .seed()
        .with("query", "constraints=1\n\n format = 4\ntask=2\nreasoning=3\nrole=1\nexamples=0\n");
    assert_eq!(problem.read(&sorted), problem.read(&mixed));
    assert!(problem.read(&sorted).is_ok());
}
