//! How alike two texts are.

use std::collections::{BTreeMap, BTreeSet};

use super::Corpus;
use super::words::words;

/// Buckets of hashed words.
const BUCKETS: u64 = 1 << 16;

/// The Jaccard similarity of two texts: common words by all words, each counted once; 0 where both have none.
pub fn jaccard(a: &str, b: &str) -> f64 {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (a, b): (BTreeSet<&str>, BTreeSet<&str>) =
        (words(&a).into_iter().collect(), words(&b).into_iter().collect());
    let all = a.union(&b).count();
    if all == 0 { 0.0 } else { a.intersection(&b).count() as f64 / all as f64 }
}

/// Cosine similarity of texts as hashed words weighed by their rarity in a corpus (TF-IDF; Weinberger et al. 2009 for
/// the hashing). [`Latent`](super::Latent) makes a truncated singular value decomposition of it.
#[derive(Clone, Debug, Default)]
pub struct Semantics(Corpus);

impl Semantics {
    /// Weighs words by this corpus.
    pub fn new(corpus: Corpus) -> Self {
        Self(corpus)
    }

    /// The similarity, in [-1, 1]; 0 where one has no words. O(words).
    pub fn similarity(&self, a: &str, b: &str) -> f64 {
        let (a, b) = (self.vector(a), self.vector(b));
        let dot: f64 = a.iter().filter_map(|(at, x)| Some(x * b.get(at)?)).sum();
        let norm = |v: &BTreeMap<u64, f64>| v.values().map(|x| x * x).sum::<f64>().sqrt();
        let scale = norm(&a) * norm(&b);
        if scale > 0.0 { dot / scale } else { 0.0 }
    }

    pub(super) fn vector(&self, text: &str) -> BTreeMap<u64, f64> {
        let lower = text.to_lowercase();
        let mut vector = BTreeMap::new();
        for word in words(&lower) {
            let hash = word
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            // A word that every input has still counts a little.
            *vector.entry(hash % BUCKETS).or_insert(0.0) += sign * (self.0.idf(word) + 0.1);
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_texts_are_alike() {
        let s = Semantics::new(Corpus::of(["the cat", "the dog", "the train"]));
        assert!((s.similarity("Sort the cat", "sort the CAT!") - 1.0).abs() < 1e-12);
        assert!(s.similarity("the cat", "the train") < 0.2);
        assert!(s.similarity("cat nap", "cat food") > s.similarity("cat nap", "dog food"));
        assert!((jaccard("a b c", "b c d") - 0.5).abs() < 1e-12);
        assert!(jaccard("", "").abs() < 1e-12);
    }
}
