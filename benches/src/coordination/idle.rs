//! What it costs to wait: processor time and wakeups of updates that cannot start.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anyhow::Context as _;
use coordination::{Access, Admission, Coordinator, Grant, Keys, Pass, Update};
use meta_traits::{Budget, Cost};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::processor_seconds;

/// One stretch of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Updates that waited, every one a task of its own.
    pub waiting: u64,
    /// Seconds for which they did.
    pub seconds: f64,
    /// Processor seconds of all threads of the process in that time.
    pub processor_seconds: f64,
    /// Times that a waiting update was polled in that time.
    pub wakeups: u64,
    /// Updates that ended well afterwards; all of them, or some were lost.
    pub ended: u64,
}

/// Lets `waiting` updates wait for `seconds` for a key that is held, then lets it go.
///
/// # Errors
/// Where processor time is not told, or an update is refused, which would be a fault.
pub fn measure(waiting: u64, seconds: u64) -> anyhow::Result<Row> {
    let key = Keys::default().key("held");
    let coordinator = Coordinator::new(
        Admission::new(u32::MAX).with_bound(Duration::from_secs(1)),
        Budget::calls(waiting + 1),
    );
    let submit = || {
        let update = Update::new("bench", Access::new([], [key])).with_timeout(Duration::from_secs(1));
        coordinator.submit(update, Cost::evaluations(1))
    };
    let holder = now(submit()?)?;
    let passes = (0..waiting).map(|_| submit()).collect::<Result<Vec<_>, _>>()?;
    let polls = Arc::new(AtomicU64::new(0));
    let (settled, all_wait) = mpsc::channel();
    let runtime = std::thread::spawn({
        let polls = polls.clone();
        move || serve(passes, &polls, &settled)
    });
    all_wait.recv().context("the tasks are polled once")?;
    // Until the other thread is parked.
    let (_open, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(Duration::from_millis(200));
    let clock = || processor_seconds().context("this system does not tell the processor time");
    let (before, polled) = (clock()?, polls.load(Ordering::SeqCst));
    let _ = never.recv_timeout(Duration::from_secs(seconds));
    let (used, wakeups) = (clock()? - before, polls.load(Ordering::SeqCst) - polled);
    holder.finish(Cost::evaluations(1));
    let ended = runtime.join().ok().context("the runtime failed")??;
    Ok(Row { waiting, seconds: seconds as f64, processor_seconds: used, wakeups, ended })
}

/// The grant of an update that nothing keeps.
fn now(pass: Pass) -> anyhow::Result<Grant> {
    match pin!(pass).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(grant) => Ok(grant?),
        Poll::Pending => anyhow::bail!("nothing holds the key, and it waits"),
    }
}

/// Runs a task for every pass; how many ended well. Tells when each was polled for the first time.
fn serve(passes: Vec<Pass>, polls: &Arc<AtomicU64>, settled: &mpsc::Sender<()>) -> anyhow::Result<u64> {
    let waiting = passes.len() as u64;
    tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
        let mut tasks = JoinSet::new();
        for pass in passes {
            let (polls, settled) = (polls.clone(), settled.clone());
            tasks.spawn(async move {
                let mut pass = pin!(pass);
                let counted = std::future::poll_fn(|context| {
                    let state = pass.as_mut().poll(context);
                    if polls.fetch_add(1, Ordering::SeqCst) + 1 == waiting {
                        let _ = settled.send(());
                    }
                    state
                });
                counted.await.map(|grant| grant.finish(Cost::evaluations(1))).is_ok()
            });
        }
        let mut ended = 0;
        while let Some(well) = tasks.join_next().await {
            ended += u64::from(well?);
        }
        Ok(ended)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_woken_for_nothing_and_all_end() {
        let row = measure(50, 0).unwrap();
        assert_eq!((row.wakeups, row.ended), (0, 50));
    }
}
