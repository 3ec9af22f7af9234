//! The laws of the search, by the kit that third parties use too, and what it is for.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Space as _, StopReason, Stream, Trial};
use topology_neat::{Library, ModuleKind, SearchOptions, Workflow, WorkflowSearch, WorkflowSpace};

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

/// A loss that wants generator 1, verify 1, refine 0, and few modules; with noise of variance 0.0025.
fn outcome(trial: &Trial<Workflow>, rng: &mut Stream) -> Outcome {
    let noise = (0..12).map(|_| rng.unit()).sum::<f64>() - 6.0;
    let mut observation = Observation::of_loss(truth(&trial.candidate) + 0.05 * noise);
    observation.variance = Some(0.0025);
    Outcome::Complete(observation)
}

fn truth(workflow: &Workflow) -> f64 {
    let has = |kind, variant| workflow.modules().iter().any(|m| m.kind == kind && m.variant == variant);
    let gain = |of: bool, by: f64| if of { by } else { 0.0 };
    let checked = has(ModuleKind::Verify, 1) && has(ModuleKind::Refine, 0);
    0.9 - gain(has(ModuleKind::Generate, 1), 0.2) - gain(checked, 0.3)
        + 0.01 * workflow.modules().len() as f64
}

fn search(options: SearchOptions, seed: u64) -> WorkflowSearch {
    WorkflowSearch::new(space(), options, Stream::root(seed)).unwrap()
}

#[test]
fn the_search_keeps_every_law() {
    let plain = SearchOptions { predictor: true, pool: 8, ..SearchOptions::default() };
    let blind = SearchOptions { predictor: false, complexity_penalty: 0.01, ..plain.clone() };
    for (options, steps) in [(plain, 10), (blind, 16)] {
        let check = Check::new(|seed| search(options.clone(), seed), |w| space().contains(w), outcome);
        let check = check.seeds([1]).steps(steps);
        check_optimizer(&check);
        check_optimizer_snapshot(&check);
    }
}

#[test]
fn the_search_finds_what_is_wanted_and_its_intervals_hold() {
    let (mut lost, mut n, mut covered, mut repeated) = (0.0, 0, 0, 0);
    for seed in 0..5 {
        let mut search = search(SearchOptions { predictor: true, ..SearchOptions::default() }, seed);
        for i in 0..80 {
            let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
            let outcome = outcome(&trial, &mut Stream::root(seed).child("noise", i));
            search.tell(trial.id, outcome).unwrap();
        }

        lost += truth(search.best().unwrap().0) - (0.4 + 0.03);
        n += search.calibration().n;
        covered += search.calibration().covered;
        repeated += search.arms().iter().filter(|arm| arm.times > 1).count();
    }
    assert!(lost / 5.0 < 0.1, "mean regret {}", lost / 5.0);
    assert!(repeated > 0, "leaders are repeated");
    let coverage = covered as f64 / n as f64;
    assert!((0.8..=1.0).contains(&coverage), "{coverage}");
}

#[test]
fn complexity_is_capped_and_wrong_options_are_named() {
    let options = SearchOptions { max_complexity: Some(3.0), ..SearchOptions::default() };
    let mut search = search(options, 1);
    for i in 0..40 {
        let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
        assert!(trial.candidate.complexity() <= 3.0);
        let outcome = outcome(&trial, &mut Stream::root(i));
        search.tell(trial.id, outcome).unwrap();
    }
    let plain = SearchOptions::default;
    for (options, field) in [
        (SearchOptions { edits: vec![], ..plain() }, "edits"),
        (SearchOptions { max_complexity: Some(f64::NAN), ..plain() }, "max_complexity"),
        (SearchOptions { unscreened: 0.05, ..plain() }, "unscreened"),
        (SearchOptions { evaluations: Some(0), ..plain() }, "evaluations"),
        (SearchOptions { exploration: -1.0, ..plain() }, "exploration"),
        (SearchOptions { pool: 0, ..plain() }, "pool"),
        (SearchOptions { crossover: 1.5, ..plain() }, "crossover"),
        (SearchOptions { min_improvement: f64::NAN, ..plain() }, "min_improvement"),
    ] {
        let error = WorkflowSearch::new(space(), options, Stream::root(0)).unwrap_err().to_string();
        assert!(error.contains(field) && error.contains("allowed"), "{error}");
    }
}

#[test]
fn the_search_ends_with_its_budget() {
    let mut search = search(SearchOptions { evaluations: Some(3), ..SearchOptions::default() }, 1);
    let asked: Vec<_> = (0..3).map(|_| search.ask()).collect();
    assert_eq!(search.ask(), Ask::Wait, "the last are pending");
    for ask in asked {
        let Ask::Run(trial) = ask else { panic!("the budget is not spent") };
        search.tell(trial.id, outcome(&trial, &mut Stream::root(1))).unwrap();
    }
    assert_eq!(search.ask(), Ask::Done(StopReason::Budget));
    assert!(search.best().is_some());
}

#[test]
fn every_kind_of_module_is_tried_early() {
    let singles = 3;
    for seed in 0..5 {
        let mut search = search(SearchOptions::default(), seed);
        let mut seen = Vec::new();
        for _ in 0..singles + SearchOptions::default().initial {
            let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
            seen.extend(trial.candidate.modules().iter().map(|m| m.kind));
            search.tell(trial.id, Outcome::Complete(Observation::of_loss(0.5))).unwrap();
        }
        assert!(space().library().kinds().iter().all(|(kind, _)| seen.contains(kind)), "{seen:?}");
    }
}
