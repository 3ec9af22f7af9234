//! Taking a model's preference among labels, which has nothing to do with the input, out of its answers.

use crate::EvaluationError;

/// Contextual calibration of label probabilities (Zhao, Wallace, Feng, Klein & Singh 2021, "Calibrate Before Use").
///
/// A model prefers some labels whatever it is shown. Ask it about inputs without content ("N/A", "[MASK]", the empty
/// string) in the same prompt; the mean of those label probabilities, p_cf, is its preference. Probabilities of a real
/// input are then divided by p_cf: W = diag(p_cf)^-1, b = 0 in the paper's section 4. With one such input the order of
/// labels is that of log p - log p_cf (pointwise mutual information, Holtzman et al. 2021).
///
/// ```
/// use evaluation::calibration::ContextualCalibration;
/// // Without content the model says "positive" at 0.8; a review at 0.7 is then rather negative.
/// let calibration = ContextualCalibration::of(&[vec![0.8_f64.ln(), 0.2_f64.ln()]])?;
/// let p = calibration.probabilities(&[0.7_f64.ln(), 0.3_f64.ln()])?;
/// assert!(p[1] > p[0] && (p[0] + p[1] - 1.0).abs() < 1e-12);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ContextualCalibration {
    preference: Vec<f64>,
}

const NAME: &str = "contextual calibration";

impl ContextualCalibration {
    /// The preference that `blank` shows: for each input without content, one log-probability a label. They need not
    /// be normalised: only their share among the labels counts.
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] without inputs or labels, for rows of unequal length, for log-probabilities that
    /// are NaN or plus infinity, or for a label that no input gives a probability above 0.
    pub fn of(blank: &[Vec<f64>]) -> Result<Self, EvaluationError> {
        let labels = blank.first().map_or(0, Vec::len);
        if labels == 0 {
            return undefined("there is no input or no label. Needed: at least one of both".into());
        }
        let mut preference = vec![0.0; labels];
        for log_probs in blank {
            for (sum, p) in preference.iter_mut().zip(shares(log_probs, labels)?) {
                *sum += p / blank.len() as f64;
            }
        }
        match preference.iter().position(|p| *p <= 0.0) {
            Some(at) => undefined(format!("label {at} has probability 0 without content. Leave it out")),
            None => Ok(Self { preference }),
        }
    }

    /// The probabilities of labels without content; their sum is 1.
    pub fn preference(&self) -> &[f64] {
        &self.preference
    }

    /// Calibrated probabilities of an input, from one log-probability a label; their sum is 1.
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] for another number of labels, for log-probabilities that are NaN or plus
    /// infinity, or when all labels have probability 0.
    pub fn probabilities(&self, log_probs: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        let shares = shares(log_probs, self.preference.len())?;
        let odds: Vec<f64> = shares.iter().zip(&self.preference).map(|(p, q)| p / q).collect();
        let sum: f64 = odds.iter().sum();
        Ok(odds.into_iter().map(|o| o / sum).collect())
    }
}

/// Probabilities among the labels.
fn shares(log_probs: &[f64], labels: usize) -> Result<Vec<f64>, EvaluationError> {
    if log_probs.len() != labels {
        return undefined(format!("{} log-probabilities for {labels} labels", log_probs.len()));
    }
    if let Some(at) = log_probs.iter().position(|p| p.is_nan() || *p == f64::INFINITY) {
        return undefined(format!("log-probability {at} is {}. Allowed: below infinity", log_probs[at]));
    }
    let most = log_probs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return undefined("all labels have probability 0".into());
    }
    let odds: Vec<f64> = log_probs.iter().map(|p| (p - most).exp()).collect();
    let sum: f64 = odds.iter().sum();
    Ok(odds.into_iter().map(|o| o / sum).collect())
}

fn undefined<T>(message: String) -> Result<T, EvaluationError> {
    Err(EvaluationError::Undefined { statistic: NAME, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_inputs() {
        let impossible = f64::NEG_INFINITY;
        for blank in
            [vec![], vec![vec![]], vec![vec![0.0], vec![]], vec![vec![f64::NAN]], vec![vec![0.0, impossible]]]
        {
            assert!(ContextualCalibration::of(&blank).is_err(), "{blank:?}");
        }
        let sound = ContextualCalibration::of(&[vec![0.0, impossible], vec![impossible, 0.0]]).unwrap();
        assert_eq!(sound.preference(), [0.5, 0.5]);
        assert_eq!(sound.probabilities(&[impossible, -700.0]).unwrap(), [0.0, 1.0]);
        assert!(sound.probabilities(&[0.0]).is_err() && sound.probabilities(&[impossible; 2]).is_err());
    }
}
