use serde::{Deserialize, Serialize};

/// Names a feature, in the order of entering.
pub type FeatureId = usize;

/// All features and what is said of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Features {
    all: Vec<Feature>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Feature {
    pub(super) component: usize,
    pub(super) kind: Kind,
    pub(super) wanted: f64,
    pub(super) blamed: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Clause,
    Rest,
}

impl Features {
    fn enter(&mut self, component: usize, kind: Kind) -> FeatureId {
        self.all.push(Feature { component, kind, wanted: 0.0, blamed: 0.0 });
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
    pub(super) fn get(&self, id: FeatureId) -> Feature {
        self.all[id]
    }
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
    pub(super) fn is_sound(&self, components: usize) -> bool {
        let sound = |f: &Feature| f.component < components && f.wanted.is_finite() && f.blamed.is_finite();
        self.all.iter().all(sound)
    }
}
