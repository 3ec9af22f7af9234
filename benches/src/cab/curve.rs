use serde::Serialize;

/// Levels of gain whose cost in calls is reported.
pub const LEVELS: [f64; 4] = [0.5, 0.8, 0.9, 0.95];
/// Numbers of calls at which the gain is reported.
pub const AT: [u64; 5] = [500, 1000, 2000, 3000, 6000];

/// A change of the recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Metric calls charged until then.
    pub calls: u64,
    /// Normalised gain of the candidate recommended from then on.
    pub gain: f64,
    /// Its score on the validation split, which the optimizer saw.
    pub validation: f64,
}

/// The gain of the recommendation as a function of metric calls.
///
/// Before its first step the seed is recommended: gain 0. The last recommendation holds to the end of the budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    steps: Vec<Step>,
    budget: u64,
}

impl Curve {
    /// A curve of steps in the order of their calls. Of steps at the same call the last one counts; those beyond the
    /// budget do not.
    pub fn new(steps: Vec<Step>, budget: u64) -> Self {
        let mut kept: Vec<Step> = Vec::with_capacity(steps.len());
        for step in steps.into_iter().filter(|step| step.calls <= budget) {
            if kept.last().is_some_and(|last| last.calls == step.calls) {
                kept.pop();
            }
            kept.push(step);
        }
        Self { steps: kept, budget }
    }

    /// The changes of the recommendation.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The gain of what is recommended after `calls`; `None` beyond the budget.
    pub fn gain_at(&self, calls: u64) -> Option<f64> {
        let step = self.steps.iter().rev().find(|step| step.calls <= calls);
        (calls <= self.budget).then(|| step.map_or(0.0, |step| step.gain))
    }

    /// The smallest number of calls after which the gain is at least `level`.
    pub fn first_hit(&self, level: f64) -> Option<u64> {
        self.steps.iter().find(|step| step.gain >= level).map(|step| step.calls)
    }

    /// The smallest n after which the gain is at least `level` and stays so up to 1.5 n + 50 calls, or to the end of
    /// the budget if that is nearer.
    ///
    /// A dip inside the window of some n is inside the window of every later n before it, so only steps can start a
    /// window that holds.
    pub fn sustained(&self, level: f64) -> Option<u64> {
        let holds = |start: usize| {
            let n = self.steps[start].calls;
            let inside = |step: &&Step| 2 * step.calls <= 3 * n + 100;
            self.steps[start..].iter().take_while(inside).all(|step| step.gain >= level)
        };
        (0..self.steps.len()).find(|start| holds(*start)).map(|start| self.steps[start].calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(steps: &[(u64, f64)], budget: u64) -> Curve {
        let step = |(calls, gain): &(u64, f64)| Step { calls: *calls, gain: *gain, validation: 0.0 };
        Curve::new(steps.iter().map(step).collect(), budget)
    }

    #[test]
    fn gain_is_that_of_the_last_step() {
        let c = curve(&[(100, 0.0), (300, 0.4), (300, 0.5), (700, 0.3)], 1000);
        let at = [0, 99, 299, 300, 699, 700, 1000].map(|n| c.gain_at(n));
        assert_eq!(at, [0.0, 0.0, 0.0, 0.5, 0.5, 0.3, 0.3].map(Some));
        assert_eq!(c.gain_at(1001), None);
    }

    #[test]
    fn a_level_that_is_lost_in_the_window_is_not_sustained() {
        // The window of 100 ends at 200.
        for (dip, expected) in [(200, Some(400)), (201, Some(100))] {
            let c = curve(&[(100, 0.9), (dip, 0.5), (400, 0.85)], 1000);
            assert_eq!(c.first_hit(0.8), Some(100));
            assert_eq!(c.sustained(0.8), expected, "dip at {dip}");
        }
    }

    #[test]
    fn the_end_of_the_budget_ends_the_window() {
        let c = curve(&[(100, 0.9), (150, 0.1), (990, 0.9), (1400, 0.0)], 1000);
        assert_eq!(c.sustained(0.9), Some(990));
        assert_eq!(c.steps().len(), 3);
    }

    #[test]
    fn steps_at_the_same_call_count_as_the_last() {
        let c = curve(&[(100, 0.9), (100, 0.2), (300, 0.9)], 1000);
        assert_eq!(c.sustained(0.5), Some(300));
    }

    #[test]
    fn what_is_never_reached_is_none() {
        let c = curve(&[(100, 0.4)], 1000);
        assert_eq!((c.first_hit(0.5), c.sustained(0.5)), (None, None));
        assert_eq!(curve(&[], 10).sustained(0.5), None);
    }

    /// The definition word by word, call by call.
    #[test]
    fn agrees_with_the_definition() {
        let mut state = 12_345_u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for _ in 0..300 {
            let mut calls = 0;
            let steps: Vec<(u64, f64)> = (0..8)
                .map(|_| {
                    calls += next(120);
                    (calls, next(10) as f64 / 10.0)
                })
                .collect();
            let budget = 400;
            let c = curve(&steps, budget);
            let level = 0.5;
            let reached = |n: u64| c.gain_at(n).unwrap() >= level;
            let stays = |n: &u64| {
                let end = ((1.5 * *n as f64 + 50.0).floor() as u64).min(budget);
                (*n..=end).all(reached)
            };
            assert_eq!(c.sustained(level), (0..=budget).find(stays), "{steps:?}");
            assert_eq!(c.first_hit(level), (0..=budget).find(|n| reached(*n)), "{steps:?}");
        }
    }
}
