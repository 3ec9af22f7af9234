use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use meta_traits::Split;
use serde_json::{Map, Value};

use super::Example;
use super::strict::Strict;
use crate::EvaluationError;

/// A row longer than this is taken for a file in another format.
const LINE_CAP: usize = 4 << 20;

const ALLOWED: &str =
    r#"a row is {"input": string or object, "expected": any JSON, "meta": any JSON (optional)}"#;

/// The rows of a JSON-lines file.
pub(super) fn rows(file: &Path, split: Split) -> Result<Vec<Example>, EvaluationError> {
    let unreadable = |source| EvaluationError::File { file: file.to_owned(), source };
    let mut reader = BufReader::new(File::open(file).map_err(unreadable)?);
    let (mut rows, mut line, mut bytes) = (Vec::new(), 0, Vec::new());
    loop {
        bytes.clear();
        let limit = LINE_CAP as u64 + 1;
        if reader.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(unreadable)? == 0 {
            break;
        }
        line += 1;
        let wrong = |message| EvaluationError::Line { file: file.to_owned(), line, message };
        if bytes.len() > LINE_CAP {
            return Err(wrong(format!(
                "longer than {LINE_CAP} bytes. Put one JSON object a line (JSON lines)"
            )));
        }
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            wrong(format!("not UTF-8 at byte {}. Save the file as UTF-8", e.valid_up_to() + 1))
        })?;
        let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if !text.trim().is_empty() {
            rows.push(row(text).map_err(wrong)?);
        }
    }
    if rows.is_empty() {
        let source_name = file.display().to_string();
        return Err(EvaluationError::EmptySplit { split: split.name(), source_name });
    }
    Ok(rows)
}

/// One row, or what is wrong with it.
fn row(text: &str) -> Result<Example, String> {
    let Strict(value) = serde_json::from_str(text).map_err(|error| {
        let whole = error.to_string();
        let reason = whole.split(" at line ").next().unwrap_or(&whole);
        format!("not a JSON value: {reason} at column {}; {ALLOWED}", error.column())
    })?;
    let Value::Object(mut fields) = value else {
        return Err(format!("{} instead of an object; {ALLOWED}", kind(&value)));
    };
    let mut take = |name: &str| fields.remove(name);
    let (input, expected, meta) = (take("input"), take("expected"), take("meta"));
    if let Some(unknown) = unknown_key(&fields) {
        return Err(unknown);
    }
    let input = input.ok_or_else(|| format!("key 'input' is missing; {ALLOWED}"))?;
    let expected = expected.ok_or_else(|| format!("key 'expected' is missing; {ALLOWED}"))?;
    if !matches!(input, Value::String(_) | Value::Object(_)) {
        return Err(format!("input is {}. Allowed: a string or an object", kind(&input)));
    }
    Ok(Example { input, expected, meta: meta.unwrap_or_default() })
}

fn unknown_key(rest: &Map<String, Value>) -> Option<String> {
    let key = rest.keys().min()?;
    let hint = crate::text::nearest(key, ["input", "expected", "meta"])
        .map_or_else(|| " Put it under meta".to_owned(), |near| format!(" Did you mean '{near}'?"));
    Some(format!("unknown key '{key}'.{hint}; {ALLOWED}"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
