use serde::{Deserialize, Serialize};

use super::cholesky::dot;
use super::code::{Code, OUT, Shape, pair_at};

/// Prior variances of effects, in squared log odds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variances {
    /// Of the options of each slot.
    pub main: Vec<f64>,
    /// Of the pairs of options of the slots (0,1), (0,2), (1,2), ..
    pub pair: Vec<f64>,
    /// Of the order of two sections.
    pub order: f64,
    /// Of length.
    pub length: f64,
    /// Of what is a prompt's own.
    pub own: f64,
    /// Of things that can stand in several joined spaces, what they are worth everywhere.
    #[serde(default = "shared")]
    pub shared: f64,
}

fn shared() -> f64 {
    0.1
}

impl Variances {
    pub(super) fn new(slots: usize, main: f64, pair: f64) -> Self {
        let pairs = slots * slots.saturating_sub(1) / 2;
        Self {
            main: vec![main; slots],
            pair: vec![pair; pairs],
            order: 0.05,
            length: 0.2,
            own: 0.05,
            shared: shared(),
        }
    }

    /// The prior covariance of two prompts without what is their own.
    pub(super) fn covariance(&self, a: &Code, b: &Code) -> f64 {
        let mut sum = 0.0;
        let same = matches(a, b);
        for (i, &high) in same.iter().enumerate() {
            let row = &self.pair[pair_at(0, high)..][..high];
            sum += self.main[high] + same[..i].iter().map(|low| row[*low]).sum::<f64>();
        }
        let signs: i32 = a.signs.iter().zip(&b.signs).map(|(x, y)| i32::from(x * y)).sum();
        let length: f64 = a.length.iter().zip(&b.length).map(|(x, y)| x * y).sum();
        sum + 0.25 * self.order * f64::from(signs) + self.length * length + self.shared * dot(&a.kin, &b.kin)
    }

    /// The prior variance of every effect.
    pub(super) fn spread(&self, shape: &Shape) -> Vec<f64> {
        let mut out = vec![0.0; shape.size()];
        let sizes = shape.sizes();
        for (high, &n) in sizes.iter().enumerate() {
            let start = shape.main_at(high);
            out[start..start + n].fill(self.main[high]);
            for (low, &m) in sizes[..high].iter().enumerate() {
                let pair = pair_at(low, high);
                let start = shape.pair_first(pair);
                out[start..start + n * m].fill(self.pair[pair]);
            }
        }
        let (order, length) = (shape.order_at(), shape.length_at());
        out[order..length].fill(self.order);
        out[length..shape.kin_at()].fill(self.length);
        out[shape.kin_at()..].fill(self.shared);
        out
    }
}

/// The slots where both prompts have the same option, ascending.
pub(super) fn matches(a: &Code, b: &Code) -> Vec<usize> {
    let mut same = Vec::with_capacity(a.options.len());
    let both = a.options.iter().zip(&b.options).enumerate();
    same.extend(both.filter(|(_, (x, y))| x == y && **x != OUT).map(|(slot, _)| slot));
    same
}

#[cfg(test)]
mod tests {
    use meta_traits::{Space as _, Stream};

    use super::super::code::Effects;
    use super::*;
    use crate::space::{Condition, PromptSpace, Section, Slot, SlotOption};

    /// The covariance is the sum over effects of variance times both values, by another way.
    #[test]
    fn the_covariance_is_that_of_the_effects() {
        let options = |n: u32| (0..n).map(|i| SlotOption::new(format!("o{i}"), 7 * i)).collect::<Vec<_>>();
        let mut slots: Vec<Slot> =
            [3, 2, 4, 2].iter().enumerate().map(|(i, n)| Slot::new(format!("s{i}"), options(*n))).collect();
        slots[3].when = Some(Condition { slot: 2, above: 1 });
        let section = |name: &str, by: &[usize]| Section { name: name.into(), shown_by: by.to_vec() };
        let sections = vec![section("a", &[0]), section("b", &[]), section("c", &[2])];
        let space = PromptSpace::new(slots, sections, None).expect("sound");
        let joined = PromptSpace::joined(&[("a", &space), ("b", &space)]).expect("sound");
        covariances_agree(&Shape::new(space));
        covariances_agree(&Shape::new(joined));
    }

    fn covariances_agree(shape: &Shape) {
        let mut variances = Variances::new(shape.sizes().len(), 0.3, 0.1);
        variances.main[2] = 0.7;
        variances.pair[4] = 0.05;
        let spread = variances.spread(shape);
        let mut rng = Stream::root(1);
        for _ in 0..100 {
            let [a, b] = [0, 0].map(|_| shape.code(&shape.space.sample(&mut rng)));
            let mut scaled = Effects(vec![0.0; shape.size()]);
            shape.visit(&a, |at, value| scaled.0[at] += spread[at] * value);
            let (direct, by_effects) = (variances.covariance(&a, &b), scaled.of(shape, &b));
            assert!((direct - by_effects).abs() < 1e-12, "{direct} {by_effects}");
        }
    }
}
