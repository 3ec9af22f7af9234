use std::collections::BTreeMap;

use coordination::Component;
use meta_traits::Components;
use serde::{Deserialize, Serialize};

use crate::run::RunState;

/// A step from one recommendation to the next in which a pillar's part changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Metric calls until then.
    pub evaluations: u64,
    /// What changed: a component, or one line of it as `component/key`.
    pub part: String,
    /// What it says now.
    pub now: String,
    /// By how much the recommendation's score rose in this step, all parts that changed in it together.
    pub gain: f64,
}

/// The changes of every pillar's part, in order. `pillars` names the components, or `component/key` lines, that are not
/// prompts.
pub(crate) fn changes(
    state: &RunState,
    pillars: &BTreeMap<String, Component>,
) -> BTreeMap<Component, Vec<Change>> {
    let mut found: BTreeMap<Component, Vec<Change>> = BTreeMap::new();
    for pair in state.trajectory().windows(2) {
        let [before, after] = pair else { continue };
        let (Some(old), Some(new)) = (state.candidate(before.candidate), state.candidate(after.candidate))
        else {
            continue;
        };
        for (part, now, pillar) in parts(old, new, pillars) {
            let gain = after.score - before.score;
            found.entry(pillar).or_default().push(Change { evaluations: after.evaluations, part, now, gain });
        }
    }
    found
}

fn parts(
    old: &Components,
    new: &Components,
    pillars: &BTreeMap<String, Component>,
) -> Vec<(String, String, Component)> {
    let mut out = Vec::new();
    for (name, text) in new.iter().filter(|(name, text)| old.get(name) != Some(text)) {
        let key = |line: &str| line.split_once([':', '=']).map(|(key, _)| format!("{name}/{}", key.trim()));
        let owner = |line: &str| key(line).and_then(|key| Some((pillars.get(&key).copied()?, key)));
        let mut lined = false;
        for line in
            text.lines().filter(|line| old.get(name).is_none_or(|old| !old.lines().any(|l| l == *line)))
        {
            if let Some((pillar, key)) = owner(line) {
                lined = true;
                out.push((key, line.to_owned(), pillar));
            }
        }
        if !lined {
            let pillar = pillars.get(name).copied().unwrap_or(Component::Prompt);
            out.push((name.to_owned(), text.to_owned(), pillar));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_belong_to_their_pillar_and_texts_to_prompts() {
        let pillars = [
            ("settings/flow".to_owned(), Component::Topology),
            ("settings/sort.k".to_owned(), Component::Hyperopt),
            ("wiring".to_owned(), Component::Topology),
        ]
        .into();
        let of = |a, wiring, settings| {
            [("a", a), ("wiring", wiring), ("settings", settings)].into_iter().collect()
        };
        let old: Components = of("x", "v=1", "sort.k: 1\nflow: one");
        let new: Components = of("y", "v=2", "sort.k: 1\nflow: two");
        let found: Vec<(String, Component)> =
            parts(&old, &new, &pillars).into_iter().map(|(part, _, pillar)| (part, pillar)).collect();
        let expected = [
            ("a".to_owned(), Component::Prompt),
            ("wiring".to_owned(), Component::Topology),
            ("settings/flow".to_owned(), Component::Topology),
        ];
        assert_eq!(found, expected);
        assert!(parts(&old, &old, &pillars).is_empty());
    }
}
