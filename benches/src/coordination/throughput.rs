//! The whole path of an update beside a task and a lock alone.

use std::sync::Arc;

use anyhow::Context as _;
use coordination::{Access, Admission, Coordinator, Keys, Update};
use meta_traits::{Budget, Cost};
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::processor_seconds;

/// Processor nanoseconds an update of one repeat, one thread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Updates in flight.
    pub concurrency: usize,
    /// The repeat.
    pub repeat: u64,
    /// A spawned task that makes its update under one shared lock.
    pub raw: f64,
    /// A spawned task that submits, waits for its grant, and finishes: admission, conflicts, budget, release.
    pub full: f64,
}

/// Measures both, one after the other, with `updates` updates each.
///
/// # Errors
/// Where processor time is not told, or an update is refused, which would be a fault.
pub fn measure(concurrency: usize, repeat: u64, updates: usize) -> anyhow::Result<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    // Which goes first takes turns, so that neither always finds the warmer processor.
    let (raw, full) = if repeat.is_multiple_of(2) {
        let raw = raw(&runtime, concurrency, updates)?;
        (raw, full(&runtime, concurrency, updates)?)
    } else {
        let full = full(&runtime, concurrency, updates)?;
        (raw(&runtime, concurrency, updates)?, full)
    };
    Ok(Row { concurrency, repeat, raw, full })
}

fn timed(updates: usize, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let no_clock = "processor time is read from /proc, which this system does not have";
    let before = processor_seconds().context(no_clock)?;
    work()?;
    Ok((processor_seconds().context(no_clock)? - before) * 1e9 / updates as f64)
}

fn raw(runtime: &Runtime, concurrency: usize, updates: usize) -> anyhow::Result<f64> {
    let state = Arc::new(tokio::sync::Mutex::new(0_usize));
    timed(updates, || {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for number in 0..updates {
                if number >= concurrency {
                    tasks.join_next().await.context("a task is missing")??;
                }
                let state = state.clone();
                tasks.spawn(async move {
                    // Held while the update is made, as a grant is.
                    let mut state = state.lock().await;
                    tokio::task::yield_now().await;
                    *state += 1;
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended?;
            }
            anyhow::ensure!(*state.lock().await == updates, "updates were lost");
            Ok(())
        })
    })
}

fn full(runtime: &Runtime, concurrency: usize, updates: usize) -> anyhow::Result<f64> {
    let mut names = Keys::default();
    let keys: Vec<_> = (0..64).map(|i| names.key(&format!("key {i}"))).collect();
    let coordinator = Coordinator::new(
        Admission::new(u32::MAX).with_bound(std::time::Duration::from_mins(1)),
        Budget::calls(updates as u64),
    );
    timed(updates, || {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for number in 0..updates {
                if number >= concurrency {
                    tasks.join_next().await.context("a task is missing")??;
                }
                let (read, written) = (keys[number * 7 % 64], keys[number * 13 % 64]);
                let update = Update::new("bench", Access::new([read], [written]));
                let pass = coordinator.submit(update, Cost::evaluations(1))?;
                tasks.spawn(async move {
                    if let Ok(grant) = pass.await {
                        tokio::task::yield_now().await;
                        grant.finish(Cost::evaluations(1));
                    }
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended?;
            }
            anyhow::ensure!(coordinator.spent() == Cost::evaluations(updates as u64), "updates were lost");
            Ok(())
        })
    })
}
