//! Several objectives at once.

use std::num::NonZeroUsize;

use bayes_hyperopt::multi::{ParetoOptimizer, hypervolume};
use bayes_hyperopt::{Configuration, Domain, Parameter, SearchSpace};
use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Ask, Observation, Optimizer, Outcome, Space as _, Stream, TellError, Trial};

use crate::space::everything;

fn search(space: SearchSpace, objectives: usize, seed: u64) -> ParetoOptimizer {
    ParetoOptimizer::new(space, NonZeroUsize::new(objectives).unwrap(), 4, seed)
}

fn seen(losses: Vec<f64>) -> Outcome {
    let mut observation = Observation::of_loss(0.0);
    observation.losses = losses;
    Outcome::Complete(observation)
}

#[test]
fn conforms_and_goes_on_from_every_snapshot() {
    let space = everything();
    let check = Check::new(
        |seed| search(everything(), 2, seed),
        move |point| space.contains(point),
        |trial: &Trial<Configuration>, rng: &mut Stream| {
            let x = trial.candidate.number("x").unwrap();
            seen(vec![x * x, (x - 1.0).powi(2) + 0.1 * rng.unit()])
        },
    )
    .seeds([0])
    .steps(8)
    .width(2);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
}

/// Problem ZDT1 in three inputs: the front is f2 = 1 - sqrt(f1).
fn zdt1(point: &Configuration) -> Vec<f64> {
    let x = |name| point.number(name).unwrap();
    let g = 1.0 + 9.0 * f64::midpoint(x("b"), x("c"));
    vec![x("a"), g * (1.0 - (x("a") / g).sqrt())]
}

/// Three distances to the corners of a triangle: the front is the triangle.
fn corners(point: &Configuration) -> Vec<f64> {
    let x = |name| point.number(name).unwrap();
    let to = |a: f64, b: f64| (x("a") - a).powi(2) + (x("b") - b).powi(2) + x("c");
    vec![to(0.2, 0.2), to(0.8, 0.2), to(0.5, 0.9)]
}

fn cube() -> SearchSpace {
    let unit = |name| Parameter::new(name, Domain::Float { low: 0.0, high: 1.0 });
    SearchSpace::new(vec![unit("a"), unit("b"), unit("c")]).unwrap()
}

/// The volume dominated after so many evaluations, by the search and by random points.
fn volumes(
    f: impl Fn(&Configuration) -> Vec<f64>,
    reference: &[f64],
    evaluations: usize,
    seed: u64,
) -> (f64, f64) {
    let mut search = search(cube(), reference.len(), seed);
    let (mut ours, mut random) = (Vec::new(), Vec::new());
    let mut rng = Stream::root(seed);
    for _ in 0..evaluations {
        let Ask::Run(trial) = search.ask() else { break };
        let losses = f(&trial.candidate);
        ours.push(losses.clone());
        search.tell(trial.id, seen(losses)).unwrap();
        random.push(f(&cube().sample(&mut rng)));
    }
    (hypervolume(&ours, reference), hypervolume(&random, reference))
}

/// The volume of ZDT1's front below (1.1, 1.1) is 1.21 - 1/3 = 0.8767.
#[test]
fn the_front_of_a_known_problem_is_found() {
    for seed in 0..2 {
        let (ours, random) = volumes(zdt1, &[1.1, 1.1], 30, seed);
        assert!(ours > 0.6 && ours > 1.5 * random, "{ours} {random}");
        assert!(ours <= 1.21 - 1.0 / 3.0);
    }
}

#[test]
fn three_objectives_beat_random_points() {
    let (ours, random) = volumes(corners, &[1.0; 3], 20, 1);
    assert!(ours > 1.1 * random, "{ours} {random}");
}

#[test]
fn losses_of_another_number_change_nothing() {
    let mut search = search(cube(), 2, 1);
    let Ask::Run(trial) = search.ask() else { panic!("a search that has not begun") };
    let refused = search.tell(trial.id, seen(vec![1.0]));
    assert!(matches!(refused, Err(TellError::Mismatch(_))), "{refused:?}");
    search.tell(trial.id, seen(vec![1.0, 2.0])).unwrap();
    assert_eq!(search.front().count(), 1);
    assert_eq!(search.best().unwrap().1.losses, [1.0, 2.0]);
    let point = cube().decode(&[0.5; 3]);
    assert!(search.observe(point.clone(), seen(vec![1.0])).is_err());
    assert!(search.observe(Configuration::default(), seen(vec![0.0, 0.0])).is_err());
    let Ask::Run(next) = search.ask() else { panic!("a search that has not ended") };
    assert_eq!(next.id.0, 1, "what is refused counts for nothing");
    assert_eq!(search.observe(point, seen(vec![0.0, 3.0])).unwrap().0, 2);
    assert_eq!(search.front().count(), 2);
}

/// Constant, equal and extreme losses never stop the search.
#[test]
fn odd_losses_are_borne() {
    for losses in [vec![0.0, 0.0], vec![1e300, -1e300], vec![f64::MIN_POSITIVE, 1.0]] {
        let mut search = search(cube(), 2, 3);
        for i in 0..8 {
            let Ask::Run(trial) = search.ask() else { panic!("a search that has not ended") };
            let outcome = if i == 2 { seen(vec![f64::NAN, 1.0]) } else { seen(losses.clone()) };
            search.tell(trial.id, outcome).unwrap();
        }
        assert_eq!(search.front().count(), 1);
    }
}
