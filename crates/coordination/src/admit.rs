//! Atomic admission: an update starts when it can have all that it declared, and not before.
//!
//! **No deadlock by construction.** Whoever holds anything holds everything it declared, so nobody waits while
//! holding; children use what their parent holds.
//!
//! **Skip-ahead with aging.** A later update may overtake an earlier one that cannot start yet. Once an update has waited
//! for the bound, no later update that conflicts with it is admitted before it, and priorities count no more. So its
//! wait is at most the bound and the service of updates in its way, directly or through others, that were submitted
//! earlier or admitted before it had waited so long. A bound of zero
//! is strict first-come-first-served by key; no bound at all is pure skip-ahead.
//!
//! **Keys are let go by their holder alone.** A deadline, a wound or the end of a parent asks an update to stop; what it
//! holds is free when it has stopped, so two never work on one key, whatever is cancelled.
//!
//! Time is told by the caller, never read: the same calls give the same grants.

mod error;
mod group;
mod line;
mod settle;
mod stop;
mod ticket;
mod why;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

pub use error::AdmitError;
pub use stop::Stop;
pub use ticket::Ticket;
pub use why::Why;

use crate::update::Update;
use group::Groups;
use line::Line;
use ticket::{Entries, Place, State};

/// The number of the line for units of capacity; key `k` has line `k + 1`.
const UNITS: u32 = 0;

/// What became of an update without its own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// It holds all that it declared and is to start.
    Granted {
        /// Which.
        ticket: Ticket,
        /// How long it waited after its dependencies were met.
        waited: Duration,
    },
    /// It will never start, for that one failed or was cancelled.
    Dropped {
        /// Which.
        ticket: Ticket,
        /// The dependency.
        because: Ticket,
    },
    /// It runs and is to end soon, well or badly; until then it keeps what it holds.
    Stop {
        /// Which.
        ticket: Ticket,
        /// Why.
        why: Stop,
    },
}

/// Decides which updates run at once.
///
/// Per update: O(keys log waiting), whatever the number of updates that ended before. Those that want the same wait
/// together, and only the first of them is looked at. Memory: what has not ended, all keys, and the numbers of what failed.
/// Stopping children and wounding look at all that has not ended.
///
/// ```
/// use std::time::Duration;
/// use coordination::{Access, Admission, Keys, Notice, Update};
/// let mut keys = Keys::default();
/// let weights = keys.key("weights");
/// let update = |name: &'static str| Update::new(name, Access::new([], [weights]));
/// let mut admission = Admission::new(4).with_bound(Duration::from_secs(60));
/// let first = admission.submit(update("selector"), Duration::ZERO)?;
/// let second = admission.submit(update("hyperopt"), Duration::ZERO)?;
/// assert!(matches!(admission.poll(), Some(Notice::Granted { ticket, .. }) if ticket == first));
/// assert_eq!(admission.poll(), None);
/// admission.finish(first, true, Duration::from_secs(2))?;
/// let waited = Duration::from_secs(2);
/// assert_eq!(admission.poll(), Some(Notice::Granted { ticket: second, waited }));
/// # Ok::<(), coordination::AdmitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Admission {
    capacity: u32,
    free: u32,
    bound: Option<Duration>,
    wounds: bool,
    now: Duration,
    entries: Entries,
    groups: Groups,
    lines: Vec<Line>,
    /// Lines of which somebody may be admitted, by the place of their first.
    open: BinaryHeap<Reverse<(Place, u32)>>,
    /// Waiting updates in the order in which they began to.
    aging: VecDeque<Ticket>,
    /// Numbers of updates that ended badly.
    failed: BTreeSet<u64>,
    notices: VecDeque<Notice>,
    /// Whether units that were kept for an aged update are no longer.
    unclaimed: bool,
    /// When running updates are to be asked to stop.
    deadlines: BinaryHeap<Reverse<(Duration, Ticket)>>,
}

impl Admission {
    /// Updates may together hold `capacity` units; at least 1. There is no bound on waiting yet.
    pub fn new(capacity: u32) -> Self {
        let capacity = capacity.max(1);
        Self {
            capacity,
            free: capacity,
            bound: None,
            wounds: false,
            now: Duration::ZERO,
            entries: Entries::default(),
            groups: Groups::default(),
            lines: vec![Line::default()],
            open: BinaryHeap::new(),
            aging: VecDeque::new(),
            failed: BTreeSet::new(),
            notices: VecDeque::new(),
            unclaimed: false,
            deadlines: BinaryHeap::new(),
        }
    }

    /// After so long a wait, later conflicting updates no longer overtake. Zero: they never do.
    #[must_use]
    pub fn with_bound(mut self, bound: Duration) -> Self {
        self.bound = Some(bound);
        self
    }

    /// Takes an update at the time `now`; its ticket is its place in the order. [`Admission::poll`] tells when it starts.
    ///
    /// # Errors
    /// [`AdmitError::Units`], [`AdmitError::UnknownDependency`], [`AdmitError::FailedDependency`].
    pub fn submit(&mut self, update: Update, now: Duration) -> Result<Ticket, AdmitError> {
        if update.units == 0 || update.units > self.capacity {
            let (component, asked) = (update.component.into_owned(), update.units);
            return Err(AdmitError::Units { component, asked, capacity: self.capacity });
        }
        let mut unmet = 0;
        for dependency in &update.after {
            let fault = if !self.entries.knows(*dependency) {
                AdmitError::UnknownDependency {
                    component: update.component.to_string(),
                    dependency: *dependency,
                }
            } else if self.failed.contains(&dependency.seq) {
                AdmitError::FailedDependency {
                    component: update.component.to_string(),
                    dependency: *dependency,
                }
            } else {
                unmet += u32::from(self.entries.get(*dependency).is_some());
                continue;
            };
            return Err(fault);
        }
        self.advance(now);
        let after = update.after.clone();
        let ticket = self.entries.insert(update, State::Held(unmet), self.now);
        for dependency in after {
            if let Some(entry) = self.entries.get_mut(dependency) {
                entry.kin_mut().dependents.push(ticket);
            }
        }
        if unmet == 0 {
            self.enqueue(ticket);
        }
        Ok(ticket)
    }

    /// Takes an update that a running one needs done before it can go on: it uses what `parent` holds and starts at once.
    ///
    /// # Errors
    /// [`AdmitError::NotRunning`] for the parent, [`AdmitError::BeyondParent`].
    pub fn submit_child(
        &mut self,
        parent: Ticket,
        update: Update,
        now: Duration,
    ) -> Result<Ticket, AdmitError> {
        self.advance(now);
        let Some(entry) = self.entries.get_mut(parent).filter(|e| e.state == State::Running) else {
            return Err(AdmitError::NotRunning(parent));
        };
        if !entry.access.covers(&update.access) {
            return Err(AdmitError::BeyondParent { component: update.component.into_owned(), parent });
        }
        entry.kin_mut().children += 1;
        let timeout = update.timeout;
        let ticket = self.entries.insert(update, State::Running, self.now);
        if let Some(entry) = self.entries.get_mut(ticket) {
            entry.kin_mut().parent = Some(parent);
        }
        self.set_deadline(ticket, timeout);
        self.notices.push_back(Notice::Granted { ticket, waited: Duration::ZERO });
        Ok(ticket)
    }

    /// Ends a running update, well or badly: what it held is free, and those that waited for it are admitted or dropped.
    ///
    /// # Errors
    /// [`AdmitError::NotRunning`], [`AdmitError::Children`].
    pub fn finish(&mut self, ticket: Ticket, well: bool, now: Duration) -> Result<(), AdmitError> {
        let entry = self.entries.get(ticket).filter(|e| e.state == State::Running);
        let children = entry.ok_or(AdmitError::NotRunning(ticket))?.kin().children;
        if children > 0 {
            return Err(AdmitError::Children { ticket, children });
        }
        self.advance(now);
        self.end(ticket, well);
        Ok(())
    }

    /// Takes an update back, waiting or running, at any time. Whether it had not ended.
    ///
    /// Children that run are asked to stop, and it ends, badly, when the last of them has.
    pub fn cancel(&mut self, ticket: Ticket, now: Duration) -> bool {
        self.advance(now);
        let Some(entry) = self.entries.get_mut(ticket) else { return false };
        if entry.kin().children == 0 {
            self.end(ticket, false);
        } else {
            entry.ending = true;
            self.stop_children(ticket);
        }
        true
    }

    /// The next thing that happened to an update, in order; `None` when all were told. What was told to updates that
    /// have ended in the meantime is passed over.
    pub fn poll(&mut self) -> Option<Notice> {
        while let Some(notice) = self.notices.pop_front() {
            match notice {
                Notice::Granted { ticket, .. } | Notice::Stop { ticket, .. } if !self.is_running(ticket) => {}
                notice => return Some(notice),
            }
        }
        None
    }

    /// Whether it was granted and has not ended.
    pub fn is_running(&self, ticket: Ticket) -> bool {
        self.entries.get(ticket).is_some_and(|e| e.state == State::Running)
    }

    /// Whether it finished, failed, was cancelled or dropped, or never was.
    pub fn has_ended(&self, ticket: Ticket) -> bool {
        self.entries.get(ticket).is_none()
    }

    /// Units that nobody holds.
    pub fn free(&self) -> u32 {
        self.free
    }

    /// Moves the clock, which never goes back, and marks those that have waited for the bound.
    fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        let Some(bound) = self.bound else { return };
        while let Some(ticket) = self.aging.front().copied() {
            let waits = |e: &&mut ticket::Entry| e.state == State::Waiting;
            if let Some(entry) = self.entries.get_mut(ticket).filter(waits) {
                if entry.since + bound > self.now {
                    break;
                }
                self.groups.leave(entry);
                entry.aged = true;
                for (key, mode) in entry.access.keys() {
                    self.lines[line_of(*key) as usize].reserved.insert(ticket.seq, *mode);
                }
                self.join(ticket);
            }
            self.aging.pop_front();
        }
    }
}

fn line_of(key: crate::Key) -> u32 {
    key.0 + 1
}
