use std::collections::VecDeque;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::Operator;

/// Chooses operators by what they lately gained for what they cost: Thompson sampling over a sliding window.
///
/// An operator's gain per cost is taken for normal; its mean is drawn from the posterior under a normal prior that is
/// centred on the mean of all operators in the window and weighs as one observation. Then the operator with the highest
/// draw is chosen. So operators that stop gaining are left, and tried again as their past leaves the window.
///
/// ```
/// use prompt_grammar::{Operator, OperatorBandit};
/// use meta_traits::Stream;
/// let mut bandit = OperatorBandit::new(vec![Operator::Point, Operator::Drop], 50);
/// let mut rng = Stream::root(1);
/// for _ in 0..200 {
///     let operator = bandit.choose(&mut rng).unwrap();
///     bandit.reward(operator, if operator == Operator::Drop { 1.0 } else { 0.0 }, 1.0);
/// }
/// let drops = (0..100).filter(|_| bandit.choose(&mut rng) == Some(Operator::Drop)).count();
/// assert!(drops > 80);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorBandit {
    operators: Vec<Operator>,
    window: usize,
    seen: VecDeque<(usize, f64)>,
}

impl OperatorBandit {
    /// Chooses among `operators` by the latest `window` rewards.
    pub fn new(operators: Vec<Operator>, window: usize) -> Self {
        Self { operators, window: window.max(1), seen: VecDeque::new() }
    }

    /// The operators it chooses from.
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// The next operator; none where there are none. O(window).
    pub fn choose(&self, rng: &mut Stream) -> Option<Operator> {
        let n = self.seen.len() as f64;
        let mean = if n > 0.0 { self.seen.iter().map(|(_, r)| r).sum::<f64>() / n } else { 0.0 };
        let square = self.seen.iter().map(|(_, r)| (r - mean) * (r - mean)).sum::<f64>();
        let spread = if square > 0.0 { (square / n).sqrt() } else { 1.0 };
        let draw = |i: usize| {
            let mine = self.seen.iter().filter(|(o, _)| *o == i);
            let (count, sum) = mine.fold((0.0, 0.0), |(c, s), (_, r)| (c + 1.0, s + r));
            (i, (sum + mean) / (count + 1.0), spread / f64::sqrt(count + 1.0))
        };
        let posteriors: Vec<_> = (0..self.operators.len()).map(draw).collect();
        let drawn = posteriors.into_iter().map(|(i, centre, sd)| (i, centre + sd * normal(rng)));
        drawn.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| self.operators[i])
    }

    /// Reports what an operator gained, and what that cost, such as tokens. Gains below 0 count as 0; what is not
    /// finite, costs nothing or belongs to another operator is left out.
    pub fn reward(&mut self, operator: Operator, gain: f64, cost: f64) {
        let Some(i) = self.operators.iter().position(|o| *o == operator) else { return };
        let rate = gain.max(0.0) / cost;
        if gain.is_finite() && rate.is_finite() {
            self.seen.push_back((i, rate));
            if self.seen.len() > self.window {
                self.seen.pop_front();
            }
        }
    }
}

/// A standard normal number (Box & Muller).
fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_gaining_is_left() {
        let all = vec![Operator::Point, Operator::Add, Operator::Drop];
        let mut bandit = OperatorBandit::new(all.clone(), 60);
        let mut rng = Stream::root(4);
        let mut last = Vec::new();
        for best in [Operator::Add, Operator::Point] {
            let mut hits = 0;
            for _ in 0..400 {
                let chosen = bandit.choose(&mut rng).unwrap();
                hits += u32::from(chosen == best);
                bandit.reward(chosen, if chosen == best { 2.0 } else { 0.1 }, 1.0);
            }
            last.push(hits);
        }
        assert!(last.iter().all(|hits| *hits > 220), "{last:?}");
        assert_eq!(OperatorBandit::new(Vec::new(), 3).choose(&mut rng), None);
        bandit.reward(Operator::Add, f64::NAN, 1.0);
        bandit.reward(Operator::Add, 1.0, 0.0);
        bandit.reward(Operator::Wrap, 1.0, 1.0);
        assert_eq!(bandit.seen.len(), 60);
    }
}
