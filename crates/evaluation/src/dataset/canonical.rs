use serde_json::Value;

use super::{Example, RowsDigest};

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

/// BLAKE3 over rows, each as the canonical JSON array `[input, expected, meta]` and a line feed.
#[derive(Default)]
pub(super) struct RowHasher {
    hasher: blake3::Hasher,
    rows: u64,
}

impl RowHasher {
    pub(super) fn add(&mut self, row: &Example) {
        self.rows += 1;
        for (open, part) in [("[", &row.input), (",", &row.expected), (",", &row.meta)] {
            self.hasher.update(open.as_bytes());
            self.hasher.update(json(part).as_bytes());
        }
        self.hasher.update(b"]\n");
    }

    pub(super) fn digest(&self) -> RowsDigest {
        RowsDigest { rows: self.rows, blake3: self.hasher.finalize().to_hex().to_string() }
    }
}

/// The count and hash of `rows`.
pub(super) fn digest(rows: &[Example]) -> RowsDigest {
    let mut hasher = RowHasher::default();
    for row in rows {
        hasher.add(row);
    }
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(rows: &[Example]) -> String {
        digest(rows).blake3
    }

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
