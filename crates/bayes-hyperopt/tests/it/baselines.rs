//! Every search without a Gaussian process, against the conformance kit and on a function it must do well on.

use bayes_hyperopt::baseline::{CmaEs, Even, Grid, Random, Search, Strategy, Tpe};
use bayes_hyperopt::scheduler::{Asha, Dehb, Hyperband, Kde, Levels, Mobster, Process, Uniform};
use bayes_hyperopt::{Configuration, Domain, Forbidden, Parameter, SearchSpace};
use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Ask, Fidelity, Observation, Optimizer, Outcome, Space, Stream, Trial};

/// Every sort of parameter, a condition and a forbidden combination.
pub(crate) fn mixed() -> SearchSpace {
    let kinds = || vec!["a".into(), "b".into(), "c".into()];
    let parameters = vec![
        Parameter::new("x", Domain::Float { low: -5.0, high: 5.0 }),
        Parameter::new("rate", Domain::Log { low: 1e-5, high: 1.0 }),
        Parameter::new("layers", Domain::Int { low: 1, high: 8 }),
        Parameter::new("units", Domain::LogInt { low: 1, high: 64 }),
        Parameter::new("size", Domain::Ordinal { levels: vec![16.into(), 32.into(), 128.into()] }),
        Parameter::new("kind", Domain::Categorical { choices: kinds() }),
        Parameter::new("momentum", Domain::Float { low: 0.0, high: 1.0 }).when("kind", ["b", "c"]),
    ];
    let layers = (1..5_i64).map(Into::into).collect();
    let forbidden = Forbidden([("kind".into(), vec!["a".into()]), ("layers".into(), layers)].into());
    SearchSpace::with_rules(parameters, vec![forbidden], Vec::new()).unwrap()
}

fn loss(point: &Configuration) -> f64 {
    let number = |name| point.number(name).unwrap_or(0.0);
    let kind = f64::from(u8::from(point.get("kind").and_then(|v| v.as_str()) != Some("b")));
    (number("x") - 1.0).powi(2)
        + (number("rate").log10() + 2.0).powi(2)
        + kind
        + (number("momentum") - 0.9).powi(2)
}

pub(crate) fn evaluate(trial: &Trial<Configuration>, rng: &mut Stream) -> Outcome {
    let bias = (1.0 - trial.fidelity.get()) * rng.unit();
    Outcome::Complete(Observation::of_loss((loss(&trial.candidate) + bias).floor()))
}

fn levels() -> Levels {
    Levels::new(Fidelity::new(1.0 / 9.0).unwrap(), 3).unwrap()
}

#[track_caller]
fn conforms<S: Strategy>(strategy: impl Fn(&SearchSpace) -> S) {
    conforms_for(40, strategy);
}

#[track_caller]
fn conforms_for<S: Strategy>(steps: usize, strategy: impl Fn(&SearchSpace) -> S) {
    let space = mixed();
    let check = Check::new(
        |seed| Search::new(space.clone(), strategy(&space), Stream::root(seed)),
        |candidate| space.contains(candidate),
        evaluate,
    )
    .seeds(0..2)
    .steps(steps);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
}

#[test]
fn plain_designs_conform() {
    conforms(|_| Random);
    conforms(|space| Even::new(space, &Stream::root(3)));
    for resolution in [1, 2, 5] {
        conforms(|_| Grid::new(resolution));
    }
}

#[test]
fn tpe_conforms() {
    conforms_for(14, |_| Tpe::new());
}

#[test]
fn mobster_conforms() {
    conforms_for(14, |_| Mobster::new(levels(), Process));
}

#[test]
fn cma_es_conforms() {
    conforms(CmaEs::new);
}

#[test]
fn schedulers_conform() {
    conforms(|_| Hyperband::new(levels(), Uniform));
    conforms(|_| Hyperband::new(levels(), Kde));
    conforms(|_| Asha::new(levels(), Uniform));
    conforms(|_| Asha::progressive(levels(), Uniform));
    conforms(|_| Dehb::new(levels()));
}

/// A smooth bowl in four dimensions; the middle of the space is not its optimum.
fn bowl(point: &Configuration) -> f64 {
    point.iter().map(|(_, v)| (v.as_f64().unwrap_or(0.0) - 0.3).powi(2)).sum()
}

fn after<S: Strategy>(strategy: impl Fn(&SearchSpace) -> S, trials: usize, seed: u64) -> f64 {
    let names = ["a", "b", "c", "d"];
    let unit = |name: &str| Parameter::new(name, Domain::Float { low: 0.0, high: 1.0 });
    let space = SearchSpace::new(names.map(unit).to_vec()).unwrap();
    let mut search = Search::new(space.clone(), strategy(&space), Stream::root(seed));
    for _ in 0..trials {
        let Ask::Run(trial) = search.ask() else { break };
        let observation = Observation::of_loss(bowl(&trial.candidate));
        search.tell(trial.id, Outcome::Complete(observation)).unwrap();
    }
    search.best().unwrap().1.losses[0]
}

fn median<S: Strategy>(strategy: impl Fn(&SearchSpace) -> S, trials: usize) -> f64 {
    let mut ends: Vec<f64> = (0..9).map(|seed| after(&strategy, trials, seed)).collect();
    ends.sort_by(f64::total_cmp);
    ends[4]
}

#[test]
fn those_that_learn_beat_those_that_do_not() {
    let random = median(|_| Random, 100);
    assert!(median(|_| Tpe::new(), 100) < 0.5 * random);
    assert!(median(CmaEs::new, 100) < 0.5 * random);
    assert!(median(CmaEs::new, 600) < 1e-9);
    // All trials of one level: a bracket and a half of Hyperband, whose low levels show the same loss.
    assert!(median(|_| Hyperband::new(levels(), Kde), 150) < random);
    assert!(median(|_| Dehb::new(levels()), 300) < random);
}

#[test]
fn a_grid_visits_every_combination_once() {
    let space = mixed();
    let mut search = Search::new(space.clone(), Grid::new(2), Stream::root(0));
    let mut seen = Vec::new();
    while let Ask::Run(trial) = search.ask() {
        assert!(space.contains(&trial.candidate));
        assert!(!seen.contains(&trial.candidate), "{:?}", trial.candidate);
        seen.push(trial.candidate);
        search.tell(trial.id, Outcome::Abandoned).unwrap();
    }
    // x, rate, layers, units and size have 2 values each; a has no momentum, and is forbidden with 1 layer.
    assert_eq!(seen.len(), 16 * 2 * 2 * 2 + 16);
}

/// With one worker the first rise comes when three points have ended; a point that falls out of the best third after
/// it was raised makes room for another.
#[test]
fn asha_raises_the_best_third() {
    let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
    let space = SearchSpace::new(vec![x]).unwrap();
    let mut search = Search::new(space, Asha::new(levels(), Uniform), Stream::root(4));
    let mut seen: Vec<(u32, f64)> = Vec::new();
    for _ in 0..60 {
        let Ask::Run(trial) = search.ask() else { panic!("asynchronous halving never waits") };
        let level = (trial.fidelity.get() * 9.0).round() as u32;
        let loss = trial.candidate.number("x").unwrap();
        if level > 1 {
            let mut below: Vec<f64> = seen.iter().filter(|(l, _)| 3 * l == level).map(|(_, x)| *x).collect();
            below.sort_by(f64::total_cmp);
            assert!(below[..below.len() / 3].contains(&loss));
        }
        seen.push((level, loss));
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
    }
    let count = |level| seen.iter().filter(|(l, _)| *l == level).count();
    assert_eq!(seen[..4].iter().map(|(l, _)| *l).collect::<Vec<_>>(), [1, 1, 1, 3]);
    assert!(count(3) >= count(1) / 3 && count(9) >= count(3) / 3);
}

/// With rankings that never change, the third level stays unused; with one level each its own, it is reached.
#[test]
fn pasha_goes_up_only_while_rankings_change() {
    let run = |honest: bool| {
        let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
        let space = SearchSpace::new(vec![x]).unwrap();
        let mut search = Search::new(space, Asha::progressive(levels(), Uniform), Stream::root(4));
        for _ in 0..60 {
            let Ask::Run(trial) = search.ask() else { break };
            let x = trial.candidate.number("x").unwrap();
            let loss = if honest || trial.fidelity.get() < 0.2 { x } else { 1.0 - x };
            search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
        }
        search.strategy().top()
    };
    assert_eq!((run(true), run(false)), (1, 2));
}
