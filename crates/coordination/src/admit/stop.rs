use std::time::Duration;

use super::ticket::State;
use super::{Admission, Notice, Ticket};
use crate::key::Mode;

/// Why a running update is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// It has run for as long as it may.
    TimedOut,
    /// Its parent was cancelled or failed.
    Parent(Ticket),
    /// That one goes before it and wants what it holds.
    Wounded(Ticket),
}

impl Admission {
    /// An update that goes before another and wants what that holds, asks it to stop (wound-wait; Rosenkrantz, Stearns and
    /// Lewis 1978, "System level concurrency control for distributed database systems"). More urgent ones go before, and
    /// among equals those submitted earlier.
    ///
    /// It wounds once, when it begins to wait. Work that is stopped is lost, so this is for updates that are urgent.
    #[must_use]
    pub fn with_wounding(mut self) -> Self {
        self.wounds = true;
        self
    }

    /// Asks updates to stop that have run for as long as they may; how many. Nothing else happens by itself.
    pub fn expire(&mut self, now: Duration) -> usize {
        self.advance(now);
        let mut asked = 0;
        while let Some((_, ticket)) = self.next_expiry().filter(|(deadline, _)| *deadline <= self.now) {
            self.deadlines.pop();
            asked += usize::from(self.ask_to_stop(ticket, Stop::TimedOut));
        }
        asked
    }

    /// When [`Admission::expire`] will next ask an update to stop, if none ends before.
    pub fn next_deadline(&mut self) -> Option<Duration> {
        self.next_expiry().map(|(deadline, _)| deadline)
    }

    fn next_expiry(&mut self) -> Option<(Duration, Ticket)> {
        while let Some(std::cmp::Reverse(next)) = self.deadlines.peek().copied() {
            if self.is_running(next.1) {
                return Some(next);
            }
            self.deadlines.pop();
        }
        None
    }

    pub(super) fn set_deadline(&mut self, ticket: Ticket, timeout: Option<Duration>) {
        if let Some(timeout) = timeout {
            self.deadlines.push(std::cmp::Reverse((self.now.saturating_add(timeout), ticket)));
        }
    }

    /// Asks a running update to stop, once; whether it was asked now.
    fn ask_to_stop(&mut self, ticket: Ticket, why: Stop) -> bool {
        let running = |e: &&mut super::ticket::Entry| e.state == State::Running && !e.asked;
        let Some(entry) = self.entries.get_mut(ticket).filter(running) else { return false };
        entry.asked = true;
        self.notices.push_back(Notice::Stop { ticket, why });
        true
    }

    /// Asks the children of an update to stop, and theirs. O(unended log unended) each generation.
    pub(super) fn stop_children(&mut self, parent: Ticket) {
        let all = self.entries.in_order().into_iter();
        let children: Vec<Ticket> =
            all.filter(|e| e.kin().parent == Some(parent)).map(|e| e.ticket).collect();
        for child in children {
            self.ask_to_stop(child, Stop::Parent(parent));
            self.stop_children(child);
        }
    }

    /// Asks those to stop that hold what `ticket` waits for and go after it.
    pub(super) fn wound(&mut self, ticket: Ticket) {
        let Some(entry) = self.entries.get(ticket).filter(|_| self.wounds) else { return };
        let wants = |key, mode: Mode| entry.access.mode(key).is_some_and(|m| m.conflicts(mode));
        let wounded: Vec<Ticket> = self
            .entries
            .in_order()
            .into_iter()
            .filter(|e| e.state == State::Running && e.kin().parent.is_none() && e.place() > entry.place())
            .filter(|e| e.access.keys().iter().any(|(key, mode)| wants(*key, *mode)))
            .map(|e| e.ticket)
            .collect();
        for holder in wounded {
            self.ask_to_stop(holder, Stop::Wounded(ticket));
        }
    }
}
