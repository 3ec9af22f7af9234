use std::collections::VecDeque;
use std::time::Duration;

/// When a [`Breaker`] opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// Transient failures in a row that open it; 0 for never.
    pub consecutive: u32,
    /// Share of transient failures among the last `window` attempts that opens it; above 1 for never.
    pub share: f64,
    /// Attempts that the share is taken of; nothing is decided on fewer.
    pub window: usize,
    /// How long it stays open the first time; doubles with every failed probe.
    pub open_for: Duration,
    /// The longest it stays open before a probe.
    pub longest: Duration,
}

impl Default for BreakerPolicy {
    /// 8 in a row, or 80 % of the last 40; open for 5 s, doubling up to 60 s.
    fn default() -> Self {
        Self {
            consecutive: 8,
            share: 0.8,
            window: 40,
            open_for: Duration::from_secs(5),
            longest: Duration::from_mins(1),
        }
    }
}

/// Whether an attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Yes.
    Go,
    /// Yes, as the one probe that decides whether the breaker closes.
    Probe,
    /// No, not before this time.
    Until(Duration),
    /// No, not before the probe has ended.
    AfterProbe,
}

/// A circuit breaker: stops attempts at an endpoint that keeps failing, and lets single probes find out when it is back.
///
/// Closed, it lets all attempts through and counts. Open, it lets none through until its time is over; then exactly
/// one, the probe, whose success closes it and whose failure opens it again for twice as long (Nygard, *Release It!*).
/// Only transient failures count, never an error of the caller's own. A state machine without a clock: `now` is the
/// time since any fixed moment.
///
/// ```
/// use std::time::Duration;
/// use inference::{Breaker, BreakerPolicy, Leave};
/// let policy = BreakerPolicy { consecutive: 2, open_for: Duration::from_secs(5), ..BreakerPolicy::default() };
/// let (mut breaker, second) = (Breaker::new(policy), Duration::from_secs);
/// breaker.failed(second(0), Leave::Go);
/// breaker.failed(second(0), Leave::Go);
/// assert_eq!(breaker.ask(second(1)), Leave::Until(second(5)));
/// assert_eq!(breaker.ask(second(5)), Leave::Probe);
/// assert_eq!(breaker.ask(second(5)), Leave::AfterProbe);
/// breaker.answered(Leave::Probe);
/// assert_eq!(breaker.ask(second(5)), Leave::Go);
/// ```
#[derive(Clone, Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
    in_a_row: u32,
    /// The last attempts, whether each failed, and how many did.
    recent: VecDeque<bool>,
    recent_failed: usize,
    opened: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Open {
        until: Duration,
        lasted: Duration,
    },
    /// A probe is on its way.
    HalfOpen {
        lasted: Duration,
    },
}

impl Breaker {
    /// A closed breaker.
    pub fn new(policy: BreakerPolicy) -> Self {
        let recent = VecDeque::with_capacity(policy.window.min(1024));
        Self { policy, state: State::Closed, in_a_row: 0, recent, recent_failed: 0, opened: 0 }
    }

    /// Asks for leave to make an attempt. A [`Leave::Probe`] must be ended by one of [`Breaker::answered`],
    /// [`Breaker::failed`] and [`Breaker::abandoned`].
    pub fn ask(&mut self, now: Duration) -> Leave {
        let leave = self.peek(now);
        if let (Leave::Probe, State::Open { lasted, .. }) = (leave, self.state) {
            self.state = State::HalfOpen { lasted };
        }
        leave
    }

    /// What [`Breaker::ask`] would say; changes nothing.
    pub fn peek(&self, now: Duration) -> Leave {
        match self.state {
            State::Closed => Leave::Go,
            State::Open { until, .. } if now < until => Leave::Until(until),
            State::Open { .. } => Leave::Probe,
            State::HalfOpen { .. } => Leave::AfterProbe,
        }
    }

    /// The endpoint answered, if only to say that the request is wrong.
    pub fn answered(&mut self, leave: Leave) {
        match self.state {
            State::Closed => {
                self.in_a_row = 0;
                self.note(false);
            }
            State::HalfOpen { .. } if leave == Leave::Probe => self.close(),
            // An attempt from before it opened says nothing about now.
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
    }

    /// The endpoint failed in a way that may pass.
    pub fn failed(&mut self, now: Duration, leave: Leave) {
        match self.state {
            State::Closed => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                self.note(true);
                let many = self.policy.consecutive > 0 && self.in_a_row >= self.policy.consecutive;
                let window = self.policy.window;
                let most = window > 0
                    && self.recent.len() >= window
                    && self.recent_failed as f64 >= self.policy.share * window as f64;
                if many || most {
                    self.open(now, self.policy.open_for);
                }
            }
            State::HalfOpen { lasted } if leave == Leave::Probe => self.open(now, lasted.saturating_mul(2)),
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
    }

    /// The attempt was given up; a probe may then be made at once by another call.
    pub fn abandoned(&mut self, now: Duration, leave: Leave) {
        if let (State::HalfOpen { lasted }, Leave::Probe) = (self.state, leave) {
            self.state = State::Open { until: now, lasted };
        }
    }

    /// Whether attempts are let through freely.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// How often it opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    fn open(&mut self, now: Duration, lasted: Duration) {
        let lasted = lasted.min(self.policy.longest);
        self.state = State::Open { until: now.saturating_add(lasted), lasted };
        self.opened += 1;
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.in_a_row = 0;
        self.recent.clear();
        self.recent_failed = 0;
    }

    fn note(&mut self, failed: bool) {
        self.recent.push_back(failed);
        self.recent_failed += usize::from(failed);
        if self.recent.len() > self.policy.window {
            self.recent_failed -= usize::from(self.recent.pop_front() == Some(true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn never_by_share() -> BreakerPolicy {
        BreakerPolicy { consecutive: 3, share: 2.0, ..BreakerPolicy::default() }
    }

    #[test]
    fn an_answer_ends_the_row() {
        let mut breaker = Breaker::new(never_by_share());
        for _ in 0..50 {
            breaker.failed(at(0), Leave::Go);
            breaker.failed(at(0), Leave::Go);
            breaker.answered(Leave::Go);
        }
        assert!(breaker.is_closed());
        (0..3).for_each(|_| breaker.failed(at(0), Leave::Go));
        assert_eq!((breaker.ask(at(0)), breaker.opened()), (Leave::Until(at(5)), 1));
    }

    #[test]
    fn the_share_decides_once_the_window_is_full() {
        let policy = BreakerPolicy { consecutive: 0, share: 0.5, window: 4, ..BreakerPolicy::default() };
        let mut breaker = Breaker::new(policy);
        (0..3).for_each(|_| breaker.failed(at(0), Leave::Go));
        assert!(breaker.is_closed(), "three attempts are no window");
        let mut breaker = Breaker::new(policy);
        for _ in 0..9 {
            (0..3).for_each(|_| breaker.answered(Leave::Go));
            breaker.failed(at(0), Leave::Go);
        }
        assert!(breaker.is_closed(), "a quarter is less than half");
        breaker.failed(at(0), Leave::Go);
        assert!(!breaker.is_closed(), "two of the last four");
    }

    #[test]
    fn failed_probes_double_the_wait_up_to_the_longest() {
        let mut breaker = Breaker::new(never_by_share());
        (0..3).for_each(|_| breaker.failed(at(0), Leave::Go));
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..6 {
            let Leave::Until(until) = breaker.ask(now) else { panic!("it is open") };
            waits.push(until.saturating_sub(now).as_secs());
            now = until;
            assert_eq!(breaker.ask(now), Leave::Probe);
            breaker.failed(now, Leave::Probe);
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn stragglers_decide_nothing_and_an_abandoned_probe_makes_room_for_another() {
        let mut breaker = Breaker::new(never_by_share());
        (0..3).for_each(|_| breaker.failed(at(0), Leave::Go));
        breaker.answered(Leave::Go);
        breaker.failed(at(1), Leave::Go);
        assert_eq!(breaker.ask(at(1)), Leave::Until(at(5)));
        assert_eq!(breaker.ask(at(6)), Leave::Probe);
        breaker.answered(Leave::Go);
        breaker.failed(at(6), Leave::Go);
        assert_eq!(breaker.ask(at(6)), Leave::AfterProbe);
        breaker.abandoned(at(6), Leave::Go);
        assert_eq!(breaker.ask(at(6)), Leave::AfterProbe);
        breaker.abandoned(at(6), Leave::Probe);
        assert_eq!(breaker.ask(at(6)), Leave::Probe);
    }
}
