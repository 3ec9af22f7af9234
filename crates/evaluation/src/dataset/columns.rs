use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Example;
use crate::text::nearest;

/// Which columns of a table, or keys of JSON lines, are input, expected answer and meta.
///
/// In a file: `{input: question, expected: answer}`, or with several columns
/// `{input: [context, question], expected: answer, meta: [id, user]}`. Columns that are not named are not read.
///
/// ```
/// use evaluation::{Columns, Inputs};
/// let columns: Columns = serde_json::from_str(r#"{"input": ["context", "question"], "expected": "answer"}"#)?;
/// assert_eq!(columns, Columns::new(Inputs::Fields(vec!["context".into(), "question".into()]), "answer"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Columns {
    /// The input.
    pub input: Inputs,
    /// The expected answer.
    pub expected: String,
    /// Columns that become the fields of meta.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meta: Vec<String>,
}

/// The columns that make an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected the name of a column or a list of names")]
pub enum Inputs {
    /// One column, whose value is the input: a string, or an object where the format has objects.
    One(String),
    /// The fields of an object, also when there is but one.
    Fields(Vec<String>),
}

impl Columns {
    /// Columns without meta.
    pub fn new(input: Inputs, expected: impl Into<String>) -> Self {
        Self { input, expected: expected.into(), meta: Vec::new() }
    }

    /// The same with columns that become the fields of meta.
    #[must_use]
    pub fn with_meta(mut self, meta: Vec<String>) -> Self {
        self.meta = meta;
        self
    }

    /// All columns named.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let inputs = match &self.input {
            Inputs::One(name) => std::slice::from_ref(name),
            Inputs::Fields(names) => names,
        };
        inputs.iter().chain([&self.expected]).chain(&self.meta).map(String::as_str)
    }
}

const ALLOWED: &str =
    r#"a row is {"input": string or object, "expected": any JSON, "meta": any JSON (optional)}"#;

/// The example that `fields` are, or what is wrong with them. Without `columns` exactly input, expected and meta.
pub(super) fn example(mut fields: Map<String, Value>, columns: Option<&Columns>) -> Result<Example, String> {
    let (input, expected, meta) = if let Some(columns) = columns {
        let known: Vec<String> = fields.keys().cloned().collect();
        // A column may be named for two roles.
        let get = |name: &String| fields.get(name).cloned().ok_or_else(|| missing(name, &known));
        let object = |names: &[String]| -> Result<Value, String> {
            let pairs = names.iter().map(|n| Ok((n.clone(), get(n)?)));
            pairs.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        };
        let input = match &columns.input {
            Inputs::One(name) => get(name)?,
            Inputs::Fields(names) => object(names)?,
        };
        let meta = if columns.meta.is_empty() { Value::Null } else { object(&columns.meta)? };
        (input, get(&columns.expected)?, meta)
    } else {
        let mut take = |name: &str| fields.remove(name);
        let (input, expected, meta) = (take("input"), take("expected"), take("meta"));
        if let Some(unknown) = unknown_key(&fields) {
            return Err(unknown);
        }
        let input = input.ok_or_else(|| format!("key 'input' is missing; {ALLOWED}"))?;
        let expected = expected.ok_or_else(|| format!("key 'expected' is missing; {ALLOWED}"))?;
        (input, expected, meta.unwrap_or_default())
    };
    if !matches!(input, Value::String(_) | Value::Object(_)) {
        return Err(format!("input is {}. Allowed: a string or an object", kind(&input)));
    }
    Ok(Example { input, expected, meta })
}

/// What is wrong with the columns of a table, if anything.
pub(super) fn check_header(header: &[String], columns: Option<&Columns>) -> Result<(), String> {
    if let Some((i, name)) = header.iter().enumerate().find(|(i, name)| header[..*i].contains(name)) {
        return Err(format!("column {} is called '{name}' like one before it. Rename one", i + 1));
    }
    let Some(columns) = columns else {
        let unfit = header.iter().find(|h| !["input", "expected", "meta"].contains(&h.as_str()));
        let lacking = ["input", "expected"].into_iter().find(|name| !header.iter().any(|h| h == name));
        let fault = match (lacking, unfit) {
            (Some(name), _) => format!("column '{name}' is missing"),
            (None, Some(name)) => format!("column '{name}' is unknown"),
            (None, None) => return Ok(()),
        };
        return Err(format!(
            "{fault}; the columns are: {}. Without data.columns they are input, expected and meta (optional); give data.columns such as {{input: question, expected: answer}}",
            header.join(", ")
        ));
    };
    match columns.names().find(|name| !header.iter().any(|h| h == name)) {
        Some(name) => Err(missing(name, header)),
        None => Ok(()),
    }
}

fn missing(name: &str, known: &[String]) -> String {
    let hint = nearest(name, known.iter().map(String::as_str))
        .map_or_else(String::new, |near| format!(" Did you mean '{near}'?"));
    format!("column '{name}' is missing.{hint} The columns are: {}", known.join(", "))
}

fn unknown_key(rest: &Map<String, Value>) -> Option<String> {
    let key = rest.keys().min()?;
    let hint = nearest(key, ["input", "expected", "meta"]).map_or_else(
        || " Put it under meta, or name what is to be read by data.columns".to_owned(),
        |near| format!(" Did you mean '{near}'?"),
    );
    Some(format!("unknown key '{key}'.{hint}; {ALLOWED}"))
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// What a row of JSON lines may be.
pub(super) fn allowed(columns: Option<&Columns>) -> String {
    match columns {
        None => ALLOWED.to_owned(),
        Some(columns) => {
            let mut names: Vec<&str> = columns.names().collect();
            names.sort_unstable();
            names.dedup();
            format!("a row is an object with the keys {}", names.join(", "))
        }
    }
}
