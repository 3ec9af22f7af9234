//! Small promises of the types: defaults, messages, adapters.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use meta_traits::conformance::block_on;
use meta_traits::{
    Ask, Classify, Cost, Draw, ErrorKind, Evaluator, Event, ExampleId, Fidelity, InProcess, Instances,
    Objective, Observation, Optimizer, Outcome, Prediction, Query, QueryId, Reply, Scored, Sink,
    SparseFeatures, Split, Stream, TellError, Trial, TrialId, Verdict,
};

use crate::random_search::RandomSearch;

fn scored(score: f32) -> Scored {
    Scored::new(Draw { example: ExampleId::new(Split::Val, 0), repeat: 0 }, score)
}

#[test]
fn of_scores_is_one_minus_the_mean_with_the_variance_of_the_mean() {
    let o = Observation::of_scores([1.0, 0.0, 0.5].map(scored).to_vec(), Cost::ZERO);
    assert_eq!(o.losses, [0.5]);
    assert!((o.variance.unwrap() - 0.25 / 3.0).abs() < 1e-15, "sample variance 0.25 over 3 scores");
    assert_eq!(Observation::of_scores(vec![scored(1.0)], Cost::ZERO).variance, None);
    assert!(Observation::of_scores(Vec::new(), Cost::ZERO).losses[0].is_nan());
}

#[test]
fn soundness_needs_finite_losses_and_kept_constraints() {
    let with = |losses: &[f64], violations: &[f64]| {
        let mut o = Observation::of_loss(0.0);
        (o.losses, o.violations) = (losses.to_vec(), violations.to_vec());
        o.is_sound()
    };
    assert!(with(&[1.0, -1.0], &[0.0, -2.0]));
    assert!(!with(&[], &[]));
    assert!(!with(&[1.0, f64::NAN], &[]));
    assert!(!with(&[f64::NEG_INFINITY], &[]));
    assert!(!with(&[1.0], &[0.1]));
    assert!(!with(&[1.0], &[f64::NAN]));
}

#[test]
fn outcomes_know_their_cost_and_loss() {
    let seen = Observation::of_loss(0.25);
    let failed =
        Outcome::Failed { kind: ErrorKind::Transient, message: "m".into(), cost: Cost::evaluations(3) };
    assert_eq!(Outcome::Complete(seen.clone()).loss(), Some(0.25));
    assert_eq!(Outcome::Complete(seen.clone()).cost(), Cost::evaluations(1));
    assert_eq!(Outcome::Pruned { at: Fidelity::FULL, last: seen }.loss(), None);
    assert_eq!((failed.cost(), failed.loss()), (Cost::evaluations(3), None));
    assert_eq!(Outcome::Abandoned.cost(), Cost::ZERO);
}

#[test]
fn an_optimizer_that_asks_nothing_refuses_answers_and_never_prunes() {
    let mut search = RandomSearch::new(0, 3);
    assert_eq!(search.answer(QueryId(4), Reply::Text("x".into())), Err(TellError::UnknownQuery(QueryId(4))));
    assert_eq!(search.tell_partial(TrialId(0), &Observation::of_loss(0.0)), Verdict::Continue);
    let batch = search.ask_batch(NonZeroUsize::new(8).unwrap());
    assert_eq!(batch.len(), 3, "the batch ends before Wait");
    assert_eq!(search.ask_batch(NonZeroUsize::MIN), [Ask::Wait]);
}

#[test]
fn messages_say_what_and_what_next() {
    let cases = [
        (TellError::UnknownTrial(TrialId(3)), "trial 3 is not pending; tell each asked trial once"),
        (TellError::UnknownQuery(QueryId(4)), "query 4 is not pending; answer each query once"),
        (TellError::UnknownChoice(5), "choice 5 awaits no reward; reward each choice once"),
        (TellError::Mismatch("2 losses for 1".into()), "the report does not fit its trial: 2 losses for 1"),
    ];
    for (error, message) in cases {
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let fidelity = Fidelity::new(1.5).unwrap_err();
    assert_eq!(fidelity.to_string(), "fidelity 1.5 is outside its range; allowed: above 0, up to 1");
}

#[test]
fn only_transient_errors_are_worth_another_try() {
    #[derive(Debug)]
    struct Of(ErrorKind);
    impl std::fmt::Display for Of {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{:?}", self.0)
        }
    }
    impl std::error::Error for Of {}
    impl Classify for Of {
        fn kind(&self) -> ErrorKind {
            self.0
        }
    }
    let kinds = [
        ErrorKind::Config,
        ErrorKind::InvalidInput,
        ErrorKind::Protocol,
        ErrorKind::Numerical,
        ErrorKind::Budget,
        ErrorKind::Transient,
        ErrorKind::Permanent,
        ErrorKind::Cancelled,
        ErrorKind::Corrupt,
        ErrorKind::Bug,
    ];
    for kind in kinds {
        assert_eq!(Of(kind).retryable(), kind == ErrorKind::Transient, "{kind:?}");
    }
}

#[test]
fn an_objective_is_an_evaluator_too() {
    struct Square;
    impl Objective<f64> for Square {
        fn evaluate(&self, x: &f64, at: Fidelity, rng: &mut Stream) -> Outcome {
            Outcome::Complete(Observation::of_loss(x * x + at.get() + rng.unit()))
        }
    }
    let trial = Trial::new(TrialId(0), 3.0, Fidelity::FULL, Instances::Driver);
    let boxed: Box<dyn Evaluator<f64>> = Box::new(InProcess(Square));
    let loss = block_on(boxed.evaluate(&trial, Stream::root(1))).loss();
    assert_eq!(loss, Some(10.0 + Stream::root(1).unit()));
    assert_eq!((boxed.batching().block, boxed.batching().concurrent), (1, 1));
}

#[test]
fn sinks_combine() {
    #[derive(Default)]
    struct Names(Mutex<Vec<String>>);
    impl Sink for Names {
        fn emit(&self, event: &Event) {
            self.0.lock().unwrap().push(event.name.clone());
        }
    }
    let (a, b) = (Names::default(), Names::default());
    let both: Box<dyn Sink + '_> = Box::new((&a, (&b, ())));
    both.emit(&Event::info("tests", "one", serde_json::Value::Null));
    both.emit(&Event::info("tests", "two", serde_json::Value::Null));
    assert_eq!(*a.0.lock().unwrap(), ["one", "two"]);
    assert_eq!(*a.0.lock().unwrap(), *b.0.lock().unwrap());
}

#[test]
fn features_and_predictions_and_queries_hold_what_they_are_given() {
    let mut features = SparseFeatures::default();
    features.add("b", 1.0);
    features.add("a", 2.0);
    features.add("b", -1.0);
    assert_eq!(features.iter().collect::<Vec<_>>(), [("b", 0.0), ("a", 2.0)]);
    assert_eq!(Prediction::new(1.0, 2.0).interval(1.5), (-2.0, 4.0));
    let query =
        Query::new(QueryId(1), "answer".into(), [("answer", "Say yes.")].into_iter().collect(), Vec::new());
    assert_eq!(query.candidate.get(&query.component), Some("Say yes."));
}
