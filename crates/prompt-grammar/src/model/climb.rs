use super::code::{Code, Effects, OUT, Shape, pair_at};
use super::posterior::Posterior;
use crate::space::{Choices, Edit};

/// Sweeps over all single edits at most.
const SWEEPS: usize = 12;
/// Sections that one move may pass.
const SECTIONS: usize = 64;
/// Least rise that counts.
const RISE: f64 = 1e-9;

impl Posterior {
    /// The prompt that single edits lead to from `start` as long as one raises the value under `effects`, and its
    /// value in log odds. Deterministic: slots and sections in their order, the first edit that helps is taken.
    pub fn climb(&self, effects: &Effects, start: &Choices) -> (Choices, f64) {
        let shape = &self.shape;
        let space = &shape.space;
        let mut at = Standing::new(shape, effects, start.clone());
        for _ in 0..SWEEPS {
            let before = at.value;
            for slot in 0..space.slots().len() {
                for option in 0..space.slots()[slot].options.len() as u16 {
                    if space.is_active(&at.prompt, slot) {
                        at.attempt(slot, option);
                    }
                }
            }
            for from in 0..space.sections().len() {
                for to in 0..space.sections().len() {
                    at.attempt_move(from, to);
                }
            }
            if at.value <= before {
                break;
            }
        }
        (at.prompt, at.value)
    }
}

/// A prompt on its way up.
struct Standing<'a> {
    shape: &'a Shape,
    effects: &'a Effects,
    prompt: Choices,
    code: Code,
    tokens: u32,
    value: f64,
}

impl<'a> Standing<'a> {
    fn new(shape: &'a Shape, effects: &'a Effects, prompt: Choices) -> Self {
        let code = shape.code(&prompt);
        let value = effects.of(shape, &code);
        Self { tokens: shape.space.tokens(&prompt), shape, effects, prompt, code, value }
    }

    /// Takes the option if that helps.
    fn attempt(&mut self, slot: usize, option: u16) {
        let old = self.prompt.option(slot);
        if old == option {
            return;
        }
        if self.shape.decides((old == 0) != (option == 0), slot) {
            let next = self.shape.space.edited(&self.prompt, &[Edit::Choose { slot, option }]);
            self.take(next);
            return;
        }
        let options = &self.shape.space.slots()[slot].options;
        let tokens = self.tokens - options[usize::from(old)].tokens + options[usize::from(option)].tokens;
        if !self.shape.space.fits_with(&self.prompt, tokens, slot, option) {
            return;
        }
        let rise =
            self.part(slot, option) - self.part(slot, old) + self.price(tokens) - self.price(self.tokens);
        if rise > RISE {
            self.prompt.choose(slot, option);
            self.code.options[slot] = option;
            for (option, change) in [(old, -1.0), (option, 1.0)] {
                if let Some(group) = self.shape.kin_of(slot, option) {
                    self.code.kin[group] += change;
                }
            }
            self.code.length = self.shape.length(tokens);
            self.tokens = tokens;
            self.value += rise;
        }
    }

    /// Sends the section at a place to another if that helps. Only the order of those between the places changes.
    fn attempt_move(&mut self, from: usize, to: usize) {
        let order = self.prompt.order();
        let passed = if from < to { &order[from + 1..=to] } else { &order[to..from] };
        let section = usize::from(order[from]);
        let mut flipped = [0; SECTIONS];
        let mut n = 0;
        let mut rise = 0.0;
        for other in passed.iter().map(|s| usize::from(*s)) {
            if !self.shape.share_a_scope(section, other) || n == SECTIONS {
                return;
            }
            let at = pair_at(section.min(other), section.max(other));
            rise -= f64::from(self.code.signs[at]) * self.effects.0[self.shape.order_at() + at];
            flipped[n] = at;
            n += 1;
        }
        if rise > RISE {
            self.prompt.move_section(from, to);
            for at in &flipped[..n] {
                self.code.signs[*at] *= -1;
            }
            self.value += rise;
        }
    }

    fn take(&mut self, next: Option<Choices>) {
        if let Some(next) = next {
            let next = Self::new(self.shape, self.effects, next);
            if next.value > self.value + RISE {
                *self = next;
            }
        }
    }

    /// Effects of `option` in `slot`, alone and with every other slot.
    fn part(&self, slot: usize, option: u16) -> f64 {
        let (sizes, values) = (self.shape.sizes(), &self.effects.0);
        let mut sum = values[self.shape.main_at(slot) + usize::from(option)];
        if let Some(group) = self.shape.kin_of(slot, option) {
            sum += values[self.shape.kin_at() + group];
        }
        for (other, &o) in self.code.options.iter().enumerate() {
            if o == OUT || other == slot {
                continue;
            }
            let (low, high) = (slot.min(other), slot.max(other));
            let (o_low, o_high) = if slot < other { (option, o) } else { (o, option) };
            let cell = usize::from(o_low) * sizes[high] + usize::from(o_high);
            sum += values[self.shape.pair_first(pair_at(low, high)) + cell];
        }
        sum
    }

    fn price(&self, tokens: u32) -> f64 {
        let values = &self.effects.0[self.shape.length_at()..self.shape.kin_at()];
        self.shape.length(tokens).iter().zip(values).map(|(x, y)| x * y).sum()
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::{Space as _, Stream};

    use super::*;
    use crate::space::{Condition, PromptSpace, Section, Slot, SlotOption};

    /// The running value is that of the prompt, and no single edit is better.
    #[test]
    fn the_top_has_no_better_neighbour() {
        let options = |n: u32| (0..n).map(|i| SlotOption::new(format!("o{i}"), 7 * i)).collect::<Vec<_>>();
        let mut slots: Vec<Slot> =
            [3, 4, 4, 2].iter().enumerate().map(|(i, n)| Slot::new(format!("s{i}"), options(*n))).collect();
        slots[3].when = Some(Condition { slot: 2, above: 1 });
        let section = |name: &str, by: &[usize]| Section { name: name.into(), shown_by: by.to_vec() };
        let sections = vec![section("a", &[0]), section("b", &[]), section("c", &[2])];
        let space = PromptSpace::new(slots, sections, Some(40)).expect("sound");
        let joined = PromptSpace::joined(&[("a", &space), ("b", &space)]).expect("sound");
        tops_are_tops(&space);
        tops_are_tops(&joined);
    }

    fn tops_are_tops(space: &PromptSpace) {
        let posterior = Posterior::new(space.clone(), 4);
        for i in 0..50 {
            let mut rng = Stream::root(i);
            let effects = posterior.draw(&mut rng);
            let (top, value) = posterior.climb(&effects, &space.sample(&mut rng));
            assert!((posterior.value_of(&effects, &top) - value).abs() < 1e-9);
            assert!(space.contains(&top));
            for _ in 0..60 {
                let other = space.mutated(&top, 1, &mut rng);
                assert!(posterior.value_of(&effects, &other) < value + 1e-6, "{top:?} {other:?}");
            }
        }
    }
}
