use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::EvaluationError;

/// A log grows to this many bytes; what comes later is dropped.
const CAP: u64 = 64 << 20;

/// The log file of an evaluator program, shared by those who write to it; writes nothing without a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Option<Arc<Mutex<Sheet>>>);

#[derive(Debug)]
struct Sheet {
    file: File,
    left: u64,
}

impl Log {
    /// Opens `file` for appending.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, EvaluationError> {
        let Some(path) = file else { return Ok(Self::default()) };
        let opened = OpenOptions::new().create(true).append(true).open(path);
        let file = opened.map_err(|source| EvaluationError::Log { file: path.to_owned(), source })?;
        let left = CAP.saturating_sub(file.metadata().map_or(0, |m| m.len()));
        Ok(Self(Some(Arc::new(Mutex::new(Sheet { file, left })))))
    }

    /// Appends what the program wrote. A log that cannot be written must not stop the run.
    pub(super) fn append(&self, bytes: &[u8]) {
        let Some(sheet) = &self.0 else { return };
        let mut sheet = sheet.lock().unwrap_or_else(PoisonError::into_inner);
        if sheet.left == 0 {
            return;
        }
        sheet.left = sheet.left.saturating_sub(bytes.len() as u64);
        let _ = sheet.file.write_all(bytes);
        if sheet.left == 0 {
            let _ = sheet.file.write_all(b"\n[metaorch] the log is full; nothing more is written\n");
        }
    }

    /// Appends a remark of the supervisor on a line of its own.
    pub(super) fn remark(&self, text: &str) {
        self.append(format!("[metaorch] {text}\n").as_bytes());
    }
}
