use evaluation::race::PartId;
use meta_traits::Scored;
use serde::{Deserialize, Serialize};

/// All texts written so far and what went wrong with each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Versions {
    examples: usize,
    all: Vec<Version>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Version {
    slot: usize,
    text: String,
    /// How often each example was run with it.
    runs: Vec<u32>,
    /// Failures on training examples blamed on it, with notes.
    failures: Vec<Scored>,
}

impl Versions {
    pub(super) fn new(examples: usize) -> Self {
        Self { examples, all: Vec::new() }
    }
    pub(super) fn add(&mut self, slot: usize, text: String) -> PartId {
        let runs = vec![0; self.examples];
        self.all.push(Version { slot, text, runs, failures: Vec::new() });
        self.all.len() - 1
    }
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
    pub(super) fn find(&self, slot: usize, text: &str) -> Option<PartId> {
        self.all.iter().position(|v| v.slot == slot && v.text == text)
    }
    pub(super) fn text(&self, part: PartId) -> &str {
        &self.all[part].text
    }
    pub(super) fn slot(&self, part: PartId) -> usize {
        self.all[part].slot
    }
    pub(super) fn runs(&self, part: PartId) -> &[u32] {
        &self.all[part].runs
    }
    pub(super) fn failures(&self, part: PartId) -> &[Scored] {
        &self.all[part].failures
    }
    pub(super) fn ran(&mut self, part: PartId, example: usize) {
        self.all[part].runs[example] += 1;
    }
    pub(super) fn failed(&mut self, part: PartId, scored: Scored) {
        self.all[part].failures.push(scored);
    }
    pub(super) fn of(&self, slot: usize) -> impl Iterator<Item = PartId> {
        (0..self.all.len()).filter(move |&p| self.all[p].slot == slot)
    }
}
