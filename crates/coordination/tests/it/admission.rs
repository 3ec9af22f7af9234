use std::collections::BTreeMap;
use std::time::Duration;

use coordination::{Access, Admission, AdmitError, Key, Keys, Mode, Notice, Ticket, Update};
use meta_traits::Stream;
use proptest::prelude::*;

fn keys(n: usize) -> Vec<Key> {
    let mut keys = Keys::default();
    (0..n).map(|i| keys.key(&format!("k{i}"))).collect()
}

fn seconds(s: f64) -> Duration {
    Duration::from_secs_f64(s)
}

fn granted(admission: &mut Admission) -> Vec<Ticket> {
    std::iter::from_fn(|| admission.poll())
        .filter_map(|n| if let Notice::Granted { ticket, .. } = n { Some(ticket) } else { None })
        .collect()
}

/// A run of random submits, finishes and cancels, every law checked after every step.
struct Trial {
    admission: Admission,
    /// Unended updates as a reader of the documentation would keep them.
    live: BTreeMap<Ticket, (Access, u32, bool)>,
    now: f64,
    rng: Stream,
    log: Vec<String>,
}

impl Trial {
    fn new(seed: u64, bound: Option<f64>, capacity: u32) -> Self {
        let admission = Admission::new(capacity);
        let admission = match bound {
            Some(bound) => admission.with_bound(seconds(bound)),
            None => admission,
        };
        Self { admission, live: BTreeMap::new(), now: 0.0, rng: Stream::root(seed), log: Vec::new() }
    }

    fn step(&mut self, keys: &[Key], capacity: u32) {
        self.now += self.rng.unit();
        let now = seconds(self.now);
        let running: Vec<Ticket> = self.live.iter().filter(|(_, l)| l.2).map(|(t, _)| *t).collect();
        let any = |rng: &mut Stream, of: &[Ticket]| (!of.is_empty()).then(|| of[rng.below(of.len())]);
        let all: Vec<Ticket> = self.live.keys().copied().collect();
        match self.rng.below(10) {
            0..=4 => {
                let pick = |rng: &mut Stream, n: usize| -> Vec<Key> {
                    (0..n).map(|_| keys[rng.below(keys.len())]).collect()
                };
                let (reads, writes) = (self.rng.below(3), self.rng.below(3));
                let access = Access::new(pick(&mut self.rng, reads), pick(&mut self.rng, writes));
                let units = 1 + self.rng.below(capacity as usize) as u32;
                let mut update = Update::new("x", access.clone())
                    .with_priority(i32::from(self.rng.below(3) as u8))
                    .with_units(units);
                if self.rng.chance(0.2) {
                    update = update.after(any(&mut self.rng, &all));
                }
                let ticket = self.admission.submit(update, now).unwrap();
                self.live.insert(ticket, (access, units, false));
            }
            5..=8 => {
                if let Some(ticket) = any(&mut self.rng, &running) {
                    let well = self.rng.chance(0.9);
                    self.admission.finish(ticket, well, now).unwrap();
                    self.live.remove(&ticket);
                }
            }
            _ => {
                if let Some(ticket) = any(&mut self.rng, &all) {
                    assert!(self.admission.cancel(ticket, now));
                    self.live.remove(&ticket);
                    assert!(!self.admission.cancel(ticket, now));
                }
            }
        }
        self.note(capacity);
    }

    fn note(&mut self, capacity: u32) {
        while let Some(notice) = self.admission.poll() {
            self.log.push(format!("{notice:?}"));
            match notice {
                Notice::Granted { ticket, .. } => {
                    let granted = self.live.get_mut(&ticket).expect("only what is alive is granted");
                    assert!(!granted.2, "granted once");
                    granted.2 = true;
                }
                Notice::Dropped { ticket, .. } => {
                    let dropped = self.live.remove(&ticket).expect("only what is alive is dropped");
                    assert!(!dropped.2, "what runs is not dropped");
                }
                _ => {}
            }
        }
        let running: Vec<_> = self.live.values().filter(|l| l.2).collect();
        for (i, a) in running.iter().enumerate() {
            assert!(running[i + 1..].iter().all(|b| !a.0.conflicts(&b.0)), "two that conflict run at once");
        }
        let used: u32 = running.iter().map(|l| l.1).sum();
        assert!(used <= capacity && self.admission.free() == capacity - used);
        for (ticket, (_, _, runs)) in &self.live {
            let why = self.admission.why(*ticket).expect("it has not ended");
            assert_eq!(why.running, *runs);
            let waits = !(why.dependencies.is_empty() && why.conflicts.is_empty() && why.behind.is_empty());
            assert!(*runs || waits || why.units.is_some(), "it could run, and does not: {why:?}");
        }
        assert_eq!(self.admission.circle(), None);
    }

    /// Finishes whatever runs until nothing is left.
    fn drain(&mut self, capacity: u32) {
        while !self.live.is_empty() {
            let running = self.live.iter().find(|(_, l)| l.2).map(|(t, _)| *t);
            let ticket = running.expect("something waits, and nothing runs");
            self.now += 1.0;
            self.admission.finish(ticket, true, seconds(self.now)).unwrap();
            self.live.remove(&ticket);
            self.note(capacity);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn laws_hold_after_every_event(
        seed: u64,
        bound in prop_oneof![Just(None), Just(Some(0.0)), Just(Some(3.0))],
        capacity in 1_u32..6,
        width in 1_usize..7,
    ) {
        let keys = keys(width);
        let run = || {
            let mut trial = Trial::new(seed, bound, capacity);
            for _ in 0..80 {
                trial.step(&keys, capacity);
            }
            trial.drain(capacity);
            trial.log
        };
        let log = run();
        prop_assert_eq!(&log, &run(), "the same calls give the same notices");
    }

    /// With capacity to spare, a wait is at most the bound and the service of those that conflict, directly or through
    /// others, and were submitted or admitted before it had waited so long.
    #[test]
    fn waits_are_bounded(seed: u64, bound in 0.0..8.0_f64) {
        let keys = keys(3);
        let mut rng = Stream::root(seed);
        let mut admission = Admission::new(1000).with_bound(seconds(bound));
        let (mut all, mut ends, mut served) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        let (mut now, mut arrives) = (0.0, 0.0);
        for _ in 0..200 {
            while let Some(Notice::Granted { ticket, .. }) = admission.poll() {
                let (submitted, service): (f64, f64) = all[&ticket];
                // Whatever was still to be done when it came, of those before it and those admitted before it aged: an
                // upper bound of the chain.
                let counts = |t: &Ticket| {
                    *t < ticket || served.get(t).is_some_and(|at: &f64| *at <= submitted + bound)
                };
                let open = |t: &Ticket, s: f64| served.get(t).is_none_or(|at| at + s > submitted);
                let others = all.iter().filter(|(t, _)| **t != ticket && counts(t));
                let ahead: f64 = others.filter(|(t, (_, s))| open(t, *s)).map(|(_, (_, s))| s).sum();
                prop_assert!(now - submitted <= bound + ahead + 1e-9);
                served.insert(ticket, now);
                ends.push((now + service, ticket));
            }
            ends.sort_by(|a, b| a.0.total_cmp(&b.0));
            if ends.first().is_some_and(|(end, _)| *end <= arrives) {
                let (end, ticket) = ends.remove(0);
                now = end;
                admission.finish(ticket, true, seconds(now)).unwrap();
            } else {
                now = arrives;
                arrives += rng.unit();
                let mode = [Mode::Read, Mode::Write][rng.below(2)];
                let key = keys[rng.below(3)];
                let access = if mode == Mode::Write { Access::new([], [key]) } else { Access::new([key], []) };
                let priority = i32::from(rng.chance(0.5));
                let ticket = admission.submit(Update::new("x", access).with_priority(priority), seconds(now)).unwrap();
                all.insert(ticket, (now, 0.2 + 2.0 * rng.unit()));
            }
        }
    }
}

#[test]
fn later_ones_overtake_until_the_bound() {
    let [a, b] = keys(2)[..] else { unreachable!() };
    let write = |k: &[Key]| Update::new("x", Access::new([], k.to_vec()));
    let mut admission = Admission::new(9).with_bound(seconds(10.0));
    let first = admission.submit(write(&[a]), seconds(0.0)).unwrap();
    let both = admission.submit(write(&[a, b]), seconds(0.0)).unwrap();
    let skips = admission.submit(write(&[b]), seconds(1.0)).unwrap();
    assert_eq!(granted(&mut admission), [first, skips]);
    admission.finish(skips, true, seconds(2.0)).unwrap();
    let late = admission.submit(write(&[b]), seconds(10.0)).unwrap();
    assert_eq!(granted(&mut admission), [], "{both:?} has waited for the bound and goes first");
    assert_eq!(admission.why(late).unwrap().behind, [both]);
    assert_eq!(admission.why(both).unwrap().conflicts, [(a, first)]);
    admission.finish(first, true, seconds(11.0)).unwrap();
    assert_eq!(granted(&mut admission), [both]);
    admission.finish(both, true, seconds(12.0)).unwrap();
    assert_eq!(granted(&mut admission), [late]);
}

#[test]
fn urgent_ones_go_first_and_no_one_starves() {
    let a = keys(1)[0];
    let update = |p| Update::new("x", Access::new([], [a])).with_priority(p);
    let mut admission = Admission::new(1).with_bound(seconds(5.0));
    let mut running = admission.submit(update(0), seconds(0.0)).unwrap();
    let patient = admission.submit(update(0), seconds(0.0)).unwrap();
    let mut order = Vec::new();
    for second in 1..9 {
        admission.submit(update(1), seconds(f64::from(second) - 0.5)).unwrap();
        admission.finish(running, true, seconds(f64::from(second))).unwrap();
        running = *granted(&mut admission).last().unwrap();
        order.push(running == patient);
    }
    assert_eq!(order.iter().position(|p| *p), Some(4), "at the bound, not before: {order:?}");
}

#[test]
fn children_use_what_their_parent_holds() {
    let [a, b] = keys(2)[..] else { unreachable!() };
    let mut admission = Admission::new(1);
    let parent = admission.submit(Update::new("p", Access::new([b], [a])), seconds(0.0)).unwrap();
    let child = Update::new("c", Access::new([a, b], []));
    let child = admission.submit_child(parent, child, seconds(1.0)).unwrap();
    assert_eq!(granted(&mut admission), [parent, child]);
    let beyond = admission.submit_child(parent, Update::new("c", Access::new([], [b])), seconds(1.0));
    assert!(beyond.unwrap_err().to_string().contains("does not hold"));
    let fault = admission.finish(parent, true, seconds(2.0)).unwrap_err();
    assert_eq!(fault, AdmitError::Children { ticket: parent, children: 1 });
    admission.finish(child, true, seconds(2.0)).unwrap();
    admission.finish(parent, true, seconds(2.0)).unwrap();
    assert_eq!(admission.free(), 1);
}

#[test]
fn what_depends_on_a_failure_is_dropped_with_the_reason() {
    let mut admission = Admission::new(2);
    let plain = || Update::new("x", Access::default());
    let first = admission.submit(plain(), seconds(0.0)).unwrap();
    let second = admission.submit(plain().after([first]), seconds(0.0)).unwrap();
    let third = admission.submit(plain().after([second]), seconds(0.0)).unwrap();
    assert_eq!(admission.why(third).unwrap().dependencies, [second]);
    admission.finish(first, false, seconds(1.0)).unwrap();
    let notices: Vec<Notice> = std::iter::from_fn(|| admission.poll()).collect();
    assert!(
        matches!(notices[0], Notice::Dropped { ticket, because } if ticket == second && because == first)
    );
    assert!(
        matches!(notices[1], Notice::Dropped { ticket, because } if ticket == third && because == second)
    );
    let late = admission.submit(plain().after([second]), seconds(2.0)).unwrap_err();
    assert!(matches!(late, AdmitError::FailedDependency { .. }));
    let ended = admission.finish(first, true, seconds(2.0)).unwrap_err().to_string();
    assert_eq!(ended, "coordination: update 0 is not running");
}

#[test]
fn impossible_requests_are_refused_with_what_is_allowed() {
    let mut admission = Admission::new(4);
    let error = admission.submit(Update::new("topology", Access::default()).with_units(5), seconds(0.0));
    let expected = "coordination: 'topology' asks for 5 units of a capacity of 4; allowed: 1 to 4";
    assert_eq!(error.unwrap_err().to_string(), expected);
    let foreign = Admission::new(1).submit(Update::new("x", Access::default()), seconds(0.0)).unwrap();
    let error = admission.submit(Update::new("x", Access::default()).after([foreign]), seconds(0.0));
    assert!(matches!(error.unwrap_err(), AdmitError::UnknownDependency { .. }));
}
