use std::collections::BTreeMap;
use std::path::Path;

use bayes_hyperopt::multi::front;
use bayes_hyperopt::{Configuration, Explanation};
use coordination::journal::{FileStorage, Journal, MemoryStorage};
use meta_traits::{Ask, Fidelity, Outcome, StopReason, TellError, TrialId};
use orchestrator_core::Error;
use orchestrator_core::run::RunError;

use super::Settings;
use super::algorithm::begin;
use super::answer::Reading;
use super::engine::Engine;
use super::record::{FORMAT, Record};

/// One trial of a search.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trial {
    pub(crate) id: u64,
    pub(crate) parameters: Configuration,
    pub(crate) fidelity: Fidelity,
    /// How it ended, once the search was told.
    pub(crate) outcome: Option<Outcome>,
}

impl Trial {
    /// All losses, where the trial gave usable ones at the fidelity asked for.
    pub(crate) fn losses(&self) -> Option<&[f64]> {
        match self.outcome.as_ref()? {
            Outcome::Complete(seen) if seen.is_sound() => Some(&seen.losses),
            _ => None,
        }
    }

    /// The first loss, and the fidelity it stands for, where the trial gave a usable one.
    pub(crate) fn loss(&self) -> Option<(f64, Fidelity)> {
        match self.outcome.as_ref()? {
            Outcome::Complete(seen) if seen.is_sound() => Some((seen.losses[0], self.fidelity)),
            Outcome::Pruned { at, last } if last.is_sound() => Some((last.losses[0], *at)),
            _ => None,
        }
    }
}

/// What a search wants next.
pub(crate) enum Next {
    /// Run this trial.
    Run(Box<Trial>),
    /// Nothing until a pending trial is told.
    Wait,
    /// Nothing ever again.
    Done(StopReason),
}

/// A search and its log.
///
/// Every change of the search is logged before anyone learns of it, so that a search whose process was killed goes
/// on with the suggestions it would have made.
pub(crate) struct Study {
    pub(crate) settings: Settings,
    engine: Box<dyn Engine>,
    journal: Option<Journal<FileStorage>>,
    trials: BTreeMap<u64, Trial>,
    /// Trials that ended and wait for their turn.
    ended: BTreeMap<u64, Outcome>,
    replayed: usize,
}

impl Study {
    /// The search in `storage`, or a new one; without storage one that is forgotten with its process.
    pub(crate) fn open(settings: Settings, storage: Option<FileStorage>) -> Result<Self, Error> {
        let engine = begin(&settings)?;
        let (trials, ended) = (BTreeMap::new(), BTreeMap::new());
        let mut study = Self { settings, engine, journal: None, trials, ended, replayed: 0 };
        let Some(storage) = storage else { return Ok(study) };
        let (journal, recovered) = Journal::open(storage).map_err(RunError::from)?;
        for (number, text) in recovered.records.iter().enumerate() {
            let record = serde_json::from_str(text).map_err(|e| damaged(number, &e.to_string()))?;
            study.replay(number, record)?;
        }
        study.replayed = recovered.records.len();
        study.journal = Some(journal);
        if study.replayed == 0 {
            let settings = Box::new(study.settings.clone());
            study.log(&Record::Start { format: FORMAT, settings })?;
            study.sync()?;
        }
        Ok(study)
    }

    fn replay(&mut self, number: usize, record: Record) -> Result<(), Error> {
        match record {
            Record::Start { format: FORMAT, settings } => self
                .settings
                .change(&settings)
                .map_or(Ok(()), |what| Err(RunError::Changed { what: what.to_owned() }.into())),
            Record::Start { format, .. } => Err(damaged(number, &format!("format {format} is not known"))),
            Record::Asked { trial, parameters, fidelity } => {
                let recorded = Trial { id: trial, parameters, fidelity, outcome: None };
                match self.suggest() {
                    Next::Run(now) if *now == recorded => {
                        self.trials.insert(now.id, *now);
                        Ok(())
                    }
                    now => Err(diverged(number, &recorded, &now)),
                }
            }
            Record::Ended { trial, outcome } => {
                self.ended.insert(trial, outcome);
                Ok(())
            }
            Record::Told { trial, outcome } => {
                let outcome = outcome.or_else(|| self.ended.remove(&trial));
                let outcome = outcome.ok_or_else(|| damaged(number, "a told trial has no outcome"))?;
                self.take(trial, outcome).map_err(|e| damaged(number, &e.to_string()))
            }
            Record::Observed { parameters, outcome, .. } => self
                .take_observed(parameters, outcome)
                .map(|_| ())
                .map_err(|e| damaged(number, &e.to_string())),
        }
    }

    fn suggest(&mut self) -> Next {
        match self.engine.ask() {
            Ask::Run(trial) => Next::Run(Box::new(Trial {
                id: trial.id.0,
                parameters: trial.candidate,
                fidelity: trial.fidelity,
                outcome: None,
            })),
            Ask::Done(reason) => Next::Done(reason),
            _ => Next::Wait,
        }
    }

    fn take(&mut self, id: u64, outcome: Outcome) -> Result<(), TellError> {
        self.engine.tell(TrialId(id), outcome.clone())?;
        if let Some(trial) = self.trials.get_mut(&id) {
            trial.outcome = Some(outcome);
        }
        Ok(())
    }

    fn take_observed(&mut self, parameters: Configuration, outcome: Outcome) -> Result<u64, TellError> {
        let observed = self.engine.observe(parameters.clone(), outcome.clone());
        let cannot = || TellError::Mismatch("only bayes takes points that it did not ask for".into());
        let id = observed.ok_or_else(cannot)??.0;
        let outcome = Some(outcome);
        self.trials.insert(id, Trial { id, parameters, fidelity: Fidelity::FULL, outcome });
        Ok(id)
    }

    /// What to do next; a trial is logged before it is handed out.
    pub(crate) fn ask(&mut self) -> Result<Next, Error> {
        let next = self.suggest();
        if let Next::Run(trial) = &next {
            let parameters = trial.parameters.clone();
            self.log(&Record::Asked { trial: trial.id, parameters, fidelity: trial.fidelity })?;
            self.journal.as_mut().map_or(Ok(()), Journal::flush).map_err(RunError::from)?;
            self.trials.insert(trial.id, (**trial).clone());
        }
        Ok(next)
    }

    /// Tells the search at once. The inner error is the caller's mistake, and changed nothing.
    pub(crate) fn tell(&mut self, id: u64, outcome: Outcome) -> Result<Result<(), TellError>, Error> {
        if let Err(error) = self.take(id, outcome.clone()) {
            return Ok(Err(error));
        }
        self.log(&Record::Told { trial: id, outcome: Some(outcome) })?;
        self.sync()?;
        Ok(Ok(()))
    }

    /// Takes an evaluation that was not asked for. The inner error is the caller's mistake, and changed nothing.
    pub(crate) fn observe(
        &mut self,
        parameters: Configuration,
        outcome: Outcome,
    ) -> Result<Result<u64, TellError>, Error> {
        let trial = match self.take_observed(parameters.clone(), outcome.clone()) {
            Ok(trial) => trial,
            Err(error) => return Ok(Err(error)),
        };
        self.log(&Record::Observed { trial, parameters, outcome })?;
        self.sync()?;
        Ok(Ok(trial))
    }

    /// Keeps the outcome of a trial until its turn comes.
    pub(crate) fn keep(&mut self, id: u64, outcome: Outcome) -> Result<(), Error> {
        if self.pending().next().is_some_and(|oldest| oldest.id != id) {
            self.log(&Record::Ended { trial: id, outcome: outcome.clone() })?;
            self.sync()?;
        }
        self.ended.insert(id, outcome);
        Ok(())
    }

    /// Tells the search how its oldest pending trial ended, if that has ended.
    pub(crate) fn commit(&mut self) -> Result<Option<Trial>, Error> {
        let Some(id) = self.pending().next().map(|trial| trial.id) else { return Ok(None) };
        let Some(outcome) = self.ended.remove(&id) else { return Ok(None) };
        self.tell(id, outcome)?.map_err(RunError::Tell)?;
        Ok(self.trials.get(&id).cloned())
    }

    /// Trials that were asked for and not told, oldest first.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Trial> {
        self.trials.values().filter(|trial| trial.outcome.is_none())
    }

    /// Whether the trial has ended and waits for its turn.
    pub(crate) fn has_ended(&self, id: u64) -> bool {
        self.ended.contains_key(&id)
    }

    /// All trials, oldest first.
    pub(crate) fn trials(&self) -> impl ExactSizeIterator<Item = &Trial> {
        self.trials.values()
    }

    /// The trials that no other dominates, oldest first.
    pub(crate) fn front(&self) -> impl Iterator<Item = &Trial> {
        let sound: Vec<&Trial> = self.trials.values().filter(|trial| trial.losses().is_some()).collect();
        let losses: Vec<Vec<f64>> = sound.iter().filter_map(|t| t.losses().map(<[f64]>::to_vec)).collect();
        front(&losses).into_iter().map(move |i| sound[i])
    }

    /// The trial with the least first loss among those of the highest fidelity.
    pub(crate) fn best(&self) -> Option<&Trial> {
        let known = self.trials.values().filter_map(|trial| trial.loss().map(|loss| (loss, trial)));
        let before = |a: &((f64, Fidelity), &Trial), b: &((f64, Fidelity), &Trial)| {
            b.0.1.get().total_cmp(&a.0.1.get()).then(a.0.0.total_cmp(&b.0.0))
        };
        known.min_by(before).map(|(_, trial)| trial)
    }

    /// Why a pending trial was suggested, where that is known.
    pub(crate) fn explain(&self, id: u64) -> Option<&Explanation> {
        self.engine.explain(TrialId(id))
    }

    /// Trials asked for and told according to the log of the search at `path`, which is only read.
    pub(crate) fn counts(path: &Path) -> Result<(usize, usize), Error> {
        let file = path.join("events.jsonl");
        let bytes = std::fs::read(&file)
            .map_err(|source| RunError::Io { path: file.display().to_string(), source })?;
        let (_, recovered) = Journal::open(MemoryStorage::of(bytes)).map_err(RunError::from)?;
        let (mut asked, mut told) = (0, 0);
        for (number, text) in recovered.records.iter().enumerate() {
            match serde_json::from_str(text).map_err(|e| damaged(number, &e.to_string()))? {
                Record::Asked { .. } => asked += 1,
                Record::Told { .. } => told += 1,
                Record::Observed { .. } => (asked, told) = (asked + 1, told + 1),
                Record::Start { .. } | Record::Ended { .. } => {}
            }
        }
        Ok((asked, told))
    }

    /// How far the best may be from the best there is, exceeded with probability 0.05, in the units of the loss.
    pub(crate) fn regret_bound(&self) -> Option<f64> {
        self.engine.regret_bound(0.05).map(|regret| regret.bound)
    }

    /// Records that an earlier process had written.
    pub(crate) fn replayed(&self) -> usize {
        self.replayed
    }

    /// How the reports of a trial are read.
    pub(super) fn reading(&self, fidelity: Fidelity) -> Reading {
        Reading { fidelity, maximize: self.settings.maximize, objectives: self.settings.objectives }
    }

    /// The reported cost of all trials told.
    pub(crate) fn spent(&self) -> f64 {
        let told = self.trials.values().filter_map(|trial| trial.outcome.as_ref());
        told.map(|outcome| outcome.cost().wall.as_secs_f64()).sum()
    }

    fn log(&mut self, record: &Record) -> Result<(), Error> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let text = serde_json::to_vec(record)
            .map_err(|e| RunError::Log { message: format!("a record cannot be written: {e}") })?;
        Ok(journal.append(&text).map_err(RunError::from)?)
    }

    fn sync(&mut self) -> Result<(), Error> {
        Ok(self.journal.as_mut().map_or(Ok(()), Journal::sync).map_err(RunError::from)?)
    }
}

fn damaged(number: usize, why: &str) -> Error {
    RunError::Log { message: format!("record {number}: {why}") }.into()
}

fn diverged(number: usize, recorded: &Trial, now: &Next) -> Error {
    let now = match now {
        Next::Run(trial) => format!("trial {} {:?}", trial.id, trial.parameters),
        Next::Wait => "nothing until a trial ends".into(),
        Next::Done(reason) => format!("the end: {reason:?}"),
    };
    let recorded = format!("trial {} {:?}", recorded.id, recorded.parameters);
    RunError::Diverged { event: number as u64, recorded, now }.into()
}
