//! Every field of the configuration changes what a search does.

use bayes_hyperopt::transfer::{Context, Experience, Library};
use bayes_hyperopt::{
    Acquisition, BayesOptimizer, Configuration, Domain, Help, HyperOptConfig, HyperOptimizer, KernelKind,
    Parameter, SearchSpace,
};
use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Ask, Fidelity, Observation, Optimizer, Outcome, Space, Stream, Trial};

fn space() -> SearchSpace {
    let number = |name, low, high| Parameter::new(name, Domain::Float { low, high });
    SearchSpace::new(vec![number("x", -500.0, 500.0), number("y", 0.0, 1.0)]).unwrap()
}

fn loss(point: &Configuration) -> f64 {
    let (x, y) = (point.number("x").unwrap() / 500.0, point.number("y").unwrap());
    (x - 0.3).powi(2) + (3.0 * y).sin() + 0.2 * (9.0 * x).cos()
}

fn trial(search: &mut BayesOptimizer) -> Trial<Configuration> {
    let Ask::Run(trial) = search.ask() else { panic!("the search ended") };
    trial
}

/// The points of a short search, and the kinds of model they come from.
fn course(config: HyperOptConfig) -> (Vec<f64>, Vec<String>) {
    let mut search = BayesOptimizer::new(space(), config, 5).unwrap();
    let (mut points, mut models) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        let trial = trial(&mut search);
        models.extend(search.explain(trial.id).map(|why| why.model.clone()));
        points.push(trial.candidate.number("x").unwrap());
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss(&trial.candidate)))).unwrap();
    }
    (points, models)
}

fn usual() -> HyperOptConfig {
    HyperOptConfig { n_initial_points: 4, ..HyperOptConfig::default() }
}

#[test]
fn settings_of_the_model_change_the_points() {
    let frozen = HyperOptConfig { optimize_hyperparameters: false, ..usual() };
    let bound = HyperOptConfig { acquisition_function: Acquisition::UpperConfidenceBound, ..usual() };
    let pairs = [
        (usual(), HyperOptConfig { gp_kernel: KernelKind::Linear, ..usual() }),
        (frozen.clone(), HyperOptConfig { gp_kernel: KernelKind::Rbf, ..frozen.clone() }),
        (frozen.clone(), HyperOptConfig { gp_kernel: KernelKind::Matern32, ..frozen.clone() }),
        (usual(), frozen.clone()),
        (frozen.clone(), HyperOptConfig { noise_level: 0.5, ..frozen.clone() }),
        (frozen.clone(), HyperOptConfig { normalize_inputs: false, ..frozen.clone() }),
        (usual(), HyperOptConfig { normalize_inputs: false, ..usual() }),
        (usual(), bound.clone()),
        (bound.clone(), HyperOptConfig { exploration_weight: 0.9, ..bound }),
        (usual(), HyperOptConfig { acquisition_function: Acquisition::ProbabilityImprovement, ..usual() }),
        (usual(), HyperOptConfig { acquisition_function: Acquisition::ThompsonSampling, ..usual() }),
        (usual(), HyperOptConfig { n_initial_points: 6, ..usual() }),
    ];
    for (one, other) in pairs {
        assert_ne!(course(one.clone()).0, course(other.clone()).0, "{one:?} {other:?}");
    }
}

#[test]
fn a_linear_kernel_stays_and_fixed_parameters_stay() {
    let linear = course(HyperOptConfig { gp_kernel: KernelKind::Linear, ..usual() });
    assert!(linear.1.iter().all(|model| model.contains("Linear")), "{:?}", linear.1);
    let mut search =
        BayesOptimizer::new(space(), HyperOptConfig { optimize_hyperparameters: false, ..usual() }, 1)
            .unwrap();
    for i in 0..9 {
        let trial = trial(&mut search);
        if let Some(why) = search.explain(trial.id) {
            assert!(why.importance.iter().all(|share| (share - 0.5).abs() < 1e-12), "{i} {why:?}");
        }
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss(&trial.candidate)))).unwrap();
    }
}

/// Where the loss is a plane the linear model is exact from few points and goes to the corner.
#[test]
fn a_linear_kernel_finds_the_corner_of_a_plane() {
    let config = HyperOptConfig { gp_kernel: KernelKind::Linear, ..usual() };
    let mut search = BayesOptimizer::new(space(), config, 3).unwrap();
    for _ in 0..7 {
        let trial = trial(&mut search);
        let plane = trial.candidate.number("x").unwrap() / 500.0 - 2.0 * trial.candidate.number("y").unwrap();
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(plane))).unwrap();
    }
    assert!(search.best().unwrap().1.losses[0] < -2.99, "{:?}", search.best());
}

#[test]
fn a_batch_is_made_before_its_results_are_told() {
    let second = |suggestions: usize, first_loss: f64| {
        let config = HyperOptConfig { n_suggestions: suggestions, ..usual() };
        let mut search = BayesOptimizer::new(space(), config, 2).unwrap();
        for _ in 0..4 {
            let trial = trial(&mut search);
            search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss(&trial.candidate)))).unwrap();
        }
        let first = trial(&mut search);
        search.tell(first.id, Outcome::Complete(Observation::of_loss(first_loss))).unwrap();
        let second = trial(&mut search);
        assert_ne!(first.candidate, second.candidate);
        second.candidate
    };
    assert_eq!(second(3, -9.0), second(3, 9.0));
    assert_ne!(second(1, -9.0), second(1, 9.0));
}

fn library() -> Library {
    let mut rng = Stream::root(8);
    let experience = |i: u64| {
        let points = (0..8).map(|_| space().sample(&mut rng)).map(|point| (point.clone(), loss(&point)));
        let context = Context {
            algorithm: "a".into(),
            task_type: "t".into(),
            size: 100.0 + i as f64,
            features: vec![],
        };
        Experience { name: i.to_string(), context, points: points.collect() }
    };
    Library((0..8).map(experience).collect())
}

fn helped(config: HyperOptConfig, seed: u64) -> HyperOptimizer {
    let (library, cheap) = (library(), [Fidelity::new(0.1).unwrap()]);
    let context = Context { algorithm: "a".into(), task_type: "t".into(), size: 400.0, features: vec![] };
    let help = Help { library: Some(&library), context, fidelities: &cheap };
    HyperOptimizer::new(space(), config, &help, seed).unwrap()
}

#[test]
fn switches_decide_what_helps() {
    let old = |config| match helped(config, 1) {
        HyperOptimizer::Transfer(search) => search.strategy().old_tasks(),
        _ => 0,
    };
    assert_eq!(old(HyperOptConfig { similarity_threshold: 0.6, ..usual() }), 8);
    assert_eq!(old(HyperOptConfig { similarity_threshold: 0.6, max_similar_contexts: 5, ..usual() }), 5);
    assert_eq!(old(HyperOptConfig { similarity_threshold: 0.9, ..usual() }), 0);
    let alone = HyperOptConfig { transfer_learning_enabled: false, ..usual() };
    assert!(matches!(helped(alone.clone(), 1), HyperOptimizer::MultiFidelity(_)));
    let alone = HyperOptConfig { multi_fidelity_enabled: false, ..alone };
    assert!(matches!(helped(alone, 1), HyperOptimizer::Plain(_)));
}

#[test]
fn a_helped_search_conforms() {
    for similarity_threshold in [0.6, 0.95] {
        let check = Check::new(
            |seed| helped(HyperOptConfig { similarity_threshold, ..usual() }, seed),
            |point| space().contains(point),
            |trial: &Trial<Configuration>, _: &mut Stream| {
                Outcome::Complete(Observation::of_loss(loss(&trial.candidate)))
            },
        )
        .seeds([0])
        .steps(7);
        check_optimizer(&check);
        check_optimizer_snapshot(&check);
    }
}
