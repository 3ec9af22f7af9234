//! Components that come and go together, as slots of a space.

use std::collections::{BTreeMap, BTreeSet};

use super::ScoredPrompt;
use crate::anatomy::{Anatomy, key};
use crate::space::{Choices, PromptSpace, Slot, SlotOption};
use crate::{Estimate, PromptError, Tokens};

/// Groups that are told apart: effects grow with their square.
const MOST: usize = 60;
/// Letters of a component that a slot is named by.
const NAME: usize = 40;

#[derive(Clone, Debug)]
pub(super) struct Groups {
    space: PromptSpace,
    /// Slot by component.
    slots: BTreeMap<String, usize>,
    /// For every slot: prompts that have it, and components in it.
    sizes: Vec<(usize, usize)>,
}

impl Groups {
    pub(super) fn of(prompts: &[ScoredPrompt], least: usize) -> Result<Self, PromptError> {
        let mut holders: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (i, prompt) in prompts.iter().enumerate() {
            for component in keys(&prompt.text) {
                holders.entry(component).or_default().insert(i);
            }
        }
        let mut groups: BTreeMap<BTreeSet<usize>, Vec<String>> = BTreeMap::new();
        for (component, by) in holders {
            if by.len() >= least && by.len() < prompts.len() {
                groups.entry(by).or_default().push(component);
            }
        }
        let mut groups: Vec<(BTreeSet<usize>, Vec<String>)> = groups.into_iter().collect();
        let away = |by: &BTreeSet<usize>| (2 * by.len()).abs_diff(prompts.len());
        groups.sort_by(|a, b| away(&a.0).cmp(&away(&b.0)).then_with(|| a.0.cmp(&b.0)));
        groups.truncate(MOST);
        let (mut slots, mut places, mut sizes) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (slot, (by, components)) in groups.into_iter().enumerate() {
            let tokens: usize = components.iter().map(|c| Estimate.count(c)).sum();
            let start: String = components[0].chars().take(NAME).collect();
            let options = vec![SlotOption::new("absent", 0), SlotOption::new("present", tokens as u32)];
            slots.push(Slot::new(format!("{} {start}", slot + 1), options));
            sizes.push((by.len(), components.len()));
            places.extend(components.into_iter().map(|c| (c, slot)));
        }
        if slots.is_empty() {
            return Err(PromptError::Empty {
                what: "the list of components that some prompts have and others lack",
            });
        }
        Ok(Self { space: PromptSpace::new(slots, Vec::new(), None)?, slots: places, sizes })
    }

    pub(super) fn space(&self) -> &PromptSpace {
        &self.space
    }

    /// A prompt by which groups it has: those of which it has a component.
    pub(super) fn choices(&self, text: &str) -> Choices {
        let mut prompt = self.space.seed();
        for slot in keys(text).iter().filter_map(|c| self.slots.get(c)) {
            prompt.choose(*slot, 1);
        }
        prompt
    }

    pub(super) fn slot_of(&self, component: &str) -> Option<usize> {
        self.slots.get(component).copied()
    }

    pub(super) fn support(&self, slot: usize) -> usize {
        self.sizes[slot].0
    }

    pub(super) fn size(&self, slot: usize) -> usize {
        self.sizes[slot].1
    }
}

fn keys(text: &str) -> BTreeSet<String> {
    let anatomy = Anatomy::of(text);
    anatomy.components().iter().map(|c| key(anatomy.text_of(c))).collect()
}
