use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use candle_core::Device;
use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{Content, Value};
use sha2::{Digest, Sha256};

use super::weights::Weights;
use crate::InferenceError;

/// Types of weights that can be read.
const TYPES: &str = "Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, F16, BF16 and F32; use a file with these";

/// An open model file in the GGUF format (versions 1 to 3): named values, and tensors read one at a time.
pub(crate) struct ModelFile {
    path: PathBuf,
    reader: BufReader<File>,
    content: Content,
    unread: BTreeSet<String>,
}

impl ModelFile {
    /// Reads the header.
    ///
    /// # Errors
    /// [`InferenceError::Io`] when the file cannot be opened; [`InferenceError::Model`] when it is no GGUF file or is
    /// cut short.
    pub(crate) fn open(path: &Path) -> Result<Self, InferenceError> {
        let file = open(path)?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let broken = |reason: String| InferenceError::Model {
            path: path.to_owned(),
            message: format!("not a sound GGUF file ({reason}); fetch it again with `metaorch model fetch`"),
        };
        // A hostile header (an alignment of 0, say) makes the library divide by zero: that is an error, not a crash.
        let content = catch_unwind(AssertUnwindSafe(|| Content::read(&mut reader)))
            .map_err(|_| broken("its header is contradictory".to_owned()))?
            .map_err(|error| {
                let reason = one_line(&error);
                match reason.strip_prefix("unknown dtype for tensor ") {
                    Some(number) => InferenceError::Model {
                        path: path.to_owned(),
                        message: format!(
                            "holds weights of the type {number}; the embedded engine reads {TYPES}"
                        ),
                    },
                    None => broken(reason),
                }
            })?;
        let unread = content.tensor_infos.keys().cloned().collect();
        Ok(Self { path: path.to_owned(), reader, content, unread })
    }

    /// An error about this file.
    pub(crate) fn error(&self, message: impl Into<String>) -> InferenceError {
        InferenceError::Model { path: self.path.clone(), message: message.into() }
    }

    /// The text called `key`.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.content.metadata.get(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number called `key`.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        let value = self.content.metadata.get(key)?;
        value.to_u64().ok().or_else(|| value.to_i64().ok().and_then(|n| u64::try_from(n).ok())).or_else(
            || match value {
                Value::I32(n) => u64::try_from(*n).ok(),
                _ => None,
            },
        )
    }

    /// The real number called `key`.
    pub(crate) fn real(&self, key: &str) -> Option<f64> {
        match self.content.metadata.get(key) {
            Some(Value::F32(x)) => Some(f64::from(*x)),
            Some(Value::F64(x)) => Some(*x),
            _ => None,
        }
    }

    /// The flag called `key`.
    pub(crate) fn choice(&self, key: &str) -> Option<bool> {
        match self.content.metadata.get(key) {
            Some(Value::Bool(choice)) => Some(*choice),
            _ => None,
        }
    }

    /// The list called `key`.
    pub(crate) fn list(&self, key: &str) -> Option<&[Value]> {
        match self.content.metadata.get(key) {
            Some(Value::Array(values)) => Some(values),
            _ => None,
        }
    }

    /// A whole number between 1 and `most`, which must be there.
    pub(crate) fn size(&self, key: &str, most: usize) -> Result<usize, InferenceError> {
        let number = self.number(key).ok_or_else(|| self.error(format!("lacks the number '{key}'")))?;
        usize::try_from(number)
            .ok()
            .filter(|n| (1..=most).contains(n))
            .ok_or_else(|| self.error(format!("says '{key}' = {number}; 1 to {most} is possible")))
    }

    /// Whether there is a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// The matrix called `name`, which must be `rows` x `columns`.
    pub(crate) fn matrix(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Weights, InferenceError> {
        self.ordered_matrix(name, rows, columns, None)
    }

    /// As [`ModelFile::matrix`], with row `order[r]` in place of row r if there is an `order` of all rows.
    pub(crate) fn ordered_matrix(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
        order: Option<&[usize]>,
    ) -> Result<Weights, InferenceError> {
        let tensor = self.tensor(name)?;
        let found = tensor.shape().dims();
        if found.len() == 2 && found != [rows, columns] {
            return Err(self.error(format!(
                "tensor '{name}' is {} x {}; its header asks for {rows} x {columns}",
                found[0], found[1]
            )));
        }
        Weights::from_tensor(&tensor, order).map_err(|what| self.error(format!("tensor '{name}' {what}")))
    }

    /// The vector called `name`, which must have `length` numbers.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, InferenceError> {
        let tensor = self.tensor(name)?;
        let numbers = tensor
            .dequantize(&Device::Cpu)
            .and_then(|t| t.flatten_all()?.to_vec1::<f32>())
            .map_err(|error| self.error(format!("tensor '{name}': {}", one_line(&error))))?;
        if numbers.len() != length {
            let found = numbers.len();
            return Err(self.error(format!("tensor '{name}' has {found} numbers; {length} are needed")));
        }
        Ok(numbers)
    }

    /// A tensor that nobody asked for, the first by name.
    pub(crate) fn unread(&self) -> Option<&str> {
        self.unread.first().map(String::as_str)
    }

    fn tensor(&mut self, name: &str) -> Result<QTensor, InferenceError> {
        if !self.has(name) {
            return Err(self.error(format!("lacks the tensor '{name}'")));
        }
        self.unread.remove(name);
        let (content, reader) = (&self.content, &mut self.reader);
        let read = catch_unwind(AssertUnwindSafe(|| content.tensor(reader, name, &Device::Cpu)));
        match read {
            Ok(Ok(tensor)) => Ok(tensor),
            Ok(Err(error)) => Err(self.error(format!(
                "tensor '{name}' cannot be read ({}); the file may be cut short, fetch it again with `metaorch model fetch`",
                one_line(&error)
            ))),
            Err(_) => Err(self.error(format!("tensor '{name}' has an impossible shape"))),
        }
    }
}

/// SHA-256 of a file in hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String, InferenceError> {
    let mut file = open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read =
            file.read(&mut buffer).map_err(|source| InferenceError::Io { path: path.to_owned(), source })?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    Ok(hash.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

fn open(path: &Path) -> Result<File, InferenceError> {
    File::open(path).map_err(|source| InferenceError::Io { path: path.to_owned(), source })
}

/// The library's message without its backtrace.
fn one_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or("no reason given").to_owned()
}
