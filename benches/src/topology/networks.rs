//! Networks evolved for tasks with known difficulty.

use std::str::FromStr;

use meta_traits::{Ask, Observation, Optimizer, Outcome};
use serde::{Deserialize, Serialize};
use topology_neat::{Activation, Flow, Neat, NeatOptions, Network, NetworkGenome, NetworkSpace};

use super::pole;

/// What networks are evolved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Exclusive or of two inputs.
    Xor,
    /// Two poles, all six numbers seen.
    Dpv,
    /// Two poles, positions alone seen.
    Dpnv,
}

impl FromStr for Problem {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "xor" => Ok(Self::Xor),
            "dpv" => Ok(Self::Dpv),
            "dpnv" => Ok(Self::Dpnv),
            _ => Err("write xor, dpv or dpnv".to_owned()),
        }
    }
}

/// One run of one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Of all draws.
    pub seed: u64,
    /// Whether the criterion was met within the limit.
    pub solved: bool,
    /// Evaluations up to the end of the generation that solved it, or in all.
    pub evaluations: u64,
    /// Evaluations up to and with the network that solved it, or in all.
    pub first: u64,
    /// Complete generations.
    pub generations: u64,
    /// Inner neurons of the network that solved it, or of the best.
    pub hidden: usize,
    /// Its edges that are on.
    pub edges: usize,
    /// Of 625 starts, those it balances from; 0 for other tasks.
    pub generalisation: usize,
}

impl Problem {
    /// The settings: one for all seeds.
    pub fn options(self) -> NeatOptions {
        match self {
            Self::Xor => {
                let mut options = NeatOptions::new(NetworkSpace::feed_forward(2, 1, Activation::Sigmoid));
                // The logistic function is steep: its weights are small.
                (options.step, options.more_edits, options.fresh_rate) = (0.3, 0.2, 0.25);
                options.generations = Some(100);
                options
            }
            Self::Dpv => {
                let mut space = NetworkSpace::feed_forward(6, 1, pole::OUTPUT);
                space.bias = false;
                let mut options = NeatOptions::new(space);
                options.population = 14;
                options.target_species = 2;
                options.generations = Some(4_000);
                options
            }
            Self::Dpnv => {
                let mut space = NetworkSpace::feed_forward(3, 1, pole::OUTPUT);
                space.bias = false;
                space.flow = Flow::Recurrent;
                let mut options = NeatOptions::new(space);
                options.population = 40;
                options.target_species = 4;
                // What balances but does not generalise is polished for long; a hundredth is the least that counts.
                options.progress = 0.01;
                options.generations = Some(1_000);
                options
            }
        }
    }

    /// The loss, and whether the network meets the criterion as far as evaluations show it.
    pub(super) fn evaluate(self, genome: &NetworkGenome) -> (f64, bool) {
        let mut network = Network::of(genome);
        match self {
            Self::Xor => {
                let mut sum = 0.0;
                let mut right = true;
                for (a, b, wanted) in [(0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)] {
                    let output = network.activate(&[a, b])[0];
                    sum += (output - wanted) * (output - wanted);
                    right &= if wanted > 0.5 { output > 0.5 } else { output < 0.5 };
                }
                (sum, right)
            }
            Self::Dpv => {
                let (steps, _) = pole::balance(&mut network, pole::start(), 100_000, true);
                (-(steps as f64), steps == 100_000)
            }
            Self::Dpnv => {
                let (steps, swing) = pole::balance(&mut network, pole::start(), 1_000, false);
                let damping = if steps < 100 { 0.0 } else { 0.75 / swing.max(1e-9) };
                (-(0.1 * steps as f64 / 1_000.0 + 0.9 * damping), false)
            }
        }
    }

    /// Evolves until the criterion is met or the generations are used up.
    ///
    /// # Errors
    /// When an option is outside its range.
    pub fn run(self, seed: u64, options: NeatOptions) -> anyhow::Result<Row> {
        let mut neat = Neat::new(options, seed)?;
        let mut solution: Option<(u64, NetworkGenome)> = None;
        let mut evaluations = 0;
        let mut best: Option<(f64, u64, NetworkGenome)> = None;
        let mut generation = 0;
        while let Ask::Run(trial) = neat.ask() {
            evaluations += 1;
            let (loss, right) = self.evaluate(&trial.candidate);
            if right && solution.is_none() {
                solution = Some((evaluations, trial.candidate.clone()));
            }
            if self == Self::Dpnv && best.as_ref().is_none_or(|b| loss < b.0) {
                best = Some((loss, evaluations, trial.candidate.clone()));
            }
            neat.tell(trial.id, Outcome::Complete(Observation::of_loss(loss)))?;
            if neat.generation() == generation {
                continue;
            }
            generation = neat.generation();
            // The best of the generation is put to the test, which is not counted.
            if let Some((_, at, genome)) = best.take() {
                let mut network = Network::of(&genome);
                if pole::balance(&mut network, pole::start(), 100_000, false).0 == 100_000
                    && pole::generalisation(&mut network, false) >= 200
                {
                    solution = Some((at, genome));
                }
            }
            if solution.is_some() {
                break;
            }
        }
        let solved = solution.is_some();
        let (first, genome) = match (solution, neat.best()) {
            (Some(found), _) => found,
            (None, Some((genome, _))) => (evaluations, genome.clone()),
            (None, None) => anyhow::bail!("no network was evaluated"),
        };
        let generalisation = match self {
            Self::Xor => 0,
            _ => pole::generalisation(&mut Network::of(&genome), self == Self::Dpv),
        };
        Ok(Row {
            seed,
            solved,
            evaluations,
            first,
            generations: generation,
            hidden: genome.inner(),
            edges: genome.enabled(),
            generalisation,
        })
    }
}

/// What many runs say.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    runs: usize,
    solved: usize,
    mean_evaluations: f64,
    median_evaluations: f64,
    mean_hidden: f64,
    median_generalisation: f64,
}

impl Summary {
    /// Means and medians over solved runs.
    pub fn of(rows: &[Row]) -> Self {
        let solved = || rows.iter().filter(|r| r.solved);
        let mean = |of: fn(&Row) -> f64| solved().map(of).sum::<f64>() / solved().count().max(1) as f64;
        Self {
            runs: rows.len(),
            solved: solved().count(),
            mean_evaluations: mean(|r| r.evaluations as f64),
            median_evaluations: median(solved().map(|r| r.evaluations as f64).collect()),
            mean_hidden: mean(|r| r.hidden as f64),
            median_generalisation: median(solved().map(|r| r.generalisation as f64).collect()),
        }
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    match of.len() {
        0 => 0.0,
        n if n % 2 == 1 => of[n / 2],
        n => f64::midpoint(of[n / 2 - 1], of[n / 2]),
    }
}
