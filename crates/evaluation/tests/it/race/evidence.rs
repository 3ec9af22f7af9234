//! E-processes and confidence sequences under the hypothesis, exactly where that can be counted, else by simulation.

use evaluation::race::{ConfidenceSequence, ELond, EProcess, Target};
use meta_traits::Stream;
use proptest::collection::vec;
use proptest::prelude::*;

/// Every order of `values`.
fn orders(values: &[f64]) -> Vec<Vec<f64>> {
    if values.len() < 2 {
        return vec![values.to_vec()];
    }
    let mut all = Vec::new();
    for first in 0..values.len() {
        let mut rest = values.to_vec();
        let head = rest.remove(first);
        all.extend(orders(&rest).into_iter().map(|mut order| {
            order.insert(0, head);
            order
        }));
    }
    all
}

/// What somebody gets who stops once the evidence reaches `goal`.
fn stopped(target: Target, differences: &[f64], goal: f64) -> f64 {
    let mut evidence = EProcess::new(target, 1.0);
    for d in differences {
        evidence.observe(*d);
        if evidence.value() >= goal {
            break;
        }
    }
    evidence.value()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The mean over all orders is exact: a supermartingale that gains one thousandth is caught.
    #[test]
    fn a_finite_mean_of_at_most_zero_makes_nobody_rich(
        mut values in vec((-4..=4_i8).prop_map(|q| f64::from(q) / 4.0), 6), goal in 1.01..6.0_f64,
    ) {
        let mean = values.iter().sum::<f64>() / 6.0;
        for v in &mut values {
            *v = (*v - mean.max(0.0)).clamp(-1.0, 1.0);
        }
        let all = orders(&values);
        prop_assume!(values.iter().sum::<f64>() <= 1e-12);
        let mean = all.iter().map(|order| stopped(Target::Finite(6), order, goal)).sum::<f64>() / all.len() as f64;
        prop_assert!(mean <= 1.0 + 1e-9, "{} of {:?} stopping at {}", mean, values, goal);
    }

    /// The mean over all paths of up to 10 throws of a coin with two values whose mean is 0.
    #[test]
    fn a_population_mean_of_zero_makes_nobody_rich(
        up in 0.05..1.0_f64, down in 0.05..1.0_f64, goal in 1.01..6.0_f64,
    ) {
        let p = down / (up + down);
        let mut total = 0.0;
        for path in 0..1024_u32 {
            let steps: Vec<bool> = (0..10).map(|i| path >> i & 1 == 1).collect();
            let chance: f64 = steps.iter().map(|s| if *s { p } else { 1.0 - p }).product();
            let differences: Vec<f64> = steps.iter().map(|s| if *s { up } else { -down }).collect();
            total += chance * stopped(Target::Population, &differences, goal);
        }
        prop_assert!(total <= 1.0 + 1e-9, "{} of {} and {}", total, up, down);
    }

    #[test]
    fn an_interval_only_narrows_and_ends_at_the_mean(values in vec(0.0..=1.0_f64, 1..40)) {
        let n = values.len();
        let mut bounds = ConfidenceSequence::new(n, 0.05);
        let mean = values.iter().sum::<f64>() / n as f64;
        let mut before = (0.0, 1.0);
        for value in &values {
            bounds.observe(*value);
            let (low, high) = bounds.interval();
            if mean < low - 1e-9 || mean > high + 1e-9 {
                // One of the rare orders in which it errs; what was seen then contradicts it in the end.
                return Ok(());
            }
            prop_assert!(before.0 <= low && low <= high && high <= before.1, "{:?} after {:?}", (low, high), before);
            before = (low, high);
        }
        prop_assert!(before.1 - before.0 < 1e-9);
        prop_assert!((mean - before.0).abs() < 1e-9, "{} and {:?}", mean, before);
    }
}

#[test]
fn intervals_of_graded_scores_hold_at_all_times_at_once() {
    let runs = 500;
    for (world, shape) in [(1, 1.0), (2, 3.0), (3, 0.3)] {
        let mut missed = 0;
        for run in 0..runs {
            let mut rng = Stream::root(world).child("run", run);
            let scores: Vec<f64> = (0..60).map(|_| rng.unit().powf(shape)).collect();
            let truth = scores.iter().sum::<f64>() / 60.0;
            let mut bounds = ConfidenceSequence::new(60, 0.1);
            let held = scores.iter().all(|s| {
                bounds.observe(*s);
                let (low, high) = bounds.interval();
                low - 1e-9 <= truth && truth <= high + 1e-9
            });
            missed += u32::from(!held);
        }
        let limit = 0.1 + 2.0 * (0.1 * 0.9 / runs as f64).sqrt();
        assert!(f64::from(missed) / (runs as f64) <= limit, "{missed} of {runs} for shape {shape}");
    }
}

/// Twenty claims on one stream of data, all without truth: the worst moment decides.
#[test]
fn the_share_of_false_claims_is_kept_at_the_worst_moment() {
    let runs = 2000;
    let mut false_runs = 0;
    for run in 0..runs {
        let root = Stream::root(11).child("run", run);
        let mut claims = ELond::new(0.1);
        let mut evidence: Vec<EProcess> = (0..20)
            .map(|_| {
                claims.open();
                EProcess::new(Target::Population, 1.0)
            })
            .collect();
        let mut rng = root.child("data", 0);
        let mut wrong = false;
        for _ in 0..60 {
            // The same examples for all, so that the claims hang together.
            let common = rng.unit();
            for (claim, evidence) in evidence.iter_mut().enumerate() {
                let u = if rng.chance(0.5) { common } else { rng.unit() };
                evidence.observe(if u < 0.25 {
                    1.0
                } else if u < 0.5 {
                    -1.0
                } else {
                    0.0
                });
                wrong |= claims.test(claim, evidence.value());
            }
        }
        false_runs += u32::from(wrong);
    }
    let limit = 0.1 + 2.0 * (0.1 * 0.9 / f64::from(runs as u32)).sqrt();
    assert!(f64::from(false_runs) / f64::from(runs as u32) <= limit, "{false_runs} of {runs}");
}
