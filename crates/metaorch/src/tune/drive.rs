use std::collections::BTreeSet;
use std::sync::Arc;

use meta_traits::{ErrorKind, Outcome, StopReason};
use orchestrator_core::Error;
use orchestrator_core::run::RunError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Program;
use super::show::Show;
use super::study::{Next, Study, Trial};

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// For this reason.
    Done(StopReason),
    /// The user paused it.
    Paused,
}

/// Feeds the search with runs of `program` until its trials, its cost budget or its points are used up.
///
/// `at_times` is called some twenty times in a search. Trials end in any order and are told in the order of asking; a new one is asked for only when the oldest was told. So
/// what is suggested depends on the number that run at once, and not on which of them ends first.
pub(crate) async fn drive(
    study: &mut Study,
    program: Program,
    show: &mut Show,
    interrupted: impl Future<Output = ()> + Unpin,
    at_times: impl FnMut(&Study) -> Result<(), Error>,
) -> Result<End, Error> {
    let mut tasks = JoinSet::new();
    let end = turn(study, Arc::new(program), show, interrupted, at_times, &mut tasks).await;
    // The programs must be dead before this process is.
    tasks.shutdown().await;
    end
}

async fn turn(
    study: &mut Study,
    program: Arc<Program>,
    show: &mut Show,
    mut interrupted: impl Future<Output = ()> + Unpin,
    mut at_times: impl FnMut(&Study) -> Result<(), Error>,
    tasks: &mut JoinSet<()>,
) -> Result<End, Error> {
    let (ended, mut inbox) = mpsc::unbounded_channel();
    let mut running = BTreeSet::new();
    let (evals, mut told) = (study.settings.evals.unwrap_or(0), 0_u64);
    loop {
        let end = fill(study, evals)?;
        let waiting: Vec<Trial> = study.pending().filter(|t| !study.has_ended(t.id)).cloned().collect();
        for trial in waiting {
            if running.insert(trial.id) {
                let (program, ended) = (Arc::clone(&program), ended.clone());
                tasks.spawn(async move {
                    let outcome = program.run(&trial).await;
                    // Nobody listens any more when the search is over.
                    let _ = ended.send((trial.id, outcome));
                });
            }
        }
        let Some(oldest) = study.pending().next().map(|trial| trial.id) else { return Ok(End::Done(end)) };
        while !study.has_ended(oldest) {
            tokio::select! {
                Some((id, outcome)) = inbox.recv() => study.keep(id, outcome)?,
                () = &mut interrupted => return Ok(End::Paused),
            }
        }
        if let Some(trial) = study.commit()? {
            show.told(study, &trial);
            told += 1;
            if told % (evals / 20).max(1) == 0 {
                at_times(study)?;
            }
        }
        give_up(study)?;
    }
}

/// Asks until as many trials run as may; the reason why no more are asked for counts once none is pending.
fn fill(study: &mut Study, evals: u64) -> Result<StopReason, Error> {
    let spent_up = study.settings.cost_budget.is_some_and(|budget| study.spent() >= budget);
    let good_enough = study.settings.stop_regret.is_some_and(|enough| {
        let at_most = |bound| bound <= enough;
        study.regret_bound().is_some_and(at_most)
    });
    if good_enough {
        return Ok(StopReason::Perfect);
    }
    while study.pending().count() < study.settings.parallel {
        if spent_up || study.trials().len() as u64 >= evals {
            return Ok(StopReason::Budget);
        }
        match study.ask()? {
            Next::Run(_) => {}
            Next::Wait => return Ok(StopReason::Exhausted),
            Next::Done(reason) => return Ok(reason),
        }
    }
    Ok(StopReason::Budget)
}

/// An error once too many trials in a row have failed.
fn give_up(study: &Study) -> Result<(), Error> {
    let told = || study.trials().filter_map(|trial| trial.outcome.as_ref());
    let is_failed = |outcome: &&Outcome| matches!(outcome, Outcome::Failed { .. });
    let all: Vec<&Outcome> = told().collect();
    let in_a_row = all.iter().rev().take_while(|o| is_failed(o)).count() as u64;
    if in_a_row < study.settings.failure_limit.max(1) {
        return Ok(());
    }
    let first = &all[all.len() - in_a_row as usize];
    let (kind, message) = match first {
        Outcome::Failed { kind, message, .. } => (*kind, message.clone()),
        _ => (ErrorKind::Permanent, String::new()),
    };
    let failed = all.iter().filter(|o| is_failed(o)).count() as u64;
    Err(RunError::Evaluator { failed, calls: all.len() as u64, first: message, usd: 0.0, kind }.into())
}
