use std::path::{Path, PathBuf};

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::canonical::RowHasher;
use super::{Columns, Example};
use crate::EvaluationError;

mod csv;
mod json_lines;
#[cfg(feature = "parquet")]
mod parquet;
mod strict;

/// A row longer than this is taken for a file in another format.
const ROW_CAP: usize = 4 << 20;

/// The rows of a data file, one after the other, in the order of the file.
///
/// The file's ending decides its format: `.csv`, `.tsv` (with a header line), `.parquet`; anything else is read as JSON
/// lines. Memory is bounded by the longest row (4 MiB at most) for text, and by a page of each column that is read for
/// Parquet, however long the file is. After an error nothing more comes.
///
/// | | values | not read |
/// |---|---|---|
/// | JSON lines | any JSON; numbers finite, no key twice | blank lines |
/// | CSV, TSV | strings, as they stand: `007`, `NA` and the empty string are not interpreted | blank lines |
/// | Parquet | strings, numbers, booleans, null, lists, structs and maps; dates, times and decimals as strings; bytes must be UTF-8 | columns that [`Columns`] does not name |
///
/// ```
/// use evaluation::Rows;
/// use meta_traits::Stream;
/// let dir = tempfile::tempdir()?;
/// let file = dir.path().join("big.csv");
/// std::fs::write(&file, "input,expected\n\"1, or 2?\",1\n3?,3\n")?;
/// for row in Rows::open(&file, None)? {
///     assert!(row?.text().ends_with('?'));
/// }
/// assert_eq!(Rows::open(&file, None)?.digest()?.rows, 2);
/// assert_eq!(Rows::open(&file, None)?.sample(1, &Stream::root(1))?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Rows {
    source: Box<dyn Source>,
    ended: bool,
}

/// One format.
trait Source {
    /// The next row, `None` at the end.
    fn next_row(&mut self) -> Result<Option<Example>, EvaluationError>;
}

/// What tells one list of rows from another, for the record of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsDigest {
    /// How many there are.
    pub rows: u64,
    /// [`Dataset::hash`](super::Dataset::hash) of them.
    pub blake3: String,
}

impl Rows {
    /// Opens `file`; `columns` says what is read from a row, else it holds `input`, `expected` and `meta` (optional).
    ///
    /// # Errors
    /// A file that cannot be read, or a header that lacks a column; the error names file, fault and what is allowed.
    pub fn open(file: &Path, columns: Option<&Columns>) -> Result<Self, EvaluationError> {
        let (file, columns) = (file.to_owned(), columns.cloned());
        let ending = file.extension().map(|e| e.to_string_lossy().to_lowercase());
        let source: Box<dyn Source> = match ending.as_deref() {
            Some("csv") => Box::new(csv::Csv::open(file, b',', columns)?),
            Some("tsv") => Box::new(csv::Csv::open(file, b'\t', columns)?),
            #[cfg(feature = "parquet")]
            Some("parquet") => Box::new(parquet::Parquet::open(file, columns)?),
            #[cfg(not(feature = "parquet"))]
            Some("parquet") => {
                let message =
                    "this build does not read Parquet. Build with the feature parquet, or save it as CSV";
                return Err(EvaluationError::Format { file, message: message.into() });
            }
            _ => Box::new(json_lines::JsonLines::open(file, columns)?),
        };
        Ok(Self { source, ended: false })
    }

    /// `n` rows drawn without replacement, all rows equally likely, in the order of the file; all when there are no
    /// more. O(rows) time, memory of `n` rows (Vitter 1985, algorithm R).
    ///
    /// # Errors
    /// As for reading.
    pub fn sample(self, n: usize, rng: &Stream) -> Result<Vec<Example>, EvaluationError> {
        let mut rng = rng.child("sample", 0);
        let mut kept: Vec<(usize, Example)> = Vec::new();
        for (i, row) in self.enumerate() {
            let row = row?;
            if i < n {
                kept.push((i, row));
            } else {
                let place = rng.below(i + 1);
                if place < n {
                    kept[place] = (i, row);
                }
            }
        }
        kept.sort_unstable_by_key(|(i, _)| *i);
        Ok(kept.into_iter().map(|(_, row)| row).collect())
    }

    /// Counts and hashes the rows without keeping them.
    ///
    /// # Errors
    /// As for reading.
    pub fn digest(self) -> Result<RowsDigest, EvaluationError> {
        let mut hasher = RowHasher::default();
        for row in self {
            hasher.add(&row?);
        }
        Ok(hasher.digest())
    }
}

impl Iterator for Rows {
    type Item = Result<Example, EvaluationError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.source.next_row().transpose();
        self.ended = !matches!(row, Some(Ok(_)));
        row
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// A fault may quote the file: on one line.
fn told(message: &str) -> String {
    crate::error::one_line(message, 500)
}

fn unreadable(file: &Path, source: std::io::Error) -> EvaluationError {
    EvaluationError::File { file: file.to_owned(), source }
}

fn open(file: &PathBuf) -> Result<std::fs::File, EvaluationError> {
    std::fs::File::open(file).map_err(|source| unreadable(file, source))
}
