use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexMap;

use super::Ticket;
use super::ticket::{Entry, Place};
use crate::key::{Access, Key, Mode};

/// What makes waiting updates alike: when the earliest of them cannot start, none can.
///
/// Components mostly declare the same again and again, so there are few groups, however many wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    lead: u64,
    pub(super) units: u32,
    pub(super) access: Access,
}

impl Wish {
    fn of(entry: &Entry) -> Self {
        Self { lead: entry.lead(), units: entry.units, access: entry.access.clone() }
    }

    /// How it wants what the line of this number stands for; units are written.
    pub(super) fn mode_in(&self, line: u32) -> Mode {
        line.checked_sub(1).and_then(|k| self.access.mode(Key(k))).unwrap_or(Mode::Write)
    }

    /// Whether its members have waited for the bound.
    pub(super) fn is_aged(&self) -> bool {
        self.lead == 0
    }

    pub(super) fn place(&self, ticket: Ticket) -> Place {
        Place::new(self.lead, ticket)
    }
}

/// Those that wait for the same, earliest first.
#[derive(Clone, Debug, Default)]
struct Group {
    members: VecDeque<Ticket>,
    /// The line it stands in and its place there, which is not after that of its first member.
    stands: Option<(u32, Place)>,
}

/// All groups by what they want; those that nobody is in are kept for a while, because somebody will be again.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    groups: IndexMap<Wish, Group, BuildHasherDefault<Mix>>,
    alive: usize,
}

impl Groups {
    /// Puts an update into its group; the group's number, and whether the update is now the first of it.
    pub(super) fn join(&mut self, entry: &Entry) -> (u32, bool) {
        let slot = self.groups.entry(Wish::of(entry));
        let number = slot.index() as u32;
        let members = &mut slot.or_default().members;
        self.alive += usize::from(members.is_empty());
        let at = match members.back() {
            Some(last) if *last > entry.ticket => members.partition_point(|t| *t < entry.ticket),
            _ => members.len(),
        };
        members.insert(at, entry.ticket);
        (number, at == 0)
    }

    /// Takes an update out of its group.
    pub(super) fn leave(&mut self, entry: &Entry) {
        let Some(group) = self.groups.get_mut(&Wish::of(entry)) else { return };
        if let Ok(at) = group.members.binary_search(&entry.ticket) {
            group.members.remove(at);
            self.alive -= usize::from(group.members.is_empty());
        }
    }

    /// Takes the first out of a group, as it starts.
    pub(super) fn pop(&mut self, number: u32) {
        if let Some((_, group)) = self.groups.get_index_mut(number as usize) {
            group.members.pop_front();
            self.alive -= usize::from(group.members.is_empty());
        }
    }

    /// What a group wants, and its earliest member.
    pub(super) fn first(&self, number: u32) -> Option<(&Wish, Ticket)> {
        let (wish, group) = self.groups.get_index(number as usize)?;
        Some((wish, *group.members.front()?))
    }

    /// The line in which a group stands, and its place there.
    pub(super) fn stands(&mut self, number: u32) -> Option<&mut Option<(u32, Place)>> {
        self.groups.get_index_mut(number as usize).map(|(_, group)| &mut group.stands)
    }

    /// Whether so many are kept, with so many lines, that those without members are to be forgotten.
    pub(super) fn are_many(&self, lines: usize) -> bool {
        const KEPT: usize = 1024;
        self.groups.len() > 2 * (self.alive + lines) + KEPT
    }

    /// Forgets groups without members; the others have new numbers. All of them.
    pub(super) fn sweep(&mut self) -> impl Iterator<Item = (u32, &Wish, Option<(u32, Place)>)> {
        self.groups.retain(|_, group| !group.members.is_empty());
        self.groups.iter().enumerate().map(|(number, (wish, group))| (number as u32, wish, group.stands))
    }
}

/// A hash of a few small numbers, as Firefox hashes them. Nothing is ever ordered by it.
#[derive(Default)]
pub(super) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::BuildHasher as _;
    use std::time::Duration;

    use super::super::ticket::{Entries, State};
    use super::*;
    use crate::update::Update;

    #[test]
    fn wishes_that_nobody_has_do_not_pile_up() {
        let (mut entries, mut groups, mut most) = (Entries::default(), Groups::default(), 0);
        for priority in 0..10_000 {
            let update = Update::new("x", Access::default()).with_priority(priority);
            let ticket = entries.insert(update, State::Waiting, Duration::ZERO);
            let entry = entries.get(ticket).unwrap();
            if groups.are_many(1) {
                assert_eq!(groups.sweep().count(), priority.unsigned_abs().div_ceil(100) as usize);
            }
            assert!(groups.join(entry).1, "each wants something else");
            if priority % 100 > 0 {
                groups.leave(entry);
            }
            most = most.max(groups.groups.len());
        }
        assert_eq!((groups.alive, groups.sweep().count()), (100, 100));
        assert!((1024..1300).contains(&most), "{most}");
    }

    #[test]
    fn members_are_in_order_of_their_tickets() {
        let (mut entries, mut groups) = (Entries::default(), Groups::default());
        let update = || Update::new("x", Access::default());
        let tickets: Vec<Ticket> =
            (0..4).map(|_| entries.insert(update(), State::Waiting, Duration::ZERO)).collect();
        let joined: Vec<_> =
            [2, 0, 3, 1].map(|at: usize| groups.join(entries.get(tickets[at]).unwrap())).to_vec();
        assert_eq!(joined, [(0, true), (0, true), (0, false), (0, false)]);
        groups.leave(entries.get(tickets[1]).unwrap());
        groups.leave(entries.get(tickets[1]).unwrap());
        let mut order = Vec::new();
        while let Some((_, first)) = groups.first(0) {
            order.push(first);
            groups.pop(0);
        }
        assert_eq!((order, groups.alive), (vec![tickets[0], tickets[2], tickets[3]], 0));
    }

    #[test]
    fn small_wishes_have_hashes_of_their_own() {
        let mix = BuildHasherDefault::<Mix>::default();
        let wish =
            |a: u32, b: u32, units: u32| Wish { lead: 7, units, access: Access::new([Key(a)], [Key(b)]) };
        let hashes: BTreeSet<u64> =
            (0..64 * 64 * 4).map(|i| mix.hash_one(wish(i % 64, i / 64 % 64, i / 4096))).collect();
        let different: BTreeSet<String> =
            (0..64 * 64 * 4).map(|i| format!("{:?}", wish(i % 64, i / 64 % 64, i / 4096))).collect();
        assert_eq!(hashes.len(), different.len());
        let low: BTreeSet<u64> = hashes.iter().map(|h| h % 4096).collect();
        assert!(low.len() > 3800, "tables go by the low bits: {}", low.len());
        assert_ne!(mix.hash_one("ab"), mix.hash_one("ba"));
    }
}
