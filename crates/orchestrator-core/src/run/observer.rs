use meta_traits::{Cost, StopReason};
use serde::Serialize;

/// Something worth showing while a run goes on. Told after the event log has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Progress {
    /// The run starts, or goes on after `replayed` recorded events.
    Started {
        /// Events taken from the log.
        replayed: u64,
    },
    /// A trial or query may have been paid for by a run that was killed, and is issued again.
    Uncertain {
        /// What it was.
        what: String,
        /// The most it can have used.
        cap: Cost,
    },
    /// A trial ended.
    Trial {
        /// The optimizer's id.
        trial: u64,
        /// Mean score, if the trial could be scored.
        score: Option<f64>,
        /// Examples.
        examples: usize,
        /// Metric calls charged to the search until now.
        evaluations: u64,
        /// Everything the search used until now.
        spent: Cost,
    },
    /// A decision of the optimizer, in its own words.
    Decision {
        /// What was decided.
        text: String,
    },
    /// The optimizer would now return another candidate.
    Best {
        /// Index of the candidate.
        candidate: u32,
        /// Its validation score.
        score: f64,
        /// Standard error of the score, where known.
        error: Option<f64>,
        /// Metric calls charged until then.
        evaluations: u64,
    },
    /// The search is over.
    Stopped {
        /// Why.
        reason: StopReason,
        /// Metric calls charged.
        evaluations: u64,
    },
    /// The seed or the winner is being scored on the test split.
    Reporting {
        /// Examples scored.
        done: usize,
        /// Examples in all.
        of: usize,
    },
}

/// Watches a run. Must not block for long.
pub trait Observer: Send {
    /// Something happened.
    fn observe(&mut self, progress: &Progress);
}

/// Watches nothing.
impl Observer for () {
    fn observe(&mut self, _: &Progress) {}
}

impl<F: FnMut(&Progress) + Send> Observer for F {
    fn observe(&mut self, progress: &Progress) {
        self(progress);
    }
}
