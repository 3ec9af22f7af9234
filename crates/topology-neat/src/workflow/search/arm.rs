use meta_traits::Observation;
use serde::{Deserialize, Serialize};

use crate::workflow::Workflow;

/// A workflow with all that was observed of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// The workflow.
    pub workflow: Workflow,
    /// Arms it was made from, by number; none for one drawn anew.
    pub parents: Vec<usize>,
    /// Times it was evaluated.
    pub times: u32,
    /// The mean over these times; `cost` is their sum, `variance` that of the mean, where reported.
    pub observation: Observation,
    /// Sum and sum of squares of the penalised first loss.
    pub(super) sum: f64,
    pub(super) squares: f64,
}

impl Arm {
    pub(super) fn new(
        workflow: Workflow,
        parents: Vec<usize>,
        penalty: f64,
        observation: Observation,
    ) -> Self {
        let y = observation.losses[0] + penalty;
        Self { workflow, parents, times: 1, observation, sum: y, squares: y * y }
    }

    /// Takes one more sound observation.
    pub(super) fn add(&mut self, penalty: f64, new: &Observation) {
        let y = new.losses[0] + penalty;
        self.sum += y;
        self.squares += y * y;
        let n = f64::from(self.times);
        self.times += 1;
        let mean = &mut self.observation;
        for (loss, more) in mean.losses.iter_mut().zip(&new.losses) {
            *loss = (n * *loss + more) / (n + 1.0);
        }
        mean.variance =
            mean.variance.zip(new.variance).map(|(a, b)| (n * n * a + b) / ((n + 1.0) * (n + 1.0)));
        mean.cost += new.cost;
        mean.instances.clone_from(&new.instances);
    }
}
