//! Honest measuring: data sets, scorers, statistics, and evaluators in any language.
//!
//! - [`Dataset`]: rows of `input` and `expected` in up to three splits, read from JSON lines, CSV or Parquet,
//!   [split](Dataset::split) by share, stratum and group, with a [leakage report](Dataset::leakage) between them;
//!   [`Rows`] reads files that are too long to keep;
//! - [`Scorer`]: text metrics without a model, which say in one line what was wrong; the numbers behind are
//!   [`token_f1`], [`Rouge`], [`Bleu`], [`Chrf`];
//! - [`Metric`]: whatever scores a reply, asynchronously and at a cost: beside scorers [`SemanticSimilarity`], a model
//!   as [`Judge`], and [`CodeTests`] in a sandbox. [`MetricSpec`] is how a configuration names one;
//! - [`race`]: which candidate to measure next on which example, by posterior, and claims by e-processes;
//! - [`stats`]: intervals, paired tests, effect sizes and baselines, all seeded; [`calibration`] of label probabilities;
//! - [`External`]: a system or metric in another language, as a child process that is watched, timed and restarted.
//!
//! Nothing here draws randomness but from a [`meta_traits::Stream`]; only `dataset` (reading files), `external`
//! and `code` (processes) touch the system.
//!
//! ```
//! use evaluation::{Dataset, Example, Scorer};
//!
//! let rows = vec![Example::new("I was charged twice", "billing"), Example::new("Where is my parcel?", "delivery")];
//! let data = Dataset::from_examples(rows.clone(), None, None)?;
//! let scorer = Scorer::by_name("label", &data)?;
//! assert_eq!(scorer.score("This is about Billing.", &rows[0]).score, 1.0);
//! assert_eq!(scorer.score("delivery", &rows[0]).detail, "expected label 'billing', got 'delivery'");
//! # Ok::<(), evaluation::EvaluationError>(())
//! ```

pub mod calibration;
pub mod code;
mod dataset;
mod embedding;
mod error;
pub mod external;
pub mod judge;
pub mod metric;
pub mod race;
pub mod stats;
mod text;

pub use code::{CodeTests, pass_at_k};
pub use dataset::{
    By, Columns, Dataset, Example, Fold, Inputs, Key, Leakage, NearDuplicate, Rows, RowsDigest,
};
pub use embedding::SemanticSimilarity;
pub use error::EvaluationError;
pub use external::{ExampleCounts, External, ExternalSpec, Hello};
pub use judge::Judge;
pub use metric::{Measured, Metric, MetricSpec, Unmeasured};
pub use text::{Bleu, BleuScore, Chrf, Overlap, Rouge, RougeUnit, Scorer, Smoothing, Verdict, token_f1};
