use std::collections::BTreeMap;

use meta_traits::Scored;
use serde::{Deserialize, Serialize};

use super::wording::{Choices, Reading, Wording};
use crate::posterior::{FeatureId, Posterior};

/// A text: its number in the order of writing.
pub(super) type VersionId = usize;

/// All texts written so far, what they share, and what went wrong with each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Versions {
    examples: usize,
    all: Vec<Version>,
    wordings: Vec<Wording>,
    /// Texts by their clauses, component by component; follows from the rest.
    #[serde(skip)]
    numbers: Vec<BTreeMap<Choices, VersionId>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) component: usize,
    pub(super) text: String,
    pub(super) choices: Choices,
    /// Its topics, in order.
    pub(super) order: Vec<usize>,
    /// What it is beyond its clauses, once it was evaluated.
    pub(super) rest: Option<FeatureId>,
    /// How often each example was run with it.
    pub(super) runs: Vec<u32>,
    /// Failures on training examples blamed on it, with notes.
    pub(super) failures: Vec<Scored>,
}

impl Versions {
    pub(super) fn new(components: usize, examples: usize) -> Self {
        let numbers = vec![BTreeMap::new(); components];
        Self { examples, all: Vec::new(), wordings: vec![Wording::default(); components], numbers }
    }

    /// Computes again what is not saved.
    pub(super) fn index(&mut self) {
        self.numbers = vec![BTreeMap::new(); self.wordings.len()];
        for (id, version) in self.all.iter().enumerate() {
            self.numbers[version.component].entry(version.choices.clone()).or_insert(id);
        }
    }

    /// Whether a saved state refers to nothing that it does not hold.
    pub(super) fn is_sound(&self, components: usize, examples: usize, features: usize) -> bool {
        let sound = |v: &Version| {
            let known = |w: &Wording| w.knows(&v.order, &v.choices);
            self.wordings.get(v.component).is_some_and(known)
                && v.runs.len() == examples
                && v.rest.is_none_or(|rest| rest < features)
        };
        (self.wordings.len(), self.examples) == (components, examples)
            && self.wordings.iter().all(|w| w.is_sound(features))
            && self.all.iter().all(sound)
    }

    /// Takes in a text, and says whether it has a line that none before it had.
    pub(super) fn add(
        &mut self,
        posterior: &mut Posterior,
        component: usize,
        text: String,
    ) -> (VersionId, bool) {
        let wording = &mut self.wordings[component];
        let lines = wording.lines();
        let Reading { choices, order } = wording.read(&text, || posterior.clause(component));
        let news = wording.lines() > lines;
        let id = self.all.len();
        self.numbers[component].entry(choices.clone()).or_insert(id);
        let (runs, failures) = (vec![0; self.examples], Vec::new());
        self.all.push(Version { component, text, choices, order, rest: None, runs, failures });
        (id, news)
    }

    /// Takes in a line that no text needs to have; its topic and number there.
    pub(super) fn know(&mut self, posterior: &mut Posterior, component: usize, line: &str) -> (usize, usize) {
        self.wordings[component].know(line, || posterior.clause(component))
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
    pub(super) fn get(&self, version: VersionId) -> &Version {
        &self.all[version]
    }
    pub(super) fn get_mut(&mut self, version: VersionId) -> &mut Version {
        &mut self.all[version]
    }
    pub(super) fn find(&self, component: usize, text: &str) -> Option<VersionId> {
        self.all.iter().position(|v| v.component == component && v.text == text)
    }
    /// The texts of a component.
    pub(super) fn of(&self, component: usize) -> impl Iterator<Item = VersionId> {
        (0..self.all.len()).filter(move |&v| self.all[v].component == component)
    }
    pub(super) fn wording(&self, component: usize) -> &Wording {
        &self.wordings[component]
    }
    /// The first text of these clauses, if there is one. O(log texts).
    pub(super) fn of_choices(&self, component: usize, choices: &Choices) -> Option<VersionId> {
        self.numbers[component].get(choices).copied()
    }
    /// The features of a text's clauses.
    pub(super) fn clauses(&self, version: VersionId) -> impl Iterator<Item = FeatureId> + '_ {
        let version = &self.all[version];
        self.wordings[version.component].clauses(&version.choices)
    }
    /// The features of a system of texts that were evaluated or not.
    pub(super) fn features(&self, system: &[VersionId]) -> Vec<FeatureId> {
        system.iter().flat_map(|&v| self.clauses(v).chain(self.all[v].rest)).collect()
    }
    /// The same once all texts have a rest of their own.
    pub(super) fn complete(&mut self, posterior: &mut Posterior, system: &[VersionId]) -> Vec<FeatureId> {
        for &version in system {
            let version = &mut self.all[version];
            version.rest.get_or_insert_with(|| posterior.rest(version.component));
        }
        self.features(system)
    }
    /// Hears a complaint about a text.
    pub(super) fn hear(&mut self, version: VersionId, complaint: &str) {
        let Version { component, choices, .. } = &self.all[version];
        self.wordings[*component].hear(choices, complaint);
    }
    /// Tells the posterior what complaints say.
    pub(super) fn tell(&self, posterior: &mut Posterior) {
        for said in self.wordings.iter().flat_map(Wording::hearsay) {
            posterior.hear(said.clause, said.wanted, said.blamed);
        }
    }
}
