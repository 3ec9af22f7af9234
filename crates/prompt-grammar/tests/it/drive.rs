//! Drives an optimizer by hand.

use meta_traits::{
    Ask, Components, Cost, Draw, ExampleId, Instances, Observation, Optimizer, Outcome, Query, Reply, Scored,
    Split, Trial,
};
use prompt_grammar::Gepa;

pub(crate) fn ids(split: Split, n: u32) -> Vec<ExampleId> {
    (0..n).map(|i| ExampleId::new(split, i)).collect()
}

/// The examples of a trial.
pub(crate) fn examples(trial: &Trial<Components>) -> &[ExampleId] {
    match &trial.on {
        Instances::Exactly(ids) => ids,
        other => panic!("the loop names its examples, not {other:?}"),
    }
}

/// Evaluates a trial by a score of (candidate, example).
pub(crate) fn evaluate(trial: &Trial<Components>, score: impl Fn(&Components, ExampleId) -> f32) -> Outcome {
    let scored: Vec<Scored> = examples(trial)
        .iter()
        .map(|&example| Scored::new(Draw { example, repeat: 0 }, score(&trial.candidate, example)))
        .collect();
    let cost = Cost::evaluations(scored.len() as u64);
    Outcome::Complete(Observation::of_scores(scored, cost))
}

/// Does the next thing; gives the metric calls it took.
pub(crate) fn step(
    gepa: &mut Gepa,
    score: impl Fn(&Components, ExampleId) -> f32,
    mut write: impl FnMut(&Query) -> Reply,
) -> u64 {
    match gepa.ask() {
        Ask::Run(trial) => {
            let outcome = evaluate(&trial, score);
            let calls = outcome.cost().evaluations;
            gepa.tell(trial.id, outcome).expect("a fitting outcome is taken");
            calls
        }
        Ask::Query(query) => {
            let reply = write(&query);
            gepa.answer(query.id, reply).expect("a pending query is answered");
            0
        }
        other => panic!("nothing is pending, yet {other:?}"),
    }
}
