use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names a feature, in the order of entering.
pub type FeatureId = usize;

/// All features and what is said of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Features {
    all: Vec<Feature>,
    /// Of components with memories the feature that says how much these count.
    #[serde(default)]
    memories: BTreeMap<usize, FeatureId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Feature {
    pub(super) component: usize,
    pub(super) kind: Kind,
    pub(super) wanted: f64,
    pub(super) blamed: f64,
    /// A clause's effect in earlier runs.
    #[serde(default)]
    pub(super) remembered: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Clause,
    Rest,
    /// How much the memories of a component's clauses count: its value is their sum.
    Memory,
}

impl Features {
    fn enter(&mut self, component: usize, kind: Kind) -> FeatureId {
        self.all.push(Feature { component, kind, wanted: 0.0, blamed: 0.0, remembered: 0.0 });
        self.all.len() - 1
    }
    pub(super) fn clause(&mut self, component: usize) -> FeatureId {
        self.enter(component, Kind::Clause)
    }
    pub(super) fn rest(&mut self, component: usize) -> FeatureId {
        self.enter(component, Kind::Rest)
    }
    pub(super) fn hear(&mut self, clause: FeatureId, wanted: f64, blamed: f64) {
        let feature = &mut self.all[clause];
        (feature.wanted, feature.blamed) = (wanted, blamed);
    }
    pub(super) fn recall(&mut self, clause: FeatureId, effect: f64) {
        let component = self.all[clause].component;
        if !self.memories.contains_key(&component) {
            let memory = self.enter(component, Kind::Memory);
            self.memories.insert(component, memory);
        }
        self.all[clause].remembered = effect;
    }
    /// The feature that says how much a component's memories count, if it has any.
    pub(super) fn memory(&self, component: usize) -> Option<FeatureId> {
        self.memories.get(&component).copied()
    }
    pub(super) fn get(&self, id: FeatureId) -> Feature {
        self.all[id]
    }
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
    pub(super) fn is_sound(&self, components: usize) -> bool {
        let finite = |f: &Feature| [f.wanted, f.blamed, f.remembered].iter().all(|x| x.is_finite());
        let memory = |(component, id): (&usize, &FeatureId)| {
            let feature = self.all.get(*id);
            feature.is_some_and(|f| f.kind == Kind::Memory && f.component == *component)
        };
        self.all.iter().all(|f| f.component < components && finite(f)) && self.memories.iter().all(memory)
    }
}
