use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::ticket::Place;
use crate::key::Mode;

/// One key, or the capacity: who holds it and who waits for it.
///
/// A group of waiting updates stands in one line at a time, that of one thing its first member cannot have now. So an end
/// looks only at the first of those who waited for what became free.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) writer: bool,
    pub(super) readers: u32,
    /// Aged tickets that want it, and how: nobody later may take it against them.
    pub(super) reserved: BTreeMap<u64, Mode>,
    /// Groups that wait to read it, and those that wait to write it: readers inside let other readers in, and no writer
    /// need be looked at. A group that has moved on, or is empty, stays until it could start.
    waiting: [BinaryHeap<Reverse<(Place, u32)>>; 2],
    /// Its first when it was last put among the lines to be looked at, if it still is.
    pub(super) open: Option<Place>,
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

    pub(super) fn stand(&mut self, mode: Mode, place: Place, group: u32) {
        self.waiting[mode as usize].push(Reverse((place, group)));
    }

    /// Nobody stands in it any more.
    pub(super) fn clear(&mut self) {
        self.waiting.iter_mut().for_each(BinaryHeap::clear);
    }

    /// The best place among those that who holds it now does not keep out, and the mode it waits for.
    pub(super) fn front(&self) -> Option<(Place, Mode)> {
        if self.writer {
            return None;
        }
        let first = |mode: Mode| self.waiting[mode as usize].peek().map(|Reverse((place, _))| (*place, mode));
        let write = if self.readers == 0 { first(Mode::Write) } else { None };
        first(Mode::Read).into_iter().chain(write).min()
    }

    /// Takes the front of those who wait in this mode.
    pub(super) fn leave(&mut self, mode: Mode) -> Option<(Place, u32)> {
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
