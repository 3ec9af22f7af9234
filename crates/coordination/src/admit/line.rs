use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::ticket::Place;
use crate::key::Mode;

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
    pub(super) waiting: BinaryHeap<Reverse<Place>>,
    /// Whether it is among the lines to be looked at.
    pub(super) open: bool,
}

impl Line {
    /// Whether ticket number `seq` may take it in `mode`.
    pub(super) fn admits(&self, seq: u64, mode: Mode) -> bool {
        let held = self.writer || (mode == Mode::Write && self.readers > 0);
        !held && !self.reserved.range(..seq).any(|(_, m)| m.conflicts(mode))
    }

    pub(super) fn take(&mut self, seq: u64, mode: Mode) {
        match mode {
            Mode::Read => self.readers += 1,
            Mode::Write => self.writer = true,
        }
        self.reserved.remove(&seq);
    }

    pub(super) fn release(&mut self, mode: Mode) {
        match mode {
            Mode::Read => self.readers = self.readers.saturating_sub(1),
            Mode::Write => self.writer = false,
        }
    }
}
