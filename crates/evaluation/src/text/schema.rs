use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::fence::json;
use super::{Verdict, structure};
use crate::error::one_line;

/// Bytes that a compiled pattern of a schema may take.
const SIZE: usize = 1 << 20;
/// Faults that a detail names.
const NAMED: usize = 3;

/// A JSON schema, given once or by each example.
///
/// Nothing outside of a schema is read: references into the network or the file system are faults of the schema.
#[derive(Clone, Debug)]
pub(super) struct Schema(Option<Arc<Validator>>);

impl Schema {
    /// # Errors
    /// When the given schema is none.
    pub(super) fn new(fixed: Option<&Value>) -> Result<Self, String> {
        Ok(Self(fixed.map(compile).transpose()?.map(Arc::new)))
    }

    /// Whether the reply holds a JSON value that fits.
    ///
    /// # Errors
    /// When `expected` is needed and is no schema.
    pub(super) fn verdict(&self, reply: &str, expected: &Value) -> Result<Verdict, String> {
        let own;
        let validator = if let Some(fixed) = &self.0 {
            &**fixed
        } else {
            own = compile(&structure(expected)?)?;
            &own
        };
        let Some(value) = json(reply) else {
            let detail = format!("expected JSON, got none in '{}'", one_line(reply, super::EXCERPT));
            return Ok(Verdict::new(0.0, detail));
        };
        let faults: Vec<String> = validator
            .iter_errors(&value)
            .take(NAMED)
            .map(|fault| {
                let place = fault.instance_path().to_string();
                let place = if place.is_empty() { "the whole" } else { &place };
                format!("{}: {}", one_line(place, 80), one_line(&fault.to_string(), 120))
            })
            .collect();
        if faults.is_empty() {
            return Ok(Verdict::new(1.0, "the JSON fits the schema".into()));
        }
        Ok(Verdict::new(0.0, format!("the JSON does not fit the schema; {}", faults.join("; "))))
    }
}

fn compile(schema: &Value) -> Result<Validator, String> {
    if !schema.is_object() && !schema.is_boolean() {
        return Err("the schema is no JSON object".into());
    }
    let patterns = PatternOptions::regex().size_limit(SIZE).dfa_size_limit(SIZE);
    let options = jsonschema::options().offline().with_pattern_options(patterns);
    options.build(schema).map_err(|fault| {
        let fault = one_line(&fault.to_string(), 200);
        format!("the JSON schema cannot be used: {fault}. Allowed: schemas that refer to nothing outside themselves")
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn replies_fit_or_their_faults_are_named() {
        let schema = json!({
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}, "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}}},
            "$defs": {"tag": {"enum": ["x", "y"]}},
        });
        let own = Schema::new(None).unwrap();
        let score = |reply: &str| own.verdict(reply, &schema).unwrap();
        assert_eq!(score(r#"Here you are: {"name": "ann", "tags": ["x"]}"#).score, 1.0);
        assert_eq!(score("```json\n{\"name\": \"ann\"}\n```").score, 1.0);
        let wrong = score(r#"{"name": "Ann", "tags": ["z"], "more": 1}"#);
        assert_eq!(wrong.score, 0.0);
        assert!(wrong.detail.contains("/name: ") && wrong.detail.contains("/tags/0: "), "{}", wrong.detail);
        assert_eq!(score("none").detail, "expected JSON, got none in 'none'");
        let fixed = Schema::new(Some(&json!({"type": "integer"}))).unwrap();
        assert_eq!(fixed.verdict("7", &Value::Null).unwrap().score, 1.0);
    }

    #[test]
    fn schemas_that_are_wrong_or_reach_outside_are_refused() {
        for wrong in [
            json!(3),
            json!({"type": "strin"}),
            json!({"$ref": "https://example.com/a.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"$ref": "other.json"}),
            json!({"pattern": "(a{1000}){1000}"}),
        ] {
            let error = Schema::new(Some(&wrong)).unwrap_err();
            assert!(!error.contains('\n') && error.contains("schema"), "{error}");
        }
    }
}
