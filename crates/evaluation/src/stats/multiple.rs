use serde::{Deserialize, Serialize};

use super::undefined;
use crate::EvaluationError;

/// What is kept when many hypotheses are tested at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Correction {
    /// The probability of any false claim, under any dependence (Holm 1979).
    Holm,
    /// The expected share of false claims among the claims, for independent or positively dependent tests (Benjamini &
    /// Hochberg 1995).
    BenjaminiHochberg,
    /// The same under any dependence (Benjamini & Yekutieli 2001).
    BenjaminiYekutieli,
}

/// The p-values corrected for their number, in the order given: claim those that are at most alpha.
///
/// Each is at least the p-value it came from and at most 1. O(n log n). Values as
/// `statsmodels.stats.multitest.multipletests`.
///
/// ```
/// use evaluation::stats::{Correction, corrected};
/// let p = [0.25, 0.015625, 1.0, 1.0];
/// assert_eq!(corrected(&p, Correction::Holm)?, [0.75, 0.0625, 1.0, 1.0]);
/// assert_eq!(corrected(&p, Correction::BenjaminiHochberg)?, [0.5, 0.0625, 1.0, 1.0]);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] for a value outside [0, 1].
pub fn corrected(p: &[f64], by: Correction) -> Result<Vec<f64>, EvaluationError> {
    if let Some(at) = p.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return undefined("corrected p-value", format!("p-value {at} is {}. Allowed: 0 to 1", p[at]));
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let n = p.len() as f64;
    let mut out = vec![0.0; p.len()];
    match by {
        Correction::Holm => {
            let mut reached = 0.0_f64;
            for (rank, &i) in order.iter().enumerate() {
                reached = reached.max((n - rank as f64) * p[i]).min(1.0);
                out[i] = reached;
            }
        }
        Correction::BenjaminiHochberg | Correction::BenjaminiYekutieli => {
            let dependence = match by {
                Correction::BenjaminiYekutieli => (1..=p.len()).map(|i| 1.0 / i as f64).sum(),
                _ => 1.0,
            };
            let mut reached = 1.0_f64;
            for (rank, &i) in order.iter().enumerate().rev() {
                reached = reached.min(p[i] / ((rank + 1) as f64 / n) * dependence);
                out[i] = reached;
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        for by in [Correction::Holm, Correction::BenjaminiHochberg, Correction::BenjaminiYekutieli] {
            assert_eq!(corrected(&[], by).unwrap(), Vec::<f64>::new());
            assert_eq!(corrected(&[0.2], by).unwrap(), [0.2]);
            assert!(corrected(&[0.2, f64::NAN], by).is_err() && corrected(&[1.1], by).is_err());
        }
    }
}
