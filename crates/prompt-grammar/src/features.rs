//! What can be measured of a prompt's wording and layout without any model.

mod corpus;
mod latent;
mod similarity;
mod words;

use meta_traits::{Part, SparseFeatures};

use crate::outline::{Delimiters, Outline, SectionKind};
use crate::{Estimate, Tokens, placeholder};

pub use self::corpus::Corpus;
pub use self::latent::{Embedding, Latent};
pub use self::similarity::{Semantics, jaccard};

pub(crate) use self::words::words;
use self::words::{
    HEDGES, IMPERATIVES, MODALS, NEGATIONS, POLITE, SECOND_PERSON, sentences, share, syllables,
};

/// Words of the moving window of the type-token ratio.
const WINDOW: usize = 50;

/// Features of prompts.
///
/// Names and values are stable: the same prompt and corpus always give the same. Shares and densities lie in [0, 1],
/// counts are counts, positions lie in [0, 1] and are absent where the section is.
///
/// | name | value |
/// |---|---|
/// | `tokens`, `sentences`, `words_per_sentence` | lengths |
/// | `type_token_ratio` | distinct words in a window of 50, averaged over all windows |
/// | `grade` | Flesch & Kincaid's grade level (Kincaid et al. 1975) |
/// | `imperatives` | share of sentences that begin with a base verb of a bundled list |
/// | `modals`, `negations`, `hedges`, `second_person`, `polite`, `numerals` | share of words |
/// | `questions`, `list_items`, `headings`, `code_blocks`, `json_blocks`, `placeholders` | counts |
/// | `nesting` | deepest nesting of brackets and tags |
/// | `delimiters:X` | 1 for the kind of delimiters |
/// | `position:X` | where the task, format and examples begin |
/// | `examples`, `label_balance` | examples shown, and the entropy of their answers by its maximum |
/// | `redundancy` | the greatest Jaccard similarity of two list items |
/// | `specificity`, `overlap` | mean inverse document frequency, share of words that the inputs have |
/// | `centrality` | cosine to the mean training input in latent semantic space ([`Latent`]) |
///
/// ```
/// use meta_traits::{Part, SparseFeatures};
/// use prompt_grammar::features::Linguistic;
/// let mut features = SparseFeatures::default();
/// Linguistic::default().features(&"Sort the ticket. You must not guess!".to_string(), &mut features);
/// let value = |name: &str| features.iter().find(|(n, _)| *n == name).map(|(_, v)| v);
/// assert_eq!(value("sentences"), Some(2.0));
/// assert_eq!(value("imperatives"), Some(0.5));
/// assert_eq!(value("modals"), Some(1.0 / 7.0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Linguistic {
    corpus: Option<Corpus>,
    latent: Option<Latent>,
}

impl Linguistic {
    /// Features that are also compared with the training inputs of a task.
    pub fn with_corpus(corpus: Corpus) -> Self {
        Self { corpus: Some(corpus), latent: None }
    }

    /// The same features and how near a text is to the training inputs of which these directions are.
    #[must_use]
    pub fn within(self, latent: Latent) -> Self {
        Self { latent: Some(latent), ..self }
    }

    /// All features of a text, in a fixed order. O(length + items^2).
    pub fn of(&self, text: &str) -> Vec<(String, f64)> {
        let lower = text.to_lowercase();
        let words = words(&lower);
        let sentences = sentences(text);
        let per = |n: usize, of: usize| if of == 0 { 0.0 } else { n as f64 / of as f64 };
        let syllables: usize = words.iter().map(|w| syllables(w)).sum();
        let starts = |s: &&&str| {
            let lower = s.to_lowercase();
            self::words::words(&lower).first().is_some_and(|w| IMPERATIVES.contains(w))
        };
        let imperatives = sentences.iter().filter(starts).count();
        let length = per(words.len(), sentences.len());
        let grade =
            if words.is_empty() { 0.0 } else { 0.39 * length + 11.8 * per(syllables, words.len()) - 15.59 };
        let numerals = words.iter().filter(|w| w.chars().any(|c| c.is_ascii_digit())).count();
        let items = items(text);
        let outline = Outline::parse(text);
        let mut out: Vec<(String, f64)> = [
            ("tokens", Estimate.count(text) as f64),
            ("sentences", sentences.len() as f64),
            ("words_per_sentence", length),
            ("type_token_ratio", type_token_ratio(&words)),
            ("grade", grade),
            ("imperatives", per(imperatives, sentences.len())),
            ("modals", share(&words, &MODALS)),
            ("negations", share(&words, &NEGATIONS)),
            ("hedges", share(&words, &HEDGES)),
            ("second_person", share(&words, &SECOND_PERSON)),
            ("polite", share(&words, &POLITE)),
            ("numerals", per(numerals, words.len())),
            ("questions", text.matches('?').count() as f64),
            ("list_items", items.len() as f64),
            ("headings", outline.sections().iter().filter(|s| !s.head.is_empty()).count() as f64),
            ("code_blocks", (text.matches("```").count() / 2) as f64),
            ("json_blocks", json_blocks(text) as f64),
            ("placeholders", placeholder::find(text).len() as f64),
            ("nesting", nesting(text) as f64),
            ("redundancy", redundancy(&items)),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .to_vec();
        out.extend(layout(&outline, text));
        out.extend(examples(text));
        if let Some(corpus) = &self.corpus {
            out.push(("specificity".into(), corpus.specificity(&words)));
            out.push(("overlap".into(), corpus.overlap(&words)));
        }
        if let Some(latent) = &self.latent {
            out.push(("centrality".into(), latent.centrality(text)));
        }
        out
    }
}

impl Part for Linguistic {
    type Piece = String;

    fn features(&self, piece: &String, out: &mut SparseFeatures) {
        for (name, value) in self.of(piece) {
            out.add(&name, value);
        }
    }
}

/// Distinct words by words in every window of 50, averaged; in all where there are fewer.
fn type_token_ratio(words: &[&str]) -> f64 {
    if words.is_empty() {
        return 0.0;
    }
    let ratio = |window: &[&str]| {
        let distinct: std::collections::BTreeSet<&&str> = window.iter().collect();
        distinct.len() as f64 / window.len() as f64
    };
    if words.len() <= WINDOW {
        return ratio(words);
    }
    let windows = words.windows(WINDOW);
    let n = windows.len() as f64;
    windows.map(ratio).sum::<f64>() / n
}

/// The lines of lists, without their markers.
fn items(text: &str) -> Vec<&str> {
    let item = |line: &'_ str| {
        let line = line.trim_start();
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let numbered = if digits > 0 { line[digits..].strip_prefix(['.', ')']) } else { None };
        let rest = line.strip_prefix(['-', '*', '+']).or(numbered)?;
        rest.strip_prefix(' ').map(|_| line.len() - rest.len() + 1)
    };
    text.lines().filter_map(|line| item(line).map(|at| &line.trim_start()[at..])).collect()
}

fn redundancy(items: &[&str]) -> f64 {
    let pairs =
        items.iter().enumerate().take(200).flat_map(|(i, a)| items[..i].iter().map(move |b| jaccard(a, b)));
    pairs.fold(0.0, f64::max)
}

/// Stretches from `{` to its `}` that are JSON objects; outermost ones, at most 64 KiB each.
fn json_blocks(text: &str) -> usize {
    let (mut n, mut depth, mut start) = (0, 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            '}' if depth > 0 => {
                depth -= 1;
                let block = &text[start..=at];
                let sound = depth == 0 && block.len() < 65_536;
                if sound && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(block).is_ok()
                {
                    n += 1;
                }
            }
            _ => {}
        }
    }
    n
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn layout(outline: &Outline, text: &str) -> Vec<(String, f64)> {
    let name = match outline.delimiters() {
        Delimiters::Plain => "plain",
        Delimiters::Headings => "headings",
        Delimiters::Tags => "tags",
        Delimiters::Labels => "labels",
        Delimiters::Numbers => "numbers",
    };
    let mut out = vec![(format!("delimiters:{name}"), 1.0)];
    let mut at = text.len()
        - outline
            .sections()
            .iter()
            .map(|s| s.head.len() + s.body.len() + s.close.len() + s.gap.len())
            .sum::<usize>();
    let mut seen = Vec::new();
    for section in outline.sections() {
        let kind = match section.kind {
            SectionKind::Task => Some("task"),
            SectionKind::Format => Some("format"),
            SectionKind::Examples => Some("examples"),
            _ => None,
        };
        if let Some(kind) = kind.filter(|k| !seen.contains(k)) {
            seen.push(kind);
            out.push((format!("position:{kind}"), at as f64 / text.len() as f64));
        }
        at += section.head.len() + section.body.len() + section.close.len() + section.gap.len();
    }
    out
}

/// Examples are pairs of lines such as `Input: ..` and `Output: ..`.
fn examples(text: &str) -> Vec<(String, f64)> {
    let begins = |line: &str, names: &[&'static str]| {
        names.iter().find_map(|n| line.strip_prefix(n).map(str::trim).map(String::from))
    };
    let mut answers: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if begins(line, &["Input:", "Q:", "Question:", "Text:"])
            .is_some_and(|rest| !rest.is_empty() && placeholder::find(&rest).is_empty())
        {
            open = true;
        } else if let Some(answer) =
            begins(line, &["Output:", "A:", "Answer:", "Topic:", "Label:"]).filter(|a| open && !a.is_empty())
        {
            answers.push(answer);
            open = false;
        }
    }
    let n = answers.len() as f64;
    let mut distinct = answers.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let share = |label: &String| answers.iter().filter(|a| *a == label).count() as f64 / n;
    let entropy: f64 = distinct.iter().map(|label| -share(label) * share(label).ln()).sum();
    let balance = if distinct.len() > 1 { entropy / (distinct.len() as f64).ln() } else { 0.0 };
    vec![("examples".into(), n), ("label_balance".into(), balance)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, expected: f64) {
        let found = Linguistic::default().of(text).into_iter().find(|(n, _)| n == name).map(|(_, v)| v);
        assert!(
            found.is_some_and(|v| (v - expected).abs() < 1e-9),
            "{name} of {text:?}: {found:?}, not {expected}"
        );
    }

    #[test]
    fn every_feature_has_its_known_value() {
        check("Sort it.", "tokens", 3.0);
        check("One. Two! Three? Four", "sentences", 4.0);
        check("One two. Three four five six.", "words_per_sentence", 3.0);
        check("a b a b", "type_token_ratio", 0.5);
        check(&"a ".repeat(60), "type_token_ratio", 1.0 / 50.0);
        // 6 words, 1 sentence, 6 syllables: 0.39 * 6 + 11.8 * 1 - 15.59.
        check("The cat sat on the mat.", "grade", -1.45);
        check("Write it. It is late. Answer now.", "imperatives", 2.0 / 3.0);
        check("You must never stop", "modals", 0.5);
        check("Do not say no", "negations", 0.5);
        check("maybe it could rain", "hedges", 0.5);
        check("you and your dog", "second_person", 0.5);
        check("please be kind, thanks", "polite", 0.5);
        check("use 3 of 10 words", "numerals", 0.4);
        check("Why? How?", "questions", 2.0);
        check("- a\n* b\n1. c\nd", "list_items", 3.0);
        check("# Task\nx\n# Rules\ny", "headings", 2.0);
        check("```\nx\n```", "code_blocks", 1.0);
        check("as {\"a\": {\"b\": 1}} or {no}", "json_blocks", 1.0);
        check("{{ a }} {{ b }}", "placeholders", 2.0);
        check("f(a[1], {b})", "nesting", 2.0);
        check("<task>\nx\n</task>", "delimiters:tags", 1.0);
        check("# Role\nab\n# Task\nx\n", "position:task", 10.0 / 19.0);
        check("- be brief now\n- be brief now", "redundancy", 1.0);
        check("Input: a\nOutput: x\nInput: b\nOutput: y\nInput: {{ input }}\nOutput:", "examples", 2.0);
        check("Input: a\nOutput: x\nInput: b\nOutput: y", "label_balance", 1.0);
        check("Input: a\nOutput: x\nInput: b\nOutput: x", "label_balance", 0.0);
    }

    #[test]
    fn odd_texts_have_finite_features() {
        let corpus = Corpus::of(["a b c"]);
        for text in ["", "\n", "\0", "{{{{{{", "?!.", "\u{1f980}", &"(".repeat(100_000)] {
            for (name, value) in Linguistic::with_corpus(corpus.clone()).of(text) {
                assert!(value.is_finite(), "{name} of {text:?}");
            }
        }
    }
}
