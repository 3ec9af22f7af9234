//! A few metric calls of the seed, tried before a run.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use meta_traits::{
    Cost, Draw, ErrorKind, ExampleId, Fidelity, Instances, Outcome, Scored, Stream, Trial, TrialId,
};
use tokio::time::Instant;

use crate::error::Error;
use crate::run::RunError;
use crate::session::Session;

/// Training examples that a probe tries.
pub const PROBES: usize = 6;

/// What a few training examples took with the seed's prompts.
///
/// As many were in flight as in a run, so times are those under a run's load.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub(super) tried: Vec<Tried>,
}

/// One example tried.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tried {
    pub(super) example: ExampleId,
    pub(super) scored: Scored,
    pub(super) cost: Cost,
    pub(super) seconds: f64,
    /// Cost of each module that asks a model, where one can look into the system.
    pub(super) modules: Vec<(String, Cost)>,
}

impl Probe {
    /// Tries the first [`PROBES`] training examples of `session`. This spends what they cost.
    ///
    /// # Errors
    /// [`RunError::Evaluator`] when one of them fails.
    pub async fn take(session: &Session) -> Result<Self, Error> {
        let examples: Vec<ExampleId> = session.train.iter().copied().take(PROBES).collect();
        let concurrent = session.evaluator.batching().concurrent.max(1);
        let spent = AtomicU64::new(0);
        let results: Vec<_> = stream::iter(examples)
            .map(|example| attempt(session, example, &spent))
            .buffered(concurrent)
            .collect()
            .await;
        let tried = results.into_iter().collect::<Result<Vec<_>, RunError>>()?;
        Ok(Self { tried })
    }

    /// Examples tried.
    pub fn len(&self) -> usize {
        self.tried.len()
    }

    /// Whether nothing was tried.
    pub fn is_empty(&self) -> bool {
        self.tried.is_empty()
    }

    /// What all of them took together.
    pub fn cost(&self) -> Cost {
        self.tried.iter().map(|t| t.cost).sum()
    }

    /// Seconds that one of them took on average.
    pub fn seconds(&self) -> f64 {
        self.tried.iter().map(|t| t.seconds).sum::<f64>() / self.tried.len().max(1) as f64
    }
}

async fn attempt(session: &Session, example: ExampleId, spent: &AtomicU64) -> Result<Tried, RunError> {
    let rng = Stream::root(session.seed).child("plan", 0);
    let draw = Draw { example, repeat: 0 };
    let failed = |kind: ErrorKind, message: String, cost: Cost| {
        let usd = (spent.load(Ordering::Relaxed) + cost.nano_usd) as f64 * 1e-9;
        RunError::Evaluator { failed: 1, calls: 1, first: format!("{message}, on {example}"), usd, kind }
    };
    let started = Instant::now();
    let tried = if let Some(system) = &session.system {
        let (scored, done) = system
            .look(&session.start, draw, &rng, true)
            .await
            .map_err(|f| failed(f.kind, f.message, f.cost))?;
        let modules =
            done.trace.into_iter().filter(|t| t.cost.calls > 0).map(|t| (t.module, t.cost)).collect();
        Tried { example, scored, cost: done.cost, seconds: 0.0, modules }
    } else {
        let mut trial =
            Trial::new(TrialId(0), session.start.clone(), Fidelity::FULL, Instances::Draws(vec![draw]));
        trial.trace = true;
        match session.evaluator.evaluate(&trial, rng).await {
            Outcome::Complete(mut seen) if seen.instances.len() == 1 => {
                let scored = seen.instances.remove(0);
                Tried { example, scored, cost: seen.cost, seconds: 0.0, modules: Vec::new() }
            }
            Outcome::Failed { kind, message, cost } => return Err(failed(kind, message, cost)),
            other => {
                let message = "the evaluator gave no score".to_owned();
                return Err(failed(ErrorKind::Protocol, message, other.cost()));
            }
        }
    };
    spent.fetch_add(tried.cost.nano_usd, Ordering::Relaxed);
    Ok(Tried { seconds: started.elapsed().as_secs_f64(), ..tried })
}
