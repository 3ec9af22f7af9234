use std::path::{Path, PathBuf};

use meta_traits::{ExampleId, Split, Stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::EvaluationError;

mod canonical;
mod columns;
mod key;
mod leakage;
mod partition;
mod rows;
mod split;

pub use columns::{Columns, Inputs};
pub use key::Key;
pub use leakage::{Leakage, NearDuplicate};
pub use partition::By;
pub use rows::{Rows, RowsDigest};
pub use split::Fold;

/// One row of a data set: what goes in, what should come out, and whatever else is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Example {
    /// A string, or an object of named fields.
    pub input: Value,
    /// What the metric compares with; its form is the metric's business.
    pub expected: Value,
    /// Anything else; `null` when absent.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub meta: Value,
}

impl Example {
    /// A row without meta.
    pub fn new(input: impl Into<Value>, expected: impl Into<Value>) -> Self {
        Self { input: input.into(), expected: expected.into(), meta: Value::Null }
    }

    /// The same row with `meta`.
    #[must_use]
    pub fn with_meta(mut self, meta: impl Into<Value>) -> Self {
        self.meta = meta.into();
        self
    }

    /// The input as text: a string as it is, an object as lines `name: value` in the order of names.
    ///
    /// Values that are not strings are written as JSON.
    pub fn text(&self) -> String {
        let plain = |value: &Value| value.as_str().map_or_else(|| canonical::json(value), str::to_owned);
        match &self.input {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| name.as_str());
                let lines: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect();
                lines.join("\n")
            }
            other => plain(other),
        }
    }
}

/// Examples in up to three splits: `train` may be shown to proposers, `val` decides, `test` is scored once.
///
/// `train` always holds an example; a split that is given holds at least one. An absent `val` stays absent: nothing
/// here quietly validates on training rows. Cut one off with [`Dataset::split_val`] or [`Dataset::split`].
///
/// ```
/// use evaluation::{Dataset, Example};
/// use meta_traits::{ExampleId, Split, Stream};
///
/// let rows = (0..10).map(|i| Example::new(format!("{i} + 1"), format!("{}", i + 1))).collect();
/// let data = Dataset::from_examples(rows, None, None)?.split_val(0.3, &Stream::root(7))?;
/// assert_eq!(data.ids(Split::Train).len(), 7);
/// assert_eq!(data.ids(Split::Val).len(), 3);
/// assert!(data.get(ExampleId::new(Split::Test, 0)).is_none());
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    train: Vec<Example>,
    val: Option<Vec<Example>>,
    test: Option<Vec<Example>>,
}

impl Dataset {
    /// Reads one file a split: JSON lines, CSV or Parquet by its ending, see [`Rows`].
    ///
    /// A row is `{"input": string or object, "expected": any, "meta": any}`, meta optional, no other key. Rows stay in
    /// memory.
    ///
    /// # Errors
    /// A file that cannot be read, a line that is not such a row (the error names file, line, fault and what is
    /// allowed), a file without rows.
    pub fn load(train: &Path, val: Option<&Path>, test: Option<&Path>) -> Result<Self, EvaluationError> {
        Self::load_columns(train, val, test, None)
    }

    /// Reads files whose columns have other names.
    ///
    /// # Errors
    /// As [`Dataset::load`]; also a file that lacks a column.
    pub fn load_columns(
        train: &Path,
        val: Option<&Path>,
        test: Option<&Path>,
        columns: Option<&Columns>,
    ) -> Result<Self, EvaluationError> {
        let read = |file: &Path, split: Split| -> Result<Vec<Example>, EvaluationError> {
            let rows: Vec<Example> = Rows::open(file, columns)?.collect::<Result<_, _>>()?;
            if rows.is_empty() {
                let source_name = file.display().to_string();
                return Err(EvaluationError::EmptySplit { split: split.name(), source_name });
            }
            Ok(rows)
        };
        Ok(Self {
            train: read(train, Split::Train)?,
            val: val.map(|file| read(file, Split::Val)).transpose()?,
            test: test.map(|file| read(file, Split::Test)).transpose()?,
        })
    }

    /// Reads `train.*` and, where they exist, `val.*` and `test.*` of a folder, the ending being `jsonl`, `csv`, `tsv`
    /// or `parquet`.
    ///
    /// # Errors
    /// As [`Dataset::load`]; also when a split is there in two formats.
    pub fn load_dir(dir: &Path) -> Result<Self, EvaluationError> {
        let find = |split: Split| -> Result<Option<PathBuf>, EvaluationError> {
            let files = ["jsonl", "csv", "tsv", "parquet"].map(|e| dir.join(format!("{}.{e}", split.name())));
            let mut there = files.into_iter().filter(|file| file.exists());
            let first = there.next();
            if let (Some(first), Some(second)) = (&first, there.next()) {
                let (file, split) = (first.clone(), split.name());
                let message = format!("the {split} split is also in {}. Keep one", second.display());
                return Err(EvaluationError::Format { file, message });
            }
            Ok(first)
        };
        let train = find(Split::Train)?.unwrap_or_else(|| dir.join("train.jsonl"));
        Self::load(&train, find(Split::Val)?.as_deref(), find(Split::Test)?.as_deref())
    }

    /// Takes rows that are in memory.
    ///
    /// # Errors
    /// [`EvaluationError::EmptySplit`] when a split that is given holds no row.
    pub fn from_examples(
        train: Vec<Example>,
        val: Option<Vec<Example>>,
        test: Option<Vec<Example>>,
    ) -> Result<Self, EvaluationError> {
        let data = Self { train, val, test };
        for split in [Split::Train, Split::Val, Split::Test] {
            if data.rows(split).is_some_and(<[Example]>::is_empty) {
                let source_name = "the list given".to_owned();
                return Err(EvaluationError::EmptySplit { split: split.name(), source_name });
            }
        }
        Ok(data)
    }

    /// The rows of `split`; `None` when it was not given.
    pub fn rows(&self, split: Split) -> Option<&[Example]> {
        match split {
            Split::Train => Some(&self.train),
            Split::Val => self.val.as_deref(),
            Split::Test => self.test.as_deref(),
            _ => None,
        }
    }

    /// The row named `id`.
    pub fn get(&self, id: ExampleId) -> Option<&Example> {
        self.rows(id.split)?.get(id.index as usize)
    }

    /// The names of all rows of `split`, in order; none when it was not given.
    pub fn ids(&self, split: Split) -> Vec<ExampleId> {
        let n = self.rows(split).map_or(0, <[Example]>::len);
        (0..n).map(|i| ExampleId::new(split, i as u32)).collect()
    }

    /// All rows with their names: train, val, test.
    pub fn iter(&self) -> impl Iterator<Item = (ExampleId, &Example)> {
        [Split::Train, Split::Val, Split::Test].into_iter().flat_map(move |split| {
            let rows = self.rows(split).unwrap_or_default();
            rows.iter().enumerate().map(move |(i, row)| (ExampleId::new(split, i as u32), row))
        })
    }

    /// BLAKE3 of the rows of `split` in hexadecimal, for the record of a run; `None` when it was not given.
    ///
    /// Depends on the values alone: not on white space, key order or the file's name.
    pub fn hash(&self, split: Split) -> Option<String> {
        self.digest(split).map(|digest| digest.blake3)
    }

    /// The number of rows of `split` and their hash; `None` when it was not given.
    pub fn digest(&self, split: Split) -> Option<RowsDigest> {
        self.rows(split).map(canonical::digest)
    }

    /// The distinct strings among the expected values of all splits, sorted.
    pub fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> =
            self.iter().filter_map(|(_, row)| row.expected.as_str()).map(str::to_owned).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    /// What stands in more than one split; see [`Leakage`].
    pub fn leakage(&self) -> Leakage {
        leakage::find(self)
    }

    /// Moves a share of `train`, drawn by `rng`, to `val`; both keep the order of the rows.
    ///
    /// At least one row stays and at least one moves. Rows of train are numbered anew.
    ///
    /// # Errors
    /// [`EvaluationError::SplitVal`] when there is a val split already, when `share` is not inside (0, 1), or when
    /// train holds one row only.
    pub fn split_val(self, share: f64, rng: &Stream) -> Result<Self, EvaluationError> {
        let refuse = |message: String| Err(EvaluationError::SplitVal { message });
        let n = self.train.len();
        if self.val.is_some() {
            return refuse("there is one already. Leave out either it or the share".into());
        }
        if !(share > 0.0 && share < 1.0) {
            return refuse(format!("the share is {share}. Allowed: above 0, below 1"));
        }
        if n < 2 {
            return refuse(format!("train holds {n} row. At least 2 are needed"));
        }
        let moved = ((share * n as f64).round() as usize).clamp(1, n - 1);
        let mut order: Vec<usize> = (0..n).collect();
        rng.child("split_val", 0).shuffle(&mut order);
        let mut to_val = vec![false; n];
        order[..moved].iter().for_each(|&i| to_val[i] = true);
        let mut parts = (Vec::with_capacity(n - moved), Vec::with_capacity(moved));
        for (row, to_val) in self.train.into_iter().zip(to_val) {
            if to_val { parts.1.push(row) } else { parts.0.push(row) }
        }
        Ok(Self { train: parts.0, val: Some(parts.1), test: self.test })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(n: usize) -> Vec<Example> {
        (0..n).map(|i| Example::new(format!("q{i}"), "x")).collect()
    }

    #[test]
    fn val_is_cut_off_by_seed_and_keeps_every_row_once() {
        let whole = Dataset::from_examples(rows(20), None, None).unwrap();
        let cut = |seed| whole.clone().split_val(0.25, &Stream::root(seed)).unwrap();
        assert_eq!(cut(1), cut(1));
        assert_ne!(cut(1), cut(2));
        let data = cut(1);
        assert_eq!((data.ids(Split::Train).len(), data.ids(Split::Val).len()), (15, 5));
        let mut all: Vec<String> = data.iter().map(|(_, row)| row.text()).collect();
        all.sort_by_key(|t| t[1..].parse::<u32>().unwrap());
        assert_eq!(all, (0..20).map(|i| format!("q{i}")).collect::<Vec<_>>());
        assert!(data.leakage().exact.is_empty());
    }

    #[test]
    fn wrong_shares_are_refused() {
        for (n, share) in [(10, 0.0), (10, 1.0), (10, f64::NAN), (1, 0.5)] {
            let data = Dataset::from_examples(rows(n), None, None).unwrap();
            assert!(data.split_val(share, &Stream::root(1)).is_err(), "{n} {share}");
        }
        let both = Dataset::from_examples(rows(4), Some(rows(2)), None).unwrap();
        assert!(both.split_val(0.5, &Stream::root(1)).unwrap_err().to_string().contains("one already"));
    }

    #[test]
    fn objects_become_lines_in_the_order_of_names() {
        let row = Example::new(json!({"question": "Why?", "context": ["a", 1]}), "x");
        assert_eq!(row.text(), "context: [\"a\",1]\nquestion: Why?");
    }

    #[test]
    fn labels_are_sorted_and_distinct() {
        let rows = ["b", "a", "b"].map(|l| Example::new("q", l)).to_vec();
        let mut with_number = rows.clone();
        with_number.push(Example::new("q", 3));
        let data = Dataset::from_examples(rows, Some(with_number), None).unwrap();
        assert_eq!(data.labels(), ["a", "b"]);
    }

    #[test]
    fn a_given_split_must_hold_a_row() {
        let error = Dataset::from_examples(rows(2), Some(Vec::new()), None).unwrap_err();
        assert!(error.to_string().contains("for the val split"), "{error}");
    }
}
