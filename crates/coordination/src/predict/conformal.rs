use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Errors that a quantile is taken of.
const WINDOW: usize = 512;

/// The latest scores, in the order in which they came and in that of size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<f64>", into = "Vec<f64>")]
pub(super) struct Scores {
    latest: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl From<Vec<f64>> for Scores {
    fn from(latest: Vec<f64>) -> Self {
        let mut scores = Self::default();
        for score in latest {
            scores.push(score);
        }
        scores
    }
}

impl From<Scores> for Vec<f64> {
    fn from(scores: Scores) -> Self {
        scores.latest.into()
    }
}

impl Scores {
    pub(super) fn push(&mut self, score: f64) {
        if !score.is_finite() {
            return;
        }
        if self.latest.len() == WINDOW
            && let Some(old) = self.latest.pop_front()
        {
            let at = self.sorted.partition_point(|s| s.total_cmp(&old).is_lt());
            self.sorted.remove(at);
        }
        self.latest.push_back(score);
        let at = self.sorted.partition_point(|s| s.total_cmp(&score).is_lt());
        self.sorted.insert(at, score);
    }

    /// The value that a new score exceeds with probability `1 - level` if scores are exchangeable: place `level (n + 1)` of
    /// the sorted ones, between two of them linearly. Past the last one: as far beyond it as it is from the median.
    /// `before` is the answer while there are no scores.
    pub(super) fn quantile(&self, level: f64, before: f64) -> f64 {
        let (Some(first), Some(last)) = (self.sorted.first(), self.sorted.last()) else { return before };
        let n = self.sorted.len();
        let place = level * (n + 1) as f64 - 1.0;
        if place <= 0.0 {
            return *first;
        }
        let low = place.floor() as usize;
        let beyond = last + (last - self.sorted[n / 2]).max(last.abs() * 0.1);
        let at = |i: usize| self.sorted.get(i).copied().unwrap_or(beyond);
        at(low) + (place - place.floor()) * (at(low + 1) - at(low))
    }
}

/// A level that moves until the quantile is exceeded as often as it should: adaptive conformal inference (Gibbs & Candès
/// 2021, equation 2).
///
/// Whatever the data do, the share of misses over T steps is within about 1 / (rate T) of the wanted one, as long as the
/// quantile at level 1 is not missed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    wanted: f64,
    present: f64,
    rate: f64,
    /// What the quantile is in standard deviations of a normal distribution, for want of scores.
    normal: f64,
}

impl Level {
    pub(super) fn new(wanted: f64, normal: f64, rate: f64) -> Self {
        Self { wanted, present: wanted, rate, normal }
    }

    pub(super) fn is_sound(&self) -> bool {
        [self.wanted, self.present, self.rate].iter().all(|share| (0.0..=1.0).contains(share))
    }

    pub(super) fn quantile(&self, scores: &Scores) -> f64 {
        scores.quantile(self.present, self.normal)
    }

    /// Learns from a score that came after the quantile was stated, before it is among the `scores`.
    pub(super) fn observe(&mut self, score: f64, scores: &Scores) {
        let missed = f64::from(u8::from(score > self.quantile(scores)));
        self.present = (self.present + self.rate * (missed - (1.0 - self.wanted))).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    #[test]
    fn quantiles_of_few_scores() {
        let mut scores = Scores::default();
        assert!((scores.quantile(0.9, 1.28) - 1.28).abs() < f64::EPSILON);
        for score in [3.0, f64::NAN, 1.0, 2.0, f64::INFINITY] {
            scores.push(score);
        }
        let cases =
            [(0.0, 1.0), (0.25, 1.0), (0.375, 1.5), (0.5, 2.0), (0.75, 3.0), (0.875, 3.5), (1.0, 4.0)];
        for (level, expected) in cases {
            let found = scores.quantile(level, 0.0);
            assert!((found - expected).abs() < 1e-12, "{level}: {found}");
        }
    }

    #[test]
    fn old_scores_leave() {
        let mut scores = Scores::default();
        for i in 0..3 * WINDOW {
            scores.push((i % 7) as f64 + if i < 2 * WINDOW { 100.0 } else { 0.0 });
        }
        assert_eq!((scores.latest.len(), scores.sorted.len()), (WINDOW, WINDOW));
        assert!(scores.quantile(1.0 - 1.0 / WINDOW as f64, 0.0) <= 6.0);
        let again = Scores::from(Vec::from(scores.clone()));
        assert_eq!(again, scores);
    }

    #[test]
    fn coverage_comes_back_when_scores_drift() {
        let mut rng = Stream::root(1);
        let (mut scores, mut level) = (Scores::default(), Level::new(0.9, 1.28, 0.02));
        let mut missed = 0;
        for i in 0..4000 {
            let score = rng.unit() * (1.0 + f64::from(i) / 300.0);
            missed += u32::from(score > level.quantile(&scores));
            level.observe(score, &scores);
            scores.push(score);
        }
        let share = f64::from(missed) / 4000.0;
        assert!((share - 0.1).abs() < 0.015, "{share}");
    }
}
