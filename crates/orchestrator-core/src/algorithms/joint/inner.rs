//! Searches of pillars inside the joint search: they make lines that no text has.

use std::collections::BTreeMap;
use std::fmt::Debug;

use coordination::Component;
use meta_traits::{
    Ask, Components, Cost, DynSnapshot, Envelope, ErrorKind, Observation, Optimizer, Outcome, RestoreError,
    Stream, TrialId,
};
use serde::{Deserialize, Serialize};

use super::versions::VersionId;
use super::{Joint, Operator};
use crate::posterior::FeatureId;

/// A pillar's own search that can be saved: what [`Joint::with_inner`] takes.
///
/// Its candidates hold for some components the lines that a system is to have, each in place of the line on its topic. It
/// is told by how much the posterior's mean falls (negative where it rises) from the same system with the seed's lines on
/// these topics, with the posterior's variance; so it need not know of the rest of the system, which improves meanwhile,
/// nor of the examples.
pub trait InnerSearch: Optimizer<Candidate = Components> + DynSnapshot + Debug + Send {}

impl<S: Optimizer<Candidate = Components> + DynSnapshot + Debug + Send> InnerSearch for S {}

/// Inner searches by the pillar whose operator they serve, and the trial of theirs that is being measured.
#[derive(Debug, Default)]
pub(super) struct Inner {
    searches: BTreeMap<Component, Box<dyn InnerSearch>>,
    asked: Option<Asked>,
}

/// A trial of an inner search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Asked {
    pillar: Component,
    trial: TrialId,
    /// The topics of its lines, by component.
    topics: Vec<(usize, usize)>,
}

/// The saved form.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct InnerState {
    searches: BTreeMap<Component, Envelope>,
    asked: Option<Asked>,
}

impl Inner {
    pub(super) fn insert(&mut self, pillar: Component, search: Box<dyn InnerSearch>) {
        self.searches.insert(pillar, search);
    }

    pub(super) fn has(&self, pillar: Component) -> bool {
        self.searches.contains_key(&pillar)
    }

    pub(super) fn save(&self) -> InnerState {
        let searches = self.searches.iter().map(|(pillar, search)| (*pillar, search.save()));
        InnerState { searches: searches.collect(), asked: self.asked.clone() }
    }

    /// Takes up what was saved; searches of other pillars than are there are refused.
    pub(super) fn load(&mut self, state: InnerState) -> Result<(), RestoreError> {
        if !self.searches.keys().eq(state.searches.keys()) {
            let names = |keys: Vec<&Component>| keys.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
            let (here, saved) =
                (names(self.searches.keys().collect()), names(state.searches.keys().collect()));
            let message = format!("saved are searches of [{saved}], here are those of [{here}]");
            return Err(RestoreError::Body(message));
        }
        for (search, saved) in self.searches.values_mut().zip(state.searches.into_values()) {
            search.load(saved)?;
        }
        self.asked = state.asked;
        Ok(())
    }
}

impl InnerState {
    /// Whether a pending trial is about topics that exist.
    pub(super) fn is_sound(&self, exists: impl Fn(&(usize, usize)) -> bool) -> bool {
        self.asked.iter().flat_map(|asked| &asked.topics).all(exists)
    }
}

impl Joint {
    /// The leader with lines that the operator's pillar makes, if it has a search of its own and wants something new.
    pub(super) fn invented(
        &mut self,
        operator: Operator,
        leader: &[VersionId],
        stream: &Stream,
    ) -> Option<Vec<VersionId>> {
        let pillar = operator.component();
        if !stream.child("inventive", 0).chance(self.options.inventive) {
            return None;
        }
        let Ask::Run(trial) = self.inner.searches.get_mut(&pillar)?.ask() else { return None };
        let (system, topics) = self.laid_over(leader, &trial.candidate);
        self.inner.asked = Some(Asked { pillar, trial: trial.id, topics });
        if system == leader {
            // Nothing to measure: the leader has these lines.
            self.hand_in(leader);
            return None;
        }
        Some(system)
    }

    /// A system with lines in place of those on their topics, and these topics by component.
    fn laid_over(
        &mut self,
        system: &[VersionId],
        lines: &Components,
    ) -> (Vec<VersionId>, Vec<(usize, usize)>) {
        let (mut system, mut topics) = (system.to_vec(), Vec::new());
        for (component, name) in self.names.clone().iter().enumerate() {
            let Some(text) = lines.get(name) else { continue };
            let mut choices = self.versions.get(system[component]).choices.clone();
            for line in text.lines() {
                let (topic, number) = self.versions.know(&mut self.posterior, component, line);
                choices.set(topic, Some(number));
                topics.push((component, topic));
            }
            let text = self.text(system[component], &choices);
            system[component] = self.realise(component, text);
        }
        (system, topics)
    }

    /// The features of a system with the seed's lines on these topics.
    fn as_at_first(&self, system: &[VersionId], topics: &[(usize, usize)]) -> Vec<FeatureId> {
        let Some(seed) = self.entrants.first().map(|e| &e.system) else {
            return self.versions.features(system);
        };
        let features = |(component, version): (usize, &VersionId)| -> Vec<FeatureId> {
            let mut choices = self.versions.get(*version).choices.clone();
            let first = &self.versions.get(seed[component]).choices;
            for (_, topic) in topics.iter().filter(|(c, _)| *c == component) {
                choices.set(*topic, first.get(*topic));
            }
            match self.versions.of_choices(component, &choices) {
                Some(known) => self.versions.features(&[known]),
                None => self.versions.wording(component).clauses(&choices).collect(),
            }
        };
        system.iter().enumerate().flat_map(features).collect()
    }

    /// Tells the inner search what its lines are worth, once `system` was measured.
    pub(super) fn hand_in(&mut self, system: &[VersionId]) {
        let Some(Asked { pillar, trial, topics }) = self.inner.asked.take() else { return };
        let with = self.posterior.estimate(&self.versions.features(system));
        let without = self.posterior.estimate(&self.as_at_first(system, &topics));
        let mut seen = Observation::of_loss(without.mean - with.mean);
        seen.variance = Some(with.sd * with.sd);
        self.inform(pillar, trial, Outcome::Complete(seen));
    }

    /// Tells the inner search that its lines made the evaluation fail.
    pub(super) fn hand_back(&mut self, message: &str) {
        let Some(Asked { pillar, trial, .. }) = self.inner.asked.take() else { return };
        let failed =
            Outcome::Failed { kind: ErrorKind::InvalidInput, message: message.to_owned(), cost: Cost::ZERO };
        self.inform(pillar, trial, failed);
    }

    fn inform(&mut self, pillar: Component, trial: TrialId, outcome: Outcome) {
        if let Some(search) = self.inner.searches.get_mut(&pillar) {
            // It asked for this trial, and posterior means are finite; nothing else can be wrong.
            let _ = search.tell(trial, outcome);
        }
    }
}
