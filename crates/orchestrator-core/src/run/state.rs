use std::collections::HashMap;
use std::sync::Arc;

use meta_traits::{Budget, Components, Cost, Draw, ErrorKind, ExampleId, Meter, Reply, StopReason};
use serde::{Deserialize, Serialize};

use crate::run::{Phase, Record, RunError};

/// A point of the performance trajectory: from here on the optimizer would return this candidate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Metric calls charged to the search.
    pub evaluations: u64,
    /// Index of the candidate.
    pub candidate: u32,
    /// Its score on the validation split.
    pub score: f64,
}

/// What one trial or query used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Whether it was a query (reflection) rather than an evaluation.
    pub query: bool,
    /// What it was for.
    pub phase: Phase,
    /// Its id.
    pub id: u64,
    /// What it used.
    pub cost: Cost,
}

/// Everything that follows from the event log: a pure fold over its records.
///
/// Applying the records of a log one by one gives the state the run had after writing them.
#[derive(Clone, Debug)]
pub struct RunState {
    candidates: Vec<Arc<Components>>,
    // Looked up only, never walked.
    index: HashMap<Arc<Components>, u32>,
    repeats: HashMap<(u32, ExampleId), u32>,
    /// Guards the budget of the search.
    pub(crate) meter: Meter,
    trajectory: Vec<Point>,
    spends: Vec<Spend>,
    phases: HashMap<u64, Phase>,
    failed: u64,
    failed_in_row: u64,
    first_failure: Option<(ErrorKind, String)>,
    rounds: u64,
    failed_replies: u64,
    stop: Option<StopReason>,
}

impl RunState {
    /// The state before the first event.
    pub fn new(budget: Budget) -> Self {
        Self {
            candidates: Vec::new(),
            index: HashMap::new(),
            repeats: HashMap::new(),
            meter: Meter::new(budget),
            trajectory: Vec::new(),
            spends: Vec::new(),
            phases: HashMap::new(),
            failed: 0,
            failed_in_row: 0,
            first_failure: None,
            rounds: 0,
            failed_replies: 0,
            stop: None,
        }
    }

    /// The state after all of `records`, as they stand in a log.
    ///
    /// # Errors
    /// [`RunError::Log`] when a record is not readable or does not fit those before it.
    pub fn of_log<'r>(budget: Budget, records: impl IntoIterator<Item = &'r str>) -> Result<Self, RunError> {
        let mut state = Self::new(budget);
        for text in records {
            state.apply(&super::tape::parse(text)?)?;
        }
        Ok(state)
    }

    /// Takes one event into account.
    ///
    /// # Errors
    /// [`RunError::Log`] when the event does not fit those before it.
    pub fn apply(&mut self, record: &Record) -> Result<(), RunError> {
        match record {
            Record::Start { .. } | Record::Query { .. } => {}
            Record::Candidate { index, components } => {
                if *index as usize != self.candidates.len() {
                    return Err(RunError::Log { message: format!("candidate {index} comes out of order") });
                }
                let components = Arc::new(components.clone());
                self.index.insert(Arc::clone(&components), *index);
                self.candidates.push(components);
            }
            Record::Trial { trial, phase, candidate, on } => {
                if *candidate as usize >= self.candidates.len() {
                    return Err(RunError::Log { message: format!("trial {trial} has no candidate") });
                }
                for example in super::record::read_draws(on)? {
                    *self.repeats.entry((*candidate, example)).or_default() += 1;
                }
                self.phases.insert(*trial, *phase);
            }
            Record::Scored { trial, cost, .. } => {
                self.failed_in_row = 0;
                self.spend(*trial, *cost);
            }
            Record::Failed { trial, draws, error, message, cost } => {
                self.failed += u64::from(*draws);
                self.failed_in_row += u64::from(*draws);
                if self.first_failure.is_none() {
                    self.first_failure = Some((*error, message.clone()));
                }
                self.spend(*trial, *cost);
            }
            Record::Reply { query, cost, reply } => {
                self.rounds += 1;
                self.failed_replies =
                    if matches!(reply, Reply::Failed(_)) { self.failed_replies + 1 } else { 0 };
                self.meter.record(*cost);
                self.spends.push(Spend { query: true, phase: Phase::Search, id: *query, cost: *cost });
            }
            Record::Best { candidate, score, evaluations } => {
                self.trajectory.push(Point {
                    evaluations: *evaluations,
                    candidate: *candidate,
                    score: *score,
                });
            }
            Record::Stop { reason } => self.stop = Some(*reason),
        }
        Ok(())
    }

    fn spend(&mut self, trial: u64, cost: Cost) {
        let phase = self.phases.get(&trial).copied().unwrap_or(Phase::Search);
        match self.spends.last_mut() {
            Some(last) if !last.query && last.id == trial && last.phase == phase => last.cost += cost,
            _ => self.spends.push(Spend { query: false, phase, id: trial, cost }),
        }
        // The report's metric calls are not the search's, but its tokens and money come out of the same pocket.
        let evaluations = if phase == Phase::Search { cost.evaluations } else { 0 };
        let mut charged = cost;
        charged.evaluations = evaluations;
        self.meter.record(charged);
    }

    /// The index of a candidate that was seen before.
    pub fn index_of(&self, components: &Components) -> Option<u32> {
        self.index.get(components).copied()
    }

    /// The candidate of an index.
    pub fn candidate(&self, index: u32) -> Option<&Arc<Components>> {
        self.candidates.get(index as usize)
    }

    /// Every candidate in order of first appearance.
    pub fn candidates(&self) -> &[Arc<Components>] {
        &self.candidates
    }

    /// Numbers the repeats of `examples` for a candidate, as if evaluated now and in this order.
    pub fn draws(&self, candidate: Option<u32>, examples: &[ExampleId]) -> Vec<Draw> {
        let seen = |example: ExampleId| {
            candidate.and_then(|c| self.repeats.get(&(c, example)).copied()).unwrap_or(0)
        };
        // Trials are short or free of repeats; a linear look back is the cheapest exact count.
        let earlier = |i: usize| examples[..i].iter().filter(|e| **e == examples[i]).count() as u32;
        let sorted = examples.is_sorted_by(|a, b| a < b);
        let draw = |i: usize| Draw {
            example: examples[i],
            repeat: seen(examples[i]) + if sorted { 0 } else { earlier(i) },
        };
        (0..examples.len()).map(draw).collect()
    }

    /// Metric calls charged to the search.
    pub fn evaluations(&self) -> u64 {
        self.meter.committed().evaluations
    }

    /// Everything the search used.
    pub fn spent(&self) -> Cost {
        self.meter.committed()
    }

    /// What each trial and query used, in order.
    pub fn spends(&self) -> &[Spend] {
        &self.spends
    }

    /// The recommendations in order; the last one holds now.
    pub fn trajectory(&self) -> &[Point] {
        &self.trajectory
    }

    /// Answers of proposers so far: the generations of the search.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Queries in a row, at the end, that nobody could answer.
    pub fn failed_replies(&self) -> u64 {
        self.failed_replies
    }

    /// Failed metric calls: all, and in a row at the end.
    pub fn failures(&self) -> (u64, u64) {
        (self.failed, self.failed_in_row)
    }

    /// The first failure, if there was one.
    pub fn first_failure(&self) -> Option<&(ErrorKind, String)> {
        self.first_failure.as_ref()
    }

    /// Why the search ended, once it has.
    pub fn stop(&self) -> Option<StopReason> {
        self.stop
    }
}
