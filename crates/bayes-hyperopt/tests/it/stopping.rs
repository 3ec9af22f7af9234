//! The estimated regret against the true one.

use bayes_hyperopt::stopping::StoppingRule;
use bayes_hyperopt::{BayesOptimizer, Domain, HyperOptConfig, Parameter, SearchSpace};
use meta_traits::{Ask, Observation, Optimizer, Outcome};

fn square() -> SearchSpace {
    let side = |name, low, high| Parameter::new(name, Domain::Float { low, high });
    SearchSpace::new(vec![side("a", -5.0, 10.0), side("b", 0.0, 15.0)]).unwrap()
}

const LEAST: f64 = 0.397_887_357_729_738_2;

/// Branin's function.
fn branin(a: f64, b: f64) -> f64 {
    use std::f64::consts::PI;
    let bend = b - 5.1 / (4.0 * PI * PI) * a * a + 5.0 / PI * a - 6.0;
    bend * bend + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * a.cos() + 10.0
}

fn step(search: &mut BayesOptimizer) {
    let Ask::Run(trial) = search.ask() else { return };
    let loss = branin(trial.candidate.number("a").unwrap(), trial.candidate.number("b").unwrap());
    search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
}

/// The bound holds at nearly all moments of some searches, is wide at first and small in the end.
#[test]
fn the_bound_covers_the_true_regret() {
    let (mut held, mut asked) = (0, 0);
    for seed in 0..4 {
        let mut search = BayesOptimizer::new(square(), HyperOptConfig::default(), seed).unwrap();
        let mut bounds = Vec::new();
        for n in 1..=48 {
            step(&mut search);
            if n % 3 != 0 {
                continue;
            }
            let Some(regret) = search.regret_bound(0.05) else { continue };
            let truth = search.best().unwrap().1.losses[0] - LEAST;
            assert!(regret.mean <= regret.widest && regret.bound >= 0.0, "{regret:?}");
            held += usize::from(regret.bound >= truth);
            asked += 1;
            bounds.push(regret.bound);
        }
        assert!(bounds[0] > 1.0 && bounds[bounds.len() - 1] < 0.1, "{bounds:?}");
    }
    assert!(asked >= 30 && held * 10 >= asked * 9, "{held} of {asked}");
}

#[test]
fn a_search_is_stopped_when_the_tolerance_is_met_and_not_before() {
    let mut search = BayesOptimizer::new(square(), HyperOptConfig::default(), 1).unwrap();
    let mut rule = StoppingRule::new(0.1);
    let mut trials = 0;
    while !rule.check(&search) && trials < 60 {
        step(&mut search);
        trials += 1;
    }
    let regret = search.best().unwrap().1.losses[0] - LEAST;
    assert!((8..60).contains(&trials), "{trials}");
    assert!(regret < 0.1, "{regret}");
}

#[test]
fn asking_for_the_bound_changes_no_suggestion() {
    let run = |watched: bool| {
        let mut search = BayesOptimizer::new(square(), HyperOptConfig::default(), 5).unwrap();
        for _ in 0..12 {
            step(&mut search);
            if watched {
                let _ = (search.regret_bound(f64::NAN), search.regret_bound(-1.0), search.regret_bound(2.0));
            }
        }
        format!("{:?}", search.ask())
    };
    assert_eq!(run(false), run(true));
}
