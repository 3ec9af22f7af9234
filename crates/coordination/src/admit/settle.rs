//! Who of those that wait starts: the part of admission that runs when something became free.

use std::cmp::Reverse;

use smallvec::{SmallVec, smallvec};

use super::line::Line;
use super::ticket::{Entry, Place, State};
use super::{Admission, Notice, Ticket, UNITS, line_of};
use crate::key::Mode;

impl Admission {
    /// Starts an update whose dependencies are met, or puts it into a line.
    pub(super) fn enqueue(&mut self, ticket: Ticket) {
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
                self.wound(ticket);
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
        let short = entry.units > self.free || !self.lines[UNITS as usize].admits(ticket.seq, Mode::Write);
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
        let (waited, timeout) = (self.now.saturating_sub(entry.since), entry.timeout);
        self.unclaimed |= self.lines[UNITS as usize].reserved.remove(&ticket.seq).is_some();
        self.notices.push_back(Notice::Granted { ticket, waited });
        self.set_deadline(ticket, timeout);
    }

    /// Removes an update and lets go of what it held or had reserved; those that wait for it start, or are dropped.
    pub(super) fn end(&mut self, ticket: Ticket, well: bool) {
        let mut met = Vec::new();
        let mut ended: SmallVec<[(Ticket, bool); 4]> = smallvec![(ticket, well)];
        while let Some((ticket, well)) = ended.pop() {
            let Some(entry) = self.entries.remove(ticket) else { continue };
            if !well {
                self.failed.insert(ticket.seq);
            }
            match entry.parent {
                Some(parent) => {
                    if let Some(entry) = self.entries.get_mut(parent) {
                        entry.children -= 1;
                        if entry.children == 0 && entry.ending {
                            ended.push((parent, false));
                        }
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

    fn let_go(&mut self, entry: &Entry) {
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
    fn front(&mut self, line: u32) -> Option<(Place, Mode)> {
        while let Some((place, mode)) = self.lines[line as usize].front() {
            let stands = |e: &Entry| e.state == State::Waiting(line) && e.place() == place;
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
            self.lines[UNITS as usize].reserved.insert(ticket.seq, Mode::Write);
        }
    }
}
