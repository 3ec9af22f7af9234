use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use serde_json::Value;

use super::strict::Strict;
use super::{ROW_CAP, Source, open, told, unreadable};
use crate::EvaluationError;
use crate::dataset::{Columns, Example, columns};

/// One JSON object a line.
pub(super) struct JsonLines {
    file: PathBuf,
    reader: BufReader<File>,
    columns: Option<Columns>,
    line: usize,
    bytes: Vec<u8>,
}

impl JsonLines {
    pub(super) fn open(file: PathBuf, columns: Option<Columns>) -> Result<Self, EvaluationError> {
        let reader = BufReader::new(open(&file)?);
        Ok(Self { file, reader, columns, line: 0, bytes: Vec::new() })
    }

    /// What the line just read holds; nothing when it is blank.
    fn row(&self) -> Result<Option<Example>, String> {
        if self.bytes.len() > ROW_CAP {
            return Err(format!("longer than {ROW_CAP} bytes. Put one JSON object a line (JSON lines)"));
        }
        let text = std::str::from_utf8(&self.bytes)
            .map_err(|e| format!("not UTF-8 at byte {}. Save the file as UTF-8", e.valid_up_to() + 1))?;
        let text = if self.line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if text.trim().is_empty() {
            return Ok(None);
        }
        let allowed = || columns::allowed(self.columns.as_ref());
        let Strict(value) = serde_json::from_str(text).map_err(|error| {
            let whole = error.to_string();
            let reason = whole.split(" at line ").next().unwrap_or(&whole);
            format!("not a JSON value: {reason} at column {}; {}", error.column(), allowed())
        })?;
        let Value::Object(fields) = value else {
            return Err(format!("{} instead of an object; {}", columns::kind(&value), allowed()));
        };
        columns::example(fields, self.columns.as_ref()).map(Some)
    }
}

impl Source for JsonLines {
    fn next_row(&mut self) -> Result<Option<Example>, EvaluationError> {
        loop {
            self.bytes.clear();
            let mut limited = self.reader.by_ref().take(ROW_CAP as u64 + 1);
            let read = limited.read_until(b'\n', &mut self.bytes);
            if read.map_err(|source| unreadable(&self.file, source))? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let row = self.row().map_err(|message| EvaluationError::Line {
                file: self.file.clone(),
                line: self.line,
                message: told(&message),
            })?;
            if row.is_some() {
                return Ok(row);
            }
        }
    }
}
