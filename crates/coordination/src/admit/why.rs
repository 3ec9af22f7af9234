use std::collections::BTreeMap;

use super::ticket::{Entry, State};
use super::{Admission, Ticket, UNITS};
use crate::key::Key;

/// What an update waits for.
///
/// All of it, not only the first thing; when nothing is listed and it is not running, it starts with the next event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Why {
    /// Whether it is running, and waits for nothing.
    pub running: bool,
    /// Updates that must finish first, as it declared.
    pub dependencies: Vec<Ticket>,
    /// Keys it wants and the running updates that hold them against it.
    pub conflicts: Vec<(Key, Ticket)>,
    /// Earlier updates that have waited for the bound and go before it.
    pub behind: Vec<Ticket>,
    /// Units that it needs and that are free, if those are too few.
    pub units: Option<(u32, u32)>,
}

impl Admission {
    /// Why `ticket` is not running yet; `None` if it has ended or never was. O(unended log unended).
    pub fn why(&self, ticket: Ticket) -> Option<Why> {
        let entry = self.entries.get(ticket)?;
        Some(self.explain(entry, &self.entries.in_order()))
    }

    /// A circle of updates each waiting for the next, if there is one.
    ///
    /// There never is: see the module's first paragraph. This looks at what is, not at why it should be, so that a fault of
    /// the program raises an alarm. O(unended^2).
    pub fn circle(&self) -> Option<Vec<Ticket>> {
        let all = self.entries.in_order();
        let waits: BTreeMap<Ticket, Vec<Ticket>> = all
            .iter()
            .map(|e| {
                let why = self.explain(e, &all);
                let held = why.conflicts.into_iter().map(|(_, t)| t);
                (e.ticket, why.dependencies.into_iter().chain(held).chain(why.behind).collect())
            })
            .collect();
        crate::plan::circle(&waits)
    }

    fn explain(&self, entry: &Entry, all: &[&Entry]) -> Why {
        if entry.state == State::Running {
            return Why { running: true, ..Why::default() };
        }
        let mut why = Why {
            dependencies: entry
                .kin()
                .after
                .iter()
                .copied()
                .filter(|t| self.entries.get(*t).is_some())
                .collect(),
            ..Why::default()
        };
        if matches!(entry.state, State::Held(_)) {
            return why;
        }
        for other in all {
            let earlier = other.ticket < entry.ticket;
            let against = entry
                .access
                .keys()
                .iter()
                .filter(|(key, mode)| other.access.mode(*key).is_some_and(|held| held.conflicts(*mode)));
            if other.state == State::Running && other.kin().parent.is_none() {
                why.conflicts.extend(against.map(|(key, _)| (*key, other.ticket)));
            } else if earlier
                && other.aged
                && (against.count() > 0
                    || self.lines[UNITS as usize].reserved.contains_key(&other.ticket.seq))
            {
                why.behind.push(other.ticket);
            }
        }
        why.units = (entry.units > self.free).then_some((entry.units, self.free));
        why
    }
}
