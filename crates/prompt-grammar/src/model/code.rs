use serde::{Deserialize, Serialize};

use super::posterior::Row;
use crate::space::{Choices, Edit, PromptSpace};

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
    /// By slot: the conditions of slots that depend on it.
    conditions: Vec<Vec<u16>>,
    /// By slot: the sections that depend on it.
    shows: Vec<Vec<usize>>,
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
        let conditions = |s| space.slots().iter().filter_map(move |o| o.when.filter(|w| w.slot == s));
        let conditions = (0..n).map(|s| conditions(s).map(|w| w.above).collect()).collect();
        let shown = |s| (0..sections).filter(|o| space.sections()[*o].shown_by.contains(&s)).collect();
        let shows = (0..n).map(shown).collect();
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

    /// Number of options of all slots; their effects come first.
    pub(super) fn options(&self) -> usize {
        self.sizes.iter().sum()
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
        let length = self.length(self.space.tokens(prompt));
        let options: Vec<u16> = slots.map(option).collect();
        let mut kin = vec![0.0; self.groups];
        if self.groups > 0 {
            let there = options.iter().enumerate().filter(|(_, o)| **o != OUT);
            there.filter_map(|(s, o)| self.kin_of(s, *o)).for_each(|group| kin[group] += 1.0);
        }
        Code { options, signs: self.signs(prompt), length, kin }
    }

    /// The order of the sections that are there, as in [`Code::signs`].
    pub(super) fn signs(&self, prompt: &Choices) -> Vec<i8> {
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
        pairs.map(sign).collect()
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

    /// The prompts that one other option in one slot leads to, with weights that are alike for all slots and add up to 1.
    pub(super) fn around(&self, prompt: &Choices) -> Vec<(Code, f64)> {
        let mut out: Vec<(Code, f64)> = Vec::new();
        let mut slots = 0.0;
        for slot in (0..self.sizes.len()).filter(|s| self.space.is_active(prompt, *s)) {
            let others = (0..self.sizes[slot] as u16).filter(|o| *o != prompt.option(slot));
            let edited = others.filter_map(|option| {
                self.space.edited(prompt, &[Edit::Choose { slot, option }]).map(|p| self.code(&p))
            });
            let first = out.len();
            out.extend(edited.map(|code| (code, 1.0)));
            let n = out.len() - first;
            slots += f64::from(u8::from(n > 0));
            for (_, weight) in &mut out[first..] {
                *weight /= n as f64;
            }
        }
        for (_, weight) in &mut out {
            *weight /= slots;
        }
        out
    }

    /// Whether slots come or go with another option in `slot`.
    pub(super) fn switches(&self, slot: usize, old: u16, new: u16) -> bool {
        self.conditions[slot].iter().any(|above| (old > *above) != (new > *above))
    }

    /// Sections that are there or not by the option of `slot`, among others.
    pub(super) fn shown_by(&self, slot: usize) -> &[usize] {
        &self.shows[slot]
    }

    /// Calls `each` with the position and value of every effect that has a part in `code`.
    pub(super) fn visit(&self, code: &Code, mut each: impl FnMut(usize, f64)) {
        self.visit_options(code, |at| each(at, 1.0));
        self.visit_rest(code, each);
    }

    /// The effects of options and of pairs of them.
    fn visit_options(&self, code: &Code, mut each: impl FnMut(usize)) {
        for (high, &p) in code.options.iter().enumerate() {
            if p == OUT {
                continue;
            }
            each(self.main[high] + usize::from(p));
            for (low, &o) in code.options[..high].iter().enumerate() {
                if o != OUT {
                    let cell = usize::from(o) * self.sizes[high] + usize::from(p);
                    each(self.pair[pair_at(low, high)] + cell);
                }
            }
        }
    }

    /// The other effects.
    pub(super) fn visit_rest(&self, code: &Code, mut each: impl FnMut(usize, f64)) {
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

    /// Positions of the effects of options and of pairs of them.
    pub(super) fn positions(&self, code: &Code) -> Vec<u32> {
        let mut out = Vec::with_capacity(self.sizes.len() * (self.sizes.len() + 1) / 2);
        self.visit_options(code, |at| out.push(at as u32));
        out
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

    /// The sum over the effects that have a part in a prompt that was added.
    pub(super) fn of_row(&self, shape: &Shape, row: &Row) -> f64 {
        let mut sum: f64 = row.positions.iter().map(|at| self.0[*at as usize]).sum();
        shape.visit_rest(&row.code, |at, value| sum += self.0[at] * value);
        sum
    }

    /// The sum over the effects that have a part in `code`.
    pub(super) fn of(&self, shape: &Shape, code: &Code) -> f64 {
        let mut sum = 0.0;
        shape.visit(code, |at, value| sum += self.0[at] * value);
        sum
    }
}
