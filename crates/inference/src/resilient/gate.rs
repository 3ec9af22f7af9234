use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::ResilientOptions;
use crate::{Admission, Breaker, Gcra, Leave};

/// Lets calls to an endpoint in: first come, first served, within its limits.
///
/// Order is by ticket and strict: nobody overtakes the first in line, whichever limit holds it up. A call keeps its
/// ticket for its retries, so that old calls go before new ones. The lock is never held while waiting.
#[derive(Debug)]
pub(super) struct Gate {
    begun: Instant,
    tickets: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Who waits, by ticket.
    line: BTreeMap<u64, Arc<Notify>>,
    in_flight: usize,
    limit: usize,
    requests: Option<Gcra>,
    tokens: Option<Gcra>,
    breaker: Breaker,
    /// Until when the endpoint asked not to be asked.
    quiet_until: Duration,
}

/// Why the first in line is not let in.
enum Held {
    /// By time.
    Until(Duration),
    /// By calls that are on their way.
    ByOthers,
    /// By the breaker, at least until this time.
    Broken(Duration),
}

impl Gate {
    pub(super) fn new(limit: usize, options: &ResilientOptions) -> Self {
        let state = State {
            line: BTreeMap::new(),
            in_flight: 0,
            limit: limit.max(1),
            requests: options.requests.map(Gcra::new),
            tokens: options.tokens.map(Gcra::new),
            breaker: Breaker::new(options.breaker),
            quiet_until: Duration::ZERO,
        };
        Self { begun: Instant::now(), tickets: AtomicU64::new(0), state: Mutex::new(state) }
    }

    /// A place in line.
    pub(super) fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits for the turn of `ticket` and takes a slot, a request and `tokens` tokens.
    ///
    /// `Err` holds the time before which the breaker lets nothing through; nothing is taken then. Dropped, it leaves
    /// the line.
    pub(super) async fn enter(&self, ticket: u64, tokens: u64) -> Result<Pass<'_>, Instant> {
        if let Some(entered) = self.enter_at_once(tokens) {
            return entered;
        }
        let called = Arc::new(Notify::new());
        self.locked().line.insert(ticket, Arc::clone(&called));
        let _place = Place { gate: self, ticket };
        loop {
            let held = {
                let mut state = self.locked();
                match state.line.first_key_value() {
                    Some((first, _)) if *first == ticket => match state.admit(self.now(), tokens) {
                        Ok(leave) => return Ok(self.pass(tokens, leave)),
                        Err(held) => held,
                    },
                    _ => Held::ByOthers,
                }
            };
            match held {
                // Whoever leaves the line or ends an attempt calls the first in line; a call is never missed, because
                // it is kept until somebody listens.
                Held::ByOthers => called.notified().await,
                Held::Until(time) => {
                    let _ = timeout_at(self.begun + time, called.notified()).await;
                }
                Held::Broken(until) => return Err(self.begun + until),
            }
        }
    }

    /// The way in without waiting: nobody stands in line.
    fn enter_at_once(&self, tokens: u64) -> Option<Result<Pass<'_>, Instant>> {
        let mut state = self.locked();
        if !state.line.is_empty() {
            return None;
        }
        match state.admit(self.now(), tokens) {
            Ok(leave) => Some(Ok(self.pass(tokens, leave))),
            Err(Held::Broken(until)) => Some(Err(self.begun + until)),
            Err(_) => None,
        }
    }

    /// Nobody is let in for the next `wait`: what an endpoint that throttles one call means for all.
    pub(super) fn keep_quiet(&self, wait: Duration) {
        let mut state = self.locked();
        state.quiet_until = state.quiet_until.max(self.now().saturating_add(wait));
    }

    pub(super) fn is_closed(&self) -> bool {
        self.locked().breaker.is_closed()
    }

    /// How often the breaker opened.
    pub(super) fn opened(&self) -> u64 {
        self.locked().breaker.opened()
    }

    fn pass(&self, tokens: u64, leave: Leave) -> Pass<'_> {
        Pass { gate: self, tokens, leave, end: End::Abandoned }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes everything that an attempt needs, or nothing.
    fn admit(&mut self, now: Duration, tokens: u64) -> Result<Leave, Held> {
        match self.breaker.peek(now) {
            Leave::Until(time) => return Err(Held::Broken(time)),
            Leave::AfterProbe => return Err(Held::ByOthers),
            Leave::Go | Leave::Probe => {}
        }
        if self.in_flight >= self.limit {
            return Err(Held::ByOthers);
        }
        let mut until = self.quiet_until;
        for (limiter, units) in [(&self.requests, 1), (&self.tokens, tokens)] {
            match limiter.as_ref().map_or(Admission::Granted, |limiter| limiter.when(now, units)) {
                Admission::Granted => {}
                Admission::At(time) => until = until.max(time),
                Admission::AfterSettling => return Err(Held::ByOthers),
            }
        }
        if until > now {
            return Err(Held::Until(until));
        }
        if let Some(requests) = &mut self.requests {
            requests.reserve(now, 1);
            requests.settle(now, 1, 1);
        }
        if let Some(limiter) = &mut self.tokens {
            limiter.reserve(now, tokens);
        }
        self.in_flight += 1;
        Ok(self.breaker.ask(now))
    }

    fn call_first(&self) {
        if let Some((_, first)) = self.line.first_key_value() {
            first.notify_one();
        }
    }
}

/// A place in line, left when dropped.
struct Place<'a> {
    gate: &'a Gate,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.locked();
        state.line.remove(&self.ticket);
        state.call_first();
    }
}

/// How an attempt ended, as far as the limits care.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The endpoint answered, and so many tokens were used.
    Answered(u64),
    /// The endpoint failed in a way that may pass.
    Failed,
    /// The call was dropped.
    Abandoned,
}

/// Leave to make one attempt. Dropped before its end, it gives everything back.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    tokens: u64,
    leave: Leave,
    end: End,
}

impl Pass<'_> {
    /// The endpoint answered, and `used` tokens were used: none where it refused.
    pub(super) fn answered(mut self, used: u64) {
        self.end = End::Answered(used);
    }

    /// The endpoint failed in a way that may pass.
    pub(super) fn failed(mut self) {
        self.end = End::Failed;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.locked();
        let now = self.gate.now();
        state.in_flight -= 1;
        let used = if let End::Answered(used) = self.end { used } else { 0 };
        if let Some(limiter) = &mut state.tokens {
            limiter.settle(now, self.tokens, used);
        }
        match self.end {
            End::Answered(_) => state.breaker.answered(self.leave),
            End::Failed => state.breaker.failed(now, self.leave),
            End::Abandoned => state.breaker.abandoned(now, self.leave),
        }
        state.call_first();
    }
}
