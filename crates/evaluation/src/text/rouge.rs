use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ngram::Counts;
use super::overlap::Overlap;

mod porter;

/// What ROUGE compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RougeUnit {
    /// Words: ROUGE-1.
    Words,
    /// Pairs of neighbouring words: ROUGE-2.
    Pairs,
    /// The longest common subsequence of words: ROUGE-L.
    Sequence,
}

/// ROUGE of Lin 2004, equal to the package `rouge-score` 0.1.2.
///
/// Words are runs of ASCII letters and digits in lower case: everything else separates them, letters of other
/// scripts included. With the stemmer, words of more than three letters are stemmed by Porter's algorithm as NLTK
/// extends it. ROUGE-L takes the text as one sequence, whatever its line breaks.
///
/// Time: linear in the texts for words and pairs (after sorting), product of the lengths over 64 for sequences.
///
/// ```
/// use evaluation::{Rouge, RougeUnit};
/// let overlap = Rouge::new(RougeUnit::Sequence).score("police killed the gunman", "the gunman killed police");
/// assert_eq!((overlap.precision, overlap.recall), (0.5, 0.5));
/// let stemmed = Rouge::new(RougeUnit::Words).stemmed(true).score("running dogs", "dog runs");
/// assert_eq!(stemmed.f1, 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rouge {
    unit: RougeUnit,
    stem: bool,
}

impl Rouge {
    /// Compares `unit`s, without the stemmer.
    pub fn new(unit: RougeUnit) -> Self {
        Self { unit, stem: false }
    }

    /// The same with the stemmer, or without.
    #[must_use]
    pub fn stemmed(self, stem: bool) -> Self {
        Self { stem, ..self }
    }

    /// Precision, recall and F1 of `reply` against `reference`; all 0 where either holds no word.
    pub fn score(&self, reply: &str, reference: &str) -> Overlap {
        let (got, wanted) = (self.words(reply), self.words(reference));
        let order = match self.unit {
            RougeUnit::Words => 1,
            RougeUnit::Pairs => 2,
            RougeUnit::Sequence => return Overlap::of(common(&got, &wanted), got.len(), wanted.len()),
        };
        let (got, wanted) = (Counts::of(&got, order), Counts::of(&wanted, order));
        Overlap::of(got.shared(&wanted), got.total(), wanted.total())
    }

    /// The score against the reference that gives the best F1, the first of equals; all 0 without references.
    pub fn best<S: AsRef<str>>(&self, reply: &str, references: &[S]) -> Overlap {
        let scores = references.iter().map(|reference| self.score(reply, reference.as_ref()));
        scores.reduce(|best, next| if next.f1 > best.f1 { next } else { best }).unwrap_or(Overlap::NONE)
    }

    fn words(self, text: &str) -> Vec<String> {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words
            .map(|word| if self.stem && word.len() > 3 { porter::stem(word) } else { word.to_owned() })
            .collect()
    }
}

/// Length of the longest common subsequence, 64 columns at a time.
///
/// Crochemore et al. 2001: bits of `row` that turned from 1 to 0 mark where the length grows. With `m` the places of
/// the next word, `row` becomes `(row + (row & m)) | (row & !m)`, the sum carrying over all limbs.
fn common(a: &[String], b: &[String]) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, word) in short.iter().enumerate() {
        places.entry(word).or_default().push(i);
    }
    let limbs = short.len().div_ceil(64);
    let (mut row, mut mask) = (vec![u64::MAX; limbs], vec![0_u64; limbs]);
    for word in long {
        let Some(at) = places.get(word.as_str()) else { continue };
        for i in at {
            mask[i / 64] |= 1 << (i % 64);
        }
        let mut carry = false;
        for (row, mask) in row.iter_mut().zip(&mask) {
            let (sum, over) = row.carrying_add(*row & *mask, carry);
            carry = over;
            *row = sum | (*row & !*mask);
        }
        for i in at {
            mask[i / 64] = 0;
        }
    }
    (0..short.len()).filter(|i| row[i / 64] >> (i % 64) & 1 == 0).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The table of the textbook.
    fn plain(a: &[String], b: &[String]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] = if a[i - 1] == b[j - 1] {
                    table[i - 1][j - 1] + 1
                } else {
                    table[i - 1][j].max(table[i][j - 1])
                };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn bits_count_what_the_table_counts(a in "[abc]{0,200}", b in "[abcd]{0,150}") {
            let letters = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
            let (a, b) = (letters(&a), letters(&b));
            prop_assert_eq!(common(&a, &b), plain(&a, &b));
        }
    }

    #[test]
    fn the_best_reference_is_the_first_of_equals() {
        let rouge = Rouge::new(RougeUnit::Words);
        let best = rouge.best("a b", &["c", "a", "a x", "b"]);
        assert!((best.recall - 1.0).abs() < 1e-12 && (best.precision - 0.5).abs() < 1e-12);
        assert_eq!(rouge.best("a", &[] as &[&str]), Overlap::NONE);
    }
}
