use serde::Serialize;
use statrs::function::gamma::ln_gamma;

use super::undefined;
use crate::EvaluationError;
use crate::stats::{mean, paired_differences};

/// A mean difference on the same examples, in units of its standard deviation over examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PairedEffect {
    /// Mean of the first arm less mean of the second.
    pub difference: f64,
    /// Cohen's d of the differences (his d_z, 1988, section 2.3.5): `difference` over their standard deviation.
    pub d: f64,
    /// Hedges' g (1981): d times the factor that takes out its bias in small samples, J(n - 1).
    pub g: f64,
}

/// Cohen's d and Hedges' g of two arms on the same examples.
///
/// d_z grows with the correlation of the arms: it says how plainly the difference shows in this paired design, and is
/// no measure for comparing studies of other designs. J(m) = Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2)), not its
/// approximation.
///
/// ```
/// use evaluation::stats::paired_effect;
/// let effect = paired_effect(&[0.9, 0.8, 0.7, 0.9], &[0.5, 0.6, 0.6, 0.6])?;
/// assert!(effect.d > effect.g && effect.g > 0.0);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] for arms of unequal length, fewer than three pairs, values that are not finite, or
/// differences that are all the same and not 0.
pub fn paired_effect(a: &[f64], b: &[f64]) -> Result<PairedEffect, EvaluationError> {
    const NAME: &str = "paired effect size";
    let differences = paired_differences(NAME, a, b, 3)?;
    let n = differences.len();
    let difference = mean(&differences);
    let same = differences.iter().all(|d| d.total_cmp(&differences[0]).is_eq());
    if same && difference != 0.0 {
        return undefined(NAME, format!("all differences are {difference}. Give the difference itself"));
    }
    let squares: f64 = differences.iter().map(|d| (d - difference).powi(2)).sum();
    let degrees = (n - 1) as f64;
    let d = if same { 0.0 } else { difference / (squares / degrees).sqrt() };
    let factor = (ln_gamma(degrees / 2.0) - ln_gamma((degrees - 1.0) / 2.0)).exp() / (degrees / 2.0).sqrt();
    Ok(PairedEffect { difference, d, g: d * factor })
}
