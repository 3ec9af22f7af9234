//! Against reference values; `tests/golden/stats.py` names the generator and its versions.

use evaluation::stats::{Bootstrap, mcnemar_exact, paired_permutation, wilson};
use meta_traits::Stream;
use serde_json::Value;

fn golden(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../golden/stats.json")).unwrap();
    assert!(all["generator"].as_str().unwrap().contains("scipy"));
    all[section].as_array().unwrap().clone()
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap()
}

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[track_caller]
fn close(got: f64, expected: f64, relative: f64) {
    assert!((got - expected).abs() <= relative * expected.abs() + 1e-15, "got {got}, expected {expected}");
}

#[test]
fn mcnemar_is_that_of_statsmodels() {
    for case in golden("mcnemar") {
        let count = |key: &str| case[key].as_u64().unwrap();
        close(mcnemar_exact(count("a_only"), count("b_only")), number(&case, "p"), 1e-11);
    }
}

#[test]
fn wilson_is_that_of_statsmodels() {
    for case in golden("wilson") {
        let count = |key: &str| case[key].as_u64().unwrap();
        let interval = wilson(count("successes"), count("trials"), number(&case, "level")).unwrap();
        close(interval.low, number(&case, "low"), 1e-10);
        close(interval.high, number(&case, "high"), 1e-10);
    }
    for (k, n, level) in [(0, 0, 0.95), (2, 1, 0.95), (1, 2, 0.0), (1, 2, f64::NAN)] {
        assert!(wilson(k, n, level).is_err());
    }
}

#[test]
fn permutation_is_that_of_scipy() {
    for case in golden("paired") {
        let exact = case["exact"].as_bool().unwrap();
        let (a, b) = (numbers(&case, "a"), numbers(&case, "b"));
        let test = paired_permutation(&a, &b, 20_000, &Stream::root(5)).unwrap();
        assert_eq!(test.exact, exact);
        close(test.difference, number(&case, "difference"), 1e-9);
        if exact {
            close(test.p, number(&case, "p"), 1e-12);
        } else {
            // Two Monte Carlo estimates of one p: standard error of ours 0.0024.
            assert!((test.p - number(&case, "p")).abs() < 0.01, "{} {case}", test.p);
        }
    }
}

#[test]
fn bootstrap_is_near_that_of_scipy() {
    for case in golden("interval") {
        let values = numbers(&case, "values");
        let interval = Bootstrap::default().mean_interval(&values, &Stream::root(5)).unwrap();
        // A bound from 10,000 resamples wanders by about 0.03 standard errors of the mean, more in a skewed tail.
        let tolerance = 0.15 * number(&case, "se");
        assert!((interval.low - number(&case, "low")).abs() < tolerance, "{interval:?} {case}");
        assert!((interval.high - number(&case, "high")).abs() < tolerance, "{interval:?} {case}");
    }
}
