use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::space::{Choices, PromptSpace};

/// Spread of the noise that orders of sections are drawn with.
const LOOSE: f64 = 0.8;

/// A distribution over the prompts of a space: independent options, and sections by how often each stands before each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Weights {
    options: Vec<Vec<f64>>,
    /// How often the first section stands before the second.
    before: Vec<Vec<f64>>,
}

impl Weights {
    /// The weights of the space's options; all orders alike.
    pub(super) fn new(space: &PromptSpace) -> Self {
        let shares = |slot: &crate::space::Slot| {
            let total: f64 = slot.options.iter().map(|o| o.weight).sum();
            slot.options.iter().map(|o| o.weight / total).collect()
        };
        let n = space.sections().len();
        Self { options: space.slots().iter().map(shares).collect(), before: vec![vec![0.5; n]; n] }
    }

    /// Whether these are weights of this space.
    pub(super) fn fits(&self, space: &PromptSpace) -> bool {
        let n = space.sections().len();
        let options = self.options.iter().zip(space.slots()).all(|(w, s)| w.len() == s.options.len());
        let all = self.options.iter().chain(&self.before).flatten();
        options
            && self.options.len() == space.slots().len()
            && self.before.len() == n
            && self.before.iter().all(|row| row.len() == n)
            && all.into_iter().all(|w| (0.0..=1.0 + 1e-9).contains(w))
    }

    /// Goes a step towards the shares among the best prompts.
    pub(super) fn learn<'a>(
        &mut self,
        space: &PromptSpace,
        best: &(impl Iterator<Item = &'a Choices> + Clone),
        rate: f64,
        floor: f64,
    ) {
        let n = best.clone().count();
        if n == 0 {
            return;
        }
        let share =
            |holds: &dyn Fn(&Choices) -> bool| best.clone().filter(|p| holds(p)).count() as f64 / n as f64;
        for (slot, weights) in self.options.iter_mut().enumerate() {
            let even = floor / weights.len() as f64;
            for (option, weight) in weights.iter_mut().enumerate() {
                let now = share(&|p| usize::from(p.option(slot)) == option);
                *weight = (1.0 - floor) * ((1.0 - rate) * *weight + rate * now) + even;
            }
        }
        for first in 0..space.sections().len() {
            for then in (0..space.sections().len()).filter(|t| *t != first) {
                let place = |p: &Choices, s: usize| p.order().iter().position(|o| usize::from(*o) == s);
                let now = share(&|p| place(p, first) < place(p, then));
                let weight = &mut self.before[first][then];
                *weight = (1.0 - rate) * *weight + rate * now;
            }
        }
    }

    /// A prompt; the space's seed where 64 drawings have too many tokens.
    pub(super) fn draw(&self, space: &PromptSpace, rng: &mut Stream) -> Choices {
        for _ in 0..64 {
            let options = self.options.iter().map(|w| rng.weighted(w).unwrap_or(0) as u16).collect();
            let early: Vec<f64> =
                self.before.iter().map(|row| row.iter().sum::<f64>() + LOOSE * normal(rng)).collect();
            let mut order: Vec<u16> = (0..early.len() as u16).collect();
            order.sort_by(|a, b| early[usize::from(*b)].total_cmp(&early[usize::from(*a)]));
            let prompt = space.canonical(Choices::new(options, order));
            if space.fits(&prompt) {
                return prompt;
            }
        }
        space.seed()
    }
}

/// A standard normal number (Box & Muller 1958).
fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Section, Slot, SlotOption};

    #[test]
    fn weights_move_to_what_the_best_have_and_keep_a_floor() {
        let options = || (0..3).map(|i| SlotOption::new(format!("o{i}"), 1)).collect();
        let section = |name: &str| Section { name: name.into(), shown_by: vec![] };
        let sections = vec![section("a"), section("b"), section("c")];
        let space = PromptSpace::new(vec![Slot::new("x", options())], sections, None).expect("sound");
        let best = [Choices::new(vec![2], vec![2, 1, 0])];
        let mut weights = Weights::new(&space);
        for _ in 0..50 {
            weights.learn(&space, &best.iter(), 0.3, 0.06);
        }
        assert!(weights.fits(&space));
        let total: f64 = weights.options[0].iter().sum();
        assert!((total - 1.0).abs() < 1e-9 && weights.options[0][0] > 0.01, "{weights:?}");
        let mut rng = Stream::root(1);
        let drawn: Vec<Choices> = (0..200).map(|_| weights.draw(&space, &mut rng)).collect();
        assert!(drawn.iter().filter(|p| p.option(0) == 2).count() > 150);
        assert!(drawn.iter().filter(|p| p.order() == [2, 1, 0]).count() > 80);
    }
}
