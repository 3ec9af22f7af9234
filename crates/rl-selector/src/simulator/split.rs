use std::collections::BTreeMap;

use super::Case;

/// Indices of cases to learn from and to test on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    /// Cases to learn from.
    pub train: Vec<usize>,
    /// Cases held out.
    pub test: Vec<usize>,
}

/// Splits by problem: problem `i`, in order of first appearance, is held out by fold `i % folds`, with all its instances.
///
/// Every case is tested once. At least 1 fold and at most one a problem are made.
pub fn leave_problems_out(cases: &[Case], folds: usize) -> Vec<Fold> {
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases {
        let next = order.len();
        order.entry(&case.problem).or_insert(next);
    }
    split(cases, folds.clamp(1, order.len().max(1)), |case| order[case.problem.as_str()])
}

/// Splits by instance number: instance `n` is held out by fold `n % folds`, of every problem.
pub fn leave_instances_out(cases: &[Case], folds: usize) -> Vec<Fold> {
    let folds = folds.max(1);
    split(cases, folds, |case| (case.instance % folds as u64) as usize)
}

fn split(cases: &[Case], folds: usize, place: impl Fn(&Case) -> usize) -> Vec<Fold> {
    let mut all = vec![Fold::default(); folds];
    for (index, case) in cases.iter().enumerate() {
        for (number, fold) in all.iter_mut().enumerate() {
            if place(case) % folds == number { &mut fold.test } else { &mut fold.train }.push(index);
        }
    }
    all
}
