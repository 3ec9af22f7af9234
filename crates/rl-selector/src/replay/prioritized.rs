use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::ring::{Batch, Ring, Transition};
use super::sum_tree::SumTree;

/// Settings of prioritised replay (Schaul et al. 2016, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Priorities {
    /// Exponent of the priority, alpha; 0 is uniform.
    pub(crate) exponent: f64,
    /// Correction of the bias at the first step, beta; 1 is full.
    pub(crate) correction: f64,
    /// Learning steps until the correction is full.
    pub(crate) correction_steps: u64,
    /// No priority is above so many times the mean: a few outliers of a young network may not crowd out the rest.
    pub(crate) cap: f64,
}

/// Added to every error, so that none is never drawn again.
const FLOOR: f64 = 1e-3;

/// A ring of transitions and how they are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Replay {
    ring: Ring,
    /// Without priorities draws are uniform.
    tree: Option<SumTree>,
    /// The largest priority given so far; new transitions get it, so that each is drawn soon.
    top: f64,
}

/// A batch with the slots it came from and the weights that correct for how it was drawn, at most 1 each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draw {
    pub(crate) batch: Batch,
    pub(crate) slots: Vec<usize>,
    pub(crate) weights: Vec<f32>,
}

impl Replay {
    pub(crate) fn new(capacity: usize, width: usize, prioritized: bool) -> Self {
        let tree = prioritized.then(|| SumTree::new(capacity.max(1)));
        Self { ring: Ring::new(capacity, width), tree, top: 1.0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(crate) fn added(&self) -> u64 {
        self.ring.added()
    }

    pub(crate) fn add(&mut self, transition: &Transition) {
        let slot = self.ring.add(transition);
        if let Some(tree) = &mut self.tree {
            tree.set(slot, self.top);
        }
    }

    /// Draws `size` transitions with replacement for learning step `step`. Nothing is drawn from an empty ring.
    ///
    /// With priorities the total is cut into `size` equal parts and one number drawn from each (Schaul et al. 2016,
    /// appendix B.2.1); a weight is (n P)^-beta over the largest of the batch.
    pub(crate) fn draw(
        &self,
        size: usize,
        settings: &Priorities,
        step: u64,
        rng: &mut Stream,
        out: &mut Draw,
    ) {
        out.slots.clear();
        out.weights.clear();
        let n = self.len();
        if n == 0 {
            self.ring.gather(&[], &mut out.batch);
            return;
        }
        match &self.tree {
            Some(tree) if tree.total() > 0.0 => {
                let part = tree.total() / size as f64;
                out.slots.extend((0..size).map(|i| tree.find((i as f64 + rng.unit()) * part)));
                let progress = step as f64 / settings.correction_steps.max(1) as f64;
                let beta = settings.correction + (1.0 - settings.correction) * progress.min(1.0);
                let weight = |slot: &usize| (n as f64 * tree.get(*slot) / tree.total()).powf(-beta);
                let largest = out.slots.iter().map(weight).fold(f64::MIN_POSITIVE, f64::max);
                out.weights.extend(out.slots.iter().map(|slot| (weight(slot) / largest) as f32));
            }
            _ => {
                out.slots.extend((0..size).map(|_| rng.below(n)));
                out.weights.resize(size, 1.0);
            }
        }
        self.ring.gather(&out.slots, &mut out.batch);
    }

    /// Gives the drawn transitions priorities by their errors. An error that is not finite leaves the old priority.
    pub(crate) fn update(&mut self, slots: &[usize], errors: &[f32], settings: &Priorities) {
        let n = self.ring.len().max(1) as f64;
        let Some(tree) = &mut self.tree else { return };
        for (slot, error) in slots.iter().zip(errors) {
            let priority = (f64::from(error.abs()) + FLOOR).powf(settings.exponent);
            if priority.is_finite() {
                let most = settings.cap * tree.total() / n;
                let priority = if most > 0.0 { priority.min(most) } else { priority };
                tree.set(*slot, priority);
                self.top = self.top.max(priority);
            }
        }
    }

    /// What is wrong with a restored replay, if anything.
    pub(crate) fn fault(
        &self,
        capacity: usize,
        width: usize,
        actions: usize,
        prioritized: bool,
    ) -> Option<&'static str> {
        if self.tree.is_some() != prioritized {
            return Some("priorities are on in one of replay and configuration and off in the other");
        }
        let sound = |tree: &SumTree| tree.capacity() == capacity.max(1) && tree.is_sound();
        if !(self.tree.as_ref().is_none_or(sound) && self.top.is_finite() && self.top > 0.0) {
            return Some("the priorities do not fit the replay");
        }
        self.ring.fault(capacity, width, actions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Priorities {
        Priorities { exponent: 0.6, correction: 0.4, correction_steps: 100, cap: f64::INFINITY }
    }

    fn filled(n: usize, prioritized: bool) -> Replay {
        let mut replay = Replay::new(64, 1, prioritized);
        for i in 0..n {
            let state = vec![i as f32];
            replay.add(&Transition { state, allowed: 1, action: 0, reward: i as f32, heads: 1, next: None });
        }
        replay
    }

    /// Pearson's statistic of draw counts against expected shares.
    fn chi_square(replay: &Replay, shares: &[f64]) -> f64 {
        let mut counts = vec![0.0; shares.len()];
        let mut draw = Draw::default();
        for step in 0..2000 {
            replay.draw(16, &settings(), step, &mut Stream::root(1).child("draw", step), &mut draw);
            draw.slots.iter().for_each(|slot| counts[*slot] += 1.0);
        }
        let total: f64 = counts.iter().sum();
        counts.iter().zip(shares).map(|(n, p)| (n - total * p) * (n - total * p) / (total * p)).sum()
    }

    /// 49 degrees of freedom: the statistic is below 85.4 in 999 of 1000 cases.
    #[test]
    fn draws_are_in_proportion_to_priorities() {
        let mut replay = filled(50, true);
        let errors: Vec<f32> = (0..50).map(|i| 0.1 + i as f32 * 0.2).collect();
        let slots: Vec<usize> = (0..50).collect();
        replay.update(&slots, &errors, &settings());
        let priorities: Vec<f64> = errors.iter().map(|e| (f64::from(*e) + FLOOR).powf(0.6)).collect();
        let total: f64 = priorities.iter().sum();
        let shares: Vec<f64> = priorities.iter().map(|p| p / total).collect();
        assert!(chi_square(&replay, &shares) < 85.4);
        assert!(chi_square(&replay, &[1.0 / 50.0; 50]) > 1000.0);
        assert!(chi_square(&filled(50, false), &[1.0 / 50.0; 50]) < 85.4);
    }

    /// With the full correction the weighted mean of any function is its plain mean.
    #[test]
    fn weights_undo_the_priorities() {
        let mut replay = filled(50, true);
        let errors: Vec<f32> = (0..50).map(|i| (i * i) as f32 / 100.0).collect();
        replay.update(&(0..50).collect::<Vec<_>>(), &errors, &settings());
        let (mut sum, mut weight) = (0.0, 0.0);
        let mut draw = Draw::default();
        for step in 0..4000 {
            replay.draw(50, &settings(), 100, &mut Stream::root(2).child("draw", step), &mut draw);
            // The common factor is the largest weight of the batch, which the rarest transition has.
            let rarest = draw.slots.iter().min_by(|a, b| errors[**a].total_cmp(&errors[**b])).unwrap();
            let scale = (f64::from(errors[*rarest]) + FLOOR).powf(-0.6);
            for (reward, w) in draw.batch.rewards.iter().zip(&draw.weights) {
                sum += f64::from(*reward) * f64::from(*w) * scale;
                weight += f64::from(*w) * scale;
            }
        }
        assert!((sum / weight - 24.5).abs() < 0.7, "{}", sum / weight);
    }

    #[test]
    fn caps_new_ones_and_bad_errors() {
        let capped = Priorities { cap: 5.0, ..settings() };
        let mut replay = filled(20, true);
        replay.update(&[3], &[1e9], &capped);
        assert!(replay.tree.as_ref().unwrap().get(3) <= 5.0);
        let before = replay.clone();
        replay.update(&[4], &[f32::NAN], &capped);
        assert_eq!(replay, before);
        let top = replay.top;
        replay.add(&Transition {
            state: vec![0.0],
            allowed: 1,
            action: 0,
            reward: 0.0,
            heads: 1,
            next: None,
        });
        assert!((replay.tree.as_ref().unwrap().get(20) - top).abs() < f64::EPSILON);
        let mut draw = Draw::default();
        Replay::new(8, 1, true).draw(4, &capped, 0, &mut Stream::root(0), &mut draw);
        assert!(draw.slots.is_empty() && draw.batch.rewards.is_empty());
    }
}
