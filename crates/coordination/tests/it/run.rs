use std::cell::{Cell, RefCell};
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use coordination::journal::MemoryStorage;
use coordination::{
    Access, Admission, Coordinator, Ledger, ManualClock, OnceError, Retry, RunError, SharedLedger, Stop,
    Update,
};
use meta_traits::{Budget, Classify, Cost, ErrorKind, Stream};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}")]
struct Fault(ErrorKind);

impl Classify for Fault {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

const RETRY: Retry = Retry { attempts: 3, base: Duration::from_secs(1), cap: Duration::from_secs(9) };

/// A world whose sleeps move its clock.
struct World {
    clock: Arc<ManualClock>,
    coordinator: Coordinator,
    slept: RefCell<Vec<Duration>>,
}

impl World {
    fn new(budget: u64) -> Self {
        let clock = Arc::new(ManualClock::default());
        let coordinator = Coordinator::with_clock(Admission::new(1), Budget::calls(budget), clock.clone());
        Self { clock, coordinator, slept: RefCell::default() }
    }

    fn run<F: Future<Output = Result<(u32, Cost), Fault>>>(
        &self,
        update: &Update,
        work: impl FnMut(u32) -> F,
    ) -> Result<u32, RunError<Fault>> {
        let sleep = |time: Duration| {
            self.slept.borrow_mut().push(time);
            self.clock.advance(time);
            ready(())
        };
        let stream = Stream::root(1);
        let run = self.coordinator.run(update, Cost::evaluations(2), (&RETRY, &stream), sleep, work);
        match pin!(run).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => panic!("nothing to wait for"),
        }
    }
}

fn update() -> Update {
    Update::new("topology", Access::default())
}

#[test]
fn what_may_pass_is_tried_again_after_growing_delays() {
    let world = World::new(100);
    let made = world.run(&update(), |attempt| {
        ready(if attempt < 3 {
            Err(Fault(ErrorKind::Transient))
        } else {
            Ok((attempt, Cost::evaluations(1)))
        })
    });
    assert_eq!(made, Ok(3));
    let stream = Stream::root(1);
    let delays: Vec<Duration> = [1, 2].iter().map(|n| RETRY.delay(*n, &stream).unwrap()).collect();
    assert_eq!(*world.slept.borrow(), delays);
    assert_eq!(world.coordinator.spent(), Cost::evaluations(5), "failed attempts count with their cap");
}

#[test]
fn what_will_not_pass_ends_at_once_and_says_so() {
    let world = World::new(100);
    let fault = world.run(&update(), |_| ready(Err(Fault(ErrorKind::Permanent)))).unwrap_err();
    assert_eq!(fault.to_string(), "coordination: 'topology' failed in attempt 1: Permanent");
    let fault = world.run(&update(), |_| ready(Err(Fault(ErrorKind::Transient)))).unwrap_err();
    assert!(matches!(fault, RunError::Work { attempt: 3, .. }) && fault.kind() == ErrorKind::Transient);
}

#[test]
fn attempts_end_with_the_budget() {
    let world = World::new(5);
    let fault = world.run(&update(), |_| ready(Err(Fault(ErrorKind::Transient)))).unwrap_err();
    assert_eq!((fault.kind(), world.coordinator.spent()), (ErrorKind::Budget, Cost::evaluations(4)));
}

/// Counts how often it was dropped.
struct Bomb<'a>(&'a Cell<u32>);

impl Drop for Bomb<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn work_that_takes_too_long_is_dropped_and_tried_again() {
    let world = World::new(100);
    let dropped = Cell::new(0);
    let fault = world.run(&update().with_timeout(Duration::from_secs(4)), |_| {
        let bomb = Bomb(&dropped);
        async move {
            let _bomb = bomb;
            std::future::pending().await
        }
    });
    let expected = RunError::Stopped { component: "topology".into(), attempt: 3, why: Stop::TimedOut };
    assert_eq!((fault, dropped.get()), (Err(expected), 3));
    assert_eq!(world.slept.borrow().iter().filter(|t| t.as_secs() == 4).count(), 3);
    assert_eq!(world.coordinator.reserved(), Cost::ZERO);
}

/// Runs an effect that happens once; what `work` is told is the attempt.
fn once<F: Future<Output = Result<(String, Cost), Fault>>>(
    world: &World,
    ledger: &SharedLedger<MemoryStorage>,
    update: &Update,
    work: impl FnMut(u32) -> F,
) -> Result<String, RunError<OnceError<Fault>>> {
    let stream = Stream::root(1);
    let (cap, retry) = (Cost::evaluations(2), (&RETRY, &stream));
    let run = world.coordinator.run_once(ledger, update, cap, retry, |_| ready(()), work);
    match pin!(run).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("nothing to wait for"),
    }
}

#[test]
fn an_effect_with_a_key_happens_once_and_its_first_result_is_told_again() {
    let world = World::new(100);
    let ledger = SharedLedger::new(Ledger::open(MemoryStorage::default()).unwrap());
    let named = update().with_idempotency("round 3");
    let tries = Cell::new(0);
    let work = |attempt: u32| {
        tries.set(tries.get() + 1);
        ready(if attempt == 1 {
            Err(Fault(ErrorKind::Transient))
        } else {
            Ok((format!("made in {attempt}"), Cost::evaluations(1)))
        })
    };
    for _ in 0..3 {
        assert_eq!(once(&world, &ledger, &named, work).unwrap(), "made in 2");
    }
    assert_eq!(tries.get(), 2);
    // The failed attempt counts with its cap.
    assert_eq!(world.coordinator.spent(), Cost::evaluations(2 + 1));
    assert_eq!(ledger.lock().leases().count(), 0);
    for _ in 0..2 {
        once(&world, &ledger, &update(), work).unwrap();
    }
    assert_eq!(tries.get(), 6, "without a key it is made each time");
    let refused = |_| ready(Err(Fault(ErrorKind::Permanent)));
    let fault = once(&world, &ledger, &update().with_idempotency("round 4"), refused).unwrap_err();
    assert_eq!((fault.kind(), ledger.lock().leases().count()), (ErrorKind::Permanent, 0));
}
