//! Tests, corrections, effects and baselines against reference values; `tests/golden/comparisons.py` and `bootstrap.py`
//! name the generators and their versions.

use evaluation::calibration::ContextualCalibration;
use evaluation::stats::{
    Bootstrap, Confusion, Correction, Shrinkage, Zeros, balanced_accuracy, cliffs_delta, corrected,
    hodges_lehmann, hodges_lehmann_paired, odds_ratio, paired_effect, wilcoxon,
};
use meta_traits::Stream;
use serde_json::Value;

fn golden(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../golden/comparisons.json")).unwrap();
    assert!(all["generator"].as_str().unwrap().contains("statsmodels"));
    let cases = all[section].as_array().unwrap().clone();
    assert!(cases.len() >= 3);
    cases
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    list(&case[key])
}

#[track_caller]
fn close(got: f64, expected: f64, relative: f64) {
    assert!((got - expected).abs() <= relative * expected.abs() + 1e-13, "got {got}, expected {expected}");
}

#[test]
fn signed_ranks_are_those_of_scipy() {
    for case in golden("wilcoxon") {
        let zeros = match case["zeros"].as_str().unwrap() {
            "wilcox" => Zeros::Wilcox,
            "pratt" => Zeros::Pratt,
            _ => Zeros::Split,
        };
        let test = wilcoxon(&numbers(&case, "a"), &numbers(&case, "b"), zeros).unwrap();
        close(test.w_plus, number(&case, "w_plus"), 1e-12);
        // Without zeros fewer than 51 pairs may be left of more.
        if case["exact"] == true || !test.exact {
            assert_eq!(test.exact, case["exact"] == true);
            close(test.p, number(&case, "p"), 1e-9);
        } else {
            assert!((test.p - number(&case, "p")).abs() < 0.02, "{test:?} {}", case["p"]);
        }
    }
}

#[test]
fn corrections_are_those_of_statsmodels() {
    for case in golden("corrected") {
        for (by, key) in [
            (Correction::Holm, "holm"),
            (Correction::BenjaminiHochberg, "fdr_bh"),
            (Correction::BenjaminiYekutieli, "fdr_by"),
        ] {
            let ours = corrected(&numbers(&case, "p"), by).unwrap();
            ours.iter().zip(numbers(&case, key)).for_each(|(ours, theirs)| close(*ours, theirs, 1e-12));
        }
    }
}

#[test]
fn effects_are_those_of_scipy_and_statsmodels() {
    for case in golden("paired_effect") {
        let (a, b) = (numbers(&case, "a"), numbers(&case, "b"));
        let effect = paired_effect(&a, &b).unwrap();
        close(effect.d, number(&case, "d"), 1e-10);
        close(effect.g, number(&case, "g"), 1e-10);
        close(hodges_lehmann_paired(&a, &b).unwrap(), number(&case, "shift"), 1e-12);
    }
    for case in golden("two_samples") {
        let (a, b) = (numbers(&case, "a"), numbers(&case, "b"));
        close(cliffs_delta(&a, &b).unwrap(), number(&case, "delta"), 1e-12);
        close(hodges_lehmann(&a, &b).unwrap(), number(&case, "shift"), 1e-12);
    }
    for case in golden("odds") {
        let pair = |key: &str| (case[key][0].as_u64().unwrap(), case[key][1].as_u64().unwrap());
        let ratio = odds_ratio(pair("a"), pair("b"), number(&case, "level")).unwrap();
        close(ratio.estimate, number(&case, "ratio"), 1e-12);
        close(ratio.low, number(&case, "low"), 1e-9);
        close(ratio.high, number(&case, "high"), 1e-9);
    }
}

#[test]
fn mean_and_spread_of_candidates_are_those_of_statsmodels() {
    for case in golden("meta") {
        let shrinkage = Shrinkage::of(&numbers(&case, "estimates"), &numbers(&case, "errors")).unwrap();
        close(shrinkage.mean(), number(&case, "mean"), 1e-5);
        assert!((shrinkage.spread().powi(2) - number(&case, "between")).abs() < 1e-6, "{shrinkage:?} {case}");
    }
}

#[test]
fn label_figures_are_those_of_scikit_learn() {
    for case in golden("labels") {
        let expected: Vec<&str> =
            case["expected"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
        let answered: Vec<Option<&str>> =
            case["answered"].as_array().unwrap().iter().map(Value::as_str).collect();
        let table = Confusion::of(expected.iter().copied().zip(answered.iter().copied())).unwrap();
        close(table.accuracy(), number(&case, "accuracy"), 1e-12);
        close(table.balanced_accuracy(), number(&case, "balanced"), 1e-12);
        close(table.macro_f1(), number(&case, "macro_f1"), 1e-12);
        let right = |(e, a): (&str, Option<&str>)| f64::from(u8::from(a == Some(e)));
        let scores: Vec<f64> = expected.iter().copied().zip(answered.iter().copied()).map(right).collect();
        close(balanced_accuracy(&expected, &scores).unwrap(), number(&case, "balanced"), 1e-12);
    }
}

#[test]
fn calibration_is_that_of_the_paper() {
    for case in golden("calibration") {
        let blank: Vec<Vec<f64>> = case["blank"].as_array().unwrap().iter().map(list).collect();
        let calibration = ContextualCalibration::of(&blank).unwrap();
        let p = calibration.probabilities(&numbers(&case, "log_probs")).unwrap();
        p.iter().zip(numbers(&case, "p")).for_each(|(ours, theirs)| close(*ours, theirs, 1e-10));
    }
}

#[test]
fn ratio_of_medians_is_near_that_of_scipy() {
    let all: Value = serde_json::from_str(include_str!("../golden/bootstrap.json")).unwrap();
    for case in all["ratio"].as_array().unwrap() {
        let (above, below) = (numbers(case, "above"), numbers(case, "below"));
        let interval =
            Bootstrap::default().ratio_of_medians_interval(&above, &below, &Stream::root(5)).unwrap();
        close(interval.estimate, number(case, "estimate"), 1e-12);
        let tolerance = 0.2 * number(case, "se");
        assert!((interval.low - number(case, "low")).abs() < tolerance, "{interval:?} {case}");
        assert!((interval.high - number(case, "high")).abs() < tolerance, "{interval:?} {case}");
    }
}
