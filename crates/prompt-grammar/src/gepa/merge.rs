use std::cmp::Ordering;
use std::collections::BTreeSet;

use meta_traits::{Components, Stream};
use serde::{Deserialize, Serialize};

use super::options::MergeOptions;
use super::pool::Pool;

/// How often a pair is drawn, and how often a drawing starts anew, before an iteration gives up merging.
const ATTEMPTS: usize = 10;

/// Decides when and what to merge. Two members with a common ancestor that is better than neither are merged
/// component by component: the text that changed since the ancestor wins, of two changed ones the better member's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Merger {
    /// Merges allowed by candidates accepted so far.
    due: usize,
    /// Merges accepted.
    accepted: usize,
    /// Whether the last iteration brought a new member by reflection.
    fresh: bool,
    /// Member, member and ancestor of every merge tried.
    tried: Vec<[usize; 3]>,
    /// Member, member and the member each text came from, of every merge written.
    written: Vec<(usize, usize, Vec<usize>)>,
}

/// A merged candidate and its test.
pub(super) struct Plan {
    pub(super) parents: [usize; 2],
    pub(super) candidate: Components,
    /// Positions in the validation set.
    pub(super) on: Vec<usize>,
    /// The larger of the parents' sums there.
    pub(super) bar: f64,
}

impl Merger {
    /// A child of reflection entered the pool.
    pub(super) fn grew(&mut self, options: MergeOptions) {
        self.fresh = true;
        if self.accepted < options.max_invocations {
            self.due += 1;
        }
    }

    /// A merged candidate entered the pool.
    pub(super) fn merged(&mut self) {
        self.due = self.due.saturating_sub(1);
        self.accepted += 1;
    }

    /// The merge of this iteration, if one is due and possible.
    pub(super) fn plan(&mut self, pool: &Pool, options: MergeOptions, rng: &mut Stream) -> Option<Plan> {
        let due = std::mem::take(&mut self.fresh) && self.due > 0;
        let mergeable: Vec<usize> = pool.survivors().collect();
        if !due || mergeable.len() < 2 || pool.members().len() < 3 {
            return None;
        }
        let shared = pool.member(0).observation.instances.len();
        for _ in 0..ATTEMPTS {
            let Some([a, b, ancestor]) = self.pair(pool, &mergeable, rng) else { continue };
            let (candidate, sources) = combine(pool, [a, b], ancestor, rng);
            let written = (a, b, sources);
            if self.written.contains(&written) || shared < options.overlap {
                continue;
            }
            self.written.push(written);
            self.tried.push([a, b, ancestor]);
            let on = stratified(pool, [a, b], shared, options.examples, rng);
            let sum = |m: usize| on.iter().map(|&v| pool.member(m).score(v)).sum::<f64>();
            let bar = sum(a).max(sum(b));
            return Some(Plan { parents: [a, b], candidate, on, bar });
        }
        None
    }

    /// Two mergeable members, the earlier first, and their ancestor.
    fn pair(&self, pool: &Pool, mergeable: &[usize], rng: &mut Stream) -> Option<[usize; 3]> {
        for _ in 0..ATTEMPTS {
            let first = rng.below(mergeable.len());
            let second = (first + 1 + rng.below(mergeable.len() - 1)) % mergeable.len();
            let (a, b) = (mergeable[first.min(second)], mergeable[first.max(second)]);
            let (above_a, above_b) = (ancestors(pool, a), ancestors(pool, b));
            if above_a.contains(&b) || above_b.contains(&a) {
                continue;
            }
            let common: Vec<usize> = above_a
                .intersection(&above_b)
                .copied()
                .filter(|&c| !self.tried.contains(&[a, b, c]))
                .filter(|&c| pool.mean(c) <= pool.mean(a) && pool.mean(c) <= pool.mean(b))
                .filter(|&c| complementary(pool, a, b, c))
                .collect();
            if common.is_empty() {
                continue;
            }
            let weights: Vec<f64> = common.iter().map(|&c| pool.mean(c)).collect();
            let drawn = rng.weighted(&weights).unwrap_or_else(|| rng.below(common.len()));
            return Some([a, b, common[drawn]]);
        }
        None
    }
}

fn ancestors(pool: &Pool, of: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![of];
    while let Some(m) = open.pop() {
        for &parent in &pool.member(m).parents {
            if found.insert(parent) {
                open.push(parent);
            }
        }
    }
    found
}

/// Whether some component was changed by exactly one of the two.
fn complementary(pool: &Pool, a: usize, b: usize, ancestor: usize) -> bool {
    let (a, b) = (&pool.member(a).candidate, &pool.member(b).candidate);
    pool.member(ancestor).candidate.iter().any(|(name, old)| {
        let (of_a, of_b) = (a.get(name), b.get(name));
        of_a != of_b && (of_a == Some(old) || of_b == Some(old))
    })
}

/// The merged texts, and for each component the member it came from.
fn combine(pool: &Pool, [a, b]: [usize; 2], ancestor: usize, rng: &mut Stream) -> (Components, Vec<usize>) {
    let mut merged = pool.member(ancestor).candidate.clone();
    let text = |m: usize, name: &str| pool.member(m).candidate.get(name).unwrap_or_default().to_string();
    let mut sources = Vec::new();
    let names: Vec<String> = merged.names().map(String::from).collect();
    for name in names {
        let (old, of_a, of_b) = (text(ancestor, &name), text(a, &name), text(b, &name));
        let (kept_a, kept_b) = (of_a == old, of_b == old);
        let mut better = || match pool.mean(a).partial_cmp(&pool.mean(b)) {
            Some(Ordering::Greater) => a,
            Some(Ordering::Less) => b,
            _ => [a, b][rng.below(2)],
        };
        let source = match (kept_a, kept_b) {
            (true, false) => b,
            (_, true) => a,
            (false, false) => better(),
        };
        merged.set(&name, if source == a { of_a } else { of_b });
        sources.push(source);
    }
    (merged, sources)
}

/// `n` of the `shared` validation positions: up to a third each of those that the first, the second or neither wins.
fn stratified(pool: &Pool, [a, b]: [usize; 2], shared: usize, n: usize, rng: &mut Stream) -> Vec<usize> {
    let score = |m: usize, v: usize| pool.member(m).score(v);
    let strata: [Vec<usize>; 3] = [
        (0..shared).filter(|&v| score(a, v) > score(b, v)).collect(),
        (0..shared).filter(|&v| score(b, v) > score(a, v)).collect(),
        (0..shared).filter(|&v| score(a, v) <= score(b, v) && score(b, v) <= score(a, v)).collect(),
    ];
    let mut chosen = Vec::with_capacity(n);
    for stratum in strata {
        let take = n.div_ceil(3).min(n - chosen.len());
        chosen.extend(sample(stratum, take, rng));
    }
    let rest: Vec<usize> = (0..shared).filter(|v| !chosen.contains(v)).collect();
    let short = n - chosen.len();
    if rest.len() >= short {
        chosen.extend(sample(rest, short, rng));
    } else {
        chosen.extend((0..short).map(|_| rng.below(shared)).collect::<Vec<_>>());
    }
    chosen
}

/// Up to `n` of `items` without repeats.
fn sample(mut items: Vec<usize>, n: usize, rng: &mut Stream) -> Vec<usize> {
    rng.shuffle(&mut items);
    items.truncate(n);
    items
}

#[cfg(test)]
mod tests {
    use meta_traits::{Cost, Draw, ExampleId, Observation, Scored, Split};

    use super::*;
    use crate::gepa::pool::Member;

    fn member(texts: [&str; 3], parents: &[usize], scores: &[f32]) -> Member {
        let draw = |i: usize| Draw { example: ExampleId::new(Split::Val, i as u32), repeat: 0 };
        let scored = scores.iter().enumerate().map(|(i, s)| Scored::new(draw(i), *s)).collect();
        Member {
            candidate: ["x", "y", "z"].into_iter().zip(texts).collect(),
            parents: parents.to_vec(),
            observation: Observation::of_scores(scored, Cost::ZERO),
            iteration: 0,
            next: 0,
        }
    }

    fn family() -> Pool {
        Pool::of(vec![
            member(["x0", "y0", "z0"], &[], &[0.0; 6]),
            member(["x1", "y0", "z1"], &[0], &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
            member(["x0", "y2", "z2"], &[0], &[0.0, 0.0, 0.0, 1.0, 1.0, 0.0]),
        ])
    }

    #[test]
    fn changed_texts_win_and_the_better_member_breaks_ties() {
        let mut merger = Merger::default();
        let options = MergeOptions::default();
        assert!(merger.plan(&family(), options, &mut Stream::root(1)).is_none(), "nothing is due");
        merger.grew(options);
        let plan = merger.plan(&family(), options, &mut Stream::root(1)).expect("a merge is due");
        assert_eq!(plan.parents, [1, 2]);
        assert_eq!(
            plan.candidate.iter().map(|(_, t)| t).collect::<Vec<_>>(),
            ["x1", "y2", "z1"],
            "x changed in 1, y in 2, z in both and 1 is better"
        );
        assert_eq!(plan.on.len(), 5);
        assert_eq!(plan.on.iter().collect::<BTreeSet<_>>().len(), 5);
        assert!(plan.bar >= 2.0);
        merger.grew(options);
        assert!(merger.plan(&family(), options, &mut Stream::root(2)).is_none(), "the same merge comes once");
    }

    #[test]
    fn relatives_and_small_sets_are_not_merged() {
        let mut pool = family();
        pool.add(member(["x1", "y3", "z1"], &[1], &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]));
        let mut merger = Merger::default();
        merger.grew(MergeOptions::default());
        assert!(merger.plan(&pool, MergeOptions::default(), &mut Stream::root(1)).is_none(), "one survivor");
        merger.grew(MergeOptions::default());
        let overlap = MergeOptions { overlap: 7, ..MergeOptions::default() };
        assert!(merger.plan(&family(), overlap, &mut Stream::root(1)).is_none());
    }
}
