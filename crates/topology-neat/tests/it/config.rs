//! Every setting of the seed changes what the search does.

use std::collections::BTreeSet;

use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Stream};
use topology_neat::{
    Edit, Library, ModuleKind, MutationKind, Niche, Record, SearchOptions, TopologyConfig, Workflow,
    WorkflowSearch, WorkflowSpace,
};

/// Settings under which everything is allowed.
fn open() -> TopologyConfig {
    TopologyConfig {
        max_complexity_threshold: 10.0,
        min_improvement_threshold: 0.01,
        complexity_penalty: 0.0,
        mutation_types: MutationKind::ALL.to_vec(),
        ..TopologyConfig::default()
    }
}

fn space() -> WorkflowSpace {
    let kinds = [
        (ModuleKind::Generate, 3),
        (ModuleKind::Verify, 2),
        (ModuleKind::Refine, 2),
        (ModuleKind::Vote, 1),
        (ModuleKind::Retrieve, 2),
    ];
    WorkflowSpace::new(Library::new(kinds.to_vec()).unwrap(), 8, 4).unwrap()
}

/// Two more modules help, any further one does not.
fn loss(workflow: &Workflow) -> f64 {
    1.0 - 0.1 * workflow.modules().len().min(3) as f64
}

/// The log of 60 evaluations with a noise of standard deviation 0.1, and the search.
fn run(config: &TopologyConfig, seed: u64) -> (Vec<Record>, WorkflowSearch) {
    config.validate().unwrap();
    run_with(SearchOptions::of(config), seed)
}

fn run_with(options: SearchOptions, seed: u64) -> (Vec<Record>, WorkflowSearch) {
    let mut search = WorkflowSearch::new(space(), options, Stream::root(seed)).unwrap();
    for i in 0..60 {
        let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
        let noise = (0..12).map(|k| Stream::root(i).child("noise", k).unit()).sum::<f64>() - 6.0;
        let mut observation = Observation::of_loss(loss(&trial.candidate) + 0.1 * noise);
        observation.variance = Some(0.01);
        search.tell(trial.id, Outcome::Complete(observation)).unwrap();
    }
    (search.take_log(), search)
}

/// The mean over a few seeds of what is counted in a run.
fn mean(config: &TopologyConfig, count: impl Fn(&[Record]) -> f64) -> f64 {
    (0..6).map(|seed| count(&run(config, seed).0)).sum::<f64>() / 6.0
}

fn share(log: &[Record], is: impl Fn(&Record) -> bool) -> f64 {
    log.iter().filter(|r| is(r)).count() as f64 / log.len() as f64
}

#[test]
fn max_complexity_threshold_is_never_passed() {
    for most in [1.0, 2.0, 4.4] {
        let (log, _) = run(&TopologyConfig { max_complexity_threshold: most, ..open() }, 1);
        assert!(log.iter().all(|r| r.workflow.complexity() <= most), "{most}");
    }
    let largest = mean(&open(), |log| log.iter().map(|r| r.workflow.complexity()).fold(0.0, f64::max));
    assert!(largest > 4.4, "{largest}");
}

#[test]
fn min_topology_budget_and_the_plateau_decide_when_structure_is_due() {
    let config = TopologyConfig { min_topology_budget: 20, ..open() };
    let flat = [0.5, 0.51, 0.5, 0.49, 0.5];
    assert!(config.is_due(20, &flat) && !config.is_due(19, &flat) && !config.is_due(0, &flat));
    assert!(TopologyConfig { min_topology_budget: 5, ..open() }.is_due(19, &flat));
    assert!(!config.is_due(100, &[0.1, 0.2, 0.3, 0.4, 0.5]), "not while scores rise");
}

#[test]
fn min_improvement_threshold_leaves_structure_alone() {
    let new = |log: &[Record]| share(log, |r| r.times == 1);
    let (small, large) = (
        mean(&TopologyConfig { min_improvement_threshold: 0.01, ..open() }, new),
        mean(&TopologyConfig { min_improvement_threshold: 0.5, ..open() }, new),
    );
    assert!(large < small - 0.1, "new structures: {large} of all against {small}");
}

#[test]
fn mutation_types_are_the_edits_tried() {
    let of = |kinds: &[MutationKind]| {
        SearchOptions::of(&TopologyConfig { mutation_types: kinds.to_vec(), ..open() }).edits
    };
    assert_eq!(of(&[MutationKind::RemoveModule]), [Edit::Remove]);
    assert_eq!(of(&MutationKind::ALL).len(), Edit::ALL.len());
    // Where nothing is added and nothing random is drawn, nothing grows.
    let options = SearchOptions {
        edits: of(&[MutationKind::RemoveModule, MutationKind::Reconnect, MutationKind::ParameterMutation]),
        initial: 0,
        random: 0.0,
        crossover: 0.0,
        ..SearchOptions::default()
    };
    let mut search = WorkflowSearch::new(space(), options, Stream::root(1)).unwrap();
    for _ in 0..40 {
        let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
        assert_eq!(trial.candidate.modules().len(), 1);
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss(&trial.candidate)))).unwrap();
    }
}

#[test]
fn complexity_penalty_keeps_workflows_small() {
    let recommended = |penalty| {
        let config = TopologyConfig { complexity_penalty: penalty, ..open() };
        (0..6).map(|seed| run(&config, seed).1.best().unwrap().0.modules().len()).sum::<usize>()
    };
    assert!(recommended(0.0) > recommended(0.3));
    assert_eq!(recommended(1.0), 6, "a module alone is best where a module costs 1");
}

#[test]
fn performance_prediction_enabled_screens() {
    let with = |on| TopologyConfig { performance_prediction_enabled: on, ..open() };
    assert!(mean(&with(false), |log| share(log, |r| r.screened)) <= 0.0);
    assert!(mean(&with(true), |log| share(log, |r| r.screened)) > 0.0);
}

#[test]
fn diversity_maintenance_draws_parents_for_their_variety() {
    // Without it parents are the best of all, which lie close together.
    let of = |on| SearchOptions::of(&TopologyConfig { diversity_maintenance: on, ..open() });
    assert!(of(false).diversity <= 0.0);
    assert!(of(true).diversity > 0.0);
    // Parents are the two or three best but for what variety brings in.
    let niches = |on| {
        let options = SearchOptions { spread: 1.0, ..of(on) };
        let of_run = |seed| {
            let (log, search) = run_with(options.clone(), seed);
            let parents = log.iter().flat_map(|r| &r.parents);
            parents.map(|p| Niche::of(&search.arms()[*p].workflow)).collect::<BTreeSet<_>>().len()
        };
        (0..8).map(of_run).sum::<usize>()
    };
    let (on, off) = (niches(true), niches(false));
    assert!(on > off + 8, "parents of {on} niches with it, of {off} without");
}

#[test]
fn elitism_rate_is_the_share_of_the_best_kept_as_they_are() {
    let again =
        |rate| mean(&TopologyConfig { elitism_rate: rate, ..open() }, |log| share(log, |r| r.times > 1));
    let (none, half) = (again(0.0), again(0.5));
    assert!(half > none + 0.1, "{half} of evaluations are repeats, without elitism {none}");
}

#[test]
fn mutation_rate_edits_children_of_two() {
    // A child that is not edited holds modules of its parents alone.
    let edited = |rate| {
        let config = TopologyConfig { mutation_rate: rate, crossover_rate: 1.0, ..open() };
        let (mut new, mut all) = (0.0, 0.0);
        for seed in 0..4 {
            let (log, search) = run(&config, seed);
            for record in log.iter().filter(|r| r.parents.len() == 2) {
                let inherited =
                    |m| record.parents.iter().any(|p| search.arms()[*p].workflow.modules().contains(m));
                new += f64::from(u8::from(!record.workflow.modules().iter().all(inherited)));
                all += 1.0;
            }
        }
        new / all
    };
    let (seldom, always) = (edited(0.1), edited(1.0));
    assert!(seldom < 0.15 && always > seldom + 0.08, "{seldom} of children hold a new module, {always}");
}

#[test]
fn crossover_rate_gives_children_two_parents() {
    let two = |rate| {
        mean(&TopologyConfig { crossover_rate: rate, ..open() }, |log| share(log, |r| r.parents.len() == 2))
    };
    assert!(two(0.0) <= 0.0);
    assert!(two(1.0) > 0.1, "{}", two(1.0));
}
