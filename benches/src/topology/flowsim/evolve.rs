use std::collections::BTreeMap;

use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Stream};
use topology_neat::{Calibration, SearchOptions, Workflow, WorkflowSearch};

use super::instance::Instance;

/// The names of the search with and without its predictor.
pub(super) const ON: &str = "evolve";
pub(super) const OFF: &str = "evolve_blind";

/// True scores of the recommendation after each of `budget` evaluations, and how predictions came true.
pub(super) fn evolve(
    instance: &Instance,
    run: u64,
    budget: usize,
    predictor: bool,
) -> (Vec<f64>, Calibration) {
    let options = SearchOptions { predictor, ..SearchOptions::default() };
    let stream = Stream::root(run).child("evolve", instance.noise);
    let mut search = WorkflowSearch::new(Instance::space(), options, stream).expect("the options are sound");
    let mut truths: BTreeMap<Workflow, f64> = BTreeMap::new();
    let mut curve = Vec::with_capacity(budget);
    while curve.len() < budget {
        let Ask::Run(trial) = search.ask() else { break };
        let score = instance.evaluate(&trial.candidate, run * 100_000 + curve.len() as u64);
        let mut observation = Observation::of_loss(1.0 - score.value);
        observation.variance = Some(score.variance());
        search.tell(trial.id, Outcome::Complete(observation)).expect("the trial is pending");
        if let Some((best, _)) = search.best() {
            let truth = *truths.entry(best.clone()).or_insert_with(|| instance.truth(best).value);
            curve.push(truth);
        }
    }
    (curve, search.calibration())
}
