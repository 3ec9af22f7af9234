use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::conformal::{percentile, quantile, weighted_quantile};

/// Spans of the budget, each of which has return intervals of its own.
pub(super) const SPANS: usize = 5;

/// How far off a policy was on problems it had not learnt from.
#[derive(Clone, Debug, Default)]
pub(super) struct Calibration {
    /// For each problem and span: expected advantage, its deviation, the advantage there was.
    advantages: BTreeMap<(String, usize), Vec<[f64; 3]>>,
}

/// How far returns were from what was expected: for each problem span, and return less expectation.
#[derive(Clone, Debug, Default)]
pub(super) struct Returns(BTreeMap<String, Vec<(usize, f64)>>);

/// What turns an expected advantage and its deviation into a lower bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Margin {
    /// Deviations below the mean; the largest number there is when there were too few problems.
    pub(super) deviations: f64,
    /// Deviation that no ensemble sees: the root mean square error over problems.
    pub(super) floor: f64,
}

impl Margin {
    /// Nothing is known: no bound holds.
    pub(super) const UNKNOWN: Self = Self { deviations: f64::MAX, floor: 1.0 };

    pub(super) fn lower(self, advantage: f64, deviation: f64) -> f64 {
        advantage - self.deviations * deviation.hypot(self.floor)
    }
}

impl Calibration {
    pub(super) fn advantage(&mut self, problem: &str, span: usize, judged: [f64; 3]) {
        self.advantages.entry((problem.to_owned(), span)).or_default().push(judged);
    }

    /// The margin by which an advantage holds on one more problem with confidence `1 - alpha`, on average over the runs
    /// on it and in every span of the budget: split-conformal with the largest shortfall of each problem as its score.
    /// Runs on one problem differ by luck, which no policy foresees; so the shortfall is that of their mean.
    pub(super) fn margin(&self, alpha: f64) -> Margin {
        let mean = |rows: &[[f64; 3]], i: usize| rows.iter().map(|r| r[i]).sum::<f64>() / rows.len() as f64;
        let means: Vec<(&str, [f64; 3])> = self
            .advantages
            .iter()
            .map(|((problem, _), rows)| (problem.as_str(), [0, 1, 2].map(|i| mean(rows, i))))
            .collect();
        let squares = means.iter().map(|(_, m)| (m[0] - m[2]) * (m[0] - m[2])).sum::<f64>();
        let floor = (squares / means.len().max(1) as f64).sqrt().max(1e-6);
        let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
        for (problem, [expected, deviation, actual]) in means {
            let score = (expected - actual) / deviation.hypot(floor);
            let most = worst.entry(problem).or_insert(f64::NEG_INFINITY);
            *most = most.max(score);
        }
        let scores: Vec<f64> = worst.into_values().collect();
        Margin { deviations: quantile(&scores, alpha).clamp(0.0, f64::MAX), floor }
    }
}

impl Returns {
    pub(super) fn add(&mut self, problem: &str, span: usize, residual: f64) {
        self.0.entry(problem.to_owned()).or_default().push((span, residual));
    }

    /// For each span by how much a return may lie below and above its expectation, so that both hold for a share of
    /// `1 - alpha` of the decisions on one more problem: quantiles of the residuals by span, widened by the conformal
    /// quantile of what sticks out of them in units of their width, problems weighing the same however many runs each
    /// has (Romano, Patterson, Candes 2019; Lee, Barber, Willett 2023).
    pub(super) fn intervals(&self, alpha: f64) -> Vec<[f64; 2]> {
        let of_span = |span: usize| -> Vec<f64> {
            self.0.values().flatten().filter(|(s, _)| *s == span).map(|(_, r)| *r).collect()
        };
        let mut intervals: Vec<[f64; 2]> = (0..SPANS)
            .map(of_span)
            .map(|r| [percentile(&r, alpha / 2.0), percentile(&r, 1.0 - alpha / 2.0)])
            .collect();
        let width = |interval: &[f64; 2]| (interval[1] - interval[0]).max(1e-3);
        let mut scores = Vec::new();
        for rows in self.0.values() {
            let weight = 1.0 / (rows.len() * (self.0.len() + 1)) as f64;
            for (span, residual) in rows {
                let interval = &intervals[*span];
                let outside = (interval[0] - residual).max(residual - interval[1]);
                scores.push((outside / width(interval), weight));
            }
        }
        let by = weighted_quantile(&mut scores, 1.0 - alpha);
        for interval in &mut intervals {
            let more = (by * width(interval)).min(f64::MAX / 4.0);
            *interval = [interval[0] - more, interval[1] + more];
        }
        intervals
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    fn normal(rng: &mut Stream) -> f64 {
        (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0
    }

    #[test]
    fn intervals_cover_problems_that_differ_in_bias() {
        let (mut inside, mut all) = (0_u32, 0_u32);
        for world in 0..60 {
            let mut rng = Stream::root(world);
            let mut found = Returns::default();
            for problem in 0..20 {
                let bias = normal(&mut rng);
                for _ in 0..(5 + 5 * (problem % 3)) {
                    found.add(&problem.to_string(), 0, bias + 0.5 * normal(&mut rng));
                }
            }
            let [low, high] = found.intervals(0.1)[0];
            for _ in 0..20 {
                let bias = normal(&mut rng);
                let residual = bias + 0.5 * normal(&mut rng);
                inside += u32::from((low..=high).contains(&residual));
                all += 1;
            }
        }
        let share = f64::from(inside) / f64::from(all);
        assert!((0.88..0.97).contains(&share), "{share}");
    }

    #[test]
    fn a_margin_grows_with_the_error_and_is_infinite_for_too_few_problems() {
        let margin = |problems: usize, error: f64| {
            let mut found = Calibration::default();
            for problem in 0..problems {
                let actual = 1.0 - error * (problem % 4) as f64;
                found.advantage(&problem.to_string(), 0, [1.0, 0.1, actual]);
            }
            found.margin(0.1)
        };
        assert!(margin(8, 1.0).lower(1e9, 0.1) < -1e300);
        let (little, much) = (margin(20, 0.1), margin(20, 1.0));
        assert!(little.lower(1.0, 0.1) > 0.0 && much.lower(1.0, 0.1) < 0.0, "{little:?} {much:?}");
        let json = serde_json::to_string(&Margin::UNKNOWN).unwrap();
        assert_eq!(serde_json::from_str::<Margin>(&json).unwrap(), Margin::UNKNOWN);
    }
}
