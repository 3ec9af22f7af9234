use std::collections::BTreeMap;
use std::time::Duration;

use evaluation::RowsDigest;
use meta_traits::{Budget, Cost, ExampleId};

/// What a run needs beside its optimizer and evaluator.
pub struct Options<'a> {
    /// Seed of all random draws.
    pub seed: u64,
    /// Limits of the search.
    pub budget: Budget,
    /// Set aside from the budget for [`Driver::report`](crate::run::Driver::report): its most, without metric calls.
    pub for_report: Cost,
    /// Digest of everything that decides the result; a log made with another one is refused.
    pub fingerprint: String,
    /// Length and hash of every split, for the log.
    pub data: BTreeMap<String, RowsDigest>,
    /// The validation split, for trials that leave the choice of examples to the driver.
    pub val: Vec<ExampleId>,
    /// Failed metric calls in a row that end the run.
    pub failure_limit: u64,
    /// Time used until now, earlier sessions included. Only a time limit looks at it.
    pub elapsed: Box<dyn Fn() -> Duration + Send + 'a>,
    /// Whether to pause at the next step.
    pub interrupted: Box<dyn Fn() -> bool + Send + 'a>,
}

impl Options<'_> {
    /// A run of `seed` within `budget`; 20 failures in a row end it, nothing interrupts it, no time passes.
    pub fn new(seed: u64, budget: Budget) -> Self {
        Self {
            seed,
            budget,
            for_report: Cost::ZERO,
            fingerprint: String::new(),
            data: BTreeMap::new(),
            val: Vec::new(),
            failure_limit: 20,
            elapsed: Box::new(|| Duration::ZERO),
            interrupted: Box::new(|| false),
        }
    }
}
