//! Returns over several steps.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::replay::{Next, Transition};

/// One decision and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) state: Vec<f32>,
    pub(crate) allowed: u32,
    pub(crate) action: usize,
    pub(crate) reward: f64,
    /// State and mask after it; `None` at the end of an episode.
    pub(crate) next: Option<(Vec<f32>, u32)>,
}

/// Joins consecutive steps: the reward of a transition is the discounted sum over up to `n` steps (Sutton 1988).
///
/// At the end of an episode, or where the trajectory breaks off, shorter sums are given out, so that every step
/// becomes exactly one transition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NStep {
    steps: usize,
    gamma: f64,
    window: VecDeque<Step>,
}

impl NStep {
    pub(crate) fn new(steps: usize, gamma: f64) -> Self {
        Self { steps: steps.max(1), gamma, window: VecDeque::new() }
    }

    /// Takes a step that follows the last one taken, and gives out what it completes.
    pub(crate) fn push(&mut self, step: Step, out: &mut Vec<Transition>) {
        let ends = step.next.is_none();
        self.window.push_back(step);
        if ends {
            self.flush(out);
        } else if self.window.len() >= self.steps {
            self.emit(out);
        }
    }

    /// Gives out all that is held: nothing follows the last step.
    pub(crate) fn flush(&mut self, out: &mut Vec<Transition>) {
        while !self.window.is_empty() {
            self.emit(out);
        }
    }

    fn emit(&mut self, out: &mut Vec<Transition>) {
        let (mut reward, mut discount) = (0.0, 1.0);
        for step in &self.window {
            reward += discount * step.reward;
            discount *= self.gamma;
        }
        let last = self.window.back().and_then(|step| step.next.clone());
        let next = last.map(|(state, allowed)| Next { state, allowed, discount: discount as f32 });
        if let Some(Step { state, allowed, action, .. }) = self.window.pop_front() {
            out.push(Transition { state, allowed, action, reward: reward as f32, heads: u32::MAX, next });
        }
    }

    /// Whether a restored window belongs to these settings and states of `width` numbers.
    pub(crate) fn fits(&self, steps: usize, gamma: f64, width: usize, actions: usize) -> bool {
        let fits = |step: &Step| {
            let wide = step.next.as_ref().is_none_or(|(state, _)| state.len() == width);
            wide && step.state.len() == width && step.action < actions && step.reward.is_finite()
        };
        let same = self.steps == steps.max(1) && self.gamma.to_bits() == gamma.to_bits();
        same && self.window.len() < self.steps.max(2) && self.window.iter().all(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(i: usize, ends: bool) -> Step {
        let next = (!ends).then(|| (vec![i as f32 + 1.0], 1));
        Step { state: vec![i as f32], allowed: 1, action: 0, reward: 1.0 + i as f64, next }
    }

    type Summary = (f32, f32, Option<(f32, f32)>);

    fn summary(out: &[Transition]) -> Vec<Summary> {
        let next = |t: &Transition| t.next.as_ref().map(|n| (n.state[0], n.discount));
        out.iter().map(|t| (t.state[0], t.reward, next(t))).collect()
    }

    #[test]
    fn sums_of_three_then_shorter_ones_at_the_end() {
        let (mut nstep, mut out) = (NStep::new(3, 0.5), Vec::new());
        for i in 0..4 {
            nstep.push(step(i, i == 3), &mut out);
        }
        let expected = [
            (0.0, 1.0 + 1.0 + 0.75, Some((3.0, 0.125))),
            (1.0, 2.0 + 1.5 + 1.0, None),
            (2.0, 3.0 + 2.0, None),
            (3.0, 4.0, None),
        ];
        assert_eq!(summary(&out), expected);
    }

    #[test]
    fn where_a_trajectory_breaks_off_the_last_state_is_bootstrapped() {
        let (mut nstep, mut out) = (NStep::new(3, 0.5), Vec::new());
        nstep.push(step(0, false), &mut out);
        nstep.push(step(1, false), &mut out);
        assert!(out.is_empty());
        nstep.flush(&mut out);
        assert_eq!(summary(&out), [(0.0, 2.0, Some((2.0, 0.25))), (1.0, 2.0, Some((2.0, 0.5)))]);
    }

    #[test]
    fn one_step_is_the_plain_transition() {
        let (mut nstep, mut out) = (NStep::new(1, 0.9), Vec::new());
        nstep.push(step(4, false), &mut out);
        assert_eq!(summary(&out), [(4.0, 5.0, Some((5.0, 0.9)))]);
    }
}
