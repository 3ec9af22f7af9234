use std::collections::BTreeMap;

use meta_traits::Stream;

use super::{Bootstrap, NAME};
use crate::EvaluationError;
use crate::stats::{Interval, finite, undefined};

/// The values of one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Total {
    sum: f64,
    count: f64,
}

impl Bootstrap {
    /// The interval of the mean of `values` whose dependence stays within clusters: examples from one document or
    /// user, repeats of one example.
    ///
    /// Whole clusters are resampled (Davison & Hinkley 1997, section 3.8); the estimate is the mean of all values, so
    /// that a large cluster weighs more. Which value is in which cluster is all that counts; their order is not. The
    /// acceleration of BCa comes from leaving out one cluster at a time. O(values log clusters + clusters x resamples).
    /// Fewer than about 20 clusters make every such interval too narrow.
    ///
    /// ```
    /// use evaluation::stats::Bootstrap;
    /// use meta_traits::Stream;
    /// let scores = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0];
    /// let documents = ["a", "a", "a", "b", "b", "b", "c", "d"];
    /// let together = Bootstrap::default().clustered_mean_interval(&scores, &documents, &Stream::root(1))?;
    /// let alone = Bootstrap::default().mean_interval(&scores, &Stream::root(1))?;
    /// assert!(together.low < alone.low && together.estimate == alone.estimate);
    /// # Ok::<(), evaluation::EvaluationError>(())
    /// ```
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] for lists of unequal length, fewer than two clusters, values that are not finite,
    /// no resamples, or a level outside (0, 1).
    pub fn clustered_mean_interval<K: Ord>(
        &self,
        values: &[f64],
        clusters: &[K],
        rng: &Stream,
    ) -> Result<Interval, EvaluationError> {
        if values.len() != clusters.len() {
            let (v, c) = (values.len(), clusters.len());
            return undefined(NAME, format!("{v} values in {c} clusters. Needed: a cluster for each value"));
        }
        finite(NAME, values)?;
        self.check()?;
        let totals = totals(values, clusters);
        if totals.len() < 2 {
            return undefined(NAME, format!("{} cluster has no spread. Needed: at least 2", totals.len()));
        }
        let estimate = ratio(totals.iter());
        if totals.iter().all(|t| (t.sum / t.count).total_cmp(&(totals[0].sum / totals[0].count)).is_eq()) {
            return Ok(Interval::around(estimate, estimate, estimate, self.level));
        }
        let mut rng = rng.child("clustered_bootstrap", 0);
        let k = totals.len();
        let mut means: Vec<f64> =
            (0..self.resamples).map(|_| ratio((0..k).map(|_| &totals[rng.below(k)]))).collect();
        means.sort_unstable_by(f64::total_cmp);
        let (low, high) = self.bounds(&means, estimate, &influence(&totals));
        Ok(Interval::around(estimate, low, high, self.level))
    }
}

fn totals<K: Ord>(values: &[f64], clusters: &[K]) -> Vec<Total> {
    let mut totals: BTreeMap<&K, Total> = BTreeMap::new();
    for (value, cluster) in values.iter().zip(clusters) {
        let total = totals.entry(cluster).or_default();
        total.sum += value;
        total.count += 1.0;
    }
    totals.into_values().collect()
}

fn ratio<'a>(totals: impl Iterator<Item = &'a Total>) -> f64 {
    let (sum, count) = totals.fold((0.0, 0.0), |(s, c), t| (s + t.sum, c + t.count));
    sum / count
}

/// How far leaving out each cluster moves the mean, from the mean of those means.
fn influence(totals: &[Total]) -> Vec<f64> {
    let (sum, count) = totals.iter().fold((0.0, 0.0), |(s, c), t| (s + t.sum, c + t.count));
    let without: Vec<f64> = totals.iter().map(|t| (sum - t.sum) / (count - t.count)).collect();
    let centre = super::mean(&without);
    without.iter().map(|w| centre - w).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Method;

    /// `scipy.stats.bootstrap` of sums and counts, paired; see `tests/golden/bootstrap.py`.
    #[test]
    fn bounds_are_those_of_scipy_for_the_same_resamples() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/golden/bootstrap.json")).unwrap();
        let numbers = |v: &serde_json::Value| -> Vec<f64> {
            v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
        };
        let cases = golden["clustered"].as_array().unwrap();
        assert_eq!(cases.len(), 3);
        for case in cases {
            let (values, clusters) = (numbers(&case["values"]), case["clusters"].as_array().unwrap());
            let clusters: Vec<u64> = clusters.iter().map(|c| c.as_u64().unwrap()).collect();
            let totals = totals(&values, &clusters);
            let mut means = numbers(&case["distribution"]);
            means.sort_unstable_by(f64::total_cmp);
            let bootstrap = Bootstrap { resamples: means.len() as u32, level: 0.95, method: Method::Bca };
            // A resample may equal the estimate but for its last bit: theirs, so that the same ones count as equal.
            let estimate = case["estimate"].as_f64().unwrap();
            assert!((ratio(totals.iter()) - estimate).abs() < 1e-12);
            let (low, high) = bootstrap.bounds(&means, estimate, &influence(&totals));
            let close = |a: f64, b: &serde_json::Value| (a - b.as_f64().unwrap()).abs() < 1e-9;
            assert!(close(low, &case["low"]) && close(high, &case["high"]), "{low} {high} {case}");
        }
    }

    #[test]
    fn the_order_of_rows_and_names_of_clusters_do_not_matter() {
        let interval = |values: &[f64], clusters: &[u8]| {
            Bootstrap::default().clustered_mean_interval(values, clusters, &Stream::root(2)).unwrap()
        };
        let one = interval(&[1.0, 0.0, 0.5, 0.25], &[1, 2, 1, 3]);
        assert_eq!(one, interval(&[0.25, 1.0, 0.0, 0.5], &[9, 4, 7, 4]));
    }

    #[test]
    fn degenerate_inputs() {
        let interval = |values: &[f64], clusters: &[u8]| {
            Bootstrap::default().clustered_mean_interval(values, clusters, &Stream::root(1))
        };
        assert!(interval(&[1.0, 0.0], &[1, 1]).unwrap_err().to_string().contains("1 cluster"));
        assert!(interval(&[1.0], &[1, 2]).is_err() && interval(&[f64::NAN, 1.0], &[1, 2]).is_err());
        let same = interval(&[0.5, 0.5, 0.5], &[1, 1, 2]).unwrap();
        assert!(same.low >= 0.5 && same.high <= 0.5);
    }
}
