use coordination::predict::{CostModel, CostPredictor, Resource, Usage};
use meta_traits::conformance::{PredictorCheck, SnapshotCheck, check_predictor, check_snapshot};
use meta_traits::{Cost, DynSnapshot, Predictor, Stream};

#[test]
fn the_laws_of_predictors_hold() {
    check_predictor(&PredictorCheck::new(|_| CostModel::new(2), |point| Box::from(point.as_slice())));
}

#[test]
fn the_laws_of_snapshots_hold() {
    let step = |model: &mut CostModel, i: u64| {
        let mut rng = Stream::root(9).child("row", i);
        let x = [100.0 * rng.unit(), rng.unit()];
        model.observe(&x, x[0].ln() + rng.unit());
        format!("{:?}", model.quantiles(&[50.0, 0.5]))
    };
    check_snapshot(&SnapshotCheck::new(|_| CostModel::new(2), step).steps(50));
    let step = |predictor: &mut CostPredictor, i: u64| {
        let component = ["selector", "prompt"][i as usize % 2];
        predictor.observe(component, &[i as f64], &Usage::new(Cost::tokens(i, 10 * i, i), 1000 + i));
        format!("{:?}", predictor.forecast("prompt", &[7.0]))
    };
    check_snapshot(&SnapshotCheck::new(|_| CostPredictor::new(1), step).steps(40));
}

#[test]
fn a_snapshot_of_other_features_is_refused() {
    let saved = CostPredictor::new(2).save();
    let error = CostPredictor::new(3).load(saved).unwrap_err().to_string();
    assert_eq!(error, "snapshot body is not usable: it has 2 features, this predictor 3");
}

/// Log-linear costs with a spread that depends on a feature: what is stated holds in both halves.
#[test]
fn stated_quantiles_cover_where_costs_are_steady_and_where_they_are_not() {
    let mut predictor = CostPredictor::new(2);
    let mut missed = [[0_u32; 2]; 2];
    for i in 0..1500 {
        let mut rng = Stream::root(4).child("task", i);
        let (examples, wild) = (1.0 + 63.0 * rng.unit(), f64::from(u8::from(rng.chance(0.5))));
        let normal = (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos();
        let tokens = 100.0 * examples * ((0.1 + 0.6 * wild) * normal).exp();
        let x = [examples, wild];
        if let Some(forecast) = predictor.forecast("topology", &x).filter(|_| i >= 500) {
            let count = &mut missed[wild as usize];
            count[0] += 1;
            count[1] += u32::from(tokens > forecast.of(Resource::Tokens).p90);
        }
        predictor.observe("topology", &x, &Usage::new(Cost::tokens(1, tokens as u64, 0), 0));
    }
    for [all, missed] in missed {
        let share = f64::from(missed) / f64::from(all);
        assert!((0.05..0.15).contains(&share), "{missed} of {all}");
    }
}

#[test]
fn no_input_breaks_it() {
    let bad =
        [0.0, -0.0, -1.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let mut predictor = CostPredictor::new(3);
    let sound = |predictor: &CostPredictor, x: &[f64]| {
        let Some(forecast) = predictor.forecast("x", x) else { return };
        for resource in Resource::ALL {
            let q = forecast.of(resource);
            let ascending = 0.0 <= q.p50 && q.p50 <= q.p90 && q.p90 <= q.p99 && q.p99.is_finite();
            assert!(ascending, "{resource:?} at {x:?}: {q:?}");
        }
    };
    let costs = [
        Usage::new(Cost::ZERO, 0),
        Usage::new(Cost::tokens(u64::MAX, u64::MAX, u64::MAX), u64::MAX),
        Usage::new(Cost::ZERO.with_wall(std::time::Duration::MAX), 1),
    ];
    for round in 0..20 {
        for (i, a) in bad.iter().enumerate() {
            let b = bad[(i + round) % bad.len()];
            for x in [&[] as &[f64], &[*a], &[*a, b, 1.0], &[b, *a, b, *a, 7.0]] {
                sound(&predictor, x);
                predictor.observe("x", x, &costs[(i + round) % 3]);
                sound(&predictor, x);
                sound(&predictor, &[1.0, 2.0, 3.0]);
            }
        }
    }
    let mut none = CostPredictor::new(0);
    for _ in 0..50 {
        none.observe("", &[], &costs[0]);
    }
    assert!(none.forecast("", &[]).unwrap().of(Resource::Calls).p99 < 1e-6, "it never cost anything");
}

/// As from a resume in the middle of the warm-up: the state is the same whichever way it came.
#[test]
fn the_same_tasks_give_the_same_forecast() {
    let feed = |n: u64| {
        let mut predictor = CostPredictor::new(1);
        for i in 0..n {
            predictor.observe("a", &[i as f64], &Usage::new(Cost::tokens(i, i, i), i));
        }
        predictor
    };
    assert_eq!(feed(100), feed(100));
    assert_ne!(feed(100).forecast("a", &[5.0]), feed(99).forecast("a", &[5.0]));
    assert!(feed(100).forecast("b", &[5.0]).is_none());
    assert_eq!(feed(100).forecast("a", &[5.0]).unwrap().seen(), 100);
}
