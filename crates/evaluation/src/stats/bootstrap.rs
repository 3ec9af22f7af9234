use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Interval, finite, level_in_range, mean, undefined};
use crate::EvaluationError;

mod bca;
mod clustered;
mod ratio;

/// How bounds are read off the resampled means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// Bias-corrected and accelerated (Efron 1987); where it has no value, as percentile.
    #[default]
    Bca,
    /// The plain quantiles.
    Percentile,
}

/// Intervals by resampling with replacement: of [a mean](Self::mean_interval), of a mean over
/// [dependent values](Self::clustered_mean_interval), of [a ratio of medians](Self::ratio_of_medians_interval).
///
/// ```
/// use evaluation::stats::{Bootstrap, Method};
/// use meta_traits::Stream;
/// let scores = [0.2, 0.9, 0.4, 1.0, 0.7, 0.1, 0.8];
/// let bootstrap = Bootstrap { resamples: 2_000, method: Method::Percentile, ..Bootstrap::default() };
/// let interval = bootstrap.mean_interval(&scores, &Stream::root(3))?;
/// assert!(interval.contains(interval.estimate));
/// assert_eq!(interval, bootstrap.mean_interval(&scores, &Stream::root(3))?);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Resamples, at least 1; 10,000 by default.
    pub resamples: u32,
    /// Coverage in (0, 1); 0.95 by default.
    pub level: f64,
    /// How bounds are read off.
    pub method: Method,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 10_000, level: 0.95, method: Method::Bca }
    }
}

const NAME: &str = "bootstrap interval";

impl Bootstrap {
    /// The interval of the mean of `values`. O(values x resamples).
    ///
    /// Equal values give the point itself. Bounds are moved to the mean where they would miss it, as BCa can for a
    /// few very skewed values.
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] for fewer than two values, values that are not finite, no resamples, or a level
    /// outside (0, 1).
    pub fn mean_interval(&self, values: &[f64], rng: &Stream) -> Result<Interval, EvaluationError> {
        if values.len() < 2 {
            return undefined(NAME, format!("{} value has no spread. Needed: at least 2", values.len()));
        }
        finite(NAME, values)?;
        self.check()?;
        if values.iter().all(|v| v.total_cmp(&values[0]).is_eq()) {
            return Ok(Interval::around(values[0], values[0], values[0], self.level));
        }
        let mut rng = rng.child("bootstrap", 0);
        let n = values.len();
        let mut means: Vec<f64> = (0..self.resamples)
            .map(|_| (0..n).map(|_| values[rng.below(n)]).sum::<f64>() / n as f64)
            .collect();
        means.sort_unstable_by(f64::total_cmp);
        let centre = mean(values);
        let (low, high) = self.bounds(&means, centre, &deviations(values));
        Ok(Interval::around(centre, low, high, self.level))
    }

    fn check(&self) -> Result<(), EvaluationError> {
        level_in_range(NAME, self.level)?;
        if self.resamples == 0 {
            return undefined(NAME, "0 resamples. Needed: at least 1, such as 10000");
        }
        Ok(())
    }

    /// The bounds that `sorted` resampled estimates give, `influence` being that of each unit on the estimate.
    fn bounds(&self, sorted: &[f64], estimate: f64, influence: &[f64]) -> (f64, f64) {
        let tail = (1.0 - self.level) / 2.0;
        let (low, high) = match self.method {
            Method::Bca => bca::levels(sorted, estimate, influence, tail).unwrap_or((tail, 1.0 - tail)),
            Method::Percentile => (tail, 1.0 - tail),
        };
        (quantile(sorted, low), quantile(sorted, high))
    }
}

/// The jackknife influence of each value on their mean: its distance from the mean.
fn deviations(values: &[f64]) -> Vec<f64> {
    let centre = mean(values);
    values.iter().map(|v| v - centre).collect()
}

/// The quantile of sorted values by linear interpolation (Hyndman & Fan 1996, type 7).
fn quantile(sorted: &[f64], level: f64) -> f64 {
    let last = sorted.len() - 1;
    let at = level * last as f64;
    let floor = (at.floor() as usize).min(last);
    let (low, high) = (sorted[floor], sorted[(floor + 1).min(last)]);
    low + (high - low) * (at - floor as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distributions and bounds of `scipy.stats.bootstrap`, see `tests/golden/stats.py`.
    #[test]
    fn bounds_are_those_of_scipy_for_the_same_resamples() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/stats.json")).unwrap();
        let numbers = |v: &serde_json::Value| -> Vec<f64> {
            v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
        };
        let cases = golden["bootstrap"].as_array().unwrap();
        assert_eq!(cases.len(), 8);
        for case in cases {
            let method = if case["method"] == "BCa" { Method::Bca } else { Method::Percentile };
            let level = case["level"].as_f64().unwrap();
            let values = numbers(&case["values"]);
            let mut means = numbers(&case["distribution"]);
            means.sort_unstable_by(f64::total_cmp);
            let bootstrap = Bootstrap { resamples: means.len() as u32, level, method };
            let (low, high) = bootstrap.bounds(&means, mean(&values), &deviations(&values));
            let close = |a: f64, b: &serde_json::Value| (a - b.as_f64().unwrap()).abs() < 1e-9;
            assert!(close(low, &case["low"]) && close(high, &case["high"]), "{low} {high} {case}");
        }
    }

    #[test]
    fn degenerate_inputs() {
        let interval = |values: &[f64]| Bootstrap::default().mean_interval(values, &Stream::root(1));
        assert_eq!(
            interval(&[0.5; 3]).unwrap(),
            Interval { estimate: 0.5, low: 0.5, high: 0.5, level: 0.95 }
        );
        for values in [&[][..], &[1.0], &[1.0, f64::NAN], &[f64::INFINITY, 0.0]] {
            assert!(interval(values).is_err(), "{values:?}");
        }
        let wrong = |bootstrap: Bootstrap| bootstrap.mean_interval(&[0.0, 1.0], &Stream::root(1)).is_err();
        assert!(wrong(Bootstrap { resamples: 0, ..Bootstrap::default() }));
        assert!(wrong(Bootstrap { level: 1.0, ..Bootstrap::default() }));
    }

    #[test]
    fn one_resample_falls_back_to_the_percentile() {
        let one = Bootstrap { resamples: 1, ..Bootstrap::default() };
        let interval = one.mean_interval(&[0.0, 1.0, 1.0], &Stream::root(1)).unwrap();
        assert!(interval.contains(2.0 / 3.0));
    }
}
