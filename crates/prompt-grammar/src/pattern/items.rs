use meta_traits::{Space as _, Stream};

use crate::space::{Choices, Edit, PromptSpace};

/// What an item of a space says of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// This option stands in this slot.
    Has { slot: usize, option: u16 },
    /// Both sections are there, in this order.
    Before { first: u16, then: u16 },
}

/// The prompts of a space as sets of items: one for each option, except option 0 of slots with two, and one for each
/// ordered pair of sections.
///
/// ```
/// use prompt_grammar::pattern::SpaceItems;
/// use prompt_grammar::space::{PromptSpace, Slot, SlotOption};
/// let slot = Slot::new("tone", vec![SlotOption::new("plain", 0), SlotOption::new("firm", 2)]);
/// let space = PromptSpace::new(vec![slot], vec![], None)?;
/// let items = SpaceItems::new(space.clone());
/// assert_eq!(items.names(), ["tone = firm"]);
/// assert!(items.of(&space.seed()).is_empty());
/// assert_eq!(items.of(&items.with(&space.seed(), &[0]).unwrap()), [0]);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpaceItems {
    space: PromptSpace,
    items: Vec<Item>,
}

impl SpaceItems {
    /// The items of a space.
    pub fn new(space: PromptSpace) -> Self {
        let mut items = Vec::new();
        for (slot, of) in space.slots().iter().enumerate() {
            let n = of.options.len();
            let first = usize::from(n == 2);
            items.extend((first..n).filter(|_| n > 1).map(|o| Item::Has { slot, option: o as u16 }));
        }
        let sections = space.sections().len() as u16;
        for first in 0..sections {
            let others = (0..sections).filter(|then| *then != first);
            items.extend(others.map(|then| Item::Before { first, then }));
        }
        Self { space, items }
    }

    /// The items' names in their order: `slot = option`, `section < section`.
    pub fn names(&self) -> Vec<String> {
        let section = |s: u16| &self.space.sections()[usize::from(s)].name;
        let name = |item: &Item| match *item {
            Item::Has { slot, option } => {
                let slot = &self.space.slots()[slot];
                format!("{} = {}", slot.name, slot.options[usize::from(option)].text)
            }
            Item::Before { first, then } => format!("{} < {}", section(first), section(then)),
        };
        self.items.iter().map(name).collect()
    }

    /// The items a prompt has, in rising order.
    pub fn of(&self, prompt: &Choices) -> Vec<u32> {
        (0..).zip(&self.items).filter(|(_, item)| self.holds(prompt, **item)).map(|(i, _)| i).collect()
    }

    fn holds(&self, prompt: &Choices, item: Item) -> bool {
        match item {
            Item::Has { slot, option } => self.space.is_active(prompt, slot) && prompt.option(slot) == option,
            Item::Before { first, then } => {
                let there = |s| self.space.is_present(prompt, usize::from(s));
                there(first) && there(then) && place(prompt, first) < place(prompt, then)
            }
        }
    }

    /// The prompt with all of some items; none where it cannot have them, or not within the limit of tokens.
    pub fn with(&self, prompt: &Choices, items: &[u32]) -> Option<Choices> {
        let mut new = prompt.clone();
        for item in items {
            let edit = match *self.items.get(*item as usize)? {
                Item::Has { slot, option } => Edit::Choose { slot, option },
                Item::Before { first, then } if place(&new, first) < place(&new, then) => continue,
                Item::Before { first, then } => Edit::Move { section: first, to: place(&new, then) },
            };
            new = self.space.edited(&new, &[edit])?;
        }
        let has = |i: &u32| self.items.get(*i as usize).is_some_and(|item| self.holds(&new, *item));
        items.iter().all(has).then_some(new)
    }

    /// The prompt without one of some items that it has, drawn at random: another option drawn by weight, or the other
    /// order. None where that does not fit the limit of tokens.
    pub fn without(&self, prompt: &Choices, items: &[u32], rng: &mut Stream) -> Option<Choices> {
        let edit = match *self.items.get(*rng.pick(items)? as usize)? {
            Item::Has { slot, option } => {
                let mut weights: Vec<f64> =
                    self.space.slots()[slot].options.iter().map(|o| o.weight).collect();
                weights[usize::from(option)] = 0.0;
                Edit::Choose { slot, option: rng.weighted(&weights)? as u16 }
            }
            Item::Before { first, then } => Edit::Move { section: first, to: place(prompt, then) },
        };
        let new = self.space.edited(prompt, &[edit])?;
        let has = |i: &u32| self.items.get(*i as usize).is_some_and(|item| self.holds(&new, *item));
        (!items.iter().all(has)).then_some(new)
    }
}

impl SpaceItems {
    /// Up to `n` pairs of prompts for [`confirm`](super::confirm): random prompts of the space that were given the
    /// items, and the same without. Fewer where few prompts can have them; none for no items. O(n).
    ///
    /// Try both of a pair on the same examples. Since chance alone chooses them, what they differ by is the items'
    /// effect.
    pub fn toggles(&self, items: &[u32], n: usize, stream: &Stream) -> Vec<[Choices; 2]> {
        let pair = |i: u64| {
            let mut rng = stream.child("host", i);
            let with = self.with(&self.space.sample(&mut rng), items)?;
            let without = self.without(&with, items, &mut rng)?;
            Some([with, without])
        };
        (0..8 * n as u64).filter_map(pair).take(n).collect()
    }
}

fn place(prompt: &Choices, section: u16) -> usize {
    prompt.order().iter().position(|s| *s == section).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Condition, Section, Slot, SlotOption};

    #[test]
    fn toggles_give_and_take_a_pattern() {
        let options = |n: u32| (0..n).map(|i| SlotOption::new(format!("o{i}"), 3 * i)).collect::<Vec<_>>();
        let mut slots: Vec<Slot> =
            [3, 4, 2].iter().enumerate().map(|(i, n)| Slot::new(format!("s{i}"), options(*n))).collect();
        slots[2].when = Some(Condition { slot: 1, above: 0 });
        let section = |name: &str, by: &[usize]| Section { name: name.into(), shown_by: by.to_vec() };
        let space =
            PromptSpace::new(slots, vec![section("a", &[0]), section("b", &[])], Some(14)).expect("sound");
        let items = SpaceItems::new(space.clone());
        assert_eq!(items.names().len(), 3 + 4 + 1 + 2);
        let mut both = 0;
        for i in 0..300 {
            let mut rng = Stream::root(i);
            let host = space.sample(&mut rng);
            let pattern = [rng.below(8) as u32, 8 + rng.below(2) as u32];
            let Some(with) = items.with(&host, &pattern) else { continue };
            assert!(space.contains(&with) && pattern.iter().all(|p| items.of(&with).contains(p)));
            if let Some(without) = items.without(&with, &pattern, &mut rng) {
                assert!(space.contains(&without) && !pattern.iter().all(|p| items.of(&without).contains(p)));
                both += 1;
            }
        }
        assert!(both > 100, "{both}");
        assert!(items.with(&space.seed(), &[99]).is_none());
        let pairs = items.toggles(&[1], 6, &Stream::root(1));
        assert_eq!(pairs.len(), 6);
        assert!(pairs.iter().all(|[a, b]| items.of(a).contains(&1) && !items.of(b).contains(&1)));
        assert!(items.toggles(&[], 6, &Stream::root(1)).is_empty());
    }
}
