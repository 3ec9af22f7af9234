//! How fast networks evolve.

use std::hint::black_box;

use meta_traits::{Ask, Observation, Optimizer, Outcome};
use serde::{Deserialize, Serialize};
use topology_neat::{Neat, NeatOptions};

use super::networks::Problem;
use crate::clock::processor_seconds;

/// One run of one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Of all draws.
    pub seed: u64,
    /// Complete generations.
    pub generations: u64,
    /// Seconds of processor time, evaluations of exclusive or included.
    pub cpu_s: f64,
}

/// What all runs say.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    generations_per_cpu_s: f64,
}

/// Evolves for so many generations, solved or not.
///
/// # Errors
/// Options that do not hold, or a system that does not say how long a process ran.
pub fn run(seed: u64, generations: u64, mut options: NeatOptions) -> anyhow::Result<Row> {
    options.generations = Some(generations);
    let clock = || processor_seconds().ok_or_else(|| anyhow::anyhow!("the system tells no processor time"));
    let begin = clock()?;
    let mut neat = Neat::new(options, seed)?;
    while let Ask::Run(trial) = neat.ask() {
        let (loss, _) = black_box(Problem::Xor.evaluate(black_box(&trial.candidate)));
        neat.tell(trial.id, Outcome::Complete(Observation::of_loss(loss)))?;
    }
    Ok(Row { seed, generations: neat.generation(), cpu_s: clock()? - begin })
}

impl Summary {
    /// Generations of all runs over their time.
    pub fn of(rows: &[Row]) -> Self {
        let generations: u64 = rows.iter().map(|r| r.generations).sum();
        let seconds: f64 = rows.iter().map(|r| r.cpu_s).sum();
        Self { generations_per_cpu_s: generations as f64 / seconds }
    }
}
