//! Random schedules of concurrent tasks that finish, fail, give up and panic: nothing is lost, done twice or stuck.
//!
//! `cargo test -p coordination --features shuttle --test schedules`; `METAORCH_SOAK_N` says how many schedules.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use coordination::{Access, Admission, Coordinator, Key, Keys, ManualClock, Update};
use meta_traits::{Budget, Cost, Stream};

const TASKS: u64 = 4;
const UPDATES: u64 = 3;

/// What the tasks of one schedule share.
struct World {
    coordinator: Coordinator,
    keys: Vec<Key>,
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
        let pass = world.coordinator.submit(Update::new("x", access), Cost::evaluations(1));
        let Ok(pass) = pass else {
            panic!("the budget holds all of them");
        };
        if rng.chance(0.2) {
            // A time-out before the grant.
            drop(pass);
            world.undone.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let Ok(grant) = pass.await else { panic!("nothing it depends on can fail") };
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

#[test]
fn nothing_is_lost_done_twice_or_stuck() {
    let schedules = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    shuttle::check_random(
        || {
            let mut names = Keys::default();
            let world = Arc::new(World {
                coordinator: Coordinator::with_clock(
                    Admission::new(2).with_bound(Duration::ZERO),
                    Budget::calls(TASKS * UPDATES),
                    ManualClock::default(),
                ),
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
            for thread in threads {
                thread.join().expect("a task failed");
            }
            let done = world.done.load(Ordering::SeqCst);
            assert_eq!(done + world.undone.load(Ordering::SeqCst), TASKS * UPDATES, "an update was lost");
            // Whatever panicked counts with its cap, what gave up with nothing.
            let spent = world.coordinator.spent();
            assert!(spent.evaluations >= done && world.coordinator.reserved() == Cost::ZERO);
        },
        schedules,
    );
}
