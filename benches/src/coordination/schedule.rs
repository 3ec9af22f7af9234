//! Random schedules in virtual time with cancellations, failures, time-outs, panics and crashes, under strict admission and a
//! ledger: what was lost, done twice or stuck, and how waits compare with their bound.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use anyhow::Context as _;
use coordination::journal::MemoryStorage;
use coordination::{Access, Admission, Begun, Keys, Ledger, Notice, Stop, Ticket, Update};
use meta_traits::Stream;
use serde::Serialize;

/// Effects that are wanted in a schedule.
const EFFECTS: usize = 40;
/// Keys that they write.
const KEYS: usize = 4;
/// Nothing waits without end for a schedule that makes no progress.
const TURNS: usize = 20_000;

/// One schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Which.
    pub seed: u64,
    /// Attempts that were begun.
    pub attempts: u64,
    /// Crashes after which everything but the ledger's durable records was forgotten.
    pub crashes: u64,
    /// Effects that never happened.
    pub lost: u64,
    /// Effects that happened more than once.
    pub double: u64,
    /// Times that something waited and nothing ran.
    pub deadlocks: u64,
    /// Seconds that a wait was longer than its bound and the service of those in its way; 0 or less is as promised.
    pub over_bound: f64,
}

/// How an attempt ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Well,
    Fails,
    /// Works until it is asked to stop.
    Hangs,
}

struct Attempt {
    effect: usize,
    number: u32,
    end: End,
    service: Duration,
    submitted: Duration,
    started: Option<Duration>,
}

struct World {
    rng: Stream,
    bound: Duration,
    now: Duration,
    admission: Admission,
    ledger: Ledger<MemoryStorage>,
    attempts: BTreeMap<Ticket, Attempt>,
    /// Attempts of this life that have ended: what was in the way of others.
    past: Vec<Attempt>,
    ends: BinaryHeap<Reverse<(Duration, Ticket)>>,
    happened: Vec<u64>,
    row: Row,
}

/// Runs the schedule of `seed`.
///
/// # Errors
/// When a part refuses what it must take, which would be a fault of it.
pub fn run(seed: u64) -> anyhow::Result<Row> {
    let mut rng = Stream::root(seed).child("schedule", 0);
    let bound = Duration::from_millis(rng.below(4) as u64 * 700);
    let mut world = World {
        admission: Admission::new(1000).with_bound(bound),
        ledger: Ledger::open(MemoryStorage::default())?,
        bound,
        now: Duration::ZERO,
        attempts: BTreeMap::new(),
        past: Vec::new(),
        ends: BinaryHeap::new(),
        happened: vec![0; EFFECTS],
        row: Row { seed, over_bound: f64::NEG_INFINITY, ..Row::default() },
        rng,
    };
    for _ in 0..TURNS {
        if !world.turn()? {
            break;
        }
    }
    world.row.lost = world.happened.iter().filter(|n| **n == 0).count() as u64;
    world.row.double = world.happened.iter().filter(|n| **n > 1).count() as u64;
    Ok(world.row)
}

impl World {
    /// One event; whether anything is left to do.
    fn turn(&mut self) -> anyhow::Result<bool> {
        let open: Vec<usize> = (0..EFFECTS).filter(|e| self.happened[*e] == 0).collect();
        if open.is_empty() && self.attempts.is_empty() {
            return Ok(false);
        }
        let in_flight = self.attempts.len();
        if !open.is_empty() && in_flight < 12 && self.rng.chance(0.5) {
            // Also what is being attempted already: a caller that lost patience.
            let effect = open[self.rng.below(open.len())];
            self.submit(effect)?;
        } else if in_flight > 0 && self.rng.chance(0.05) {
            let ticket = *self.attempts.keys().nth(self.rng.below(in_flight)).context("it is there")?;
            self.admission.cancel(ticket, self.now);
            self.forget(ticket);
        } else if self.rng.chance(0.01) {
            self.crash()?;
        } else if let Some(Reverse((at, ticket))) = self.ends.pop() {
            self.now = self.now.max(at);
            self.end(ticket)?;
        } else if let Some(deadline) = self.admission.next_deadline() {
            self.now = self.now.max(deadline);
            self.admission.expire(self.now);
        }
        self.listen();
        let running = self.attempts.values().any(|a| a.started.is_some());
        self.row.deadlocks += u64::from(!self.attempts.is_empty() && !running);
        Ok(true)
    }

    fn submit(&mut self, effect: usize) -> anyhow::Result<()> {
        let Begun::Attempt(number) = self.ledger.begin(&effect.to_string())? else { return Ok(()) };
        self.row.attempts += 1;
        let mut names = Keys::default();
        let keys: Vec<_> = (0..KEYS).map(|k| names.key(&k.to_string())).collect();
        let written = [keys[effect % KEYS], keys[self.rng.below(KEYS)]];
        let update = Update::new("effect", Access::new([], written)).with_timeout(Duration::from_secs(2));
        let ticket = self.admission.submit(update, self.now)?;
        let end = match self.rng.below(10) {
            0 | 1 => End::Fails,
            2 => End::Hangs,
            _ => End::Well,
        };
        let service = Duration::from_millis(1 + self.rng.below(1500) as u64);
        let attempt = Attempt { effect, number, end, service, submitted: self.now, started: None };
        self.attempts.insert(ticket, attempt);
        Ok(())
    }

    /// Takes up what admission has to tell.
    fn listen(&mut self) {
        while let Some(notice) = self.admission.poll() {
            match notice {
                Notice::Granted { ticket, .. } => self.grant(ticket),
                Notice::Stop { ticket, why: Stop::TimedOut } => {
                    self.admission.cancel(ticket, self.now);
                    self.forget(ticket);
                }
                _ => {}
            }
        }
    }

    fn grant(&mut self, ticket: Ticket) {
        let Some(attempt) = self.attempts.get_mut(&ticket) else { return };
        attempt.started = Some(self.now);
        if attempt.end != End::Hangs {
            self.ends.push(Reverse((self.now + attempt.service, ticket)));
        }
        let submitted = attempt.submitted;
        // Whatever was submitted earlier, or started before it had waited for the bound, may have been in its way with what
        // it still had to do. An upper bound of the chain.
        let before = |(t, a): (Option<Ticket>, &Attempt)| {
            let counts =
                t.is_none_or(|t| t < ticket) || a.started.is_some_and(|s| s <= submitted + self.bound);
            let ended = a.started.is_some_and(|s| s + a.service <= submitted);
            (counts && !ended && t != Some(ticket)).then_some(a.service)
        };
        let alive = self.attempts.iter().map(|(t, a)| (Some(*t), a));
        let ahead: Duration = self.past.iter().map(|a| (None, a)).chain(alive).filter_map(before).sum();
        let over = self.now.saturating_sub(submitted).as_secs_f64() - (self.bound + ahead).as_secs_f64();
        self.row.over_bound = self.row.over_bound.max(over);
    }

    fn end(&mut self, ticket: Ticket) -> anyhow::Result<()> {
        let Some(attempt) = self.attempts.get(&ticket) else { return Ok(()) };
        let well = attempt.end == End::Well;
        if well {
            let first = self.ledger.apply(&attempt.effect.to_string(), attempt.number, "done")?.is_none();
            self.happened[attempt.effect] += u64::from(first);
        }
        self.admission.finish(ticket, well, self.now)?;
        self.forget(ticket);
        Ok(())
    }

    fn forget(&mut self, ticket: Ticket) {
        if let Some(mut attempt) = self.attempts.remove(&ticket)
            && let Some(started) = attempt.started
        {
            // What it truly took, cut short or for want of an end.
            attempt.service = self.now.saturating_sub(started);
            self.past.push(attempt);
        }
    }

    /// The process dies and comes back with what was durable.
    fn crash(&mut self) -> anyhow::Result<()> {
        self.row.crashes += 1;
        let fresh = Ledger::open(MemoryStorage::default())?;
        let ledger = std::mem::replace(&mut self.ledger, fresh);
        self.ledger = Ledger::open(ledger.into_storage().after_power_loss(self.rng.below(30)))?;
        if self.rng.chance(0.5) {
            self.ledger.compact()?;
        }
        self.admission = Admission::new(1000).with_bound(self.bound);
        self.attempts.clear();
        self.past.clear();
        self.ends.clear();
        Ok(())
    }
}

/// All schedules together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Schedules.
    pub schedules: usize,
    /// Effects that never happened, in all.
    pub lost: u64,
    /// Effects that happened more than once, in all.
    pub double: u64,
    /// Times that something waited and nothing ran, in all.
    pub deadlocks: u64,
    /// The most that a wait was above its bound and the service of those in its way, in seconds.
    pub max_wait_over_bound: f64,
}

impl Summary {
    /// Summarises rows.
    pub fn of(rows: &[Row]) -> Self {
        Self {
            schedules: rows.len(),
            lost: rows.iter().map(|r| r.lost).sum(),
            double: rows.iter().map(|r| r.double).sum(),
            deadlocks: rows.iter().map(|r| r.deadlocks).sum(),
            max_wait_over_bound: rows.iter().map(|r| r.over_bound).fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_something_happens() {
        let rows: Vec<Row> = (0..20).map(|seed| run(seed).unwrap()).collect();
        let summary = Summary::of(&rows);
        assert_eq!((summary.lost, summary.double, summary.deadlocks), (0, 0, 0));
        assert!(summary.max_wait_over_bound <= 1e-9, "{summary:?}");
        assert!(rows.iter().map(|r| r.crashes).sum::<u64>() > 5);
        assert!(rows.iter().map(|r| r.attempts).sum::<u64>() > 20 * EFFECTS as u64);
    }
}
