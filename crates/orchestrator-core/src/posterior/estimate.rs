use meta_traits::Stream;

use super::Posterior;
use super::features::FeatureId;
use super::stage::{Drawn, sigma};

/// What is believed of a system's mean score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation.
    pub sd: f64,
}

/// Effects of all features in all stages, drawn from the posterior.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    stages: Vec<Drawn>,
    /// Difficulties of the examples that count, stage by stage, each less than the constant's share.
    levels: Vec<Vec<f64>>,
    /// Standard deviations of new texts' rests: stage by stage, component by component.
    rests: Vec<Vec<f64>>,
}

/// Examples that systems are compared on while they are only proposed.
const COMPARED: usize = 50;

impl Sample {
    /// What a feature adds to every stage.
    pub fn effects(&self, feature: FeatureId) -> impl Iterator<Item = f64> + '_ {
        self.stages.iter().map(move |s| s.effects[feature])
    }

    /// Number of stages.
    pub fn stages(&self) -> usize {
        self.stages.len()
    }

    /// Standard deviations of what a new text of a component is beyond its clauses, stage by stage.
    pub fn rests(&self, component: usize) -> impl Iterator<Item = f64> + '_ {
        self.rests.iter().map(move |r| r[component])
    }

    /// The mean pass rate where features add up to `sums`, a number a stage.
    pub fn passing(&self, sums: &[f64]) -> f64 {
        let Some(first) = self.levels.first() else { return 0.5 };
        let pass = |j: usize| {
            self.levels.iter().zip(sums).map(|(level, sum)| sigma(sum + level[j])).product::<f64>()
        };
        (0..first.len()).map(pass).sum::<f64>() / first.len().max(1) as f64
    }
}

impl Posterior {
    /// Draws the effects of all features jointly; without a stream, their posterior means.
    pub fn draw(&self, rng: Option<&Stream>) -> Sample {
        let draw = |(at, (_, stage)): (usize, &(usize, super::Stage))| {
            let mut rng = rng.map(|r| r.child("effects", at as u64));
            stage.draw(&self.features, rng.as_mut())
        };
        let stages: Vec<Drawn> = self.stages.iter().enumerate().map(draw).collect();
        let every = (self.examples / COMPARED).max(1);
        let level = |((_, stage), drawn): (&(usize, super::Stage), &Drawn)| {
            stage.difficulties.iter().step_by(every).map(|b| b + drawn.constant).collect()
        };
        let levels = self.stages.iter().zip(&stages).map(level).collect();
        let rests = |(_, stage): &(usize, super::Stage)| {
            (0..self.components).map(|c| stage.rest_variance(c).sqrt()).collect()
        };
        Sample { levels, rests: self.stages.iter().map(rests).collect(), stages }
    }

    /// What a clause adds to the price of a system.
    pub fn price(&self, clause: FeatureId) -> f64 {
        self.prices.clause(clause)
    }

    /// The mean score of a system over all examples, and how sure that is (delta method on the stages).
    ///
    /// Meaningful after [`Posterior::update`]. O(stages (features^2 + examples)).
    pub fn estimate(&self, system: &[FeatureId]) -> Estimate {
        let mut passes = vec![1.0; self.examples];
        let mut spread = 0.0;
        for (_, stage) in &self.stages {
            let (sum, variance) = stage.predict(&self.features, system);
            let mut total = 0.0;
            for (pass, (b, c)) in passes.iter_mut().zip(stage.difficulties.iter().zip(&stage.certainty)) {
                let shrink = (1.0 + std::f64::consts::FRAC_PI_8 * (variance + 1.0 / c)).sqrt();
                let p = sigma((sum + b) / shrink);
                *pass *= p;
                total += p;
            }
            let failing = 1.0 - total / self.examples as f64;
            spread += failing * failing * variance;
        }
        let mean = passes.iter().sum::<f64>() / self.examples as f64;
        Estimate { mean: mean - self.prices.of(system), sd: mean * spread.sqrt() }
    }

    /// How much one result of a system on each example would tell: the chance to reach a stage times the variance of its
    /// outcome times how unsure the system's effects there are.
    pub fn information(&self, system: &[FeatureId]) -> Vec<f64> {
        let mut told = vec![0.0; self.examples];
        let mut reach = vec![1.0; self.examples];
        for (_, stage) in &self.stages {
            let (sum, doubt) = stage.predict(&self.features, system);
            for (j, b) in stage.difficulties.iter().enumerate() {
                let p = sigma(sum + b);
                told[j] += reach[j] * p * (1.0 - p) * doubt;
                reach[j] *= p;
            }
        }
        told
    }

    /// The share of examples that a system fails for each component's fault, in the mean. A kind that blames several
    /// components, or nobody, counts in equal shares.
    pub fn blame(&self, system: &[FeatureId]) -> Vec<f64> {
        let mut blame = vec![0.0; self.components];
        let mut reach = vec![1.0; self.examples];
        for (kind, stage) in &self.stages {
            let (sum, _) = stage.predict(&self.features, system);
            let mut failed = 0.0;
            for (reach, b) in reach.iter_mut().zip(&stage.difficulties) {
                let p = sigma(sum + b);
                failed += *reach * (1.0 - p);
                *reach *= p;
            }
            let failed = failed / self.examples as f64;
            let blamed = &self.kinds[*kind];
            if blamed.is_empty() {
                for b in &mut blame {
                    *b += failed / self.components as f64;
                }
            }
            for component in blamed {
                blame[*component] += failed / blamed.len() as f64;
            }
        }
        blame
    }
}
