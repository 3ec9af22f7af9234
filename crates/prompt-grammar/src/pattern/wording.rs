use std::collections::{BTreeMap, BTreeSet};

use crate::features::{Linguistic, words};

/// Words of the longest phrase.
const LONGEST: usize = 4;
/// Words that may stand between the two of a gapped phrase.
const GAP: usize = 3;
/// Shares of the prompts below the limits of a feature.
const QUANTILES: [f64; 3] = [0.25, 0.5, 0.75];

/// What the wording of a prompt can have.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Item {
    /// These words in a row.
    Phrase(Vec<String>),
    /// The one word, and a few words later the other.
    Gapped(String, String),
    /// More of a feature than this.
    Above(String, f64),
}

/// Texts as sets of items, for [`find`](super::find): phrases of up to four words, pairs of words with one to three
/// words between them, and [features](Linguistic) above a quartile.
///
/// ```
/// use prompt_grammar::pattern::TextItems;
/// let texts = ["Sort it step by step.", "Sort it.", "Think step by step.", "Think."];
/// let items = TextItems::new(&texts, 2, 9);
/// let has = items.of("Do it step by step.");
/// let names: Vec<&str> = has.iter().map(|i| items.names()[*i as usize].as_str()).collect();
/// assert!(names.contains(&"'step by step'") && !names.contains(&"'sort'"));
/// ```
#[derive(Clone, Debug)]
pub struct TextItems {
    items: Vec<Item>,
    names: Vec<String>,
    features: Linguistic,
}

impl TextItems {
    /// The items that at least `least` of the texts have and at least `least` lack: at most `most` phrases, at most
    /// `most` gapped ones, those nearest to half of the texts first, and limits of all features. Of phrases that the same
    /// texts have, the longest is taken. Deterministic. O(length of all texts, log included).
    pub fn new(texts: &[impl AsRef<str>], least: usize, most: usize) -> Self {
        let features = Linguistic::default();
        let lower: Vec<String> = texts.iter().map(|t| t.as_ref().to_lowercase()).collect();
        let split: Vec<Vec<&str>> = lower.iter().map(|t| words(t)).collect();
        let (mut phrases, mut gapped) = (BTreeMap::new(), BTreeMap::new());
        for (at, words) in split.iter().enumerate() {
            for n in 1..=LONGEST {
                for phrase in words.windows(n) {
                    phrases.entry(phrase.to_vec()).or_insert_with(BTreeSet::new).insert(at);
                }
            }
            for pair in pairs(words) {
                gapped.entry(pair.to_vec()).or_insert_with(BTreeSet::new).insert(at);
            }
        }
        let own = |words: &[&str]| words.iter().map(|w| (*w).to_string()).collect::<Vec<_>>();
        let mut items: Vec<Item> =
            told_apart(phrases, texts.len(), least, most).iter().map(|p| Item::Phrase(own(p))).collect();
        let pairs = told_apart(gapped, texts.len(), least, most);
        items.extend(pairs.iter().map(|p| Item::Gapped(p[0].to_string(), p[1].to_string())));
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for text in texts {
            for (name, value) in features.of(text.as_ref()) {
                values.entry(name).or_default().push(value);
            }
        }
        for (name, mut values) in values {
            values.resize(texts.len(), 0.0);
            values.sort_by(f64::total_cmp);
            let mut last = None;
            for share in QUANTILES {
                let limit = values[((values.len() - 1) as f64 * share) as usize];
                let above = values.iter().filter(|v| **v > limit).count();
                if above >= least && texts.len() - above >= least && last != Some(above) {
                    items.push(Item::Above(name.clone(), limit));
                    last = Some(above);
                }
            }
        }
        let name = |item: &Item| match item {
            Item::Phrase(words) => format!("'{}'", words.join(" ")),
            Item::Gapped(first, then) => format!("'{first} .. {then}'"),
            Item::Above(feature, limit) => format!("{feature} > {limit:.3}"),
        };
        Self { names: items.iter().map(name).collect(), items, features }
    }

    /// The items' names in their order: `'words'`, `'word .. word'`, `feature > limit`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The items that a text has, ascending. O(length + items).
    pub fn of(&self, text: &str) -> Vec<u32> {
        let lower = text.to_lowercase();
        let words = words(&lower);
        let rows: BTreeSet<&[&str]> = (1..=LONGEST).flat_map(|n| words.windows(n)).collect();
        let apart: BTreeSet<[&str; 2]> = pairs(&words).into_iter().collect();
        let features: BTreeMap<String, f64> = self.features.of(text).into_iter().collect();
        let has = |item: &Item| match item {
            Item::Phrase(phrase) => {
                let phrase: Vec<&str> = phrase.iter().map(String::as_str).collect();
                rows.contains(phrase.as_slice())
            }
            Item::Gapped(first, then) => apart.contains(&[first.as_str(), then.as_str()]),
            Item::Above(name, limit) => features.get(name).copied().unwrap_or(0.0) > *limit,
        };
        (0..).zip(&self.items).filter(|(_, item)| has(item)).map(|(i, _)| i).collect()
    }
}

/// Two words with a gap between them.
fn pairs<'a>(words: &[&'a str]) -> Vec<[&'a str; 2]> {
    let from = |(i, first): (usize, &&'a str)| {
        let first = *first;
        words.iter().skip(i + 2).take(GAP).map(move |then| [first, *then])
    };
    words.iter().enumerate().flat_map(from).collect()
}

/// What enough texts have and enough lack, the nearest to half first; of what the same texts have, the longest.
fn told_apart(
    found: BTreeMap<Vec<&str>, BTreeSet<usize>>,
    n: usize,
    least: usize,
    most: usize,
) -> Vec<Vec<&str>> {
    let mut by_texts: BTreeMap<BTreeSet<usize>, Vec<&str>> = BTreeMap::new();
    for (words, texts) in found {
        if texts.len() >= least.max(1) && n - texts.len() >= least {
            let kept = by_texts.entry(texts).or_default();
            if words.len() > kept.len() {
                *kept = words;
            }
        }
    }
    let mut kept: Vec<(usize, Vec<&str>)> =
        by_texts.into_iter().map(|(texts, words)| ((2 * texts.len()).abs_diff(n), words)).collect();
    kept.sort();
    kept.into_iter().take(most).map(|(_, words)| words).collect()
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;
    use crate::pattern::{Evidence, Observed, PatternOptions, find};

    #[test]
    fn gaps_are_of_one_to_three_words() {
        let found = pairs(&["a", "b", "c", "d", "e", "f"]);
        assert!(found.contains(&["a", "c"]) && found.contains(&["a", "e"]));
        assert!(!found.contains(&["a", "b"]) && !found.contains(&["a", "f"]));
        assert!(TextItems::new(&[] as &[&str], 1, 9).names().is_empty());
    }

    #[test]
    fn the_words_that_help_are_found() {
        let parts =
            ["Be brief.", "Check the answer twice.", "You are a clerk.", "Never guess.", "Use a table."];
        let texts: Vec<String> = (0..80)
            .map(|i| {
                let mut rng = Stream::root(i);
                let chosen = parts.iter().filter(|_| rng.chance(0.5)).copied();
                std::iter::once("Sort it.").chain(chosen).collect::<Vec<_>>().join(" ")
            })
            .collect();
        let items = TextItems::new(&texts, 8, 60);
        assert!(items.names().iter().any(|n| n.starts_with("tokens > ")));
        let mut evidence = Evidence::new(items.names().to_vec());
        for (i, text) in texts.iter().enumerate() {
            let level = if text.contains("Check") { 0.7 } else { 0.3 };
            let mut rng = Stream::root(1).child("scores", i as u64);
            let scores = (0..8).map(|e| (e, f64::from(u8::from(rng.chance(level))))).collect();
            let items = items.of(text);
            evidence.add(Observed { items, scores, ..Observed::default() }).expect("sound");
        }
        let options = PatternOptions { largest: 1, permutations: 199, ..PatternOptions::default() };
        let found = find(&evidence, &options, &Stream::root(2)).expect("sound");
        let names: Vec<&str> = found.iter().map(|f| items.names()[f.items[0] as usize].as_str()).collect();
        assert!(names[0].contains("check") || names[0].contains("answer"), "{names:?}");
    }
}
