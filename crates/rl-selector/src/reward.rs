use meta_traits::Cost;
use serde::{Deserialize, Serialize};

/// How an improvement becomes a reward in [0, 1].
///
/// ```
/// use rl_selector::{RewardShape, Step};
/// let step = Step { before: 0.50, after: 0.40, range: 0.8, cost: 1.0, typical_cost: 1.0 };
/// let shape = RewardShape::LogImprovement { decades: 3.0, cost_aware: false };
/// assert!((shape.reward(&step) - 0.699).abs() < 1e-3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RewardShape {
    /// The logarithm of the improvement over the run's own range: 1 for the whole range, 0 for `decades` below it.
    LogImprovement {
        /// Decades between a reward of 0 and of 1; above 0.
        decades: f64,
        /// Whether a step that costs more than is typical earns less.
        cost_aware: bool,
    },
    /// 1 for any improvement, 0 for none; divided by cost where wanted.
    Sign {
        /// Whether a step that costs more than is typical earns less.
        cost_aware: bool,
    },
    /// The improvement itself, ten times, plus a tenth for any improvement, less a twentieth of the relative cost.
    Shaped,
}

impl Default for RewardShape {
    fn default() -> Self {
        Self::LogImprovement { decades: 12.0, cost_aware: true }
    }
}

/// One step of a run, in losses: lower is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The best loss before.
    pub before: f64,
    /// The best loss after.
    pub after: f64,
    /// The run's own range of losses so far, above 0.
    pub range: f64,
    /// What the step cost, in any unit.
    pub cost: f64,
    /// What a step of this run costs on average, in the same unit.
    pub typical_cost: f64,
}

impl RewardShape {
    /// The reward of a step, in [0, 1]; NaN when the improvement is not a number, which selectors take as no news.
    pub fn reward(self, step: &Step) -> f64 {
        let gain = (step.before - step.after).max(0.0);
        if (step.before - step.after).is_nan() {
            return f64::NAN;
        }
        let relative = step.cost / step.typical_cost;
        let relative = if relative.is_finite() && relative > 0.0 { relative } else { 1.0 };
        let paid = |reward: f64, cost_aware: bool| {
            if cost_aware { reward / relative.max(1.0) } else { reward }
        };
        let improved = f64::from(u8::from(gain > 0.0));
        match self {
            Self::LogImprovement { decades, cost_aware } => {
                let share = (gain / step.range).log10() / decades + 1.0;
                paid(
                    if share.is_finite() { share.clamp(0.0, 1.0) } else { improved.min(share.max(0.0)) },
                    cost_aware,
                )
            }
            Self::Sign { cost_aware } => paid(improved, cost_aware),
            Self::Shaped => (10.0 * gain + 0.1 * improved - 0.05 * relative).clamp(0.0, 1.0),
        }
    }

    /// The cost of a step as one number: tokens where there are any, else calls, else evaluations.
    pub fn cost_of(cost: &Cost) -> f64 {
        let tokens = cost.tokens_in.saturating_add(cost.tokens_out);
        let counts = [tokens, cost.calls, cost.evaluations];
        counts.into_iter().find(|n| *n > 0).unwrap_or(0) as f64
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary or compared with their own formula")]
mod tests {
    use super::*;

    const STEP: Step = Step { before: 1.0, after: 0.9, range: 10.0, cost: 2.0, typical_cost: 1.0 };

    #[test]
    fn cost_and_size_count() {
        let plain = RewardShape::LogImprovement { decades: 4.0, cost_aware: false };
        assert!((plain.reward(&STEP) - 0.5).abs() < 1e-12);
        let aware = RewardShape::LogImprovement { decades: 4.0, cost_aware: true };
        assert!((aware.reward(&STEP) - 0.25).abs() < 1e-12);
        assert!((RewardShape::Shaped.reward(&Step { before: 1.0, after: 0.99, ..STEP }) - 0.1).abs() < 1e-9);
        assert_eq!(RewardShape::Sign { cost_aware: false }.reward(&STEP), 1.0);
    }

    #[test]
    fn every_step_gives_a_number_in_the_unit_interval_or_no_news() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e300, 1.0];
        for before in odd {
            for after in odd {
                for rest in odd {
                    let step = Step { before, after, range: rest, cost: rest, typical_cost: rest };
                    for shape in
                        [RewardShape::default(), RewardShape::Sign { cost_aware: true }, RewardShape::Shaped]
                    {
                        let reward = shape.reward(&step);
                        assert!(
                            reward.is_nan() || (0.0..=1.0).contains(&reward),
                            "{shape:?} {step:?} {reward}"
                        );
                    }
                }
            }
        }
        assert_eq!(RewardShape::default().reward(&Step { after: 2.0, ..STEP }), 0.0);
    }
}
