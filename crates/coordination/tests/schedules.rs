//! Random schedules of concurrent tasks that finish, fail, give up, time out, panic and lose power: nothing is lost, done
//! twice or stuck.
//!
//! `cargo test -p coordination --features shuttle --test schedules`; `METAORCH_SOAK_N` says how many schedules.
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use coordination::journal::{GroupJournal, Journal, MemoryStorage, Storage};
use coordination::timeline::{Happening, What};
use coordination::{Access, Admission, Coordinator, Key, Keys, ManualClock, Stop, Ticket, Update};
use meta_traits::{Budget, Cost, Stream};

const TASKS: u64 = 4;
const UPDATES: u64 = 3;

/// What the tasks of one schedule share.
struct World {
    coordinator: Coordinator,
    keys: Vec<Key>,
    declared: std::sync::Mutex<BTreeMap<Ticket, Access>>,
    /// Writers inside, by key.
    inside: Vec<AtomicUsize>,
    done: AtomicU64,
    /// Updates that were never granted, or whose work came to nothing.
    undone: AtomicU64,
}

async fn task(world: Arc<World>, number: u64) {
    for i in 0..UPDATES {
        let mut rng = Stream::root(number).child("update", i);
        let written: Vec<usize> = (0..3).filter(|_| rng.chance(0.5)).collect();
        let access = Access::new([], written.iter().map(|k| world.keys[*k]));
        let update = Update::new("x", access.clone()).with_timeout(Duration::from_secs(1));
        let pass = world.coordinator.submit(update, Cost::evaluations(1));
        let Ok(pass) = pass else {
            panic!("the budget holds all of them");
        };
        if let Some(ticket) = pass.ticket() {
            world.declared.lock().expect("no panic inside").insert(ticket, access);
        }
        if rng.chance(0.2) {
            // A time-out before the grant.
            drop(pass);
            world.undone.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let Ok(grant) = pass.await else { panic!("nothing it depends on can fail") };
        if rng.chance(0.3) {
            // Whoever works for ever is stopped by the timer.
            assert_eq!(grant.stopped().await, Stop::TimedOut);
            drop(grant);
            world.undone.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let panics = rng.chance(0.2);
        let work = catch_unwind(AssertUnwindSafe(|| {
            let grant = grant;
            for key in &written {
                assert_eq!(world.inside[*key].fetch_add(1, Ordering::SeqCst), 0, "two writers at once");
            }
            shuttle::thread::yield_now();
            for key in &written {
                world.inside[*key].fetch_sub(1, Ordering::SeqCst);
            }
            if panics {
                std::panic::resume_unwind(Box::new("the work fails"));
            }
            grant.finish(Cost::evaluations(1));
        }));
        let count = if work.is_ok() { &world.done } else { &world.undone };
        assert_eq!(work.is_err(), panics, "only the planned panic");
        count.fetch_add(1, Ordering::SeqCst);
    }
}

#[expect(clippy::disallowed_methods, reason = "a soak says how many")]
fn schedules() -> usize {
    std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

/// With strict admission nobody starts before an earlier one that conflicts, and waits no longer than those before it work.
fn waits_are_bounded(trace: &[Happening], declared: &BTreeMap<Ticket, Access>) {
    let (mut submitted, mut granted, mut ended) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for Happening { at, ticket, what } in trace {
        match what {
            What::Submitted { .. } => _ = submitted.insert(*ticket, *at),
            What::Granted => {
                let earlier = submitted.keys().filter(|t| *t < ticket && !ended.contains_key(*t));
                let mut conflicting = earlier.filter(|t| declared[t].conflicts(&declared[ticket]));
                assert_eq!(conflicting.next(), None, "{ticket:?} starts before one that conflicts");
                granted.insert(*ticket, *at);
            }
            What::Finished | What::Failed => _ = ended.insert(*ticket, *at),
            _ => {}
        }
    }
    for (ticket, start) in &granted {
        let before = granted.range(..ticket).filter(|(t, _)| ended[t] > submitted[ticket]);
        let service: Duration = before.map(|(t, from)| ended[t].saturating_sub(*from)).sum();
        assert!(
            start.saturating_sub(submitted[ticket]) <= service,
            "{ticket:?} waited longer than those before it worked"
        );
    }
}

#[test]
fn nothing_is_lost_done_twice_or_stuck() {
    // With few units they, too, are waited for; with enough of them every wait is for a key.
    for capacity in [2, TASKS as u32] {
        explore(capacity, schedules().div_ceil(2));
    }
}

fn explore(capacity: u32, schedules: usize) {
    shuttle::check_random(
        move || {
            let mut names = Keys::default();
            let clock = Arc::new(ManualClock::default());
            let world = Arc::new(World {
                coordinator: Coordinator::with_clock(
                    Admission::new(capacity).with_bound(Duration::ZERO),
                    Budget::calls(TASKS * UPDATES),
                    clock.clone(),
                )
                .traced(),
                declared: std::sync::Mutex::default(),
                keys: (0..3).map(|k| names.key(&format!("k{k}"))).collect(),
                inside: (0..3).map(|_| AtomicUsize::new(0)).collect(),
                done: AtomicU64::new(0),
                undone: AtomicU64::new(0),
            });
            let threads: Vec<_> = (0..TASKS)
                .map(|n| {
                    let world = world.clone();
                    shuttle::thread::spawn(move || shuttle::future::block_on(task(world, n)))
                })
                .collect();
            while world.done.load(Ordering::SeqCst) + world.undone.load(Ordering::SeqCst) < TASKS * UPDATES {
                clock.advance(Duration::from_secs(1));
                world.coordinator.expire();
                shuttle::thread::yield_now();
            }
            for thread in threads {
                thread.join().expect("a task failed");
            }
            let done = world.done.load(Ordering::SeqCst);
            assert_eq!(done + world.undone.load(Ordering::SeqCst), TASKS * UPDATES, "an update was lost");
            // Whatever panicked counts with its cap, what gave up with nothing.
            let spent = world.coordinator.spent();
            assert!(spent.evaluations >= done && world.coordinator.reserved() == Cost::ZERO);
            if u64::from(capacity) >= TASKS {
                let declared = world.declared.lock().expect("no panic inside");
                waits_are_bounded(&world.coordinator.trace(), &declared);
            }
        },
        schedules,
    );
}

/// Storage that others can look at while it is written.
#[derive(Clone, Default)]
struct Shared(Arc<std::sync::Mutex<MemoryStorage>>);

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut MemoryStorage) -> T) -> T {
        // A write takes its time: others run between the lock of the journal and this one.
        shuttle::thread::yield_now();
        act(&mut self.0.lock().expect("no panic inside"))
    }
}

impl Storage for Shared {
    fn load(&mut self) -> std::io::Result<Vec<u8>> {
        self.with(Storage::load)
    }
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.with(|s| s.append(bytes))
    }
    fn truncate(&mut self, length: u64) -> std::io::Result<()> {
        self.with(|s| s.truncate(length))
    }
    fn sync(&mut self) -> std::io::Result<()> {
        self.with(Storage::sync)
    }
}

#[test]
fn what_was_committed_survives_a_loss_of_power_at_any_time() {
    shuttle::check_random(
        || {
            let storage = Shared::default();
            let group = Arc::new(GroupJournal::new(Journal::open(storage.clone()).expect("it is empty").0));
            let committed = Arc::new(std::sync::Mutex::new(Vec::new()));
            let threads: Vec<_> = (0..3)
                .map(|thread| {
                    let (group, committed) = (group.clone(), committed.clone());
                    shuttle::thread::spawn(move || {
                        for i in 0..3 {
                            let record = format!("[{thread},{i}]");
                            let position = group.append(record.as_bytes()).expect("it has no line feed");
                            group.commit(position).expect("there is room");
                            committed.lock().expect("no panic inside").push(record);
                        }
                    })
                })
                .collect();
            for _ in 0..20 {
                shuttle::thread::yield_now();
                // What was told to be durable, then a crash.
                let told = committed.lock().expect("no panic inside").clone();
                let left = storage.0.lock().expect("no panic inside").after_power_loss(0);
                let (_, recovered) = Journal::open(left).expect("what is durable checks");
                assert!(told.iter().all(|t| recovered.records.contains(t)));
            }
            for thread in threads {
                thread.join().expect("a writer failed");
            }
            assert!(group.syncs() <= 9);
        },
        schedules(),
    );
}
