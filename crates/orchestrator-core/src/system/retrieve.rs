//! Search for passages by BM25 (Robertson & Zaragoza 2009; crate `bm25`, k1 1.2, b 0.75, English stemming).

use std::path::Path;

use bm25::{DefaultTokenizer, Embedder, EmbedderBuilder, Language, Scorer};
use minijinja::Value;

use super::scope::{Reply, json_text, json_value};
use super::template::Template;

/// One thing to be found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Passage {
    /// What templates of `each` see: an object's fields, else `text`.
    fields: serde_json::Value,
    searched: String,
    /// The input it was made of; a passage never answers a question about that very input.
    origin: Option<serde_json::Value>,
}

impl Passage {
    /// A passage of the train split.
    pub(super) fn of_example(input: &serde_json::Value, expected: &serde_json::Value) -> Self {
        let mut fields = serde_json::Map::new();
        fields.insert("input".into(), input.clone());
        fields.insert("expected".into(), expected.clone());
        Self {
            fields: serde_json::Value::Object(fields),
            searched: words(input),
            origin: Some(input.clone()),
        }
    }

    fn of_text(text: &str) -> Self {
        Self { fields: serde_json::Value::from(text), searched: text.to_owned(), origin: None }
    }
}

/// All texts in a value, joined.
fn words(value: &serde_json::Value) -> String {
    use serde_json::Value as Json;
    match value {
        Json::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(" "),
        Json::Object(map) => map.values().map(words).collect::<Vec<_>>().join(" "),
        other => json_text(other),
    }
}

/// Reads a corpus file: JSON lines when it ends in `.jsonl`, else passages between blank lines.
pub(super) fn read_corpus(path: &Path) -> Result<Vec<Passage>, String> {
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let text = String::from_utf8(bytes)
        .map_err(|e| format!("not UTF-8 (first at byte {})", e.utf8_error().valid_up_to()))?;
    let mut passages = Vec::new();
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl")) {
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let value: serde_json::Value =
                serde_json::from_str(line).map_err(|e| format!("line {}: {e}", i + 1))?;
            match value {
                serde_json::Value::String(text) => passages.push(Passage::of_text(&text)),
                serde_json::Value::Object(_) => {
                    passages.push(Passage { searched: words(&value), fields: value, origin: None });
                }
                _ => return Err(format!("line {} is neither a text nor an object", i + 1)),
            }
        }
    } else {
        let mut current = String::new();
        for line in text.lines().chain([""]) {
            if line.trim().is_empty() {
                if !current.is_empty() {
                    passages.push(Passage::of_text(&current));
                    current.clear();
                }
            } else {
                if !current.is_empty() {
                    current.push('\n');
                }
                current.push_str(line);
            }
        }
    }
    if passages.is_empty() {
        return Err("it holds no passage".into());
    }
    Ok(passages)
}

/// A corpus made ready.
pub(super) struct Index {
    passages: Vec<Passage>,
    embedder: Embedder<u32, DefaultTokenizer>,
    scorer: Scorer<usize, u32>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("passages", &self.passages.len()).finish_non_exhaustive()
    }
}

impl Index {
    pub(super) fn new(passages: Vec<Passage>) -> Self {
        let texts: Vec<&str> = passages.iter().map(|p| p.searched.as_str()).collect();
        let embedder =
            EmbedderBuilder::<u32, DefaultTokenizer>::with_fit_to_corpus(Language::English, &texts).build();
        let mut scorer = Scorer::new();
        for (i, text) in texts.iter().enumerate() {
            scorer.upsert(&i, embedder.embed(text));
        }
        Self { passages, embedder, scorer }
    }

    /// At most `k` passages that share a word with `query`, best first, earlier ones first among equals.
    pub(super) fn search(&self, query: &str, k: usize, asked: &serde_json::Value) -> Vec<&Passage> {
        let mut found = self.scorer.matches(&self.embedder.embed(query));
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        found
            .into_iter()
            .filter_map(|hit| self.passages.get(hit.id))
            .filter(|passage| passage.origin.as_ref() != Some(asked))
            .take(k)
            .collect()
    }

    /// The `k` longest passages, the first of equals first: what a search can return at most.
    pub(super) fn longest(&self, k: usize) -> Vec<&Passage> {
        let mut all: Vec<&Passage> = self.passages.iter().collect();
        all.sort_by_key(|p| std::cmp::Reverse(p.fields.to_string().len()));
        all.truncate(k);
        all
    }
}

/// Writes found passages as one text that templates can also loop over.
pub(super) fn write(found: &[&Passage], each: Option<&Template>, between: &str) -> Result<Reply, String> {
    let mut texts = Vec::with_capacity(found.len());
    let mut items = Vec::with_capacity(found.len());
    for passage in found {
        let value = match &passage.fields {
            serde_json::Value::String(text) => Value::from_iter([("text", text.as_str())]),
            other => json_value(other),
        };
        texts.push(match each {
            Some(template) => template.render(&value)?,
            None => plain(passage),
        });
        items.push(value);
    }
    Ok(Reply::passages(items, texts.join(between)))
}

fn plain(passage: &Passage) -> String {
    match (&passage.origin, passage.fields.get("expected")) {
        (Some(input), Some(expected)) => format!("{} -> {}", words(input), json_text(expected)),
        _ => words(&passage.fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn index(texts: &[&str]) -> Index {
        Index::new(texts.iter().map(|t| Passage::of_example(&json!(t), &json!("x"))).collect())
    }

    #[test]
    fn ranks_by_fit_and_breaks_ties_by_position() {
        let index = index(&["cats purr", "dogs bark loudly", "dogs bark loudly", "fish swim"]);
        let found = index.search("barking dogs", 9, &json!("?"));
        let texts: Vec<&str> = found.iter().map(|p| p.searched.as_str()).collect();
        assert_eq!(texts, ["dogs bark loudly", "dogs bark loudly"]);
        assert!(std::ptr::eq(found[0], &raw const index.passages[1]));
        assert!(index.search("zebra", 9, &json!("?")).is_empty());
    }

    #[test]
    fn never_returns_the_input_itself() {
        let index = index(&["dogs bark", "dogs bark at night"]);
        let found = index.search("dogs bark", 9, &json!("dogs bark"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].searched, "dogs bark at night");
    }
}
