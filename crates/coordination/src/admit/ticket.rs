use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::key::Access;
use crate::update::Update;

/// The place of an update in the order of submission; earlier ones are smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket {
    pub(super) seq: u64,
    pub(super) slot: u32,
}

impl Ticket {
    /// How many were submitted before this one.
    pub fn number(self) -> u64 {
        self.seq
    }

    /// A small number that no other unended update has.
    pub(crate) fn slot(self) -> usize {
        self.slot as usize
    }
}

/// How far an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Held back by so many updates that have not finished.
    Held(u32),
    /// In a line.
    Waiting,
    /// Holds all that it declared.
    Running,
}

/// An update that has not ended.
///
/// In this order, so that what is read whenever it is looked at lies in as few cache lines as can be.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Entry {
    pub(super) ticket: Ticket,
    pub(super) state: State,
    pub(super) access: Access,
    pub(super) priority: i32,
    pub(super) units: u32,
    pub(super) aged: bool,
    /// Whether it was asked to stop.
    pub(super) asked: bool,
    /// Whether it ends, badly, with its last child.
    pub(super) ending: bool,
    /// When it began to wait, its dependencies met.
    pub(super) since: Duration,
    pub(super) timeout: Option<Duration>,
    kin: Option<Box<Kin>>,
}

/// Other updates that this one has to do with: most have to do with none, and an entry is moved about.
#[derive(Clone, Debug, Default)]
pub(super) struct Kin {
    pub(super) parent: Option<Ticket>,
    /// Children that have not ended.
    pub(super) children: u32,
    /// Those that wait for this one's end.
    pub(super) dependents: Vec<Ticket>,
    pub(super) after: Vec<Ticket>,
}

impl Entry {
    pub(super) fn kin(&self) -> &Kin {
        static NONE: Kin = Kin { parent: None, children: 0, dependents: Vec::new(), after: Vec::new() };
        self.kin.as_deref().unwrap_or(&NONE)
    }

    pub(super) fn kin_mut(&mut self) -> &mut Kin {
        self.kin.get_or_insert_default()
    }

    /// What its place depends on first: age and priority.
    pub(super) fn lead(&self) -> u64 {
        // Among the aged, priority counts no more: that is what bounds the wait of the least urgent.
        if self.aged { 0 } else { ((1 << 32) + (i64::from(i32::MAX) - i64::from(self.priority))) as u64 }
    }

    pub(super) fn place(&self) -> Place {
        Place::new(self.lead(), self.ticket)
    }
}

/// A place in a line: who goes first is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    lead: u64,
    seq: u64,
}

impl Place {
    pub(super) fn new(lead: u64, ticket: Ticket) -> Self {
        Self { lead, seq: ticket.seq }
    }
}

/// Entries by ticket; slots are used again, sequence numbers never.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    slots: Vec<Option<Entry>>,
    vacant: Vec<u32>,
    submitted: u64,
}

impl Entries {
    pub(super) fn insert(&mut self, update: Update, state: State, since: Duration) -> Ticket {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let ticket = Ticket { seq: self.submitted, slot };
        self.submitted += 1;
        let Update { access, priority, units, after, timeout, .. } = update;
        self.slots[slot as usize] = Some(Entry {
            ticket,
            state,
            access,
            priority,
            units,
            aged: false,
            asked: false,
            ending: false,
            since,
            timeout,
            kin: (!after.is_empty()).then(|| Box::new(Kin { after, ..Kin::default() })),
        });
        ticket
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Entry> {
        self.slots.get(ticket.slot as usize)?.as_ref().filter(|e| e.ticket == ticket)
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        self.slots.get_mut(ticket.slot as usize)?.as_mut().filter(|e| e.ticket == ticket)
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Entry> {
        self.get(ticket)?;
        self.vacant.push(ticket.slot);
        self.slots[ticket.slot as usize].take()
    }

    /// All that have not ended, earliest first. O(n log n).
    pub(super) fn in_order(&self) -> Vec<&Entry> {
        let mut all: Vec<&Entry> = self.slots.iter().flatten().collect();
        all.sort_by_key(|e| e.ticket);
        all
    }

    /// Whether a ticket of this number was ever given out.
    pub(super) fn knows(&self, ticket: Ticket) -> bool {
        ticket.seq < self.submitted
    }
}
