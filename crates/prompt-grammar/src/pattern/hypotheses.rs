use std::collections::BTreeSet;

use super::evidence::Evidence;
use super::options::PatternOptions;

/// Prompts as bits.
type Bits = Vec<u64>;

/// A pattern that may be significant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hypothesis {
    /// Its items in rising order.
    pub(super) items: Vec<u32>,
    /// For each prompt 1 where it holds, else 0.
    pub(super) column: Vec<f64>,
    pub(super) support: usize,
}

impl Hypothesis {
    fn new(items: Vec<u32>, bits: &Bits, prompts: usize) -> Self {
        let column: Vec<f64> = (0..prompts).map(|i| f64::from(u8::from(has(bits, i)))).collect();
        Self { items, support: count(bits), column }
    }
}

/// All patterns of up to `largest` items with enough prompts on either side; of several that tell the same prompts
/// apart the one with the fewest items, the first of these. Level by level, as Agrawal & Srikant (1994).
pub(super) fn patterns(evidence: &Evidence, options: &PatternOptions) -> Vec<Hypothesis> {
    let n = evidence.prompts().len();
    let words = n.div_ceil(64);
    let mut singles: Vec<Bits> = vec![vec![0; words]; evidence.names().len()];
    for (i, prompt) in evidence.prompts().iter().enumerate() {
        for item in &prompt.items {
            singles[*item as usize][i / 64] |= 1 << (i % 64);
        }
    }
    let frequent = |bits: &Bits| count(bits) >= options.least_support;
    let mut level: Vec<(Vec<u32>, Bits)> =
        (0..).zip(&singles).filter(|(_, b)| frequent(b)).map(|(i, b)| (vec![i], b.clone())).collect();
    let start = level.clone();
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for size in 1..=options.largest {
        for (items, bits) in &level {
            let small = count(bits) + options.least_support > n;
            if !small && seen.insert(oriented(bits, n)) {
                out.push(Hypothesis::new(items.clone(), bits, n));
            }
        }
        if size == options.largest {
            break;
        }
        let mut next = Vec::new();
        for (items, bits) in &level {
            let last = items.last().copied().unwrap_or_default();
            for (more, other) in start.iter().filter(|(more, _)| more[0] > last) {
                let both: Bits = bits.iter().zip(other).map(|(a, b)| a & b).collect();
                // What holds for no fewer prompts than a part of it is the same hypothesis, and so is all above it.
                if frequent(&both) && both != *bits && both != *other {
                    next.push((items.iter().chain(more).copied().collect(), both));
                }
            }
            if next.len() > 64 * options.hypotheses {
                break;
            }
        }
        level = next;
    }
    out
}

/// Leaves what can be significant at `level` after correction for all that can (Tarone 1990), and of these `most` with
/// the most even support. `families` has a number for each prompt.
pub(super) fn testable(
    mut all: Vec<Hypothesis>,
    families: &[u32],
    level: f64,
    most: usize,
) -> Vec<Hypothesis> {
    let least: Vec<f64> = all.iter().map(|h| least_log_p(&h.column, families)).collect();
    let mut sorted = least.clone();
    sorted.sort_by(f64::total_cmp);
    // The smallest k for which at most k hypotheses reach level / k.
    let reach = |k: usize| sorted.partition_point(|l| *l <= (level / k as f64).ln());
    let k = (1..=all.len().max(1)).find(|k| reach(*k) <= *k).unwrap_or(1);
    let mut kept = least.iter().map(|l| *l <= (level / k as f64).ln());
    all.retain(|_| kept.next().unwrap_or(false));
    let n = families.len();
    if all.len() > most {
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(all[*i].support.min(n - all[*i].support)));
        order.truncate(most);
        order.sort_unstable();
        let mut at = 0..;
        all.retain(|_| at.next().is_some_and(|i| order.binary_search(&i).is_ok()));
    }
    all
}

/// Log of the least two-sided p-value that permuting prompts within families can give: one order of all.
fn least_log_p(column: &[f64], families: &[u32]) -> f64 {
    let mut names = families.to_vec();
    names.sort_unstable();
    names.dedup();
    let ways = names.iter().map(|name| {
        let of = || column.iter().zip(families).filter(|(_, f)| *f == name);
        let (n, k) = (of().count(), of().filter(|(c, _)| **c > 0.5).count());
        (0..k.min(n - k)).map(|i| ((n - i) as f64 / (i + 1) as f64).ln()).sum::<f64>()
    });
    (2.0_f64.ln() - ways.sum::<f64>()).min(0.0)
}

fn has(bits: &Bits, i: usize) -> bool {
    bits[i / 64] >> (i % 64) & 1 == 1
}

fn count(bits: &Bits) -> usize {
    bits.iter().map(|w| w.count_ones() as usize).sum()
}

/// The same for a set of prompts and its complement.
fn oriented(bits: &Bits, n: usize) -> Bits {
    if !has(bits, 0) {
        return bits.clone();
    }
    let mut out: Bits = bits.iter().map(|w| !w).collect();
    if !n.is_multiple_of(64)
        && let Some(last) = out.last_mut()
    {
        *last &= (1 << (n % 64)) - 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Observed;
    use super::*;

    fn evidence(rows: &[&[u32]]) -> Evidence {
        let mut evidence = Evidence::new((0..4).map(|i| i.to_string()).collect());
        for items in rows {
            let prompt = Observed { items: items.to_vec(), scores: vec![(0, 0.0)], ..Observed::default() };
            evidence.add(prompt).expect("sound");
        }
        evidence
    }

    fn items(found: &[Hypothesis]) -> Vec<Vec<u32>> {
        found.iter().map(|h| h.items.clone()).collect()
    }

    #[test]
    fn one_hypothesis_for_each_way_to_part_the_prompts() {
        // 1 stands for the complement of 0, 2 is always there, 3 with 0 is the only true pair.
        let rows: [&[u32]; 8] =
            [&[0, 2, 3], &[0, 2, 3], &[0, 2], &[0, 2], &[1, 2, 3], &[1, 2, 3], &[1, 2], &[1, 2]];
        let options = PatternOptions { least_support: 2, ..PatternOptions::default() };
        let found = patterns(&evidence(&rows), &options);
        assert_eq!(items(&found), [vec![0], vec![3], vec![0, 3], vec![1, 3]]);
        assert_eq!(found[2].column, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn what_cannot_be_significant_is_not_tested() {
        let options = PatternOptions { least_support: 2, ..PatternOptions::default() };
        let rows: Vec<Vec<u32>> = (0..12)
            .map(|i| {
                if i < 2 {
                    vec![0]
                } else if i < 8 {
                    vec![1]
                } else {
                    vec![]
                }
            })
            .collect();
        let rows: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
        let all = patterns(&evidence(&rows), &options);
        assert_eq!(items(&all), [vec![0], vec![1]]);
        // Two of twelve can be chosen in 66 ways, six in 924: 2 / 66 is above 0.01, 2 / 924 is not.
        let left = testable(all.clone(), &[0; 12], 0.01, 9);
        assert_eq!(items(&left), [vec![1]]);
        // Within families of one prompt nothing can be permuted.
        assert!(testable(all, &(0..12).collect::<Vec<u32>>(), 0.05, 9).is_empty());
    }
}
