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
//! Time is told by the caller, never read: the same calls give the same grants.

mod error;
mod line;
mod ticket;
mod why;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

use smallvec::{SmallVec, smallvec};

pub use error::AdmitError;
pub use ticket::Ticket;
pub use why::Why;

use crate::update::Update;
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
}

/// Decides which updates run at once.
///
/// Per update: O(keys log waiting), whatever the number of updates that ended before. Memory: what has not ended, and the
/// numbers of what failed.
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
    now: Duration,
    entries: Entries,
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
}

impl Admission {
    /// Updates may together hold `capacity` units; at least 1. There is no bound on waiting yet.
    pub fn new(capacity: u32) -> Self {
        let capacity = capacity.max(1);
        Self {
            capacity,
            free: capacity,
            bound: None,
            now: Duration::ZERO,
            entries: Entries::default(),
            lines: vec![Line::default()],
            open: BinaryHeap::new(),
            aging: VecDeque::new(),
            failed: BTreeSet::new(),
            notices: VecDeque::new(),
            unclaimed: false,
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
                entry.dependents.push(ticket);
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
        entry.children += 1;
        let ticket = self.entries.insert(update, State::Running, self.now);
        if let Some(entry) = self.entries.get_mut(ticket) {
            entry.parent = Some(parent);
        }
        self.notices.push_back(Notice::Granted { ticket, waited: Duration::ZERO });
        Ok(ticket)
    }

    /// Ends a running update, well or badly: what it held is free, and those that waited for it are admitted or dropped.
    ///
    /// # Errors
    /// [`AdmitError::NotRunning`], [`AdmitError::Children`].
    pub fn finish(&mut self, ticket: Ticket, well: bool, now: Duration) -> Result<(), AdmitError> {
        let entry = self.entries.get(ticket).filter(|e| e.state == State::Running);
        let children = entry.ok_or(AdmitError::NotRunning(ticket))?.children;
        if children > 0 {
            return Err(AdmitError::Children { ticket, children });
        }
        self.advance(now);
        self.end(ticket, well);
        Ok(())
    }

    /// Takes an update back, waiting or running, at any time; its children are cancelled with it. Whether it had not ended.
    pub fn cancel(&mut self, ticket: Ticket, now: Duration) -> bool {
        self.advance(now);
        if self.entries.get(ticket).is_none() {
            return false;
        }
        let children: Vec<Ticket> = self
            .entries
            .in_order()
            .into_iter()
            .filter(|e| e.parent == Some(ticket))
            .map(|e| e.ticket)
            .collect();
        for child in children {
            self.cancel(child, now);
        }
        self.end(ticket, false);
        true
    }

    /// The next thing that happened to an update, in order; `None` when all were told. Grants of updates that were
    /// cancelled in the meantime are passed over.
    pub fn poll(&mut self) -> Option<Notice> {
        while let Some(notice) = self.notices.pop_front() {
            match notice {
                Notice::Granted { ticket, .. } if !self.is_running(ticket) => {}
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
            let waits = |e: &&mut ticket::Entry| matches!(e.state, State::Waiting(_));
            if let Some(entry) = self.entries.get_mut(ticket).filter(waits) {
                if entry.since + bound > self.now {
                    break;
                }
                entry.aged = true;
                let place = entry.place();
                for (key, mode) in entry.access.keys() {
                    self.lines[line_of(*key) as usize].reserved.insert(ticket.seq, *mode);
                }
                if let State::Waiting(line) = entry.state {
                    self.lines[line as usize].stand(entry.mode_in(line), place);
                }
            }
            self.aging.pop_front();
        }
    }

    /// Starts an update whose dependencies are met, or puts it into a line.
    fn enqueue(&mut self, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        entry.since = self.now;
        if let Some((key, _)) = entry.access.keys().last() {
            let lines = line_of(*key) as usize + 1;
            if self.lines.len() < lines {
                self.lines.resize_with(lines, Line::default);
            }
        }
        match self.obstacle(ticket) {
            None => self.grant(ticket),
            Some(line) => {
                self.wait_in(line, ticket);
                if self.bound.is_some() {
                    self.aging.push_back(ticket);
                    // With a bound of zero it has waited for it already.
                    self.advance(self.now);
                }
            }
        }
    }

    /// The line of something that the update cannot have now: of several keys, the one that most wait for, because it
    /// will be free last.
    fn obstacle(&self, ticket: Ticket) -> Option<u32> {
        let entry = self.entries.get(ticket)?;
        let mut most = None;
        for (key, mode) in entry.access.keys() {
            let line = &self.lines[line_of(*key) as usize];
            if !line.admits(ticket.seq, *mode) && most.is_none_or(|(length, _)| line.length() > length) {
                most = Some((line.length(), line_of(*key)));
            }
        }
        let short =
            entry.units > self.free || !self.lines[UNITS as usize].admits(ticket.seq, crate::Mode::Write);
        most.map(|(_, line)| line).or_else(|| short.then_some(UNITS))
    }

    /// Whether the key of `line` keeps the update from running now.
    fn blocks(&self, line: u32, ticket: Ticket) -> bool {
        let mode = self.entries.get(ticket).map(|e| e.mode_in(line));
        line != UNITS && mode.is_some_and(|m| !self.lines[line as usize].admits(ticket.seq, m))
    }

    fn wait_in(&mut self, line: u32, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        entry.state = State::Waiting(line);
        self.lines[line as usize].stand(entry.mode_in(line), entry.place());
    }

    fn grant(&mut self, ticket: Ticket) {
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        entry.state = State::Running;
        self.free -= entry.units;
        for (key, mode) in entry.access.keys() {
            self.lines[line_of(*key) as usize].take(ticket.seq, *mode);
        }
        let waited = self.now.saturating_sub(entry.since);
        self.unclaimed |= self.lines[UNITS as usize].reserved.remove(&ticket.seq).is_some();
        self.notices.push_back(Notice::Granted { ticket, waited });
    }

    /// Removes an update and lets go of what it held or had reserved; those that wait for it start, or are dropped.
    fn end(&mut self, ticket: Ticket, well: bool) {
        let mut met = Vec::new();
        let mut ended: SmallVec<[(Ticket, bool); 4]> = smallvec![(ticket, well)];
        while let Some((ticket, well)) = ended.pop() {
            let Some(entry) = self.entries.remove(ticket) else { continue };
            if !well {
                self.failed.insert(ticket.seq);
            }
            match entry.parent {
                Some(parent) => {
                    if let Some(parent) = self.entries.get_mut(parent) {
                        parent.children -= 1;
                    }
                }
                None => self.let_go(&entry),
            }
            for dependent in entry.dependents {
                let Some(State::Held(unmet)) = self.entries.get_mut(dependent).map(|e| &mut e.state) else {
                    continue;
                };
                *unmet -= 1;
                if !well {
                    self.notices.push_back(Notice::Dropped { ticket: dependent, because: ticket });
                    ended.push((dependent, false));
                } else if *unmet == 0 {
                    met.push(dependent);
                }
            }
        }
        // Those that waited already go first.
        self.settle();
        for dependent in met {
            self.enqueue(dependent);
        }
    }

    fn let_go(&mut self, entry: &ticket::Entry) {
        let keys = entry.access.keys();
        if entry.state == State::Running {
            self.free += entry.units;
            for (key, mode) in keys {
                if self.lines[line_of(*key) as usize].release(*mode) {
                    self.wake(line_of(*key));
                }
            }
            self.wake(UNITS);
        } else if entry.aged {
            for line in keys.iter().map(|(key, _)| line_of(*key)).chain([UNITS]) {
                self.lines[line as usize].reserved.remove(&entry.ticket.seq);
                self.wake(line);
            }
        }
    }

    /// Puts a line among those to be looked at, if anybody stands in it whom its holders do not keep out.
    fn wake(&mut self, line: u32) {
        let Some((place, _)) = self.lines[line as usize].front() else { return };
        if !std::mem::replace(&mut self.lines[line as usize].open, true) {
            self.open.push(Reverse((place, line)));
        }
    }

    /// The front of a line, after places were taken out that were left, or taken again with a better place.
    fn front(&mut self, line: u32) -> Option<(Place, crate::Mode)> {
        while let Some((place, mode)) = self.lines[line as usize].front() {
            let stands = |e: &ticket::Entry| e.state == State::Waiting(line) && e.place() == place;
            if self.entries.get(place.ticket()).is_some_and(stands) {
                return Some((place, mode));
            }
            self.lines[line as usize].leave(mode);
        }
        None
    }

    /// Admits whom it can, best place first over all open lines.
    fn settle(&mut self) {
        let mut aside: Vec<(u32, Ticket)> = Vec::new();
        while self.free > 0 {
            let Some(Reverse((expected, line))) = self.open.pop() else { break };
            self.lines[line as usize].open = false;
            let Some((place, mode)) = self.front(line) else { continue };
            if place > expected {
                // Who was to be looked at has left; the next has a later turn.
                self.wake(line);
                continue;
            }
            self.lines[line as usize].leave(mode);
            let ticket = place.ticket();
            match self.obstacle(ticket) {
                None => self.grant(ticket),
                Some(UNITS) => {
                    self.reserve_units(ticket);
                    aside.push((UNITS, ticket));
                }
                // Moved only out of a line that is no obstacle: so nobody moves twice.
                Some(_) if self.blocks(line, ticket) => aside.push((line, ticket)),
                Some(other) => self.wait_in(other, ticket),
            }
            self.wake(line);
        }
        for (line, ticket) in aside {
            self.wait_in(line, ticket);
        }
        // Somebody that all units were kept for has started: those put aside for it may, too. Ends, for each turn starts one.
        if std::mem::take(&mut self.unclaimed) {
            self.wake(UNITS);
            self.settle();
        }
    }

    /// Of an aged update that lacks nothing but units: nobody later may take any.
    fn reserve_units(&mut self, ticket: Ticket) {
        if self.entries.get(ticket).is_some_and(|e| e.aged) {
            self.lines[UNITS as usize].reserved.insert(ticket.seq, crate::Mode::Write);
        }
    }
}

fn line_of(key: crate::Key) -> u32 {
    key.0 + 1
}
