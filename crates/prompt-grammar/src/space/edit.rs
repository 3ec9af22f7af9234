use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Choices, PromptSpace};

/// One change of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Edit {
    /// Another option in a slot.
    Choose {
        /// The slot.
        slot: usize,
        /// Its new option.
        option: u16,
    },
    /// Another place for a section.
    Move {
        /// The section.
        section: u16,
        /// Its new place, from 0.
        to: usize,
    },
}

impl PromptSpace {
    /// `prompt` after `edits`, in canonical form; `None` where one names what is not there or the result has too many
    /// tokens.
    pub fn edited(&self, prompt: &Choices, edits: &[Edit]) -> Option<Choices> {
        let mut new = prompt.clone();
        for edit in edits {
            match *edit {
                Edit::Choose { slot, option } => {
                    if usize::from(option) >= self.slots.get(slot)?.options.len() {
                        return None;
                    }
                    new.choose(slot, option);
                }
                Edit::Move { section, to } => {
                    let from = new.order().iter().position(|s| *s == section)?;
                    if to >= new.order().len() {
                        return None;
                    }
                    new.move_section(from, to);
                }
            }
        }
        let new = self.canonical(new);
        self.fits(&new).then_some(new)
    }

    /// The edits that lead from one prompt to another: options first, then sections from the front. O(sections^2).
    pub fn edits(&self, from: &Choices, to: &Choices) -> Vec<Edit> {
        let pairs = from.options().iter().zip(to.options()).enumerate();
        let mut edits: Vec<Edit> = pairs
            .filter(|(_, (old, new))| old != new)
            .map(|(slot, (_, new))| Edit::Choose { slot, option: *new })
            .collect();
        let mut order = from.order().to_vec();
        for (place, &section) in to.order().iter().enumerate() {
            if let Some(at) = order.iter().position(|s| *s == section)
                && at != place
            {
                let moved = order.remove(at);
                order.insert(place, moved);
                edits.push(Edit::Move { section, to: place });
            }
        }
        edits
    }

    /// A random edit: every slot that has a choice is as likely as half of "move a section".
    ///
    /// `None` where the space has one prompt only.
    pub fn random_edit(&self, prompt: &Choices, rng: &mut Stream) -> Option<Edit> {
        let open: Vec<usize> = (0..self.slots.len()).filter(|&s| self.slots[s].options.len() > 1).collect();
        let moves = if self.sections.len() > 1 { 2 } else { 0 };
        if open.is_empty() && moves == 0 {
            return None;
        }
        let drawn = rng.below(open.len() + moves);
        Some(if let Some(&slot) = open.get(drawn) {
            let n = self.slots[slot].options.len();
            let option = (usize::from(prompt.option(slot)) + 1 + rng.below(n - 1)) % n;
            Edit::Choose { slot, option: option as u16 }
        } else {
            let n = self.sections.len();
            Edit::Move { section: prompt.order()[rng.below(n)], to: rng.below(n) }
        })
    }

    /// `prompt` after `count` random edits that each keep the limit; an edit that would not is left out.
    #[must_use]
    pub fn mutated(&self, prompt: &Choices, count: usize, rng: &mut Stream) -> Choices {
        let mut new = prompt.clone();
        for _ in 0..count {
            if let Some(next) = self.random_edit(&new, rng).and_then(|edit| self.edited(&new, &[edit])) {
                new = next;
            }
        }
        new
    }

    /// Each slot's option from one parent or the other, and the order of one; `a` where that has too many tokens.
    #[must_use]
    pub fn crossed(&self, a: &Choices, b: &Choices, rng: &mut Stream) -> Choices {
        let both = a.options().iter().zip(b.options());
        let options = both.map(|(x, y)| if rng.chance(0.5) { *x } else { *y }).collect();
        let order = if rng.chance(0.5) { a.order() } else { b.order() };
        let child = self.canonical(Choices::new(options, order.to_vec()));
        if self.fits(&child) { child } else { a.clone() }
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Space as _;

    use super::super::{Condition, Section, Slot, SlotOption};
    use super::*;

    fn space() -> PromptSpace {
        let options = |n: u32| (0..n).map(|i| SlotOption::new(format!("o{i}"), 3 * i)).collect::<Vec<_>>();
        let mut slots: Vec<Slot> =
            [3, 4, 2].iter().enumerate().map(|(i, n)| Slot::new(format!("s{i}"), options(*n))).collect();
        slots[2].when = Some(Condition { slot: 1, above: 0 });
        let section = |name: &str, by: &[usize]| Section { name: name.into(), shown_by: by.to_vec() };
        let sections = vec![section("a", &[0]), section("b", &[]), section("c", &[1]), section("d", &[2])];
        PromptSpace::new(slots, sections, Some(14)).expect("sound")
    }

    #[test]
    fn edits_lead_from_any_prompt_to_any_other() {
        let space = space();
        for i in 0..200 {
            let mut rng = Stream::root(i);
            let (a, b) = (space.sample(&mut rng), space.sample(&mut rng));
            let edits = space.edits(&a, &b);
            assert_eq!(space.edited(&a, &edits), Some(b.clone()), "{a:?} {b:?} {edits:?}");
            assert_eq!(edits.is_empty(), a == b);
        }
    }

    #[test]
    fn operators_stay_in_the_space() {
        let space = space();
        let mut rng = Stream::root(3);
        let mut prompt = space.seed();
        for _ in 0..500 {
            prompt = space.mutated(&prompt, 2, &mut rng);
            let other = space.sample(&mut rng);
            let child = space.crossed(&prompt, &other, &mut rng);
            assert!(space.contains(&prompt) && space.contains(&other) && space.contains(&child));
            assert_eq!(space.canonical(child.clone()), child);
        }
    }

    #[test]
    fn edits_of_what_is_not_there_are_refused() {
        let space = space();
        let seed = space.seed();
        for edit in [
            Edit::Choose { slot: 3, option: 0 },
            Edit::Choose { slot: 2, option: 2 },
            Edit::Move { section: 4, to: 0 },
            Edit::Move { section: 0, to: 4 },
        ] {
            assert_eq!(space.edited(&seed, &[edit]), None, "{edit:?}");
        }
        // 6 + 9 tokens are above the limit of 14.
        let long = [Edit::Choose { slot: 0, option: 2 }, Edit::Choose { slot: 1, option: 3 }];
        assert_eq!(space.edited(&seed, &long), None);
    }
}
