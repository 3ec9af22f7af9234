use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::ticket::Place;
use crate::key::{Access, Key, Mode};

/// One key, or the capacity: who holds it and who waits for it.
///
/// A waiting update stands in one line at a time, that of one thing it cannot have now. So an end looks only at those
/// who waited for what became free.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) writer: bool,
    pub(super) readers: u32,
    /// Aged tickets that want it, and how: nobody later may take it against them.
    pub(super) reserved: BTreeMap<u64, Mode>,
    /// Those who wait to read it, and those who wait to write it: readers inside let other readers in, and no writer
    /// need be looked at.
    waiting: [BinaryHeap<Reverse<Standing>>; 2],
    /// Whether it is among the lines to be looked at.
    pub(super) open: bool,
}

/// Somebody in a line, with what it wants: whoever cannot go on yet is found without being looked up, which is most.
///
/// One whose update was cancelled, or has a better place by now, stays until it could start.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) place: Place,
    pub(super) access: Access,
}

impl Standing {
    /// How it wants what the line of this number stands for; units are written.
    pub(super) fn mode_in(&self, line: u32) -> Mode {
        line.checked_sub(1).and_then(|k| self.access.mode(Key(k))).unwrap_or(Mode::Write)
    }
}

impl PartialEq for Standing {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Standing {}

impl PartialOrd for Standing {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Standing {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

impl Line {
    /// Whether ticket number `seq` may take it in `mode`.
    pub(super) fn admits(&self, seq: u64, mode: Mode) -> bool {
        let held = self.writer || (mode == Mode::Write && self.readers > 0);
        !held && (self.reserved.is_empty() || !self.reserved.range(..seq).any(|(_, m)| m.conflicts(mode)))
    }

    /// How many places there are in it, left ones included.
    pub(super) fn length(&self) -> usize {
        self.waiting[0].len() + self.waiting[1].len()
    }

    pub(super) fn stand(&mut self, mode: Mode, standing: Standing) {
        self.waiting[mode as usize].push(Reverse(standing));
    }

    /// The best place among those that who holds it now does not keep out, and the mode it waits for.
    pub(super) fn front(&self) -> Option<(Place, Mode)> {
        if self.writer {
            return None;
        }
        let first = |mode: Mode| self.waiting[mode as usize].peek().map(|Reverse(s)| (s.place, mode));
        let write = if self.readers == 0 { first(Mode::Write) } else { None };
        first(Mode::Read).into_iter().chain(write).min()
    }

    /// Takes the front of those who wait in this mode.
    pub(super) fn leave(&mut self, mode: Mode) -> Option<Standing> {
        self.waiting[mode as usize].pop().map(|Reverse(standing)| standing)
    }

    pub(super) fn take(&mut self, seq: u64, mode: Mode) {
        match mode {
            Mode::Read => self.readers += 1,
            Mode::Write => self.writer = true,
        }
        self.reserved.remove(&seq);
    }

    /// Whether somebody who waits for it may have it now: readers that stay keep out whom they kept out before.
    pub(super) fn release(&mut self, mode: Mode) -> bool {
        match mode {
            Mode::Read => self.readers = self.readers.saturating_sub(1),
            Mode::Write => self.writer = false,
        }
        self.readers == 0
    }
}
