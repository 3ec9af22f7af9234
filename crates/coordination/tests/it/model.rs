//! Admission beside its definition: after every event, all that wait are gone through in their order, and whoever can
//! start does. Slow and plain; both must start the same updates at the same times.
use std::collections::BTreeMap;
use std::time::Duration;

use coordination::{Access, Admission, Key, Keys, Notice, Ticket, Update};
use meta_traits::Stream;

#[derive(Clone)]
struct Waiting {
    access: Access,
    units: u32,
    priority: i32,
    since: Duration,
    aged: bool,
    after: Vec<Ticket>,
}

/// What admission is said to do.
struct Model {
    free: u32,
    bound: Option<Duration>,
    held: BTreeMap<Ticket, Waiting>,
    waiting: BTreeMap<Ticket, Waiting>,
    running: BTreeMap<Ticket, Waiting>,
}

impl Model {
    fn age(&mut self, now: Duration) {
        let Some(bound) = self.bound else { return };
        for update in self.waiting.values_mut() {
            update.aged |= update.since + bound <= now;
        }
    }

    fn may_start(&self, ticket: Ticket, update: &Waiting) -> bool {
        let conflicts = |other: &Waiting| other.access.conflicts(&update.access);
        update.units <= self.free
            && !self.running.values().any(conflicts)
            && !self.waiting.iter().any(|(t, other)| *t < ticket && other.aged && conflicts(other))
    }

    fn start(&mut self, ticket: Ticket, update: Waiting) {
        self.free -= update.units;
        self.running.insert(ticket, update);
    }

    fn take(&mut self, ticket: Ticket, mut update: Waiting, now: Duration, started: &mut Vec<Ticket>) {
        update.since = now;
        if self.may_start(ticket, &update) {
            started.push(ticket);
            return self.start(ticket, update);
        }
        self.waiting.insert(ticket, update);
        self.age(now);
    }

    fn submit(&mut self, ticket: Ticket, update: Waiting, now: Duration) -> Vec<Ticket> {
        self.age(now);
        let mut started = Vec::new();
        let unended = |t: &Ticket| {
            self.held.contains_key(t) || self.waiting.contains_key(t) || self.running.contains_key(t)
        };
        if update.after.iter().any(unended) {
            self.held.insert(ticket, update);
        } else {
            self.take(ticket, update, now, &mut started);
        }
        started
    }

    /// What starts when one ends well.
    fn finish(&mut self, ticket: Ticket, now: Duration) -> Vec<Ticket> {
        self.age(now);
        let ended = self.running.remove(&ticket).expect("it runs");
        self.free += ended.units;
        let mut started = self.settle();
        let unmet = |model: &Self, update: &Waiting| {
            let open = [&model.held, &model.waiting, &model.running];
            update.after.iter().any(|t| open.iter().any(|all| all.contains_key(t)))
        };
        let met: Vec<Ticket> =
            self.held.iter().filter(|(_, u)| !unmet(self, u)).map(|(ticket, _)| *ticket).collect();
        for ticket in met {
            let update = self.held.remove(&ticket).expect("it is there");
            self.take(ticket, update, now, &mut started);
        }
        started
    }

    /// What starts when one that waits is taken back.
    fn withdraw(&mut self, ticket: Ticket, now: Duration) -> Vec<Ticket> {
        self.age(now);
        self.waiting.remove(&ticket);
        self.settle()
    }

    fn settle(&mut self) -> Vec<Ticket> {
        let mut order: Vec<Ticket> = self.waiting.keys().copied().collect();
        order.sort_by_key(|t| {
            let update = &self.waiting[t];
            (!update.aged, if update.aged { 0 } else { -update.priority }, *t)
        });
        let mut started = Vec::new();
        for ticket in order {
            if self.may_start(ticket, &self.waiting[&ticket]) {
                let update = self.waiting.remove(&ticket).expect("it waits");
                self.start(ticket, update);
                started.push(ticket);
            }
        }
        started
    }
}

fn started(admission: &mut Admission) -> Vec<Ticket> {
    let granted = |n| if let Notice::Granted { ticket, .. } = n { Some(ticket) } else { None };
    std::iter::from_fn(|| admission.poll()).filter_map(granted).collect()
}

fn compare(seed: u64) -> usize {
    let mut rng = Stream::root(seed).child("model", 0);
    let mut names = Keys::default();
    let width = 1 + rng.below(6);
    let keys: Vec<Key> = (0..width).map(|i| names.key(&format!("k{i}"))).collect();
    // Aging reserves units by what was looked at, which has no plain definition: one or the other is scarce.
    let bound = [None, Some(0), Some(7), Some(30)][rng.below(4)].map(Duration::from_secs);
    let capacity = if bound.is_none() { 1 + rng.below(8) as u32 } else { 10_000 };
    let admission = Admission::new(capacity);
    let mut admission = if let Some(bound) = bound { admission.with_bound(bound) } else { admission };
    let empty = BTreeMap::new();
    let mut model =
        Model { free: capacity, bound, held: empty.clone(), waiting: empty.clone(), running: empty };
    let shapes: Vec<Access> = (0..4)
        .map(|_| {
            let mut pick = |n: usize| -> Vec<Key> { (0..n).map(|_| keys[rng.below(width)]).collect() };
            Access::new(pick(2), pick(1))
        })
        .collect();
    let mut all = Vec::new();
    let mut grants = 0;
    for step in 0..150 {
        let now = Duration::from_secs(step);
        let any = |rng: &mut Stream, of: &BTreeMap<Ticket, Waiting>| {
            of.keys().nth(rng.below(of.len().max(1))).copied()
        };
        let expected = match rng.below(20) {
            0..=10 => {
                let update = Waiting {
                    access: shapes[rng.below(shapes.len())].clone(),
                    units: 1 + rng.below(capacity.min(3) as usize) as u32,
                    priority: [0, 1, 2][rng.below(3)],
                    since: now,
                    aged: false,
                    after: all.last().copied().filter(|_| rng.chance(0.15)).into_iter().collect(),
                };
                let asked = Update::new("x", update.access.clone())
                    .with_units(update.units)
                    .with_priority(update.priority)
                    .after(update.after.clone());
                let Ok(ticket) = admission.submit(asked, now) else { continue };
                all.push(ticket);
                model.submit(ticket, update, now)
            }
            11..=18 => {
                let Some(ticket) = any(&mut rng, &model.running) else { continue };
                admission.finish(ticket, true, now).unwrap();
                model.finish(ticket, now)
            }
            _ => {
                let waits_for = |t: &Ticket| model.held.values().any(|u| u.after.contains(t));
                let Some(ticket) = any(&mut rng, &model.waiting).filter(|t| !waits_for(t)) else { continue };
                assert!(admission.cancel(ticket, now));
                model.withdraw(ticket, now)
            }
        };
        assert_eq!(started(&mut admission), expected, "seed {seed}, step {step}");
        grants += expected.len();
    }
    grants
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a soak says how many")]
fn admission_starts_what_its_definition_says_in_its_order() {
    let worlds = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let grants: usize = (0..worlds).map(compare).sum();
    assert!(grants as u64 > 40 * worlds, "too little happened");
}
