//! Who of those that wait starts: the part of admission that runs when something became free.

use std::cmp::Reverse;

use smallvec::{SmallVec, smallvec};

use super::group::Wish;
use super::line::Line;
use super::ticket::{Entry, Place, State};
use super::{Admission, Notice, Ticket, UNITS, line_of};
use crate::key::{Access, Mode};

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
        let starts = self.entries.get(ticket).is_some_and(|entry| {
            self.obstacle(&entry.access, ticket).is_none() && !self.lacks(ticket, entry.units)
        });
        if starts {
            return self.grant(ticket);
        }
        if let Some(entry) = self.entries.get_mut(ticket) {
            entry.state = State::Waiting;
        }
        self.join(ticket);
        self.wound(ticket);
        if self.bound.is_some() {
            self.aging.push_back(ticket);
            // With a bound of zero it has waited for it already.
            self.advance(self.now);
        }
    }

    /// Puts a waiting update among those that want the same, and these into a line if it is the first of them.
    pub(super) fn join(&mut self, ticket: Ticket) {
        if self.groups.are_many(self.lines.len()) {
            self.lines.iter_mut().for_each(Line::clear);
            for (group, wish, stands) in self.groups.sweep() {
                if let Some((line, place)) = stands {
                    self.lines[line as usize].stand(wish.mode_in(line), place, group);
                }
            }
        }
        let Some(entry) = self.entries.get(ticket) else { return };
        let (group, first) = self.groups.join(entry);
        // Where it stood before everybody left it is as good a line.
        if first
            && self.groups.stands(group).is_some_and(|s| s.is_none_or(|(_, place)| place > entry.place()))
        {
            let line = self.obstacle(&entry.access, ticket).unwrap_or(UNITS);
            self.stand(line, group);
        }
    }

    /// The line of a key that the update cannot have now: of several, the one that most wait for, because it will be free
    /// last.
    fn obstacle(&self, access: &Access, ticket: Ticket) -> Option<u32> {
        let mut most = None;
        for (key, mode) in access.keys() {
            let line = &self.lines[line_of(*key) as usize];
            if !line.admits(ticket.seq, *mode) && most.is_none_or(|(length, _)| line.length() > length) {
                most = Some((line.length(), line_of(*key)));
            }
        }
        most.map(|(_, line)| line)
    }

    /// Whether there are too few units for it.
    fn lacks(&self, ticket: Ticket, units: u32) -> bool {
        units > self.free || !self.lines[UNITS as usize].admits(ticket.seq, Mode::Write)
    }

    /// Puts a group into a line, in the place of its first member.
    fn stand(&mut self, line: u32, group: u32) {
        let Some((wish, first)) = self.groups.first(group) else { return };
        let (place, mode) = (wish.place(first), wish.mode_in(line));
        self.lines[line as usize].stand(mode, place, group);
        if let Some(stands) = self.groups.stands(group) {
            *stands = Some((line, place));
        }
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
            match entry.kin().parent {
                Some(parent) => {
                    if let Some(entry) = self.entries.get_mut(parent) {
                        entry.kin_mut().children -= 1;
                        if entry.kin().children == 0 && entry.ending {
                            ended.push((parent, false));
                        }
                    }
                }
                None => self.let_go(&entry),
            }
            for dependent in entry.kin().dependents.iter().copied() {
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
        if entry.state == State::Waiting {
            self.groups.leave(entry);
        }
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
        let open = &mut self.lines[line as usize].open;
        if open.is_none_or(|expected| place < expected) {
            *open = Some(place);
            self.open.push(Reverse((place, line)));
        }
    }

    /// Admits whom it can, best place first over all open lines.
    fn settle(&mut self) {
        let mut aside = Vec::new();
        while self.free > 0 {
            let Some(Reverse((expected, line))) = self.open.pop() else { break };
            if self.lines[line as usize].open != Some(expected) {
                // It is looked at in another turn.
                continue;
            }
            self.lines[line as usize].open = None;
            let front = self.lines[line as usize].front().filter(|(place, _)| *place <= expected);
            if let Some((place, group)) = front.and_then(|(_, mode)| self.lines[line as usize].leave(mode)) {
                self.examine(line, place, group, &mut aside);
            }
            // Somebody else's turn; a later one, if who was expected is gone.
            self.wake(line);
        }
        for (line, group) in aside {
            self.stand(line, group);
        }
        // Somebody that all units were kept for has started: those put aside for it may, too. Ends, for each turn starts one.
        if std::mem::take(&mut self.unclaimed) {
            self.wake(UNITS);
            self.settle();
        }
    }

    /// Starts the first member of a group that stood in a line, or says where the group stands from now on.
    fn examine(&mut self, line: u32, place: Place, group: u32, aside: &mut Vec<(u32, u32)>) {
        match self.groups.stands(group) {
            Some(stands) if *stands == Some((line, place)) => *stands = None,
            _ => return,
        }
        let Some((wish, first)) = self.groups.first(group) else { return };
        if wish.place(first) != place {
            // The one it stood for was cancelled or has aged.
            return self.stand(line, group);
        }
        match self.obstacle(&wish.access, first) {
            // Moved only out of a line that is no obstacle: so nobody moves twice.
            Some(_) if self.blocks(line, wish, first) => aside.push((line, group)),
            Some(other) => self.stand(other, group),
            None if self.lacks(first, wish.units) => {
                if wish.is_aged() {
                    // It lacks nothing but units: nobody later may take any.
                    self.lines[UNITS as usize].reserved.insert(first.seq, Mode::Write);
                }
                aside.push((UNITS, group));
            }
            None => {
                self.groups.pop(group);
                self.grant(first);
                if let Some((wish, next)) = self.groups.first(group) {
                    // This line is looked at again, so it does for one that nothing keeps.
                    self.stand(self.obstacle(&wish.access, next).unwrap_or(line), group);
                }
            }
        }
    }

    /// Whether the key of `line` keeps the update from running now.
    fn blocks(&self, line: u32, wish: &Wish, first: Ticket) -> bool {
        line != UNITS && !self.lines[line as usize].admits(first.seq, wish.mode_in(line))
    }
}
