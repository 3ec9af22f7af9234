//! Dividing rows into parts: which share each part takes, what must be spread evenly, what must stay together.

use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Example, Key};
use crate::EvaluationError;

/// What a division of rows keeps even, and what it keeps together.
///
/// ```
/// use evaluation::By;
/// let by = By::stratified().grouped("meta.user".parse()?);
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct By {
    /// Values of this are as frequent in each part as in all: without groups, each part holds its share of the rows of
    /// a value, rounded up or down.
    pub stratify: Option<Key>,
    /// Rows with the same value of this are in one part.
    pub group: Option<Key>,
}

impl By {
    /// Even in the expected answers.
    pub fn stratified() -> Self {
        Self { stratify: Some(Key::expected()), group: None }
    }

    /// The same, and rows with the same value of `key` stay together.
    #[must_use]
    pub fn grouped(mut self, key: Key) -> Self {
        self.group = Some(key);
        self
    }
}

/// The part of each row; `shares` add up to 1. Equal rows, shares and stream give equal parts.
pub(super) fn parts(
    rows: &[Example],
    shares: &[f64],
    by: &By,
    rng: &Stream,
) -> Result<Vec<usize>, EvaluationError> {
    let strata = match &by.stratify {
        Some(key) => numbered(rows, key)?,
        None => vec![0; rows.len()],
    };
    Ok(match &by.group {
        Some(key) => grouped(&strata, &numbered(rows, key)?, shares, rng),
        None => single(&strata, shares, rng),
    })
}

/// The value of `key` in each row, as its place among the sorted values.
fn numbered(rows: &[Example], key: &Key) -> Result<Vec<usize>, EvaluationError> {
    let texts = rows.iter().enumerate().map(|(i, row)| {
        key.text(row).ok_or_else(|| EvaluationError::Split {
            message: format!("train/{i} has no {key}. Give every row one, or divide by something else"),
        })
    });
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    let mut known: Vec<&str> = texts.iter().map(String::as_str).collect();
    known.sort_unstable();
    known.dedup();
    Ok(texts.iter().map(|text| known.binary_search(&text.as_str()).unwrap_or_default()).collect())
}

/// Each stratum gives each part its share, rounded down or up; what is left over goes where most is lacking over all
/// strata so far.
fn single(strata: &[usize], shares: &[f64], rng: &Stream) -> Vec<usize> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, stratum) in strata.iter().enumerate() {
        members.entry(*stratum).or_default().push(row);
    }
    let mut part = vec![0; strata.len()];
    let mut lacking = vec![0.0; shares.len()];
    for (stratum, mut rows) in members {
        rng.child("stratum", stratum as u64).shuffle(&mut rows);
        let due: Vec<f64> = shares.iter().map(|s| s * rows.len() as f64).collect();
        // A share of 0.3 of 10 rows is 3 of them, whatever the last bits say.
        let mut counts: Vec<usize> = due.iter().map(|d| (d + 1e-9).floor() as usize).collect();
        let left = rows.len().saturating_sub(counts.iter().sum());
        lacking.iter_mut().zip(&due).zip(&counts).for_each(|((l, d), c)| *l += d - *c as f64);
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|&i, &j| {
            let rounds = |p: usize| due[p] - counts[p] as f64 > 1e-9;
            rounds(j).cmp(&rounds(i)).then(lacking[j].total_cmp(&lacking[i]))
        });
        for &p in order.iter().cycle().take(left) {
            counts[p] += 1;
            lacking[p] -= 1.0;
        }
        let mut rows = rows.into_iter();
        for (p, count) in counts.into_iter().enumerate() {
            rows.by_ref().take(count).for_each(|row| part[row] = p);
        }
    }
    part
}

/// Whole groups, the largest first, each to the part where it brings the strata nearest to their shares.
fn grouped(strata: &[usize], groups: &[usize], shares: &[f64], rng: &Stream) -> Vec<usize> {
    let mut sizes: BTreeMap<usize, f64> = BTreeMap::new();
    let mut members: BTreeMap<usize, BTreeMap<usize, f64>> = BTreeMap::new();
    for (stratum, group) in strata.iter().zip(groups) {
        *sizes.entry(*stratum).or_default() += 1.0;
        *members.entry(*group).or_default().entry(*stratum).or_default() += 1.0;
    }
    let mut order: Vec<(usize, f64)> = members.iter().map(|(g, of)| (*g, of.values().sum())).collect();
    rng.child("groups", 0).shuffle(&mut order);
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut held: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); shares.len()];
    let mut part_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (group, _) in order {
        // The growth of the squared distance to the shares, each stratum in units of its size.
        let growth = |p: usize| -> f64 {
            let of = members[&group].iter().map(|(stratum, n)| {
                let held = held[p].get(stratum).copied().unwrap_or_default();
                let due = shares[p] * sizes[stratum];
                ((held + n - due).powi(2) - (held - due).powi(2)) / sizes[stratum]
            });
            of.sum()
        };
        let growths: Vec<f64> = (0..shares.len()).map(growth).collect();
        let p = (0..shares.len()).min_by(|&i, &j| growths[i].total_cmp(&growths[j])).unwrap_or_default();
        part_of.insert(group, p);
        for (stratum, n) in &members[&group] {
            *held[p].entry(*stratum).or_default() += n;
        }
    }
    groups.iter().map(|group| part_of[group]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_are_kept_within_one_row_and_totals_near_their_shares() {
        let strata: Vec<usize> = (0..97).map(|i| i * i % 11).collect();
        for shares in [&[0.6, 0.2, 0.2][..], &[0.5, 0.5], &[0.1; 10]] {
            let part = single(&strata, shares, &Stream::root(3));
            for (p, share) in shares.iter().enumerate() {
                for stratum in 0..11 {
                    let size = strata.iter().filter(|s| **s == stratum).count() as f64;
                    let n =
                        part.iter().zip(&strata).filter(|(q, s)| **q == p && **s == stratum).count() as f64;
                    assert!((n - share * size).abs() < 1.0, "{p} {stratum} {n} {size}");
                }
                let n = part.iter().filter(|q| **q == p).count() as f64;
                assert!((n - share * 97.0).abs() < 2.0, "{p} {n}");
            }
        }
    }

    #[test]
    fn many_strata_of_one_row_still_fill_every_part() {
        let strata: Vec<usize> = (0..50).collect();
        let part = single(&strata, &[0.8, 0.1, 0.1], &Stream::root(1));
        let count = |p| part.iter().filter(|q| **q == p).count();
        assert_eq!((count(0), count(1), count(2)), (40, 5, 5));
    }

    #[test]
    fn groups_stay_together_and_strata_come_near() {
        // 40 groups of 1 to 5 rows, two labels.
        let groups: Vec<usize> = (0..40).flat_map(|g| vec![g; 1 + g % 5]).collect();
        let strata: Vec<usize> = groups.iter().map(|g| usize::from(g % 3 == 0)).collect();
        let part = grouped(&strata, &groups, &[0.6, 0.2, 0.2], &Stream::root(2));
        for (i, p) in part.iter().enumerate() {
            assert!((0..i).all(|j| groups[j] != groups[i] || part[j] == *p));
        }
        for (p, share) in [0.6, 0.2, 0.2].iter().enumerate() {
            for stratum in [0, 1] {
                let size = strata.iter().filter(|s| **s == stratum).count() as f64;
                let n = part.iter().zip(&strata).filter(|(q, s)| **q == p && **s == stratum).count() as f64;
                assert!((n - share * size).abs() <= 2.0, "{p} {stratum} {n} of {size}");
            }
        }
    }
}
