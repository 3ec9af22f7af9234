use std::collections::{BTreeMap, BTreeSet};

use super::words::words;

/// The words of a task's training inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Corpus {
    inputs: usize,
    /// In how many inputs a word stands.
    frequency: BTreeMap<String, usize>,
}

impl Corpus {
    /// Counts the words of training inputs; evaluation inputs have no place here.
    pub fn of<'a>(inputs: impl IntoIterator<Item = &'a str>) -> Self {
        let mut corpus = Self::default();
        for input in inputs {
            corpus.inputs += 1;
            let lower = input.to_lowercase();
            let distinct: BTreeSet<&str> = words(&lower).into_iter().collect();
            for word in distinct {
                *corpus.frequency.entry(word.to_string()).or_default() += 1;
            }
        }
        corpus
    }

    /// Mean of ln((n + 1) / (df + 1)) over the words: high where they are rare among the inputs.
    pub(super) fn specificity(&self, words: &[&str]) -> f64 {
        if words.is_empty() {
            return 0.0;
        }
        words.iter().map(|w| self.idf(w)).sum::<f64>() / words.len() as f64
    }

    pub(super) fn idf(&self, word: &str) -> f64 {
        let df = self.frequency.get(word).copied().unwrap_or(0);
        ((self.inputs as f64 + 1.0) / (df as f64 + 1.0)).ln()
    }

    /// The share of words that some input has.
    pub(super) fn overlap(&self, words: &[&str]) -> f64 {
        let n = words.iter().filter(|w| self.frequency.contains_key(**w)).count();
        if words.is_empty() { 0.0 } else { n as f64 / words.len() as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_are_specific() {
        let corpus = Corpus::of(["The ticket", "the invoice", "the mail"]);
        assert!((corpus.specificity(&["the"]) - 0.0).abs() < 1e-12);
        assert!((corpus.specificity(&["ticket", "zebra"]) - 1.5 * 2.0_f64.ln()).abs() < 1e-12);
        assert!((corpus.overlap(&["the", "zebra"]) - 0.5).abs() < 1e-12);
    }
}
