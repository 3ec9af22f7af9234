//! Several spaces as one.

use serde::{Deserialize, Serialize};

use super::{Choices, Condition, PromptSpace, Section, Slot};
use crate::PromptError;

/// Where one of several joined spaces ends, and its own limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scope {
    name: String,
    /// The first slot and the first section behind it.
    slots: usize,
    sections: usize,
    token_limit: Option<u32>,
}

impl PromptSpace {
    /// The prompts of several spaces side by side as one space, such as those of the modules of a system.
    ///
    /// Slots and sections are called `name/slot`; each space keeps its limit of tokens, and its sections stay among
    /// themselves. Options of the same text in slots of the same name are the same thing seen in several places: the
    /// [model](crate::model) learns what it is worth everywhere, and what is particular to each place.
    ///
    /// # Errors
    /// [`PromptError::Empty`] without spaces, [`PromptError::Repeated`] when two have one name.
    ///
    /// ```
    /// use prompt_grammar::space::{Choices, PromptSpace, Slot, SlotOption};
    /// let tone = Slot::new("tone", vec![SlotOption::new("plain", 0), SlotOption::new("firm", 2)]);
    /// let one = PromptSpace::new(vec![tone], vec![], Some(2))?;
    /// let both = PromptSpace::joined(&[("sort", &one), ("answer", &one)])?;
    /// assert_eq!(both.slots()[1].name, "answer/tone");
    /// let firm = Choices::new(vec![1], vec![]);
    /// let prompt = both.join(&[one.seed(), firm.clone()]).unwrap();
    /// assert_eq!(both.parts(&prompt), [one.seed(), firm]);
    /// # Ok::<(), prompt_grammar::PromptError>(())
    /// ```
    pub fn joined(spaces: &[(&str, &Self)]) -> Result<Self, PromptError> {
        let (mut slots, mut sections, mut utilities) = (Vec::new(), Vec::new(), Vec::new());
        let mut scopes = Vec::new();
        for (name, space) in spaces {
            let first = slots.len();
            let named = |own: &str| format!("{name}/{own}");
            slots.extend(space.slots.iter().map(|slot| Slot {
                name: named(&slot.name),
                options: slot.options.clone(),
                when: slot.when.map(|w| Condition { slot: w.slot + first, ..w }),
            }));
            sections.extend(space.sections.iter().map(|section| Section {
                name: named(&section.name),
                shown_by: section.shown_by.iter().map(|s| s + first).collect(),
            }));
            let own = space.utilities.iter().copied().chain(std::iter::repeat(0.0));
            utilities.extend(own.take(space.sections.len()));
            let token_limit = space.token_limit;
            let name = (*name).to_string();
            scopes.push(Scope { name, slots: slots.len(), sections: sections.len(), token_limit });
        }
        Self::new(slots, sections, None)?.ordered(utilities)?.scoped(scopes)
    }

    /// The same with scopes; the last one must end where the space does.
    pub(super) fn scoped(mut self, scopes: Vec<Scope>) -> Result<Self, PromptError> {
        let ends = |s: &Scope| (s.slots, s.sections);
        let grow = scopes.windows(2).all(|w| w[0].slots < w[1].slots && w[0].sections <= w[1].sections);
        let whole = scopes.last().is_none_or(|s| ends(s) == (self.slots.len(), self.sections.len()));
        if !grow || !whole {
            return Err(PromptError::range("scopes", scopes.len(), "ends that grow up to that of the space"));
        }
        self.scopes = scopes;
        match (0..self.scopes.len()).find(|s| !self.part_fits(&self.seed(), *s)) {
            Some(at) => Err(PromptError::range("token_limit", at, "at least the seed's tokens")),
            None => Ok(self),
        }
    }

    /// The prompt of each of the spaces joined; the prompt itself where none were.
    ///
    /// # Panics
    /// When the prompt is of another space.
    pub fn parts(&self, prompt: &Choices) -> Vec<Choices> {
        if self.scopes.is_empty() {
            return vec![prompt.clone()];
        }
        let (mut slot, mut section) = (0, 0);
        let of = |scope: &Scope| {
            let order = prompt.order().iter().map(|s| usize::from(*s));
            let own = order.filter(|s| (section..scope.sections).contains(s)).map(|s| (s - section) as u16);
            let part = Choices::new(prompt.options()[slot..scope.slots].to_vec(), own.collect());
            (slot, section) = (scope.slots, scope.sections);
            part
        };
        self.scopes.iter().map(of).collect()
    }

    /// The prompt made of these, one for each of the spaces joined; none where they do not fit them.
    pub fn join(&self, parts: &[Choices]) -> Option<Choices> {
        let options = parts.iter().flat_map(|p| p.options().iter().copied()).collect();
        let mut order = Vec::with_capacity(self.sections.len());
        for part in parts {
            let first = order.len() as u16;
            order.extend(part.order().iter().map(|s| first + s));
        }
        let whole = Choices::new(options, order);
        (meta_traits::Space::contains(self, &whole) && self.parts(&whole) == parts).then_some(whole)
    }

    /// Which of the spaces joined a section is of.
    pub(crate) fn scope_of_section(&self, section: usize) -> usize {
        self.scopes.iter().filter(|s| s.sections <= section).count()
    }

    /// Groups of (slot, option) that are the same thing in several of the spaces joined.
    pub(crate) fn kin(&self) -> Vec<Vec<(usize, u16)>> {
        let own = |slot: usize| {
            let name = self.slots[slot].name.as_str();
            let scope = self.scopes.iter().find(|s| slot < s.slots);
            scope.and_then(|s| name.strip_prefix(s.name.as_str())).unwrap_or(name)
        };
        let mut groups: std::collections::BTreeMap<(&str, &str), Vec<(usize, u16)>> = [].into();
        let places = 0..if self.scopes.is_empty() { 0 } else { self.slots.len() };
        for (slot, option) in places.flat_map(|s| (0..self.slots[s].options.len()).map(move |o| (s, o))) {
            let text = self.slots[slot].options[option].text.as_str();
            groups.entry((own(slot), text)).or_default().push((slot, option as u16));
        }
        groups.into_values().filter(|group| group.len() > 1).collect()
    }

    /// Whether each of the spaces joined has at most the tokens it may have.
    pub(super) fn parts_fit(&self, prompt: &Choices) -> bool {
        (0..self.scopes.len()).all(|scope| self.part_fits(prompt, scope))
    }

    fn part_fits(&self, prompt: &Choices, scope: usize) -> bool {
        let first = if scope == 0 { 0 } else { self.scopes[scope - 1].slots };
        let Scope { slots, token_limit, .. } = &self.scopes[scope];
        token_limit.is_none_or(|limit| self.tokens_of(prompt, first..*slots) <= limit)
    }

    /// Whether `prompt` keeps every limit with another option in `slot`, one on which no other slot depends.
    pub(crate) fn fits_with(&self, prompt: &Choices, tokens: u32, slot: usize, option: u16) -> bool {
        let whole = self.token_limit.is_none_or(|limit| tokens <= limit);
        let scope = self.scopes.iter().position(|s| slot < s.slots);
        whole
            && scope.is_none_or(|scope| {
                let mut changed = prompt.clone();
                changed.choose(slot, option);
                self.part_fits(&changed, scope)
            })
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::{Space as _, Stream};

    use super::*;
    use crate::space::SlotOption;

    fn one(limit: u32) -> PromptSpace {
        let options = |n: u32| (0..n).map(|i| SlotOption::new(format!("o{i}"), 3 * i)).collect::<Vec<_>>();
        let mut slots: Vec<Slot> =
            [3, 4, 2].iter().enumerate().map(|(i, n)| Slot::new(format!("s{i}"), options(*n))).collect();
        slots[2].when = Some(Condition { slot: 1, above: 0 });
        let section = |name: &str, by: &[usize]| Section { name: name.into(), shown_by: by.to_vec() };
        let sections = vec![section("a", &[0]), section("b", &[]), section("c", &[1])];
        PromptSpace::new(slots, sections, Some(limit)).unwrap().ordered(vec![0.0, -1.0, -5.0]).unwrap()
    }

    #[test]
    fn parts_keep_to_their_own_limits_and_orders() {
        let (a, b) = (one(9), one(14));
        let both = PromptSpace::joined(&[("x", &a), ("y", &b)]).unwrap();
        assert_eq!(
            serde_json::from_str::<PromptSpace>(&serde_json::to_string(&both).unwrap()).unwrap(),
            both
        );
        let (mut rng, mut last) = (Stream::root(1), 0);
        let mut prompt = both.seed();
        for i in 0..400 {
            prompt = if i % 5 == 0 { both.sample(&mut rng) } else { both.mutated(&prompt, 2, &mut rng) };
            let parts = both.parts(&prompt);
            assert!(a.contains(&parts[0]) && b.contains(&parts[1]), "{prompt:?}");
            assert_eq!(both.join(&parts).as_ref(), Some(&prompt));
            let other = both.sample(&mut rng);
            last += usize::from(both.parts(&other)[1].order()[2] == 2);
            assert_eq!(both.edited(&prompt, &both.edits(&prompt, &other)), Some(other));
        }
        assert!(last > 300, "orders follow utilities: {last}");
        // Six options are in both spaces under the same names, and so are the three of the first slot.
        assert_eq!(both.kin().len(), 9);
        assert!(a.kin().is_empty());
        let fault = |names: [&str; 2]| PromptSpace::joined(&[(names[0], &a), (names[1], &b)]).unwrap_err();
        assert!(fault(["x", "x"]).to_string().contains("twice"));
        assert!(PromptSpace::joined(&[]).is_err());
        assert!(both.join(&[a.seed()]).is_none());
    }
}
