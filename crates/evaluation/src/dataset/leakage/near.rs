use std::collections::HashMap;

use meta_traits::{ExampleId, Split};

use super::NearDuplicate;

/// Words a shingle.
const SHINGLE: usize = 8;
/// The Jaccard similarity from which two inputs count as nearly the same, as a fraction.
const NEAR: (usize, usize) = (4, 5);

/// For each row the first row of every earlier split that is nearly equal to it.
///
/// Two sets with a similarity of t share one of their |x| - ceil(t |x|) + 1 rarest shingles, so that only those are
/// indexed, and rows that share one are compared in full (prefix filter: Chaudhuri, Ganti & Kaushik 2006; Bayardo, Ma &
/// Srikant 2007). Nothing is missed and nothing is random, unlike with MinHash. O(words log words) and one comparison
/// of O(words of a row) for each pair of rows of similar length that share a rare shingle: text that many rows have in
/// common, such as a template, is frequent and so not looked up. Only rows of which more than a fifth is unlike all
/// others' yet whose rare part is shared by many could make it quadratic.
pub(super) fn find(rows: &[(ExampleId, String)]) -> Vec<NearDuplicate> {
    let shingles: Vec<Vec<u64>> = rows.iter().map(|(_, text)| shingles(text)).collect();
    let mut frequency: HashMap<u64, u32> = HashMap::new();
    for shingle in shingles.iter().flatten() {
        *frequency.entry(*shingle).or_default() += 1;
    }
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut near = Vec::new();
    for (later, own) in shingles.iter().enumerate() {
        let mut rarest = own.clone();
        rarest.sort_unstable_by_key(|s| (frequency.get(s).copied().unwrap_or_default(), *s));
        rarest.truncate(own.len() + 1 - least(own.len()));
        let mut candidates: Vec<usize> =
            rarest.iter().filter_map(|s| holders.get(s)).flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let mut found: Option<Split> = None;
        for earlier in candidates {
            let (first, second) = (rows[earlier].0, rows[later].0);
            if first.split == second.split || found == Some(first.split) {
                continue;
            }
            let similarity = similarity(&shingles[earlier], own);
            if let Some(similarity) = similarity.filter(|_| rows[earlier].1 != rows[later].1) {
                near.push(NearDuplicate { first, second, similarity });
                found = Some(first.split);
            }
        }
        if !own.is_empty() {
            for shingle in rarest {
                holders.entry(shingle).or_default().push(later);
            }
        }
    }
    near
}

/// How many of `n` shingles a near set must share at least.
fn least(n: usize) -> usize {
    (n * NEAR.0).div_ceil(NEAR.1)
}

/// The Jaccard similarity of two sorted sets, when it is near.
fn similarity(a: &[u64], b: &[u64]) -> Option<f64> {
    if a.len().min(b.len()) < least(a.len().max(b.len())) {
        return None;
    }
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, shared) = (i + 1, j + 1, shared + 1),
        }
    }
    let all = a.len() + b.len() - shared;
    (all > 0 && shared * NEAR.1 >= all * NEAR.0).then(|| shared as f64 / all as f64)
}

/// The distinct runs of eight words, as 64 bits of BLAKE3, sorted.
fn shingles(text: &str) -> Vec<u64> {
    let words: Vec<&str> = text.split(' ').collect();
    let digest = |run: &[&str]| {
        let mut first = [0; 8];
        first.copy_from_slice(&blake3::hash(run.join(" ").as_bytes()).as_bytes()[..8]);
        u64::from_le_bytes(first)
    };
    let mut out: Vec<u64> = words.windows(SHINGLE).map(digest).collect();
    out.sort_unstable();
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    /// Every pair compared.
    fn slowly(rows: &[(ExampleId, String)]) -> Vec<NearDuplicate> {
        let sets: Vec<Vec<u64>> = rows.iter().map(|(_, text)| shingles(text)).collect();
        let mut near: Vec<NearDuplicate> = Vec::new();
        for later in 0..rows.len() {
            for earlier in 0..later {
                let (first, second) = (rows[earlier].0, rows[later].0);
                let known = near.iter().any(|n| n.second == second && n.first.split == first.split);
                if first.split != second.split && rows[earlier].1 != rows[later].1 && !known {
                    near.extend(similarity(&sets[earlier], &sets[later]).map(|similarity| NearDuplicate {
                        first,
                        second,
                        similarity,
                    }));
                }
            }
        }
        near
    }

    #[test]
    fn the_filter_misses_nothing() {
        let mut rng = Stream::root(7);
        // Texts that differ in a few words from one of six, so that similarities lie on both sides of the limit.
        let stems: Vec<Vec<String>> = (0..6)
            .map(|s| (0..30 + 10 * s).map(|w| format!("w{}", if w < 20 { w } else { w * 7 + s })).collect())
            .collect();
        let rows: Vec<(ExampleId, String)> = (0..240)
            .map(|i| {
                let mut words = stems[rng.below(stems.len())].clone();
                for _ in 0..rng.below(3) {
                    let (at, last) = (rng.below(words.len()), words.len() - 1);
                    let place = if rng.chance(0.5) { last } else { at };
                    words[place] = format!("x{}", rng.below(40));
                }
                let split = [Split::Train, Split::Val, Split::Test][i / 80];
                (ExampleId::new(split, i as u32 % 80), words.join(" "))
            })
            .collect();
        let near = find(&rows);
        assert!(near.len() > 50 && near.iter().any(|n| n.similarity < 0.9));
        assert_eq!(near, slowly(&rows));
    }

    #[test]
    fn few_words_are_never_near() {
        let row = |split, text: &str| (ExampleId::new(split, 0), text.to_owned());
        assert!(find(&[row(Split::Train, "a b c"), row(Split::Val, "a b d")]).is_empty());
    }
}
