use std::collections::BTreeMap;
use std::path::PathBuf;

use evaluation::stats::majority_baseline;
use evaluation::{By, Dataset, EvaluationError, Key, RowsDigest};
use meta_traits::{Split, Stream};
use serde_json::Value;

use crate::compose::Resolved;
use crate::config::DataSpec;
use crate::result::LabelTask;

const SPLITS: [Split; 3] = [Split::Train, Split::Val, Split::Test];

/// The examples that `data` describes: read, then divided.
pub(super) fn load(resolved: &Resolved, data: &DataSpec) -> Result<Dataset, EvaluationError> {
    let path = |p: &PathBuf| resolved.base.join(p);
    let (val, test) = (data.val.as_ref().map(path), data.test.as_ref().map(path));
    let columns = data.columns.as_ref();
    let whole = Dataset::load_columns(&path(&data.train), val.as_deref(), test.as_deref(), columns)?;
    let Some(split) = &data.split else { return Ok(whole) };
    let mut by = By::default();
    by.stratify = split.stratify.then(Key::expected);
    by.group.clone_from(&split.group);
    let rng = Stream::root(split.seed).child("data", 0);
    let (val, test) = (split.val.unwrap_or(0.0), split.test.unwrap_or(0.0));
    let cut = if val + test > 0.0 { whole.split(val, test, &by, &rng)? } else { whole };
    match split.folds {
        Some(folds) => cut.fold(folds, split.fold.unwrap_or(0), &by, &rng),
        None => Ok(cut),
    }
}

/// Length and hash of every split.
pub(super) fn digests(dataset: &Dataset) -> BTreeMap<String, RowsDigest> {
    SPLITS.into_iter().filter_map(|s| Some((s.name().to_owned(), dataset.digest(s)?))).collect()
}

/// What scores on the test split are compared with where the metric compares labels.
pub(super) fn labels(dataset: &Dataset, metric: &str) -> Result<Option<LabelTask>, EvaluationError> {
    if !["label", "yesno"].contains(&metric) || dataset.rows(Split::Test).is_none() {
        return Ok(None);
    }
    let of = |split| -> Vec<String> {
        dataset.rows(split).unwrap_or_default().iter().map(|row| label(&row.expected)).collect()
    };
    let (train, expected) = (of(Split::Train), of(Split::Test));
    let known = train.iter().map(String::as_str);
    let majority = majority_baseline(known, expected.iter().map(String::as_str), 0.95)?.label;
    Ok(Some(LabelTask { majority, expected }))
}

fn label(expected: &Value) -> String {
    match expected {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.as_str().unwrap_or_default().trim().to_lowercase(),
    }
}
