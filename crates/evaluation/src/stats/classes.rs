use std::collections::BTreeMap;

use serde::Serialize;

use super::{Interval, finite, undefined, wilson};
use crate::EvaluationError;

/// What always answering one label scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Majority {
    /// The label.
    pub label: String,
    /// The share of examples it is right on, with Wilson's interval.
    pub share: Interval,
}

/// The baseline that always answers the label most frequent in `known`, scored on `expected`.
///
/// `known` should be the labels of another split (train): the most frequent label of the scored split itself is picked
/// after the fact. Of equally frequent labels the first by alphabet. A system that is not above it has learnt nothing
/// from its inputs.
///
/// ```
/// use evaluation::stats::majority_baseline;
/// let baseline = majority_baseline(["a", "b", "a"], ["a", "b", "b", "a"], 0.95)?;
/// assert_eq!((baseline.label.as_str(), baseline.share.estimate), ("a", 0.5));
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] when either list is empty, or for a level outside (0, 1).
pub fn majority_baseline<'a>(
    known: impl IntoIterator<Item = &'a str>,
    expected: impl IntoIterator<Item = &'a str>,
    level: f64,
) -> Result<Majority, EvaluationError> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for label in known {
        *counts.entry(label).or_default() += 1;
    }
    let mut best: Option<(&str, u64)> = None;
    for (label, count) in counts {
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((label, count));
        }
    }
    let Some((label, _)) = best else {
        return undefined("majority baseline", "there is no label to choose from. Needed: at least 1");
    };
    let (mut right, mut n) = (0, 0);
    for other in expected {
        n += 1;
        right += u64::from(other == label);
    }
    Ok(Majority { label: label.to_owned(), share: wilson(right, n, level)? })
}

/// Balanced accuracy: the mean over labels of the mean score on the examples that expect that label.
///
/// With 0/1 scores it is the mean recall, as `sklearn.metrics.balanced_accuracy_score`. Always answering one of k
/// labels gives 1/k, however frequent that label is.
///
/// ```
/// use evaluation::stats::balanced_accuracy;
/// // Always "a" is right on 3 of 4, but on one label of two.
/// assert_eq!(balanced_accuracy(&["a", "a", "a", "b"], &[1.0, 1.0, 1.0, 0.0])?, 0.5);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
///
/// # Errors
/// [`EvaluationError::Undefined`] without examples, for lists of unequal length, or for scores that are not finite.
pub fn balanced_accuracy(expected: &[&str], scores: &[f64]) -> Result<f64, EvaluationError> {
    const NAME: &str = "balanced accuracy";
    if expected.len() != scores.len() || expected.is_empty() {
        let (e, s) = (expected.len(), scores.len());
        return undefined(NAME, format!("{e} labels and {s} scores. Needed: as many of both, at least 1"));
    }
    finite(NAME, scores)?;
    let mut classes: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (label, score) in expected.iter().zip(scores) {
        let class = classes.entry(label).or_default();
        *class = (class.0 + score, class.1 + 1.0);
    }
    Ok(classes.values().map(|(sum, n)| sum / n).sum::<f64>() / classes.len() as f64)
}

/// Which label was answered where which was expected.
///
/// ```
/// use evaluation::stats::Confusion;
/// let table = Confusion::of([("a", Some("a")), ("a", Some("b")), ("b", Some("b")), ("b", None)])?;
/// assert_eq!(table.count("a", Some("b")), 1);
/// assert_eq!((table.accuracy(), table.balanced_accuracy()), (0.5, 0.5));
/// assert_eq!(table.to_string(), "expected\\got  a  b  none\na             1  1     0\nb             0  1     1\n");
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    labels: Vec<String>,
    /// One row a label expected, one column a label answered, then one for no label.
    counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Counts pairs of the label expected and the one answered, `None` for an answer without a label.
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] without pairs.
    pub fn of<'a>(
        pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<Self, EvaluationError> {
        let pairs: Vec<(&str, Option<&str>)> = pairs.into_iter().collect();
        if pairs.is_empty() {
            return undefined("confusion table", "there is no answer. Needed: at least 1");
        }
        let mut labels: Vec<&str> =
            pairs.iter().flat_map(|(expected, got)| [Some(*expected), *got]).flatten().collect();
        labels.sort_unstable();
        labels.dedup();
        let mut counts = vec![vec![0; labels.len() + 1]; labels.len()];
        let at = |label: &str| labels.binary_search(&label).unwrap_or(labels.len());
        for (expected, got) in &pairs {
            counts[at(expected)][got.map_or(labels.len(), at)] += 1;
        }
        Ok(Self { labels: labels.into_iter().map(str::to_owned).collect(), counts })
    }

    /// The labels expected or answered, sorted.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How often `got` was answered where `expected` was right; 0 for labels that never came.
    pub fn count(&self, expected: &str, got: Option<&str>) -> u64 {
        let at = |label: &str| self.labels.binary_search_by(|l| l.as_str().cmp(label)).ok();
        let column = match got {
            Some(label) => at(label),
            None => Some(self.labels.len()),
        };
        let cell = at(expected).zip(column).map(|(row, column)| self.counts[row][column]);
        cell.unwrap_or(0)
    }

    /// The share of right answers.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.labels.len()).map(|i| self.counts[i][i]).sum();
        right as f64 / self.counts.iter().flatten().sum::<u64>() as f64
    }

    /// The mean recall over the labels that were expected.
    pub fn balanced_accuracy(&self) -> f64 {
        let expected: Vec<(u64, u64)> = (0..self.labels.len())
            .map(|i| (self.counts[i][i], self.counts[i].iter().sum()))
            .filter(|(_, n)| *n > 0)
            .collect();
        expected.iter().map(|(right, n)| *right as f64 / *n as f64).sum::<f64>() / expected.len() as f64
    }

    /// The mean over all labels of the F1 of each, 0 for one that was expected or answered but never both; as
    /// `sklearn.metrics.f1_score(average="macro")`.
    pub fn macro_f1(&self) -> f64 {
        let n = self.labels.len();
        let f1 = |i: usize| {
            let expected: u64 = self.counts[i].iter().sum();
            let answered: u64 = (0..n).map(|row| self.counts[row][i]).sum();
            2.0 * self.counts[i][i] as f64 / (expected + answered) as f64
        };
        (0..n).map(f1).sum::<f64>() / n as f64
    }
}

/// A table of plain text, columns as wide as their longest cell.
impl std::fmt::Display for Confusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const CORNER: &str = "expected\\got";
        let names: Vec<&str> = self.labels.iter().map(String::as_str).chain(["none"]).collect();
        let first = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(CORNER.len());
        let widths: Vec<usize> = (0..names.len())
            .map(|column| {
                let cells = self.counts.iter().map(|row| row[column].to_string().len());
                cells.max().unwrap_or(0).max(names[column].chars().count())
            })
            .collect();
        write!(f, "{CORNER:first$}")?;
        for (name, width) in names.iter().zip(&widths) {
            write!(f, "  {name:>width$}")?;
        }
        for (label, row) in self.labels.iter().zip(&self.counts) {
            write!(f, "\n{label:first$}")?;
            for (count, width) in row.iter().zip(&widths) {
                write!(f, "  {count:>width$}")?;
            }
        }
        f.write_str("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_first_label() {
        let baseline = majority_baseline(["b", "a"], ["b"], 0.95).unwrap();
        assert_eq!((baseline.label.as_str(), baseline.share.estimate), ("a", 0.0));
        assert!(majority_baseline([], ["b"], 0.95).is_err() && majority_baseline(["b"], [], 0.95).is_err());
    }

    #[test]
    fn labels_that_never_came_count_nothing() {
        let table = Confusion::of([("a", Some("c"))]).unwrap();
        assert_eq!((table.count("z", Some("a")), table.count("c", Some("c"))), (0, 0));
        assert_eq!((table.balanced_accuracy(), table.macro_f1()), (0.0, 0.0));
        assert!(Confusion::of([]).is_err());
    }

    #[test]
    fn scores_need_labels() {
        assert!(balanced_accuracy(&[], &[]).is_err() && balanced_accuracy(&["a"], &[1.0, 0.0]).is_err());
        assert!(balanced_accuracy(&["a"], &[f64::NAN]).is_err());
    }
}
