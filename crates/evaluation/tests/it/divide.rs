//! Splits and folds.

use std::collections::{BTreeMap, BTreeSet};

use evaluation::{By, Dataset, Example, Key};
use meta_traits::{Split, Stream};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

fn data(rows: &[(u8, u8)]) -> Dataset {
    let rows = rows.iter().enumerate().map(|(i, (label, user))| {
        Example::new(i.to_string(), format!("l{label}")).with_meta(json!({"user": user}))
    });
    Dataset::from_examples(rows.collect(), None, None).unwrap()
}

fn by_user() -> Key {
    "meta.user".parse().unwrap()
}

fn of(data: &Dataset, split: Split) -> Vec<usize> {
    data.rows(split).unwrap_or_default().iter().map(|row| row.text().parse().unwrap()).collect()
}

const SPLITS: [Split; 3] = [Split::Train, Split::Val, Split::Test];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn splits_lose_nothing_keep_strata_and_never_part_a_group(
        rows in vec((0..4_u8, 0..12_u8), 6..80), val in 0.05..0.45_f64, test in 0.0..0.45_f64, seed: u64, kind in 0..4_u8,
    ) {
        let by = match kind {
            0 => By::default(),
            1 => By::stratified(),
            2 => By::default().grouped(by_user()),
            _ => By::stratified().grouped(by_user()),
        };
        let whole = data(&rows);
        let Ok(cut) = whole.clone().split(val, test, &by, &Stream::root(seed)) else {
            // Refused only where a part is too small for a row, or groups too large.
            let smallest = [val, test, 1.0 - val - test].into_iter().filter(|s| *s > 0.0).fold(1.0, f64::min);
            prop_assert!(by.group.is_some() || smallest * (rows.len() as f64) < 1.5);
            return Ok(());
        };
        prop_assert_eq!(&cut, &whole.split(val, test, &by, &Stream::root(seed)).unwrap());
        let mut seen: Vec<usize> = SPLITS.iter().flat_map(|s| of(&cut, *s)).collect();
        prop_assert!(SPLITS.iter().all(|s| of(&cut, *s).windows(2).all(|w| w[0] < w[1])));
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..rows.len()).collect::<Vec<_>>());
        if by.group.is_some() {
            let mut home: BTreeMap<u8, Split> = BTreeMap::new();
            for split in SPLITS {
                for i in of(&cut, split) {
                    prop_assert_eq!(*home.entry(rows[i].1).or_insert(split), split);
                }
            }
        } else {
            for (split, share) in SPLITS.into_iter().zip([1.0 - val - test, val, test]) {
                let held = of(&cut, split);
                let strata: BTreeSet<u8> = if kind == 1 { rows.iter().map(|r| r.0).collect() } else { [9].into() };
                for stratum in strata {
                    let inside = |i: &usize| kind == 0 || rows[*i].0 == stratum;
                    let size = (0..rows.len()).filter(inside).count() as f64;
                    let n = held.iter().filter(|i| inside(i)).count() as f64;
                    prop_assert!((n - share * size).abs() < 1.0 + 1e-9, "{split:?} {n} of {size} x {share}");
                }
            }
        }
    }

    #[test]
    fn every_row_is_validated_on_once(
        rows in vec((0..3_u8, 0..15_u8), 8..60), k in 2..6_usize, seed: u64, stratify: bool, grouped: bool,
    ) {
        let by = if stratify { By::stratified() } else { By::default() };
        let by = if grouped { by.grouped(by_user()) } else { by };
        let whole = data(&rows);
        let Ok(folds) = whole.folds(k, &by, &Stream::root(seed)) else {
            prop_assert!(grouped);
            return Ok(());
        };
        let mut val: Vec<u32> = folds.iter().flat_map(|f| &f.val).map(|id| id.index).collect();
        val.sort_unstable();
        prop_assert_eq!(val, (0..rows.len() as u32).collect::<Vec<_>>());
        for (index, fold) in folds.iter().enumerate() {
            prop_assert_eq!(fold.train.len() + fold.val.len(), rows.len());
            if !grouped {
                let n = fold.val.len() as f64;
                let due = rows.len() as f64 / k as f64;
                let slack = if stratify { 3.0 } else { 1.0 };
                prop_assert!((n - due).abs() < slack);
            }
            let part = whole.clone().fold(k, index, &by, &Stream::root(seed)).unwrap();
            let names: Vec<usize> = fold.val.iter().map(|id| id.index as usize).collect();
            prop_assert_eq!(of(&part, Split::Val), names);
        }
    }
}

#[test]
fn what_cannot_be_divided_is_refused_with_a_reason() {
    let rows: Vec<(u8, u8)> = (0..20).map(|i| (i % 2, i % 3)).collect();
    let refused = |data: Dataset, val, test, by: &By| {
        let text = data.split(val, test, by, &Stream::root(1)).unwrap_err().to_string();
        assert!(text.starts_with("data: cannot split: ") && !text.contains('\n'), "{text}");
        text
    };
    let plain = By::default();
    assert!(refused(data(&rows), 0.5, 0.5, &plain).contains("leave nothing for train"));
    assert!(refused(data(&rows), f64::NAN, 0.0, &plain).contains("the share of val is NaN"));
    assert!(refused(data(&rows), 0.01, 0.0, &plain).contains("none falls to val"));
    let lacking = By::default().grouped("meta.team".parse().unwrap());
    assert!(refused(data(&rows), 0.2, 0.0, &lacking).contains("train/0 has no meta.team"));
    let cut = data(&rows).split(0.2, 0.0, &plain, &Stream::root(1)).unwrap();
    assert!(refused(cut.clone(), 0.2, 0.0, &plain).contains("a val split already"));
    assert_eq!(cut.clone().split(0.0, 0.25, &plain, &Stream::root(1)).unwrap().ids(Split::Test).len(), 4);
    for (k, index, part) in [(1, 0, "1 folds of 20"), (21, 0, "21 folds"), (5, 5, "no fold 5 of 5")] {
        let text = data(&rows).fold(k, index, &plain, &Stream::root(1)).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    assert!(cut.fold(2, 0, &plain, &Stream::root(1)).is_err());
    let text =
        data(&rows).folds(4, &By::default().grouped(by_user()), &Stream::root(1)).unwrap_err().to_string();
    assert!(text.contains("too few groups for 4 folds"), "{text}");
}
