use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use super::{ROW_CAP, Source, open, told, unreadable};
use crate::EvaluationError;
use crate::dataset::{Columns, Example, columns};

/// A header line, then one record a row; quoting as in RFC 4180, line ends of any system.
pub(super) struct Csv {
    file: PathBuf,
    reader: Reader<Limited>,
    watch: Arc<Watch>,
    header: Vec<String>,
    columns: Option<Columns>,
    record: ByteRecord,
}

/// What the CSV reader cannot tell: it takes a quote that is never closed for a long field.
#[derive(Default)]
struct Watch {
    /// Bytes that may still be read for the record at hand.
    left: AtomicU64,
    /// Quotes read so far.
    quotes: AtomicU64,
    /// Whether the file is read to its end.
    ended: AtomicBool,
}

/// A file that ends with an error where a record grows beyond all measure.
struct Limited {
    file: File,
    watch: Arc<Watch>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.watch.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let n = self.file.read(buffer)?;
        self.watch.left.store(left.saturating_sub(n as u64), Ordering::Relaxed);
        if n == 0 {
            self.watch.ended.store(true, Ordering::Relaxed);
        }
        let quotes = buffer[..n].iter().map(|b| u64::from(*b == b'"')).sum();
        self.watch.quotes.fetch_add(quotes, Ordering::Relaxed);
        Ok(n)
    }
}

impl Csv {
    pub(super) fn open(
        file: PathBuf,
        delimiter: u8,
        columns: Option<Columns>,
    ) -> Result<Self, EvaluationError> {
        let watch = Arc::new(Watch::default());
        let limited = Limited { file: open(&file)?, watch: Arc::clone(&watch) };
        let reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(limited);
        let record = ByteRecord::new();
        let mut csv = Self { file, reader, watch, header: Vec::new(), columns, record };
        if csv.advance()? {
            let header = csv.record.iter().map(|name| std::str::from_utf8(name).map(str::to_owned));
            csv.header = header
                .collect::<Result<_, _>>()
                .map_err(|_| csv.fault("the header is not UTF-8. Save the file as UTF-8"))?;
            columns::check_header(&csv.header, csv.columns.as_ref()).map_err(|m| csv.fault(&m))?;
        }
        Ok(csv)
    }

    /// Reads the next record; false at the end.
    fn advance(&mut self) -> Result<bool, EvaluationError> {
        // The reader fetches a buffer ahead.
        self.watch.left.store(ROW_CAP as u64, Ordering::Relaxed);
        let found = self.reader.read_byte_record(&mut self.record).map_err(|error| {
            let line = error.position().map_or_else(|| self.reader.position().line(), ::csv::Position::line);
            let wrong =
                |message| EvaluationError::Line { file: self.file.clone(), line: line as usize, message };
            match error.into_kind() {
                ErrorKind::Io(e) if e.kind() == io::ErrorKind::FileTooLarge => wrong(format!(
                    "a record here is longer than {ROW_CAP} bytes. Is a quote missing that closes a field?"
                )),
                ErrorKind::Io(e) => unreadable(&self.file, e),
                ErrorKind::UnequalLengths { expected_len, len, .. } => wrong(format!(
                    "{len} fields, the header has {expected_len}. Put fields with commas or line breaks in double quotes"
                )),
                other => wrong(format!("{other:?}")),
            }
        })?;
        let last = self.record.iter().next_back().unwrap_or_default();
        let at_end = self.watch.ended.load(Ordering::Relaxed);
        if found && at_end && last.contains(&b'\n') && self.watch.quotes.load(Ordering::Relaxed) % 2 == 1 {
            return Err(self.fault("a quote that opens a field here is never closed. Close it"));
        }
        Ok(found)
    }

    fn fault(&self, message: &str) -> EvaluationError {
        let line = self.record.position().map_or(1, ::csv::Position::line) as usize;
        EvaluationError::Line { file: self.file.clone(), line, message: told(message) }
    }

    fn row(&self) -> Result<Example, String> {
        let mut fields = Map::new();
        for (name, bytes) in self.header.iter().zip(&self.record) {
            if self.columns.as_ref().is_some_and(|c| c.names().all(|n| n != name)) {
                continue;
            }
            let text = std::str::from_utf8(bytes).map_err(|e| {
                let at = e.valid_up_to() + 1;
                format!("column '{name}' is not UTF-8 at its byte {at}. Save the file as UTF-8")
            })?;
            fields.insert(name.clone(), Value::from(text));
        }
        columns::example(fields, self.columns.as_ref())
    }
}

impl Source for Csv {
    fn next_row(&mut self) -> Result<Option<Example>, EvaluationError> {
        if !self.advance()? {
            return Ok(None);
        }
        self.row().map(Some).map_err(|message| self.fault(&message))
    }
}
