use meta_traits::{ExampleId, Split, Stream};
use serde::Serialize;

use super::partition::{By, parts};
use super::{Dataset, Example};
use crate::EvaluationError;

/// One fold of a cross-validation: names of rows of `train`, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fold {
    /// To learn from.
    pub train: Vec<ExampleId>,
    /// To validate on.
    pub val: Vec<ExampleId>,
}

fn refuse<T>(message: String) -> Result<T, EvaluationError> {
    Err(EvaluationError::Split { message })
}

impl Dataset {
    /// Cuts the shares `val` and `test` off train, 0 for none; all parts keep the order of the rows.
    ///
    /// Without groups each part holds its share of every stratum rounded up or down; whole groups can only come near
    /// it. O(rows log rows).
    ///
    /// ```
    /// use evaluation::{By, Dataset, Example};
    /// use meta_traits::{Split, Stream};
    /// let rows = (0..40).map(|i| Example::new(format!("q{i}"), if i % 4 == 0 { "rare" } else { "usual" })).collect();
    /// let data = Dataset::from_examples(rows, None, None)?.split(0.25, 0.25, &By::stratified(), &Stream::root(1))?;
    /// assert_eq!([Split::Train, Split::Val, Split::Test].map(|s| data.ids(s).len()), [20, 10, 10]);
    /// let rare = data.rows(Split::Test).unwrap().iter().filter(|row| row.expected == "rare").count();
    /// assert!(rare == 2 || rare == 3);
    /// # Ok::<(), evaluation::EvaluationError>(())
    /// ```
    ///
    /// # Errors
    /// [`EvaluationError::Split`] when a split is there already, when shares are not from 0 to below 1 or leave no room
    /// for train, when a part would hold no row, or when a row lacks what is divided by.
    pub fn split(self, val: f64, test: f64, by: &By, rng: &Stream) -> Result<Self, EvaluationError> {
        for (name, share, there) in [("val", val, self.val.is_some()), ("test", test, self.test.is_some())] {
            if !(0.0..1.0).contains(&share) {
                return refuse(format!(
                    "the share of {name} is {share}. Allowed: 0 (none) to below 1, such as 0.2"
                ));
            }
            if there && share > 0.0 {
                return refuse(format!("there is a {name} split already. Leave out either it or its share"));
            }
        }
        let train = 1.0 - val - test;
        if train <= 1e-9 {
            return refuse(format!(
                "val {val} and test {test} leave nothing for train. Allowed: a sum below 1"
            ));
        }
        let part = parts(&self.train, &[train, val, test], by, &rng.child("split", 0))?;
        let cut = |p: usize, share: f64, name: &str| -> Result<Option<Vec<Example>>, EvaluationError> {
            let rows: Vec<Example> =
                self.train.iter().zip(&part).filter(|(_, q)| **q == p).map(|(row, _)| row.clone()).collect();
            if share > 0.0 && rows.is_empty() {
                let units = if by.group.is_some() { "rows in whole groups" } else { "rows" };
                let n = self.train.len();
                return refuse(format!(
                    "of {n} {units} none falls to {name} with the share {share:.3}. Give it a larger share, or more rows"
                ));
            }
            Ok((share > 0.0).then_some(rows))
        };
        let (train, val, test) = (cut(0, train, "train")?, cut(1, val, "val")?, cut(2, test, "test")?);
        Ok(Self { train: train.unwrap_or_default(), val: val.or(self.val), test: test.or(self.test) })
    }

    /// Divides train into `k` folds, each validating on its part and training on the rest.
    ///
    /// Every row is validated on once. Strata and groups as in [`Dataset::split`]. Val and test, where there are any,
    /// take no part.
    ///
    /// # Errors
    /// [`EvaluationError::Split`] for `k` below 2, fewer rows or groups than folds, or a row that lacks what is divided
    /// by.
    pub fn folds(&self, k: usize, by: &By, rng: &Stream) -> Result<Vec<Fold>, EvaluationError> {
        let part = self.fold_of_rows(k, by, rng)?;
        let ids = self.ids(Split::Train);
        let fold = |p: usize| {
            let (val, train): (Vec<_>, Vec<_>) = ids.iter().zip(&part).partition(|(_, q)| **q == p);
            let names = |of: Vec<(&ExampleId, &usize)>| of.into_iter().map(|(id, _)| *id).collect();
            Fold { train: names(train), val: names(val) }
        };
        Ok((0..k).map(fold).collect())
    }

    /// The data set of fold `index` of `k`: its part is `val`, the rest is `train`.
    ///
    /// # Errors
    /// As [`Dataset::folds`]; also when there is a val split already, or no such fold.
    pub fn fold(self, k: usize, index: usize, by: &By, rng: &Stream) -> Result<Self, EvaluationError> {
        if self.val.is_some() {
            return refuse("there is a val split already. Leave out either it or the folds".into());
        }
        if index >= k {
            return refuse(format!("there is no fold {index} of {k}. Allowed: 0 to {}", k.saturating_sub(1)));
        }
        let part = self.fold_of_rows(k, by, rng)?;
        let (mut train, mut val) = (Vec::new(), Vec::new());
        for (row, p) in self.train.into_iter().zip(part) {
            if p == index { val.push(row) } else { train.push(row) }
        }
        Ok(Self { train, val: Some(val), test: self.test })
    }

    fn fold_of_rows(&self, k: usize, by: &By, rng: &Stream) -> Result<Vec<usize>, EvaluationError> {
        let n = self.train.len();
        if k < 2 || k > n {
            return refuse(format!("{k} folds of {n} rows. Allowed: 2 to as many as there are rows"));
        }
        let part = parts(&self.train, &vec![1.0 / k as f64; k], by, &rng.child("folds", 0))?;
        match (0..k).find(|p| !part.contains(p)) {
            Some(_) => refuse(format!("there are too few groups for {k} folds. Give fewer folds")),
            None => Ok(part),
        }
    }
}
