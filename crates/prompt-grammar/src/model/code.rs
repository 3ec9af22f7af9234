use serde::{Deserialize, Serialize};

use crate::space::{Choices, PromptSpace};

/// Stands for the option of a slot that takes no part.
pub(super) const OUT: u16 = u16::MAX;
/// Effects of length: one linear, and one from each of these multiples of the mean length on.
const BENDS: [f64; 3] = [0.5, 1.0, 1.5];
pub(super) const LENGTHS: usize = 1 + BENDS.len();

/// A prompt as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Code {
    /// The option of each slot, or [`OUT`].
    pub(super) options: Vec<u16>,
    /// For each pair of sections, in the order (0,1), (0,2), (1,2), ..: 1 if the lower one stands before the other, -1
    /// if after it, 0 unless both are there.
    pub(super) signs: Vec<i8>,
    /// Tokens over the mean, bent at [`BENDS`].
    pub(super) length: [f64; LENGTHS],
    /// How often each thing that can stand in several joined spaces is there.
    pub(super) kin: Vec<f64>,
}

/// Where each effect stands in a vector of all.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) space: PromptSpace,
    sizes: Vec<usize>,
    main: Vec<usize>,
    /// Of the slots (0,1), (0,2), (1,2), ..
    pair: Vec<usize>,
    order: usize,
    length: usize,
    kin: usize,
    /// By slot and option: which of the things that can stand in several joined spaces it is.
    kin_of: Vec<Vec<Option<usize>>>,
    groups: usize,
    /// Of each section, which of the joined spaces it is of.
    scopes: Vec<usize>,
    size: usize,
    mean_tokens: f64,
    /// Slots that others depend on.
    conditions: Vec<bool>,
    /// Slots that sections depend on.
    shows: Vec<bool>,
}

/// Position of the pair `low < high` among (0,1), (0,2), (1,2), ..
pub(super) fn pair_at(low: usize, high: usize) -> usize {
    high * high.saturating_sub(1) / 2 + low
}

impl Shape {
    pub(super) fn new(space: PromptSpace) -> Self {
        let sizes: Vec<usize> = space.slots().iter().map(|s| s.options.len()).collect();
        let mut size = 0;
        let mut take = |n: usize| {
            let start = size;
            size += n;
            start
        };
        let main = sizes.iter().map(|n| take(*n)).collect();
        let pairs = (0..sizes.len()).flat_map(|high| (0..high).map(move |low| (low, high)));
        let pair = pairs.map(|(low, high)| take(sizes[low] * sizes[high])).collect();
        let sections = space.sections().len();
        let order = take(sections * sections.saturating_sub(1) / 2);
        let length = take(LENGTHS);
        let groups = space.kin();
        let kin = take(groups.len());
        let mut kin_of: Vec<Vec<Option<usize>>> = sizes.iter().map(|n| vec![None; *n]).collect();
        for (group, members) in groups.iter().enumerate() {
            for (slot, option) in members {
                kin_of[*slot][usize::from(*option)] = Some(group);
            }
        }
        let groups = groups.len();
        let scopes = (0..sections).map(|s| space.scope_of_section(s)).collect();
        let mean = |slot: &crate::space::Slot| {
            let total: f64 = slot.options.iter().map(|o| o.weight).sum();
            slot.options.iter().map(|o| o.weight / total * f64::from(o.tokens)).sum::<f64>()
        };
        let mean_tokens = space.slots().iter().map(mean).sum::<f64>().max(1.0);
        let n = sizes.len();
        let conditions =
            (0..n).map(|s| space.slots().iter().any(|o| o.when.is_some_and(|w| w.slot == s))).collect();
        let shows = (0..n).map(|s| space.sections().iter().any(|o| o.shown_by.contains(&s))).collect();
        Self {
            space,
            sizes,
            main,
            pair,
            order,
            length,
            kin,
            kin_of,
            groups,
            scopes,
            size,
            mean_tokens,
            conditions,
            shows,
        }
    }

    /// Number of effects.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Number of options of each slot.
    pub(super) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    pub(super) fn main_at(&self, slot: usize) -> usize {
        self.main[slot]
    }

    pub(super) fn order_at(&self) -> usize {
        self.order
    }

    pub(super) fn length_at(&self) -> usize {
        self.length
    }

    /// Whether two sections are of one of the joined spaces; only then their order counts.
    pub(super) fn share_a_scope(&self, a: usize, b: usize) -> bool {
        self.scopes[a] == self.scopes[b]
    }

    /// Where the effects of things that can stand in several joined spaces begin.
    pub(super) fn kin_at(&self) -> usize {
        self.kin
    }

    /// Which of these an option is.
    pub(super) fn kin_of(&self, slot: usize, option: u16) -> Option<usize> {
        self.kin_of[slot][usize::from(option)]
    }

    /// Where the effects of the pair of slots at this position begin; option `o` of the lower and `p` of the higher
    /// stand at `o * options of the higher + p`.
    pub(super) fn pair_first(&self, pair: usize) -> usize {
        self.pair[pair]
    }

    pub(super) fn code(&self, prompt: &Choices) -> Code {
        let slots = 0..self.sizes.len();
        let option = |s| if self.space.is_active(prompt, s) { prompt.option(s) } else { OUT };
        let sections = self.space.sections().len();
        let mut place = vec![0; sections];
        for (at, &section) in prompt.order().iter().enumerate() {
            place[usize::from(section)] = at;
        }
        let there: Vec<bool> = (0..sections).map(|s| self.space.is_present(prompt, s)).collect();
        let pairs = (0..sections).flat_map(|high| (0..high).map(move |low| (low, high)));
        let both =
            |low: usize, high: usize| there[low] && there[high] && self.scopes[low] == self.scopes[high];
        let sign = |(low, high): (usize, usize)| match both(low, high) {
            false => 0,
            true if place[low] < place[high] => 1,
            true => -1,
        };
        let length = self.length(self.space.tokens(prompt));
        let options: Vec<u16> = slots.map(option).collect();
        let mut kin = vec![0.0; self.groups];
        if self.groups > 0 {
            let there = options.iter().enumerate().filter(|(_, o)| **o != OUT);
            there.filter_map(|(s, o)| self.kin_of(s, *o)).for_each(|group| kin[group] += 1.0);
        }
        Code { options, signs: pairs.map(sign).collect(), length, kin }
    }

    /// The values of the effects of length.
    pub(super) fn length(&self, tokens: u32) -> [f64; LENGTHS] {
        let tokens = f64::from(tokens) / self.mean_tokens;
        let mut length = [tokens; LENGTHS];
        for (value, bend) in length[1..].iter_mut().zip(BENDS) {
            *value = (tokens - bend).max(0.0);
        }
        length
    }

    /// Whether another option in `slot` decides about other slots or about sections; `shown` says that one of the
    /// options is 0 and the other not.
    pub(super) fn decides(&self, shown: bool, slot: usize) -> bool {
        self.conditions[slot] || (shown && self.shows[slot])
    }

    /// Calls `each` with the position and value of every effect that has a part in `code`.
    pub(super) fn visit(&self, code: &Code, mut each: impl FnMut(usize, f64)) {
        for (high, &p) in code.options.iter().enumerate() {
            if p == OUT {
                continue;
            }
            each(self.main[high] + usize::from(p), 1.0);
            for (low, &o) in code.options[..high].iter().enumerate() {
                if o != OUT {
                    let cell = usize::from(o) * self.sizes[high] + usize::from(p);
                    each(self.pair[pair_at(low, high)] + cell, 1.0);
                }
            }
        }
        for (i, sign) in code.signs.iter().enumerate() {
            if *sign != 0 {
                each(self.order + i, 0.5 * f64::from(*sign));
            }
        }
        for (i, value) in code.length.iter().enumerate() {
            each(self.length + i, *value);
        }
        for (i, count) in code.kin.iter().enumerate().filter(|(_, count)| **count != 0.0) {
            each(self.kin + i, *count);
        }
    }
}

/// A value for every effect of a space: a function of prompts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effects(pub(super) Vec<f64>);

impl Effects {
    /// The sum of products with `parts`, which has a value for every effect.
    pub(crate) fn dot(&self, parts: &[f64]) -> f64 {
        super::cholesky::dot(&self.0, parts)
    }

    /// The sum over the effects that have a part in `code`.
    pub(super) fn of(&self, shape: &Shape, code: &Code) -> f64 {
        let mut sum = 0.0;
        shape.visit(code, |at, value| sum += self.0[at] * value);
        sum
    }
}
