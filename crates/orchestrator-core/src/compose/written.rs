//! Searches of pillars whose candidates are written as lines of components.

use std::fmt::Debug;

use meta_traits::{
    Ask, Components, Observation, Optimizer, Outcome, RestoreError, Snapshot, TellError, Trial, TrialId,
};

/// How a pillar's candidate is written.
pub(super) trait Writing<C>: Clone + Debug + Send {
    /// Names the saved form.
    const SCHEMA: &'static str;

    /// The lines of a candidate, by component.
    fn lines(&self, candidate: &C) -> Components;
}

/// A pillar's search with its candidates as lines: an inner search of the joint one.
#[derive(Clone, Debug)]
pub(super) struct Written<S, W> {
    search: S,
    writing: W,
    /// The best, as lines.
    best: Option<(Components, Observation)>,
}

impl<S: Optimizer, W: Writing<S::Candidate>> Written<S, W> {
    pub(super) fn new(search: S, writing: W) -> Self {
        let mut written = Self { search, writing, best: None };
        written.refresh();
        written
    }

    fn refresh(&mut self) {
        let best = self.search.best();
        self.best = best.map(|(candidate, seen)| (self.writing.lines(candidate), seen.clone()));
    }
}

impl<S: Optimizer, W: Writing<S::Candidate>> Optimizer for Written<S, W> {
    type Candidate = Components;

    fn ask(&mut self) -> Ask<Components> {
        match self.search.ask() {
            Ask::Run(trial) => {
                let lines = self.writing.lines(&trial.candidate);
                Ask::Run(Trial::new(trial.id, lines, trial.fidelity, trial.on))
            }
            Ask::Query(query) => Ask::Query(query),
            Ask::Done(reason) => Ask::Done(reason),
            _ => Ask::Wait,
        }
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        self.search.tell(id, outcome)?;
        self.refresh();
        Ok(())
    }

    fn best(&self) -> Option<(&Components, &Observation)> {
        self.best.as_ref().map(|(lines, seen)| (lines, seen))
    }
}

impl<S: Optimizer + Snapshot, W: Writing<S::Candidate>> Snapshot for Written<S, W> {
    const SCHEMA: &'static str = W::SCHEMA;
    const VERSION: u32 = S::VERSION;
    type State = S::State;

    fn snapshot(&self) -> S::State {
        self.search.snapshot()
    }

    fn restore(&mut self, state: S::State) -> Result<(), RestoreError> {
        self.search.restore(state)?;
        self.refresh();
        Ok(())
    }
}
