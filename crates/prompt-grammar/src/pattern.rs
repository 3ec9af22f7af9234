//! Discriminative patterns: which structures tell good prompts from bad ones, and how sure that is.
//!
//! A prompt is a set of items (an option in a slot, two sections in this order, a fragment of a
//! derivation, a phrase, a feature above a limit); a
//! pattern is a set of up to a few items that prompts have at once. [`find`] mines them from what a search has seen:
//!
//! 1. scores are freed of the examples' difficulty, so that prompts tried on different examples compare; the unit is
//!    the prompt, never the example;
//! 2. patterns that cannot be significant whatever the scores are left out (Tarone 1990; Terada et al. 2013), those
//!    that hold for the same prompts are one hypothesis;
//! 3. a pattern's statistic is its effect on the ranks of what covariates and families leave of the scores; p-values are
//!    corrected for all hypotheses by permuting prompts within families (Westfall & Young 1993; Freedman & Lane 1983);
//! 4. of those that are significant and hold over examples, the greatest effect first, a pattern is kept if it says more
//!    than its items together, and more than the patterns kept before with which it shares an item.
//!
//! What a search has seen is not randomised: findings are observational. [`confirm`] judges fresh trials of prompts with
//! and without a pattern, and only that confirms one.

mod confirm;
mod evidence;
mod find;
mod fragments;
mod hypotheses;
mod items;
mod null;
mod odds;
mod options;
mod rank;
mod regression;
mod wording;

pub use self::confirm::{Confirmation, Difference, confirm};
pub use self::evidence::{Evidence, Observed};
pub use self::find::{Finding, find};
pub use self::fragments::TreeItems;
pub use self::items::SpaceItems;
pub use self::odds::OddsRatio;
pub use self::options::{Correction, PatternOptions};
pub use self::rank::{cliffs_delta, shift};
pub use self::wording::TextItems;
