use meta_traits::Stream;

use super::*;

/// Results of systems whose two components each have four clauses of known effect, first failure blamed.
fn world(rows: usize, effects: [[f64; 4]; 2]) -> (Posterior, [[FeatureId; 4]; 2]) {
    let mut posterior = Posterior::new(2, 40, Prior::default());
    let clauses = [0, 1].map(|c| [0; 4].map(|_| posterior.clause(c)));
    let mut rng = Stream::root(7);
    for _ in 0..rows {
        let chosen = [rng.below(4), rng.below(4)];
        let system = posterior.system(&[clauses[0][chosen[0]], clauses[1][chosen[1]]]);
        let example = rng.below(40);
        let hard = if example.is_multiple_of(2) { 0.7 } else { -0.7 };
        let fails =
            |c: usize, rng: &mut Stream| rng.unit() > stage::sigma(effects[c][chosen[c]] + 1.0 - hard);
        let failed = (0..2).find(|c| fails(*c, &mut rng));
        let score = if failed.is_some() { 0.0 } else { 1.0 };
        posterior.observe(system, &[(example, score, failed.into_iter().collect())]);
        if rng.below(8) == 0 {
            posterior.update();
        }
    }
    for _ in 0..8 {
        posterior.update();
    }
    (posterior, clauses)
}

const EFFECTS: [[f64; 4]; 2] = [[-1.5, -0.5, 0.5, 1.5], [1.0, 0.0, -1.0, 0.5]];

#[test]
fn effects_are_found_where_they_are_and_nowhere_else() {
    let (posterior, clauses) = world(3000, EFFECTS);
    let sample = posterior.draw(None);
    assert_eq!(sample.stages(), 2);
    for (component, truth) in EFFECTS.iter().enumerate() {
        let found: Vec<Vec<f64>> = clauses[component].iter().map(|c| sample.effects(*c).collect()).collect();
        let mean = truth.iter().sum::<f64>() / 4.0;
        let centre = found.iter().map(|f| f[component]).sum::<f64>() / 4.0;
        for (f, t) in found.iter().zip(truth) {
            assert!((f[component] - centre - (t - mean)).abs() < 0.35, "{found:?} for {truth:?}");
            assert!(f[1 - component].abs() < 1e-12, "another component's stage is not touched");
        }
    }
}

#[test]
fn the_expected_score_of_a_system_never_seen_is_right() {
    let (posterior, clauses) = world(3000, EFFECTS);
    let pass = |z: f64| (stage::sigma(z + 0.3), stage::sigma(z + 1.7));
    let truth = |a: f64, b: f64| {
        let ((a0, a1), (b0, b1)) = (pass(a), pass(b));
        f64::midpoint(a0 * b0, a1 * b1)
    };
    for (i, a) in EFFECTS[0].iter().enumerate() {
        for (j, b) in EFFECTS[1].iter().enumerate() {
            let estimate = posterior.estimate(&[clauses[0][i], clauses[1][j]]);
            assert!(
                (estimate.mean - truth(*a, *b)).abs() < 3.5 * estimate.sd + 0.03,
                "{estimate:?} for {}",
                truth(*a, *b)
            );
            assert!(estimate.sd < 0.1);
        }
    }
}

#[test]
fn blame_and_information_follow_the_first_failure() {
    let (posterior, clauses) = world(3000, EFFECTS);
    let (bad, good) = ([clauses[0][0], clauses[1][0]], [clauses[0][3], clauses[1][2]]);
    let (bad, good) = (posterior.blame(&bad), posterior.blame(&good));
    assert!(bad[0] > 3.0 * bad[1] && good[1] > 3.0 * good[0], "{bad:?} {good:?}");
    let told = posterior.information(&[clauses[0][1], clauses[1][1]]);
    assert!(told.len() == 40 && told.iter().all(|t| *t > 0.0));
}

#[test]
fn prices_are_learned_apart_and_exactly() {
    let mut posterior = Posterior::new(1, 10, Prior::default());
    let [plain, dear] = [0, 0].map(|c| posterior.clause(c));
    for (clause, price) in [(plain, 0.0), (dear, 0.06)] {
        let system = posterior.system(&[clause]);
        let result =
            |j: usize| (j, if j < 5 { 1.0 } else { 0.0 } - price, if j < 5 { vec![] } else { vec![0] });
        posterior.observe(system, &(0..10).map(result).collect::<Vec<_>>());
        posterior.update();
    }
    assert!((posterior.price(dear) - posterior.price(plain) - 0.06).abs() < 1e-3);
    let (a, b) = (posterior.estimate(&[plain]).mean, posterior.estimate(&[dear]).mean);
    assert!((a - b - 0.06).abs() < 0.02, "{a} {b}");
}

#[test]
fn scores_between_0_and_1_are_shares_and_no_prices() {
    let mut posterior = Posterior::new(1, 6, Prior::default());
    let clauses = [0, 0].map(|c| posterior.clause(c));
    for (clause, scores) in
        clauses.iter().zip([[0.2, 0.4, 0.3, 0.1, 0.2, 0.3], [0.8, 0.9, 0.7, 0.8, 0.9, 0.7]])
    {
        let system = posterior.system(&[*clause]);
        let results: Vec<_> = scores.iter().enumerate().map(|(j, s)| (j, *s, vec![])).collect();
        posterior.observe(system, &results);
        posterior.update();
        posterior.update();
    }
    assert!(posterior.price(clauses[0]).abs() < 1e-12 && posterior.price(clauses[1]).abs() < 1e-12);
    let [low, high] = clauses.map(|c| posterior.estimate(&[c]).mean);
    assert!(high - low > 0.1 && high > 0.55, "{low} {high}");
}

#[test]
fn hearsay_moves_what_was_never_tried() {
    let (mut posterior, clauses) = world(200, EFFECTS);
    let fresh = [0, 0].map(|c| posterior.clause(c));
    posterior.hear(fresh[0], 0.8, 0.0);
    posterior.hear(fresh[1], 0.0, 0.8);
    let sample = posterior.draw(None);
    let [wanted, blamed] = fresh.map(|f| sample.effects(f).next().unwrap());
    assert!(wanted > 0.1 && blamed < -0.1, "{wanted} {blamed}");
    let known = posterior.estimate(&[clauses[0][2], clauses[1][0]]).sd;
    let unknown = posterior.estimate(&[fresh[0], clauses[1][0]]).sd;
    assert!(unknown > known);
}

#[test]
fn a_saved_state_is_rebuilt_bit_for_bit() {
    let (posterior, clauses) = world(300, EFFECTS);
    let text = serde_json::to_string(&posterior).unwrap();
    let mut other: Posterior = serde_json::from_str(&text).unwrap();
    other.rebuild();
    let rng = Stream::root(3);
    assert_eq!(posterior.draw(Some(&rng)), other.draw(Some(&rng)));
    let system = [clauses[0][1], clauses[1][2]];
    assert_eq!(posterior.estimate(&system), other.estimate(&system));
}
