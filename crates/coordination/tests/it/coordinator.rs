use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use coordination::{
    Access, Admission, CoordinateError, Coordinator, Grant, Keys, ManualClock, Pass, Stop, Update,
};
use meta_traits::{Budget, Cost};

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll(pass: &mut Pass, bell: &Arc<Bell>) -> Poll<Result<Grant, CoordinateError>> {
    pin!(pass).poll(&mut Context::from_waker(&Waker::from(bell.clone())))
}

fn granted(mut pass: Pass) -> Grant {
    match poll(&mut pass, &Arc::default()) {
        Poll::Ready(Ok(grant)) => grant,
        other => panic!("{other:?}"),
    }
}

fn calls(n: u64) -> Cost {
    Cost::evaluations(n)
}

fn one_key() -> impl Fn() -> Update {
    let key = Keys::default().key("k");
    move || Update::new("x", Access::new([], [key]))
}

#[test]
fn those_that_wait_are_woken_once_in_order_of_submission() {
    let update = one_key();
    let c = Coordinator::new(Admission::new(9), Budget::UNLIMITED);
    let mut passes: Vec<Pass> = (0..3).map(|_| c.submit(update(), Cost::ZERO).unwrap()).collect();
    let bells: Vec<Arc<Bell>> = (0..3).map(|_| Arc::default()).collect();
    // Polled backwards: the order of calls to submit counts, not that of polls.
    for at in [2, 1] {
        assert!(poll(&mut passes[at], &bells[at]).is_pending());
    }
    let rung = || bells.iter().map(|b| b.0.load(Ordering::SeqCst)).collect::<Vec<_>>();
    let first = granted(passes.remove(0));
    assert_eq!(rung(), [0, 0, 0]);
    assert_eq!(c.why(passes[0].ticket().unwrap()).unwrap().conflicts.len(), 1);
    first.finish(Cost::ZERO);
    assert_eq!(rung(), [0, 1, 0], "only the next one is woken");
    let second = granted(passes.remove(0));
    drop(second);
    assert_eq!(rung(), [0, 1, 1]);
    granted(passes.remove(0)).finish(Cost::ZERO);
}

#[test]
fn what_is_dropped_gives_back_all_it_held() {
    let update = one_key();
    let c = Coordinator::new(Admission::new(9), Budget::calls(10));
    let running = granted(c.submit(update(), calls(4)).unwrap());
    let waiting = c.submit(update(), calls(6)).unwrap();
    let short = c.submit(update(), calls(1)).unwrap_err();
    assert_eq!(short.to_string(), "budget: 1 metric calls asked for, 0 left");
    drop(waiting);
    assert_eq!((c.spent(), c.reserved()), (calls(0), calls(4)), "it never ran and used nothing");
    let next = c.submit(update(), calls(5)).unwrap();
    drop(running);
    assert_eq!((c.spent(), c.reserved()), (calls(4), calls(5)), "nobody knows what it used: its cap counts");
    assert_eq!(granted(next).finish(calls(3)), Cost::ZERO);
    assert_eq!((c.spent(), c.reserved()), (calls(7), calls(0)));
    let panics = granted(c.submit(update(), calls(2)).unwrap());
    let work = move || {
        let _held = panics;
        std::panic::resume_unwind(Box::new("the work fails"))
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err());
    assert_eq!(c.spent(), calls(9));
    assert_eq!(
        granted(c.submit(update(), calls(1)).unwrap()).finish(calls(2)),
        calls(1),
        "and says what went beyond"
    );
}

#[test]
fn dependents_of_a_failure_learn_of_it() {
    let c = Coordinator::new(Admission::new(9), Budget::calls(5));
    let plain = || Update::new("x", Access::default());
    let first = c.submit(plain(), calls(1)).unwrap();
    let mut second = c.submit(plain().after(first.ticket()), calls(4)).unwrap();
    let bell: Arc<Bell> = Arc::default();
    assert!(poll(&mut second, &bell).is_pending());
    granted(first).fail(calls(1));
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    let Poll::Ready(Err(error)) = poll(&mut second, &bell) else { panic!("it is dropped") };
    assert_eq!(
        error.to_string(),
        "coordination: update 1 was dropped, because update 0 failed or was cancelled"
    );
    assert_eq!((c.spent(), c.reserved()), (calls(1), Cost::ZERO));
}

#[test]
fn a_parent_that_ends_too_early_takes_its_children_along() {
    let update = one_key();
    let c = Coordinator::new(Admission::new(1), Budget::UNLIMITED);
    let parent = granted(c.submit(update(), Cost::ZERO).unwrap());
    let child = granted(c.submit_child(&parent, update(), Cost::ZERO).unwrap());
    let mut waiting = c.submit(update(), Cost::ZERO).unwrap();
    parent.finish(Cost::ZERO);
    let bell: Arc<Bell> = Arc::default();
    assert!(poll(&mut waiting, &bell).is_pending(), "the child still works on what the parent held");
    let stopped = pin!(child.stopped()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(stopped, Poll::Ready(Stop::Parent(_))));
    child.finish(Cost::ZERO);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    granted(waiting).finish(Cost::ZERO);
}

#[test]
fn a_deadline_wakes_whoever_waits_to_be_stopped() {
    let clock = Arc::new(ManualClock::default());
    let c = Coordinator::with_clock(Admission::new(1), Budget::UNLIMITED, clock.clone());
    let update = Update::new("x", Access::default()).with_timeout(Duration::from_secs(5));
    let grant = granted(c.submit(update, Cost::ZERO).unwrap());
    let bell: Arc<Bell> = Arc::default();
    let waker = Waker::from(bell.clone());
    let mut stopped = Box::pin(grant.stopped());
    assert!(stopped.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    clock.advance(Duration::from_secs(4));
    assert_eq!((c.expire(), c.next_deadline()), (0, Some(Duration::from_secs(1))));
    clock.advance(Duration::from_secs(1));
    assert_eq!((c.expire(), bell.0.load(Ordering::SeqCst)), (1, 1));
    assert_eq!(stopped.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(Stop::TimedOut));
    drop(stopped);
    assert_eq!(grant.finish(Cost::ZERO), Cost::ZERO, "who is asked to stop may still finish");
    assert_eq!((c.expire(), c.next_deadline()), (0, None));
}

#[test]
fn a_trace_tells_the_story_in_order() {
    let clock = Arc::new(ManualClock::default());
    let c = Coordinator::with_clock(Admission::new(9), Budget::UNLIMITED, clock.clone()).traced();
    let key = Keys::default().key("k");
    let update = |name: &'static str| Update::new(name, Access::new([], [key]));
    let first = granted(c.submit(update("<topology>"), Cost::ZERO).unwrap());
    let second = c.submit(update("prompt"), Cost::ZERO).unwrap();
    let third = c.submit(update("prompt").after(second.ticket()), Cost::ZERO).unwrap();
    clock.advance(Duration::from_secs(2));
    first.finish(Cost::ZERO);
    granted(second).fail(Cost::ZERO);
    drop(third);
    let trace = c.trace();
    let told: Vec<String> = trace
        .iter()
        .map(|h| format!("{} {} {:?}", h.at.as_secs(), h.ticket.number(), h.what))
        .map(|line| line.split([' ', '{']).take(3).collect::<Vec<_>>().join(" "))
        .collect();
    let expected = "0 0 Submitted, 0 0 Granted, 0 1 Submitted, 0 2 Submitted, 2 0 Finished, 2 1 Granted, 2 1 Failed, 2 2 Dropped";
    assert_eq!(told.join(", "), expected);
    let drawn = coordination::timeline::html(&trace);
    assert!(drawn.contains("1 prompt<title>waited 2.000000 s, behind 0"), "{drawn}");
    assert!(drawn.contains("&lt;topology&gt;") && !drawn.contains("<topology>"));
    assert_eq!(drawn.matches("#b00020").count(), 2);
    assert!(coordination::timeline::svg(&[]).ends_with("</svg>\n"));
}
