//! Effect sizes: how much, beside whether.

mod cliff;
mod odds;
mod shift;
mod standardized;

pub use cliff::cliffs_delta;
pub use odds::odds_ratio;
pub use shift::{hodges_lehmann, hodges_lehmann_paired};
pub use standardized::{PairedEffect, paired_effect};

use super::{finite, undefined};
use crate::EvaluationError;

/// That both arms hold finite values.
fn two_arms(name: &'static str, a: &[f64], b: &[f64]) -> Result<(), EvaluationError> {
    if a.is_empty() || b.is_empty() {
        let (a, b) = (a.len(), b.len());
        return undefined(name, format!("the arms hold {a} and {b} scores. Needed: at least 1 in both"));
    }
    finite(name, a)?;
    finite(name, b)
}
