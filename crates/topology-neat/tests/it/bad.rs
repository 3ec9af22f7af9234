//! What is wrong is said, or has a meaning; nothing panics.

use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Snapshot as _, Stream, TrialId};
use topology_neat::{
    Library, Module, ModuleKind, SearchOptions, TopologyConfig, Workflow, WorkflowError, WorkflowSearch,
    WorkflowSpace,
};

fn search() -> WorkflowSearch {
    let space = WorkflowSpace::new(Library::default(), 6, 4).unwrap();
    WorkflowSearch::new(space, SearchOptions { predictor: true, ..SearchOptions::default() }, Stream::root(1))
        .unwrap()
}

#[test]
fn an_empty_library_is_refused() {
    let error = Library::new(Vec::new()).unwrap_err();
    assert!(error.to_string().contains("add generate or summarizer"), "{error}");
    assert!(serde_json::from_str::<Library>("[]").is_err());
    assert!(matches!(Library::new(vec![(ModuleKind::Vote, 2)]), Err(WorkflowError::Library { .. })));
}

#[test]
fn a_cyclic_seed_is_refused() {
    let (generate, refine) = (Module::new(ModuleKind::Generate, 0), Module::new(ModuleKind::Refine, 0));
    let cyclic = Workflow::new(&[(generate, &[0, 2]), (refine, &[1])], &[2]);
    assert!(matches!(cyclic, Err(WorkflowError::Order { .. })), "{cyclic:?}");
    let itself = Workflow::new(&[(generate, &[0, 1])], &[1]);
    assert!(matches!(itself, Err(WorkflowError::Order { .. })), "{itself:?}");
}

#[test]
fn spaces_without_room_are_refused() {
    for (modules, reads) in [(0, 4), (6, 0), (Workflow::MAX_MODULES + 1, 4)] {
        let error = WorkflowSpace::new(Library::default(), modules, reads).unwrap_err().to_string();
        assert!(error.contains("allowed: up to 24"), "{error}");
    }
}

#[test]
fn losses_that_are_no_numbers_teach_nothing_and_nothing_is_lost() {
    let mut search = search();
    for i in 0..60 {
        let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
        let outcome = match i % 4 {
            0 => Outcome::Complete(Observation::of_loss(f64::NAN)),
            1 => Outcome::Complete(Observation::of_loss(f64::INFINITY)),
            2 => {
                let mut observation = Observation::of_loss(0.5);
                observation.variance = Some(f64::NAN);
                Outcome::Complete(observation)
            }
            _ => Outcome::Complete(Observation::of_loss(0.25)),
        };
        search.tell(trial.id, outcome).unwrap();
    }
    let log = search.take_log();
    assert_eq!(log.len(), 60, "failures are in the log too");
    assert!(log.iter().filter(|r| r.loss.is_none()).count() >= 30);
    assert!(search.arms().iter().all(|arm| arm.observation.losses[0].is_finite()));
    assert!(search.best().unwrap().1.losses[0].is_finite());
}

#[test]
fn where_every_evaluation_fails_the_search_goes_on_without_a_best() {
    let mut search = search();
    for _ in 0..200 {
        let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(f64::NAN))).unwrap();
    }
    assert!(search.best().is_none() && search.arms().is_empty() && search.front().is_empty());
}

#[test]
fn trials_never_asked_for_or_told_twice_are_refused() {
    let mut search = search();
    let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
    let outcome = || Outcome::Complete(Observation::of_loss(0.5));
    assert!(search.tell(TrialId(7), outcome()).is_err());
    search.tell(trial.id, outcome()).unwrap();
    assert!(search.tell(trial.id, outcome()).is_err());
    assert_eq!(search.arms().len(), 1);
}

#[test]
fn without_budget_structure_is_left_alone() {
    assert!(!TopologyConfig::default().is_due(0, &[0.5; 5]));
    assert!(!TopologyConfig::default().is_due(0, &[]));
    let search = search();
    assert!(search.best().is_none() && search.lineage().labels().is_empty());
}

#[test]
fn spoiled_snapshots_are_refused_and_change_nothing() {
    let mut search = search();
    for i in 0..20 {
        let Ask::Run(trial) = search.ask() else { panic!("the search goes on") };
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(0.1 * f64::from(i % 7)))).unwrap();
    }
    let whole = serde_json::to_value(search.snapshot()).unwrap();
    for (path, value) in [
        ("/arms/0/times", serde_json::json!(0)),
        ("/arms/0/parents", serde_json::json!([400])),
        ("/arms/0/workflow", whole["arms"][1]["workflow"].clone()),
        ("/options/pool", serde_json::json!(0)),
        ("/asked", serde_json::json!(0)),
    ] {
        let mut spoiled = whole.clone();
        *spoiled.pointer_mut(path).unwrap() = value;
        if path == "/asked" {
            spoiled["pending"] = serde_json::json!({ "19": {
                "workflow": whole["arms"][0]["workflow"], "parents": [], "screened": false, "told": null
            }});
        }
        let refused = serde_json::from_value(spoiled).map(|state| search.restore(state).is_err());
        assert!(refused.unwrap_or(true), "{path}");
        assert_eq!(serde_json::to_value(search.snapshot()).unwrap(), whole);
    }
}
