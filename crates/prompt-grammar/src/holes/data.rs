use std::collections::BTreeMap;

use crate::grammar::{Fill, HoleKind, Source};
use crate::placeholder;

/// More distinct answers than this are no labels.
const MOST_LABELS: usize = 30;

/// Fills from training data: labels, frequent words, a schema of the answers, examples.
///
/// ```
/// use prompt_grammar::HoleKind;
/// use prompt_grammar::holes::DataSource;
/// let rows = [("I paid twice", "billing"), ("no login", "access"), ("refund", "billing"), ("password", "access")];
/// let data = DataSource::new(rows.iter().copied());
/// assert_eq!(data.fills(HoleKind::Glossary, 5)[0].text, "Labels: billing, access.");
/// assert_eq!(data.fills(HoleKind::Example, 1)[0].text, "Input: I paid twice\nOutput: billing");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataSource {
    examples: Vec<(String, String)>,
    labels: Vec<String>,
}

impl DataSource {
    /// Takes (input, answer) rows of training data; blank ones are left out. Where there are 2 to 30 distinct answers,
    /// each given twice on average, they are labels.
    pub fn new<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let sound = |(input, answer): &(&str, &str)| !input.trim().is_empty() && !answer.trim().is_empty();
        let own = |(input, answer): (&str, &str)| (input.trim().to_string(), answer.trim().to_string());
        let examples: Vec<(String, String)> = rows.into_iter().filter(sound).map(own).collect();
        let mut labels: Vec<String> = Vec::new();
        for (_, answer) in &examples {
            if labels.len() <= MOST_LABELS && !labels.contains(answer) {
                labels.push(answer.clone());
            }
        }
        let few = (2..=MOST_LABELS).contains(&labels.len()) && labels.len() * 2 <= examples.len();
        Self { labels: if few { labels } else { Vec::new() }, examples }
    }

    /// At most `most` fills of a kind; braces of data are escaped, so that none reads as a placeholder.
    pub fn fills(&self, kind: HoleKind, most: usize) -> Vec<Fill> {
        let texts: Vec<String> = match kind {
            HoleKind::Glossary if !self.labels.is_empty() => {
                let list = |joint: &str| self.labels.join(joint);
                vec![
                    format!("Labels: {}.", list(", ")),
                    format!("Choose one of: {}", list(" | ")),
                    format!("The possible labels are:\n- {}", list("\n- ")),
                ]
            }
            HoleKind::Example => {
                let text = |(input, answer): &(String, String)| format!("Input: {input}\nOutput: {answer}");
                self.examples.iter().take(most).map(text).collect()
            }
            HoleKind::Schema => self.schema().into_iter().collect(),
            HoleKind::Domain => self.frequent(most),
            _ => Vec::new(),
        };
        let fill =
            |text: String| Fill { text: placeholder::escape(&text), weight: 1.0, source: Source::Data };
        texts.into_iter().take(most).map(fill).collect()
    }

    /// The longer words of most inputs, the most frequent first; of equals in alphabetical order.
    fn frequent(&self, most: usize) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (input, _) in &self.examples {
            let lower = input.to_lowercase();
            let mut words: Vec<&str> =
                lower.split(|c: char| !c.is_alphabetic()).filter(|w| w.chars().count() >= 5).collect();
            words.sort_unstable();
            words.dedup();
            for word in words {
                *counts.entry(word.to_string()).or_default() += 1;
            }
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().filter(|(_, n)| *n >= 2).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        counts.into_iter().take(most).map(|(word, _)| word).collect()
    }

    /// A JSON schema that all answers follow, where all are JSON objects.
    fn schema(&self) -> Option<String> {
        let mut fields: BTreeMap<String, (&'static str, usize)> = BTreeMap::new();
        for (_, answer) in &self.examples {
            let serde_json::Value::Object(object) = serde_json::from_str(answer).ok()? else { return None };
            for (name, value) in object {
                let kind = match value {
                    serde_json::Value::Null => "null",
                    serde_json::Value::Bool(_) => "boolean",
                    serde_json::Value::Number(_) => "number",
                    serde_json::Value::String(_) => "string",
                    serde_json::Value::Array(_) => "array",
                    serde_json::Value::Object(_) => "object",
                };
                fields.entry(name).or_insert((kind, 0)).1 += 1;
            }
        }
        let properties: serde_json::Map<String, serde_json::Value> = fields
            .iter()
            .map(|(name, (kind, _))| (name.clone(), serde_json::json!({ "type": kind })))
            .collect();
        let required: Vec<&String> =
            fields.iter().filter(|(_, (_, n))| *n == self.examples.len()).map(|(name, _)| name).collect();
        let schema = serde_json::json!({ "type": "object", "properties": properties, "required": required });
        (!fields.is_empty()).then(|| schema.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_words_and_braces() {
        let rows = [
            ("the train leaves {{ now }}", r#"{"city": "Ulm", "n": 2}"#),
            ("a train again", r#"{"city": "Bonn"}"#),
        ];
        let data = DataSource::new(rows.iter().copied());
        let schema = &data.fills(HoleKind::Schema, 3)[0].text;
        assert!(
            schema.contains(r#""required":["city"]"#) && schema.contains(r#""n":{"type":"number"}"#),
            "{schema}"
        );
        assert_eq!(data.fills(HoleKind::Domain, 3)[0].text, "train");
        assert!(data.fills(HoleKind::Example, 9)[0].text.contains("{{ '{' }}{ now }}"));
        assert_eq!(data.fills(HoleKind::Glossary, 9), []);
        assert_eq!(DataSource::new([]).fills(HoleKind::Schema, 1), []);
    }
}
