use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use meta_traits::{
    Ask, Components, Cost, Draw, ErrorKind, Evaluator, ExampleId, Fidelity, Instances, Lease, Outcome, Query,
    Reply, StopReason, Stream, Trial, TrialId, Unit,
};

use crate::checkpoint::Checkpoints;
use crate::experience::Experience;
use crate::run::collected::Collected;
use crate::run::record::{REPORT_TRIALS, Record, write_draws};
use crate::run::tape::Tape;
use crate::run::{Credit, Observer, Options, Phase, Progress, Proposer, RunError, RunState, Search};

/// Version of the event log's format.
const FORMAT: u32 = 1;

/// How a call of [`Driver::search`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The search is over.
    Stopped(StopReason),
    /// The caller asked to pause; resuming goes on as if nothing had happened.
    Interrupted,
}

/// The run loop: asks the optimizer, has candidates evaluated and texts written, records, tells.
///
/// One trial at a time; within a trial as many blocks in flight as the evaluator likes, committed in order. Every
/// event is in the log before the optimizer hears of it, so replaying the log through the same loop rebuilds the run.
pub struct Driver<'a> {
    tape: Tape,
    state: RunState,
    search: Box<dyn Search + 'a>,
    evaluator: &'a dyn Evaluator<Components>,
    proposer: &'a dyn Proposer,
    observer: &'a mut dyn Observer,
    options: Options<'a>,
    checkpoints: Option<Checkpoints>,
    stream: Stream,
    resumed: bool,
    uncertain: Cost,
    paused: bool,
    for_report: Option<Lease>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        tape: Tape,
        search: Box<dyn Search + 'a>,
        evaluator: &'a dyn Evaluator<Components>,
        proposer: &'a dyn Proposer,
        observer: &'a mut dyn Observer,
        options: Options<'a>,
    ) -> Result<Self, RunError> {
        let (mut state, stream) = (RunState::new(options.budget), Stream::root(options.seed).child("run", 0));
        let for_report = Some(state.meter.reserve(options.for_report).map_err(RunError::Report)?);
        let (resumed, uncertain) = (tape.is_replaying(), Cost::ZERO);
        Ok(Self {
            tape,
            state,
            search,
            evaluator,
            proposer,
            observer,
            options,
            checkpoints: None,
            stream,
            resumed,
            uncertain,
            paused: false,
            for_report,
        })
    }

    /// Saves checkpoints, and starts from the newest one that fits the log.
    ///
    /// # Errors
    /// [`RunError`] when the log cannot be followed up to a checkpoint that claims to fit it. Checkpoints that do not
    /// fit, or are damaged, are passed over: the log alone is enough.
    pub fn with_checkpoints(mut self, mut checkpoints: Checkpoints) -> Result<Self, RunError> {
        self.check_start()?;
        if let Some(found) = checkpoints.newest_for(self.tape.recorded()) {
            self.search.load(found.search)?;
            for record in self.tape.skip(found.events)? {
                self.state.apply(&record)?;
            }
        }
        self.checkpoints = Some(checkpoints);
        Ok(self)
    }

    /// What the log says until now.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// The most that a killed run may have paid for without a record.
    pub fn uncertain(&self) -> Cost {
        self.uncertain
    }

    /// What the search's algorithms were given and brought.
    pub fn credits(&self) -> Vec<Credit> {
        self.search.credits()
    }

    /// Which of the search's algorithms proposed what was measured, in order.
    pub fn history(&self) -> Vec<(String, u64)> {
        self.search.history()
    }

    /// What the search leaves to later runs, if anything.
    pub fn experience(&self) -> Option<Experience> {
        self.search.experience()
    }

    /// Whether the caller's wish to pause cut something short.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// That the log, if there is one, was made with the same run.
    fn check_start(&self) -> Result<(), RunError> {
        match self.tape.recorded().next().map(super::tape::parse).transpose()? {
            Some(Record::Start { run, format, .. })
                if run != self.options.fingerprint || format != FORMAT =>
            {
                Err(RunError::Changed { what: "the config, the data or the program".into() })
            }
            _ => Ok(()),
        }
    }

    fn log(&mut self, record: &Record) -> Result<(), RunError> {
        self.tape.log(record)?;
        self.state.apply(record)
    }

    /// Runs the search until it ends, or until the caller's signal says to pause.
    ///
    /// # Errors
    /// [`RunError`]; the log stays usable, and resuming goes on from there once the cause is mended.
    pub async fn search(&mut self) -> Result<Ending, RunError> {
        if self.tape.position() == 0 {
            self.check_start()?;
            let run = self.options.fingerprint.clone();
            // A log of an earlier version does not name the data; it is played back as it is.
            let data = match self.tape.recorded().next().map(super::tape::parse).transpose()? {
                Some(Record::Start { data, .. }) => data,
                _ => self.options.data.clone(),
            };
            self.log(&Record::Start { format: FORMAT, run, seed: self.options.seed, data })?;
        }
        self.observer.observe(&Progress::Started {
            replayed: self.tape.recorded().count() as u64 + self.tape.position() - 1,
        });
        while self.state.stop().is_none() {
            if self.tape.is_replaying() {
                if let Some(stop) = self.tape.next_if_stop()? {
                    self.state.apply(&stop)?;
                    break;
                }
            } else {
                if (self.options.interrupted)() {
                    self.tape.sync()?;
                    return Ok(Ending::Interrupted);
                }
                if self.options.budget.wall.is_some_and(|limit| (self.options.elapsed)() >= limit) {
                    self.stop(StopReason::Budget)?;
                    break;
                }
                self.checkpoint()?;
            }
            match self.search.ask() {
                Ask::Run(trial) => self.run(trial).await?,
                Ask::Query(query) => self.query(query).await?,
                Ask::Done(reason) => self.done(reason)?,
                _ => return Err(RunError::Stuck),
            }
            if self.paused {
                self.tape.sync()?;
                return Ok(Ending::Interrupted);
            }
            self.follow_best()?;
        }
        self.tape.sync()?;
        Ok(Ending::Stopped(self.state.stop().unwrap_or(StopReason::Cancelled)))
    }

    fn done(&mut self, reason: StopReason) -> Result<(), RunError> {
        if reason == StopReason::Failures {
            return Err(self.failures());
        }
        self.stop(reason)
    }

    fn stop(&mut self, reason: StopReason) -> Result<(), RunError> {
        self.log(&Record::Stop { reason })?;
        self.tape.flush()?;
        let evaluations = self.state.evaluations();
        self.observer.observe(&Progress::Stopped { reason, evaluations });
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), RunError> {
        let events = self.tape.position();
        let Some(checkpoints) = &mut self.checkpoints else { return Ok(()) };
        let calls = self.state.evaluations();
        if checkpoints.is_due(events, calls) {
            self.tape.sync()?;
            checkpoints.save((events, calls), self.tape.checksum(), self.search.save())?;
        }
        Ok(())
    }

    /// The index of a candidate; logs it when it is new.
    fn candidate(&mut self, components: &Components) -> Result<u32, RunError> {
        if let Some(index) = self.state.index_of(components) {
            return Ok(index);
        }
        let index = self.state.candidates().len() as u32;
        self.log(&Record::Candidate { index, components: components.clone() })?;
        Ok(index)
    }

    async fn run(&mut self, trial: Trial<Components>) -> Result<(), RunError> {
        let examples = self.examples(&trial);
        let affordable =
            self.state.meter.left(Unit::Evaluations).is_none_or(|left| left >= examples.len() as u64);
        if !affordable {
            return self.stop(StopReason::Budget);
        }
        let id = trial.id;
        let result = self.evaluate(trial, examples, Phase::Search).await?;
        let Some(result) = result else {
            let ended = self.paused || self.state.stop().is_some();
            return if ended { Ok(()) } else { self.stop(StopReason::Budget) };
        };
        let score = result.mean();
        self.search.tell(id, result.outcome())?;
        let (evaluations, spent) = (self.state.evaluations(), self.state.spent());
        self.observer.observe(&Progress::Trial {
            trial: id.0,
            score,
            examples: result.len,
            evaluations,
            spent,
        });
        for text in self.search.decisions() {
            self.observer.observe(&Progress::Decision { text });
        }
        Ok(())
    }

    fn examples(&self, trial: &Trial<Components>) -> Vec<ExampleId> {
        match &trial.on {
            Instances::Exactly(ids) => ids.clone(),
            Instances::Draws(draws) => draws.iter().map(|d| d.example).collect(),
            _ => {
                let mut ids = self.options.val.clone();
                self.stream.child("fidelity", 0).shuffle(&mut ids);
                let n = (trial.fidelity.get() * ids.len() as f64).ceil() as usize;
                ids.truncate(n.max(1));
                ids
            }
        }
    }

    /// Evaluates a candidate block by block. `None` when the budget ran out, or the caller asked to pause, on the way.
    async fn evaluate(
        &mut self,
        trial: Trial<Components>,
        examples: Vec<ExampleId>,
        phase: Phase,
    ) -> Result<Option<Collected>, RunError> {
        let candidate = self.candidate(&trial.candidate)?;
        let draws = self.state.draws(Some(candidate), &examples);
        let id = trial.id;
        let intent_recorded = self.tape.is_replaying();
        self.log(&Record::Trial { trial: id.0, phase, candidate, on: write_draws(&draws) })?;
        let mut collected = Collected::new(&trial, draws.len());
        let mut done = 0;
        while done < draws.len() {
            if let Some(record) = self.tape.next()? {
                if let Record::Stop { .. } = record {
                    self.state.apply(&record)?;
                    return Ok(None);
                }
                done += self.commit(&record, &draws[done..], &mut collected, id)?;
                continue;
            }
            self.tape.flush()?;
            self.resumed &= intent_recorded;
            if !self.live(&trial, &draws[done..], candidate, phase, &mut collected).await? {
                return Ok(None);
            }
            break;
        }
        Ok(Some(collected))
    }

    /// Evaluates what is not on record. False when the budget ran out or the caller asked to pause.
    async fn live(
        &mut self,
        trial: &Trial<Components>,
        draws: &[Draw],
        candidate: u32,
        phase: Phase,
        collected: &mut Collected,
    ) -> Result<bool, RunError> {
        let batching = self.evaluator.batching();
        let evaluator = self.evaluator;
        let rng = self.stream.child("candidate", u64::from(candidate));
        let blocks: Vec<Trial<Components>> = draws
            .chunks(batching.block.max(1))
            .map(|block| {
                let mut part = Trial::new(
                    trial.id,
                    trial.candidate.clone(),
                    trial.fidelity,
                    Instances::Draws(block.to_vec()),
                );
                part.trace = trial.trace;
                part
            })
            .collect();
        if self.resumed {
            self.resumed = false;
            let cap: Cost = blocks.iter().take(batching.concurrent.max(1)).map(|b| evaluator.cap(b)).sum();
            self.uncertain += cap;
            let what = format!("trial {} from {}", trial.id.0, draws[0].example);
            self.observer.observe(&Progress::Uncertain { what, cap });
        }
        let mut held: Vec<(Record, usize)> = Vec::new();
        let mut leases: VecDeque<Lease> = VecDeque::new();
        let mut flight = FuturesOrdered::new();
        let (mut issued, mut committed, mut short) = (0, 0, false);
        loop {
            while !short && issued < blocks.len() && flight.len() < batching.concurrent.max(1) {
                // What is in flight is paid for and will be recorded; nothing new is begun.
                self.paused = issued > 0 && (self.options.interrupted)();
                if self.paused {
                    break;
                }
                let mut cap = evaluator.cap(&blocks[issued]);
                if phase == Phase::Report {
                    cap = cap.less(Cost::evaluations(cap.evaluations));
                }
                let Ok(lease) = self.state.meter.reserve(cap) else {
                    short = true;
                    break;
                };
                leases.push_back(lease);
                let guarded =
                    AssertUnwindSafe(evaluator.evaluate(&blocks[issued], rng.clone())).catch_unwind();
                flight.push_back(guarded);
                issued += 1;
            }
            let Some(finished) = flight.next().await else { break };
            if let Some(lease) = leases.pop_front() {
                self.state.meter.refund(lease);
            }
            let outcome = finished.unwrap_or_else(|_| Outcome::Failed {
                kind: ErrorKind::Bug,
                message: "the evaluator panicked".into(),
                cost: Cost::ZERO,
            });
            let Instances::Draws(block) = &blocks[committed].on else { return Err(RunError::Stuck) };
            held.push((Record::of_block(trial.id.0, block, outcome), block.len()));
            committed += 1;
            if self.must_hold_back(&held, block[0].example)? {
                continue;
            }
            self.release(&mut held, draws, collected, trial.id)?;
            if phase == Phase::Report {
                self.observer.observe(&Progress::Reporting { done: collected.len, of: collected.wanted });
            }
        }
        self.release(&mut held, draws, collected, trial.id)?;
        Ok(!short && !self.paused)
    }

    /// Whether the newest block failed and should wait for what comes next.
    ///
    /// Failures in a row reach the log only once something succeeds or the trial ends. So a run that is stopped by a
    /// dead endpoint has no trace of it, and resuming tries again.
    fn must_hold_back(&self, held: &[(Record, usize)], at: ExampleId) -> Result<bool, RunError> {
        let Some((Record::Failed { error, message, cost, .. }, _)) = held.last() else { return Ok(false) };
        let waiting: usize = held.iter().map(|(_, draws)| draws).sum();
        let (failed, in_row) = self.state.failures();
        let hopeless = matches!(error, ErrorKind::Permanent | ErrorKind::Config | ErrorKind::Cancelled);
        if !hopeless && in_row + (waiting as u64) < self.options.failure_limit {
            return Ok(true);
        }
        let spent = self.state.spent() + *cost;
        let first = match (self.state.first_failure(), held.first()) {
            (Some((_, first)), _) => first.clone(),
            (None, Some((Record::Failed { message: first, .. }, _))) if held.len() > 1 => first.clone(),
            _ => format!("{message}, on {at}"),
        };
        Err(RunError::Evaluator {
            failed: failed + waiting as u64,
            calls: self.state.spent().evaluations + waiting as u64,
            first,
            usd: spent.nano_usd as f64 * 1e-9,
            kind: *error,
        })
    }

    /// Logs and commits blocks in order.
    fn release(
        &mut self,
        held: &mut Vec<(Record, usize)>,
        draws: &[Draw],
        collected: &mut Collected,
        id: TrialId,
    ) -> Result<(), RunError> {
        for (record, _) in held.drain(..) {
            let behind = draws.len() - (collected.wanted - collected.len);
            self.tape.log(&record)?;
            self.commit(&record, &draws[behind..], collected, id)?;
        }
        self.tape.flush()
    }

    /// Takes a block's record into account; returns how many draws it covers.
    fn commit(
        &mut self,
        record: &Record,
        draws: &[Draw],
        collected: &mut Collected,
        id: TrialId,
    ) -> Result<usize, RunError> {
        self.state.apply(record)?;
        let covered = match record {
            Record::Scored { trial, scores, .. } if *trial == id.0 => scores.len(),
            Record::Failed { trial, draws, .. } if *trial == id.0 => *draws as usize,
            _ => 0,
        };
        if covered == 0 || covered > draws.len() {
            return Err(RunError::Log { message: format!("trial {} is not followed by its scores", id.0) });
        }
        collected.take(record, &draws[..covered]);
        Ok(covered)
    }

    fn failures(&self) -> RunError {
        let (failed, _) = self.state.failures();
        let (kind, first) =
            self.state.first_failure().cloned().unwrap_or((ErrorKind::Bug, "no evaluation failed".into()));
        let spent = self.state.spent();
        RunError::Evaluator {
            failed,
            calls: spent.evaluations,
            first,
            usd: spent.nano_usd as f64 * 1e-9,
            kind,
        }
    }

    async fn query(&mut self, query: Query) -> Result<(), RunError> {
        let candidate = self.candidate(&query.candidate)?;
        let intent_recorded = self.tape.is_replaying();
        self.log(&Record::Query { query: query.id.0, component: query.component.clone(), candidate })?;
        let recorded = self.tape.next()?;
        let reply = match recorded {
            Some(Record::Reply { query: id, reply, cost }) if id == query.id.0 => {
                self.state.apply(&Record::Reply { query: id, reply: reply.clone(), cost })?;
                reply
            }
            Some(Record::Stop { reason }) => return self.state.apply(&Record::Stop { reason }),
            Some(_) => {
                return Err(RunError::Log {
                    message: format!("query {} is not followed by its reply", query.id.0),
                });
            }
            None => {
                self.resumed &= intent_recorded;
                match self.ask_proposer(&query).await? {
                    Some(reply) => reply,
                    None => return self.stop(StopReason::Budget),
                }
            }
        };
        self.search.answer(query.id, reply)?;
        Ok(())
    }

    async fn ask_proposer(&mut self, query: &Query) -> Result<Option<Reply>, RunError> {
        self.tape.flush()?;
        let cap = self.proposer.cap(query);
        if self.resumed {
            self.resumed = false;
            self.uncertain += cap;
            let what = format!("query {} on {}", query.id.0, query.component);
            self.observer.observe(&Progress::Uncertain { what, cap });
        }
        let Ok(lease) = self.state.meter.reserve(cap) else { return Ok(None) };
        let rng = self.stream.child("query", query.id.0);
        let written = AssertUnwindSafe(self.proposer.propose(query, rng)).catch_unwind().await;
        self.state.meter.refund(lease);
        let (reply, mut cost) = match written {
            Ok(proposal) => (proposal.reply, proposal.cost),
            Err(_) => (Reply::Failed("the proposer panicked".into()), Cost::ZERO),
        };
        if let Reply::Failed(why) = &reply
            && self.state.failed_replies() + 1 >= self.options.failure_limit
        {
            return Err(RunError::Proposer { times: self.options.failure_limit, last: why.clone() });
        }
        cost.wall = Duration::ZERO;
        cost.evaluations = 0;
        self.log(&Record::Reply { query: query.id.0, reply: reply.clone(), cost })?;
        self.tape.flush()?;
        Ok(Some(reply))
    }

    fn follow_best(&mut self) -> Result<(), RunError> {
        if self.state.stop().is_some() {
            return Ok(());
        }
        let Some((components, seen)) = self.search.best() else { return Ok(()) };
        let Some(candidate) = self.state.index_of(components) else { return Ok(()) };
        let Some(loss) = seen.losses.first() else { return Ok(()) };
        let (score, error) = (1.0 - loss, seen.variance.map(f64::sqrt));
        if self.state.trajectory().last().is_some_and(|p| p.candidate == candidate) {
            return Ok(());
        }
        let evaluations = self.state.evaluations();
        self.log(&Record::Best { candidate, score, evaluations })?;
        self.observer.observe(&Progress::Best { candidate, score, error, evaluations });
        Ok(())
    }

    /// Scores a candidate on the untouched test split, after the search. `number` tells reports apart.
    ///
    /// Scores come in the order of `examples`; `None` when tokens, money or the caller's patience ran out.
    ///
    /// # Errors
    /// As for [`Driver::search`].
    pub async fn report(
        &mut self,
        number: u64,
        candidate: &Components,
        examples: Vec<ExampleId>,
    ) -> Result<Option<Vec<f32>>, RunError> {
        if let Some(lease) = self.for_report.take() {
            self.state.meter.refund(lease);
        }
        let id = TrialId(REPORT_TRIALS + number);
        let trial = Trial::new(id, candidate.clone(), Fidelity::FULL, Instances::Exactly(examples.clone()));
        let collected = self.evaluate(trial, examples, Phase::Report).await?;
        self.tape.sync()?;
        Ok(collected.map(|c| c.scores.iter().map(|s| s.score).collect()))
    }
}
