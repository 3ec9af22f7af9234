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

    /// The prior covariances of `a` and each of some prompts, without what is their own.
    pub(super) fn covariances<'a>(&self, a: &Code, with: impl Iterator<Item = &'a Code>) -> Vec<f64> {
        let slots = self.main.len();
        // What a slot is worth, alone and with all others; and all of them together.
        let mut alone = self.main.clone();
        let mut all = self.main.iter().sum::<f64>();
        for (high, low) in (0..slots).flat_map(|high| (0..high).map(move |low| (high, low))) {
            let pair = self.pair[pair_at(low, high)];
            all += pair;
            alone[high] += pair;
            alone[low] += pair;
        }
        let mut alike = Alike::new(slots);
        let one = |b: &Code| {
            alike.compare(a, b);
            // Over the fewer: slots with the same option, or all without those that differ.
            let differ = alike.differing.len() < alike.same.len();
            let fewer = if differ { &alike.differing } else { &alike.same };
            let together = |(i, high): (usize, &usize)| {
                let row = &self.pair[pair_at(0, *high)..][..*high];
                fewer[..i].iter().map(|low| row[*low]).sum::<f64>()
            };
            let pairs: f64 = fewer.iter().enumerate().map(together).sum();
            let sum = if differ {
                all - fewer.iter().map(|slot| alone[*slot]).sum::<f64>() + pairs
            } else {
                fewer.iter().map(|slot| self.main[*slot]).sum::<f64>() + pairs
            };
            let (signs, length, kin) = beside(a, b);
            sum + self.order * signs + self.length * length + self.shared * kin
        };
        with.map(one).collect()
    }

    /// The prior covariance of two prompts, without what is their own.
    #[cfg(test)]
    pub(super) fn covariance(&self, a: &Code, b: &Code) -> f64 {
        self.covariances(a, std::iter::once(b))[0]
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

/// In which slots two prompts have the same option.
pub(super) struct Alike {
    /// Ascending, as the next.
    pub(super) same: Vec<usize>,
    /// All others.
    pub(super) differing: Vec<usize>,
}

impl Alike {
    /// Nothing compared yet.
    pub(super) fn new(slots: usize) -> Self {
        Self { same: Vec::with_capacity(slots), differing: Vec::with_capacity(slots) }
    }

    /// Compares two prompts. A slot that takes no part is no likeness.
    pub(super) fn compare(&mut self, a: &Code, b: &Code) {
        self.same.clear();
        self.differing.clear();
        for (slot, (x, y)) in a.options.iter().zip(&b.options).enumerate() {
            let list = if x == y && *x != OUT { &mut self.same } else { &mut self.differing };
            list.push(slot);
        }
    }
}

/// What the orders of two prompts, their lengths and what they share with others have in common.
pub(super) fn beside(a: &Code, b: &Code) -> (f64, f64, f64) {
    let signs: i32 = a.signs.iter().zip(&b.signs).map(|(x, y)| i32::from(x * y)).sum();
    let length: f64 = a.length.iter().zip(&b.length).map(|(x, y)| x * y).sum();
    (0.25 * f64::from(signs), length, dot(&a.kin, &b.kin))
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
