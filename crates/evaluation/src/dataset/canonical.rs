use serde_json::Value;

use super::Example;

/// `value` as JSON with sorted keys and no white space, whatever features the JSON library was built with.
pub(super) fn json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (i, (name, item)) in fields.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// BLAKE3 over the rows, each as the canonical JSON array `[input, expected, meta]` and a line feed.
pub(super) fn hash(rows: &[Example]) -> String {
    let mut hasher = blake3::Hasher::new();
    for row in rows {
        for (open, part) in [("[", &row.input), (",", &row.expected), (",", &row.meta)] {
            hasher.update(open.as_bytes());
            hasher.update(json(part).as_bytes());
        }
        hasher.update(b"]\n");
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Example {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn hashes_see_values_only() {
        let a = row(r#"{"input":{"q":"x","a":1.50},"expected":"é"}"#);
        let b = row(r#"{ "expected" : "\u00e9", "meta": null, "input" : {"a": 1.5, "q": "x"} }"#);
        assert_eq!(hash(std::slice::from_ref(&a)), hash(&[b]));
        let c = row(r#"{"input":{"q":"x","a":1.5},"expected":"e"}"#);
        assert_ne!(hash(std::slice::from_ref(&a)), hash(std::slice::from_ref(&c)));
        assert_ne!(hash(&[a.clone(), c.clone()]), hash(&[c, a]));
    }

    #[test]
    fn the_hash_is_the_documented_one() {
        let hashed = blake3::hash(b"[\"q\",\"x\",null]\n").to_hex().to_string();
        assert_eq!(hash(&[Example::new("q", "x")]), hashed);
    }
}
