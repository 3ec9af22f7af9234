use std::collections::BTreeMap;

use meta_traits::ExampleId;
use serde::Serialize;

use super::Dataset;

mod near;

/// Inputs that stand in two splits, so that a score on the second is no evidence about new inputs.
///
/// Inputs are compared in lower case with runs of white space as one blank; each row of a later split is paired with
/// the first match in every earlier split, equal and nearly equal apart. Order: by later row, then by earlier row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Leakage {
    /// Pairs of equal inputs: earlier split, later split.
    pub exact: Vec<(ExampleId, ExampleId)>,
    /// Pairs that are not equal but share most 8-word sequences.
    pub near: Vec<NearDuplicate>,
}

impl Leakage {
    /// Whether no input stands in two splits, not even nearly.
    pub fn is_clean(&self) -> bool {
        self.exact.is_empty() && self.near.is_empty()
    }
}

/// Two inputs of different splits whose sets of 8-word sequences have a Jaccard similarity of 0.8 or more.
///
/// Tasks made from one template can reach this without leaking; read it as a hint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NearDuplicate {
    /// The row of the earlier split.
    pub first: ExampleId,
    /// The row of the later split.
    pub second: ExampleId,
    /// Shared over all distinct 8-word sequences, in [0.8, 1]. Rows of fewer than 8 words are never near.
    pub similarity: f64,
}

/// O(words) for exact and nearly for near ones; see [`near`].
pub(super) fn find(data: &Dataset) -> Leakage {
    let rows: Vec<(ExampleId, String)> = data.iter().map(|(id, row)| (id, normal(&row.text()))).collect();
    Leakage { exact: exact(&rows), near: near::find(&rows) }
}

fn exact(rows: &[(ExampleId, String)]) -> Vec<(ExampleId, ExampleId)> {
    let mut pairs = Vec::new();
    let mut seen: BTreeMap<&str, Vec<ExampleId>> = BTreeMap::new();
    for (id, text) in rows {
        let earlier = seen.entry(text).or_default();
        pairs.extend(earlier.iter().filter(|e| e.split != id.split).map(|&e| (e, *id)));
        if earlier.iter().all(|e| e.split != id.split) {
            earlier.push(*id);
        }
    }
    pairs
}

fn normal(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use meta_traits::Split;

    use super::*;
    use crate::Example;

    fn rows(texts: &[&str]) -> Vec<Example> {
        texts.iter().map(|t| Example::new(*t, "x")).collect()
    }

    #[test]
    fn equal_inputs_are_found_across_splits_only() {
        let train = rows(&["One  two", "a", "a"]);
        let data =
            Dataset::from_examples(train, Some(rows(&["one TWO\n"])), Some(rows(&["A", "one two"]))).unwrap();
        let id = ExampleId::new;
        let found = data.leakage();
        assert_eq!(
            found.exact,
            [
                (id(Split::Train, 0), id(Split::Val, 0)),
                (id(Split::Train, 1), id(Split::Test, 0)),
                (id(Split::Train, 0), id(Split::Test, 1)),
                (id(Split::Val, 0), id(Split::Test, 1)),
            ]
        );
        assert!(found.near.is_empty());
    }

    #[test]
    fn nearly_equal_inputs_have_their_true_similarity() {
        let words: Vec<String> = (0..50).map(|i| format!("w{i}")).collect();
        let one = words.join(" ");
        let mut changed = words.clone();
        changed[49] = "other".into();
        let two = changed.join(" ");
        changed[20] = "middle".into();
        let three = changed.join(" ");
        let data = Dataset::from_examples(rows(&[&one]), None, Some(rows(&[&three, &two]))).unwrap();
        let near = data.leakage().near;
        // 43 runs each; the last word touches one run (42 shared of 44), one in the middle eight more (34 of 52).
        assert_eq!(near.len(), 1);
        assert_eq!(near[0].second, ExampleId::new(Split::Test, 1));
        assert!((near[0].similarity - 42.0 / 44.0).abs() < 1e-12);
    }
}
