//! The evaluation scheduler: which candidate meets which examples next, and what may be concluded.
//!
//! Two decisions, two rules. *Search* keeps or drops a candidate by posterior probability, without any error rate: a
//! gate with error control stalls a search. *Claims*, what a report may call better, use evidence that is valid at any
//! time ([`EProcess`]) and a false discovery rate over all claims ([`ELond`]); [`ConfidenceSequence`] bounds the mean of
//! a finite validation set while it is being drawn.
//!
//! - [`Race`]: the scheduler of single candidates against an incumbent;
//! - [`Posterior`]: the joint model under it, for candidates made of parts; optimizers that recombine use it directly;
//! - [`choose`] and [`Aipw`]: informative choice of examples with known probabilities, and the mean without bias.

mod choice;
mod cholesky;
mod claim;
mod confidence_sequence;
mod e_lond;
mod e_process;
mod error;
mod ledger;
mod options;
mod posterior;
mod scheduler;
mod snapshot;

use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use self::claim::Claims;

pub use choice::{Aipw, choose};
pub use confidence_sequence::ConfidenceSequence;
pub use e_lond::ELond;
pub use e_process::{EProcess, Target};
pub use error::RaceError;
pub use ledger::Ledger;
pub use options::RaceOptions;
pub use posterior::{Effects, Estimate, PartId, Posterior, PosteriorState, Prior};
pub use snapshot::RaceState;

/// What was decided on a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// Probably better than the incumbent.
    Kept,
    /// Probably not.
    Dropped,
    /// Fails an anchor that the incumbent passes.
    Inadmissible,
}

/// One example of a block, and the probability with which it was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RaceDraw {
    /// The example, from 0.
    pub example: usize,
    /// Results of the candidate on it before.
    pub repeat: u32,
    /// At least floor / number of eligible examples; 1 for anchors, which are not drawn.
    pub probability: f64,
}

/// Examples that one candidate is to meet next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Block {
    /// The name to tell under; blocks count from 0.
    pub id: u64,
    /// The candidate, in the order of entering.
    pub candidate: usize,
    /// Its examples; each is one metric call.
    pub draws: Vec<RaceDraw>,
}

/// What a race wants next.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RaceAsk {
    /// Evaluate this and tell.
    Run(Block),
    /// Nothing until something pending is told.
    Wait,
    /// Nothing: all is decided, or the budget is spent.
    Idle,
}

/// Races candidates against an incumbent, a small block of examples at a time, as a state machine without IO.
///
/// Every result is kept and teaches every candidate through the examples' difficulties. A block goes to the candidate with
/// the most to gain a call among those undecided, by top-two Thompson sampling (Russo 2020); examples the incumbent has
/// results on come first, so that differences are paired and the incumbent is paid for once. Nothing is evaluated twice
/// unless [`RaceOptions::repeats`] says so. Scores are in [0, 1] and higher is better. Draws come from the stream's key
/// path by block, so decisions depend on the seed and on results in the order of asking alone.
///
/// ```
/// use evaluation::race::{Decision, Race, RaceAsk, RaceOptions};
/// use meta_traits::Stream;
///
/// let mut race = Race::new(60, RaceOptions::default(), Stream::root(1))?;
/// let incumbent = race.enter();
/// for example in 0..60 {
///     race.record(incumbent, example, f64::from(u8::from(example % 2 == 0)))?;
/// }
/// let (better, worse) = (race.enter(), race.enter());
/// while let RaceAsk::Run(block) = race.ask() {
///     let passes = |example: usize| if block.candidate == better { example % 4 != 3 } else { example % 4 == 0 };
///     let scores: Vec<f64> = block.draws.iter().map(|d| f64::from(u8::from(passes(d.example)))).collect();
///     race.tell(block.id, &scores)?;
/// }
/// assert_eq!(race.decision(better), Decision::Kept);
/// assert_eq!(race.decision(worse), Decision::Dropped);
/// assert!(race.calls() < 120);
/// # Ok::<(), evaluation::race::RaceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Race {
    options: RaceOptions,
    stream: Stream,
    examples: usize,
    posterior: Posterior,
    ledger: Ledger,
    claims: Claims,
    decisions: Vec<Decision>,
    incumbent: usize,
    /// Blocks asked for, and taken in.
    issued: u64,
    committed: u64,
    calls: u64,
    pending: BTreeMap<u64, Block>,
    /// Told, and not yet taken in.
    arrived: BTreeMap<u64, Vec<f64>>,
}

impl Race {
    /// A race over `examples` examples without candidates; the first to enter is the incumbent.
    ///
    /// # Errors
    /// [`RaceError::Option`] when a setting is outside its range.
    pub fn new(examples: usize, options: RaceOptions, stream: Stream) -> Result<Self, RaceError> {
        options.check(examples)?;
        Ok(Self {
            posterior: Posterior::new(1, examples, options.prior),
            ledger: Ledger::new(examples),
            claims: Claims::new(options.alpha),
            options,
            stream,
            examples,
            decisions: Vec::new(),
            incumbent: 0,
            issued: 0,
            committed: 0,
            calls: 0,
            pending: BTreeMap::new(),
            arrived: BTreeMap::new(),
        })
    }

    /// What was decided on a candidate; open for one that is unknown.
    pub fn decision(&self, candidate: usize) -> Decision {
        self.decisions.get(candidate).copied().unwrap_or(Decision::Open)
    }

    /// Whether the claim that a candidate is better than the incumbent is established, at the false discovery rate of
    /// the options over all claims. Claims are opened by [`Race::claim`].
    pub fn is_established(&self, candidate: usize) -> bool {
        self.claims.is_established(candidate)
    }

    /// The e-value of a candidate's claim, if there is one.
    pub fn evidence(&self, candidate: usize) -> Option<f64> {
        self.claims.evidence(candidate)
    }

    /// All results taken in.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The candidate the others are compared with.
    pub fn incumbent(&self) -> usize {
        self.incumbent
    }

    /// Metric calls asked for.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The joint model, with one slot and a part a candidate.
    pub fn posterior(&self) -> &Posterior {
        &self.posterior
    }
}
