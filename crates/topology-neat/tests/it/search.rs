//! The laws of the search, by the kit that third parties use too, and what it is for.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{
    Ask, Observation, Optimizer as _, Outcome, Snapshot as _, Space as _, StopReason, Stream, Trial,
};
use topology_neat::{Edit, Library, ModuleKind, SearchOptions, Workflow, WorkflowSearch, WorkflowSpace};

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
    let (mut lost, mut n, mut covered, mut repeated, mut unscreened) = (0.0, 0, 0, 0, 0);
    for seed in 0..5 {
        let mut search = search(SearchOptions { predictor: true, ..SearchOptions::default() }, seed);
        for i in 0..80 {
            let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
            let outcome = outcome(&trial, &mut Stream::root(seed).child("noise", i));
            search.tell(trial.id, outcome).unwrap();
        }

        lost += truth(search.best().unwrap().0) - (0.4 + 0.03);
        let calibration = search.calibration();
        n += calibration.n;
        covered += calibration.covered;
        repeated += search.arms().iter().filter(|arm| arm.times > 1).count();
        let expected = search.expected(search.best().unwrap().0).unwrap();
        assert!(expected[0] < expected[1] && expected[1].is_finite(), "{expected:?}");
        let records = search.take_log();
        let told: Vec<_> = records.iter().filter_map(|r| Some((r.interval?, r.loss?))).collect();
        let inside = told.iter().filter(|([low, high], loss)| low <= loss && loss <= high).count();
        assert_eq!((told.len() as u64, inside as u64), (calibration.n, calibration.covered));
        unscreened += records.iter().filter(|r| r.interval.is_some() && !r.screened).count();
        let front = search.front();
        assert!(
            front.iter().any(|arm| search
                .arms()
                .iter()
                .all(|a| a.observation.losses[0] >= arm.observation.losses[0]))
        );
        assert!(
            front.iter().any(|arm| arm.workflow.modules().len() == 1),
            "nothing is smaller than one module"
        );
    }
    assert!(n <= 14 * unscreened as u64, "{unscreened} of {n} judge the predictor");
    assert!(lost / 5.0 < 0.1, "mean regret {}", lost / 5.0);
    assert!(repeated > 0, "leaders are repeated");
    let coverage = covered as f64 / n as f64;
    assert!((0.85..=0.95).contains(&coverage), "{coverage}");
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

/// Modules that children of one parent have more than it, over so many evaluations.
fn growth(search: &mut WorkflowSearch, evaluations: u64) -> Vec<usize> {
    search.take_log();
    for i in 0..evaluations {
        let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
        let told = outcome(&trial, &mut Stream::root(i));
        search.tell(trial.id, told).unwrap();
    }
    let records = search.take_log();
    let new = records.iter().filter(|r| r.times == 1);
    let size = |w: &Workflow| w.modules().len();
    new.filter_map(|r| Some(size(&r.workflow) - size(&search.arms()[*r.parents.first()?].workflow))).collect()
}

#[test]
fn a_restrained_search_edits_once_and_a_restored_one_too() {
    let edits = vec![Edit::Split];
    let options = SearchOptions { edits, crossover: 0.0, random: 0.0, ..SearchOptions::default() };
    let mut full = search(options.clone(), 3);
    assert!(growth(&mut full, 60).iter().any(|n| *n > 1));
    assert!(full.restrain(0, 1).is_err() && full.restrain(5, 4).is_err());
    full.restrain(5, 1).unwrap();
    let mut restored = search(options, 4);
    restored.restore(full.snapshot()).unwrap();
    for search in [&mut full, &mut restored] {
        let grown = growth(search, 40);
        assert!(grown.len() > 5 && grown.iter().all(|n| *n <= 1), "{grown:?}");
    }
    full.restrain(20, 3).unwrap();
    assert!(growth(&mut full, 60).iter().any(|n| *n > 1));
}
