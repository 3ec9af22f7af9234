//! Who of those that wait starts: the part of admission that runs when something became free.

use std::cmp::Reverse;

use smallvec::{SmallVec, smallvec};

use super::line::{Line, Standing};
use super::ticket::{Entry, State};
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
        let (standing, units) = (entry.standing(), entry.units);
        let obstacle = self.obstacle(&standing).or_else(|| self.lacks(ticket, units).then_some(UNITS));
        match obstacle {
            None => self.grant(ticket),
            Some(line) => {
                self.stand(line, standing);
                if let Some(entry) = self.entries.get_mut(ticket) {
                    entry.state = State::Waiting;
                }
                self.wound(ticket);
                if self.bound.is_some() {
                    self.aging.push_back(ticket);
                    // With a bound of zero it has waited for it already.
                    self.advance(self.now);
                }
            }
        }
    }

    /// The line of a key that the update cannot have now: of several, the one that most wait for, because it will be free
    /// last.
    pub(super) fn obstacle(&self, standing: &Standing) -> Option<u32> {
        let (seq, mut most) = (standing.place.ticket().seq, None);
        for (key, mode) in standing.access.keys() {
            let line = &self.lines[line_of(*key) as usize];
            if !line.admits(seq, *mode) && most.is_none_or(|(length, _)| line.length() > length) {
                most = Some((line.length(), line_of(*key)));
            }
        }
        most.map(|(_, line)| line)
    }

    /// Whether there are too few units for it.
    fn lacks(&self, ticket: Ticket, units: u32) -> bool {
        units > self.free || !self.lines[UNITS as usize].admits(ticket.seq, Mode::Write)
    }

    pub(super) fn stand(&mut self, line: u32, standing: Standing) {
        self.lines[line as usize].stand(standing.mode_in(line), standing);
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

    /// Admits whom it can, best place first over all open lines.
    fn settle(&mut self) {
        let mut aside: Vec<(u32, Standing)> = Vec::new();
        while self.free > 0 {
            let Some(Reverse((expected, line))) = self.open.pop() else { break };
            self.lines[line as usize].open = false;
            let front = self.lines[line as usize].front().filter(|(place, _)| *place <= expected);
            if let Some(standing) = front.and_then(|(_, mode)| self.lines[line as usize].leave(mode)) {
                match self.obstacle(&standing) {
                    None => self.start(standing, &mut aside),
                    // Moved only out of a line that is no obstacle: so nobody moves twice.
                    Some(_) if self.blocks(line, &standing) => aside.push((line, standing)),
                    Some(other) => self.stand(other, standing),
                }
            }
            // Somebody else's turn; a later one, if who was expected is gone.
            self.wake(line);
        }
        for (line, standing) in aside {
            self.stand(line, standing);
        }
        // Somebody that all units were kept for has started: those put aside for it may, too. Ends, for each turn starts one.
        if std::mem::take(&mut self.unclaimed) {
            self.wake(UNITS);
            self.settle();
        }
    }

    /// Starts an update that no key keeps from it, or puts it aside for want of units.
    fn start(&mut self, standing: Standing, aside: &mut Vec<(u32, Standing)>) {
        let ticket = standing.place.ticket();
        let stands = |e: &&Entry| e.state == State::Waiting && e.place() == standing.place;
        let Some(entry) = self.entries.get(ticket).filter(stands) else { return };
        if !self.lacks(ticket, entry.units) {
            return self.grant(ticket);
        }
        if entry.aged {
            // It lacks nothing but units: nobody later may take any.
            self.lines[UNITS as usize].reserved.insert(ticket.seq, Mode::Write);
        }
        aside.push((UNITS, standing));
    }

    /// Whether the key of `line` keeps the update from running now.
    fn blocks(&self, line: u32, standing: &Standing) -> bool {
        let (seq, mode) = (standing.place.ticket().seq, standing.mode_in(line));
        line != UNITS && !self.lines[line as usize].admits(seq, mode)
    }
}
