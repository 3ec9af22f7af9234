//! Searches that use more than losses at full fidelity: fidelities, costs, earlier tasks.

use bayes_hyperopt::baseline::{Random, Search, Strategy};
use bayes_hyperopt::cost::CostAware;
use bayes_hyperopt::fidelity::MultiFidelity;
use bayes_hyperopt::transfer::{Experience, Transfer};
use bayes_hyperopt::{Domain, FidelityLevel, Parameter, SearchSpace};
use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Ask, Cost, Fidelity, Observation, Optimizer, Outcome, Space, Stream, Unit};

use crate::baselines::{evaluate, mixed};

#[track_caller]
fn conforms<S: Strategy>(strategy: impl Fn(&SearchSpace) -> S) {
    let space = mixed();
    let check = Check::new(
        |seed| Search::new(space.clone(), strategy(&space), Stream::root(seed)),
        |candidate| space.contains(candidate),
        evaluate,
    )
    .seeds(0..1)
    .steps(9);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
}

fn old_tasks(space: &SearchSpace, sign: f64) -> Vec<Experience> {
    let mut rng = Stream::root(77);
    let mut task = |name: &str| {
        let points = (0..20).map(|_| space.sample(&mut rng)).map(|c| {
            let x = c.number("x").unwrap_or(0.0);
            (c, sign * (x - 0.6).powi(2))
        });
        Experience { name: name.into(), points: points.collect(), ..Experience::default() }
    };
    vec![task("one"), task("two")]
}

#[test]
fn multi_fidelity_conforms() {
    let levels = FidelityLevel::ALL.map(FidelityLevel::fidelity);
    conforms(|space| MultiFidelity::new(space, &levels, &Stream::root(1)));
    conforms(|space| MultiFidelity::new(space, &[], &Stream::root(1)).resuming());
}

#[test]
fn cost_aware_conforms() {
    conforms(|space| CostAware::new(space, Unit::Evaluations, 20.0, 3, &Stream::root(1)));
}

#[test]
fn transfer_conforms() {
    let old = old_tasks(&mixed(), 1.0);
    let old: Vec<&Experience> = old.iter().collect();
    conforms(|space| Transfer::new(space, &old, 4, &Stream::root(1)));
    conforms(|space| Transfer::new(space, &[], 4, &Stream::root(1)));
}

fn line() -> SearchSpace {
    let unit = |name| Parameter::new(name, Domain::Float { low: 0.0, high: 1.0 });
    SearchSpace::new(vec![unit("x"), unit("y")]).unwrap()
}

/// Runs to `cost` and gives the best loss at full fidelity; low fidelities cost their share and are off by a little.
fn spend<S: Strategy>(strategy: S, cost: f64, seed: u64) -> f64 {
    let mut search = Search::new(line(), strategy, Stream::root(seed));
    let (mut spent, mut best) = (0.0, f64::INFINITY);
    while spent < cost {
        let Ask::Run(trial) = search.ask() else { break };
        let (x, y) = (trial.candidate.number("x").unwrap(), trial.candidate.number("y").unwrap());
        let s = trial.fidelity.get();
        let loss = (x - 0.3).powi(2) + (y - 0.8).powi(2) + 0.2 * (1.0 - s) * (x - y).abs();
        spent += s;
        if trial.fidelity == Fidelity::FULL {
            best = best.min(loss);
        }
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
    }
    best
}

#[test]
fn cheap_evaluations_help() {
    let levels = FidelityLevel::ALL.map(FidelityLevel::fidelity);
    for seed in 0..3 {
        let strategy = MultiFidelity::new(&line(), &levels, &Stream::root(seed));
        let (ours, random) = (spend(strategy, 12.0, seed), spend(Random, 12.0, seed));
        assert!(ours < 1e-3 && ours < random, "{ours} {random}");
    }
}

#[test]
fn a_point_is_never_evaluated_twice_at_a_level() {
    let levels = Domain::Ordinal { levels: (0..4_i64).map(Into::into).collect() };
    let space =
        SearchSpace::new(vec![Parameter::new("a", levels.clone()), Parameter::new("b", levels)]).unwrap();
    let fidelities = FidelityLevel::ALL.map(FidelityLevel::fidelity);
    let strategy = MultiFidelity::new(&space, &fidelities, &Stream::root(3)).resuming();
    let mut search = Search::new(space, strategy, Stream::root(3));
    let mut seen = Vec::new();
    for _ in 0..30 {
        let Ask::Run(trial) = search.ask() else { break };
        let key = (format!("{:?}", trial.candidate), trial.fidelity.get().to_bits());
        let sum: f64 = trial.candidate.iter().filter_map(|(_, v)| v.as_f64()).sum();
        seen.push(key);
        search.tell(trial.id, Outcome::Complete(Observation::of_loss((sum - 2.5).abs()))).unwrap();
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert!(seen.len() >= all - 2, "{} of {all}", seen.len());
}

/// The first evaluation goes where the old tasks were good; with their sign turned the optimum is found all the same.
#[test]
fn old_tasks_help_and_do_not_mislead_for_long() {
    let space = line();
    let run = |sign: f64, evaluations: usize| {
        let old = old_tasks(&space, sign);
        let old: Vec<&Experience> = old.iter().collect();
        let strategy = Transfer::new(&space, &old, 6, &Stream::root(1));
        let mut search = Search::new(space.clone(), strategy, Stream::root(1));
        for _ in 0..evaluations {
            let Ask::Run(trial) = search.ask() else { break };
            let loss = (trial.candidate.number("x").unwrap() - 0.6).powi(2);
            search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
        }
        search.best().unwrap().1.losses[0]
    };
    assert!(run(1.0, 1) < 1e-3);
    assert!(run(-1.0, 20) < 1e-4);
}

/// A task of more than a thousand noisy points is heard as a whole: the noise of its best points alone would mislead.
#[test]
fn a_large_old_task_is_summed_up() {
    let space = line();
    let mut rng = Stream::root(12);
    let points = (0..1100).map(|_| space.sample(&mut rng)).collect::<Vec<_>>().into_iter().map(|c| {
        let loss = (c.number("x").unwrap() - 0.6).powi(2) + 0.3 * (rng.unit() - 0.5);
        (c, loss)
    });
    let old = Experience { name: "large".into(), points: points.collect(), ..Experience::default() };
    let strategy = Transfer::new(&space, &[&old], 6, &Stream::root(1));
    assert_eq!(strategy.old_tasks(), 1);
    let mut search = Search::new(space, strategy, Stream::root(1));
    let Ask::Run(first) = search.ask() else { panic!("a search that has not begun") };
    assert!((first.candidate.number("x").unwrap() - 0.6).abs() < 0.08, "{first:?}");
}

#[test]
fn the_exponent_cools_from_one_to_zero() {
    let space = line();
    let strategy = CostAware::new(&space, Unit::NanoUsd, 100.0, 2, &Stream::root(1));
    let mut search = Search::new(space.clone(), strategy, Stream::root(1));
    let mut exponents = Vec::new();
    for i in 0..14_u32 {
        let Ask::Run(trial) = search.ask() else { break };
        let mut seen = Observation::of_loss(f64::from(i % 5));
        seen.cost = Cost::evaluations(1).with_nano_usd(10);
        search.tell(trial.id, Outcome::Complete(seen)).unwrap();
        exponents.push(search.strategy().exponent());
    }
    assert!((exponents[1] - 1.0).abs() < 1e-12);
    assert!(exponents.windows(2).all(|w| w[1] <= w[0]));
    assert!(exponents[9..].iter().all(|e| *e <= 0.0));
    assert!(CostAware::new(&space, Unit::Wall, 0.0, 2, &Stream::root(1)).exponent() <= 0.0);
}
