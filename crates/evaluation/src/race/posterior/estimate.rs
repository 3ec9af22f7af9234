use meta_traits::Stream;

use super::regression::sigma;
use super::{PartId, Posterior};

/// What is believed of a candidate's mean score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation.
    pub sd: f64,
}

/// Effects of all parts in all stages, drawn from the posterior.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects {
    stages: Vec<Vec<f64>>,
}

fn ones(parts: &[PartId]) -> impl Iterator<Item = (PartId, f64)> {
    parts.iter().map(|&p| (p, 1.0))
}

impl Effects {
    /// The effect of a part in the last stage; 0 before any failure.
    pub(in crate::race) fn of(&self, part: PartId) -> f64 {
        self.stages.last().and_then(|stage| stage.get(part)).copied().unwrap_or(0.0)
    }
}

impl Posterior {
    /// The mean score of a combination over all examples, and how sure that is (delta method on the stages).
    ///
    /// Meaningful after [`Posterior::update`]. O(stages (parts^2 + examples)).
    pub fn estimate(&self, parts: &[PartId]) -> Estimate {
        let mut passes = vec![1.0; self.examples];
        let mut spread = 0.0;
        for (_, stage) in &self.stages {
            let (sum, variance) = (stage.sum(parts), stage.variance(ones(parts), &self.parts));
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
        Estimate { mean, sd: mean * spread.sqrt() }
    }

    /// The difference of the mean scores of two combinations, the first minus the second, and how sure that is: to first
    /// order in the effects, with what they share cancelling out.
    pub fn difference(&self, one: &[PartId], other: &[PartId]) -> Estimate {
        let (a, b) = (self.slopes(one), self.slopes(other));
        let mut spread = 0.0;
        for ((_, stage), (up, down)) in self.stages.iter().zip(a.1.iter().zip(&b.1)) {
            let weights = one.iter().map(|&p| (p, *up)).chain(other.iter().map(|&p| (p, -down)));
            spread += stage.variance(weights, &self.parts);
        }
        Estimate { mean: a.0 - b.0, sd: spread.sqrt() }
    }

    /// The mean score at the posterior mean, and its slope in each stage's sum of effects.
    fn slopes(&self, parts: &[PartId]) -> (f64, Vec<f64>) {
        let sums: Vec<f64> = self.stages.iter().map(|(_, stage)| stage.sum(parts)).collect();
        let (mut mean, mut slopes) = (0.0, vec![0.0; sums.len()]);
        let mut passing = vec![0.0; sums.len()];
        for j in 0..self.examples {
            let mut pass = 1.0;
            for ((p, (_, stage)), sum) in passing.iter_mut().zip(&self.stages).zip(&sums) {
                *p = sigma(sum + stage.difficulties[j]);
                pass *= *p;
            }
            mean += pass;
            for (slope, p) in slopes.iter_mut().zip(&passing) {
                *slope += pass * (1.0 - p);
            }
        }
        let n = self.examples.max(1) as f64;
        for slope in &mut slopes {
            *slope /= n;
        }
        (mean / n, slopes)
    }

    /// Draws the effects of all parts jointly. O(stages parts^2).
    pub fn draw(&self, rng: &Stream) -> Effects {
        let draw = |(at, (_, stage)): (usize, &(usize, super::Regression))| {
            stage.draw(&self.parts, &mut rng.child("effects", at as u64))
        };
        Effects { stages: self.stages.iter().enumerate().map(draw).collect() }
    }

    /// The posterior mean of the effects.
    pub fn center(&self) -> Effects {
        Effects { stages: self.stages.iter().map(|(_, stage)| stage.effects.clone()).collect() }
    }

    /// The mean score of a combination on every `every`-th example if the effects are as drawn.
    pub fn value(&self, effects: &Effects, parts: &[PartId], every: usize) -> f64 {
        let (mut total, mut count) = (0.0, 0.0);
        let sums: Vec<f64> = effects.stages.iter().map(|e| parts.iter().map(|&p| e[p]).sum()).collect();
        for j in (0..self.examples).step_by(every.max(1)) {
            let mut pass = 1.0;
            for ((_, stage), sum) in self.stages.iter().zip(&sums) {
                pass *= sigma(sum + stage.difficulties[j]);
            }
            total += pass;
            count += 1.0;
        }
        total / count
    }

    /// How much one result of `parts` on each example would tell of `open`, the parts in question: the chance to reach a
    /// stage times the variance of its outcome times the uncertainty of the open parts there.
    pub fn information(&self, parts: &[PartId], open: &[PartId]) -> Vec<f64> {
        let mut told = vec![0.0; self.examples];
        let mut reach = vec![1.0; self.examples];
        for (_, stage) in &self.stages {
            let sum = stage.sum(parts);
            let doubt = stage.variance(ones(open), &self.parts);
            for (j, b) in stage.difficulties.iter().enumerate() {
                let p = sigma(sum + b);
                told[j] += reach[j] * p * (1.0 - p) * doubt;
                reach[j] *= p;
            }
        }
        told
    }

    /// The share of examples that a combination fails for each slot's fault, in the mean. A kind that blames several
    /// slots counts in equal shares, one that blames nobody for all.
    pub fn blame(&self, parts: &[PartId]) -> Vec<f64> {
        let mut blame = vec![0.0; self.slots];
        let mut reach = vec![1.0; self.examples];
        for (kind, stage) in &self.stages {
            let sum = stage.sum(parts);
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
                    *b += failed / self.slots as f64;
                }
            }
            for &slot in blamed {
                blame[slot] += failed / blamed.len() as f64;
            }
        }
        blame
    }
}
