//! What the section `meta` makes of a run, and the algorithms by their names.

use std::path::Path;

use meta_traits::{StopReason, Unit};
use orchestrator_core::compose::{Resolved, session};
use orchestrator_core::config::RunConfig;
use orchestrator_core::result::RunResult;
use orchestrator_core::run::Progress;
use orchestrator_core::session::{Finish, Session};
use orchestrator_core::store::RunDirectory;

use crate::resume::block_on;

fn open(text: &str) -> Result<Session, String> {
    let config = RunConfig::from_text(text, "test").map_err(|e| e.to_string())?;
    let resolved = Resolved::new(config, Path::new("x.yaml")).unwrap();
    block_on(session(&resolved, None, &|_| {})).map_err(|e| e.to_string())
}

fn run(text: &str) -> RunResult {
    let folder = tempfile::tempdir().unwrap();
    let mut directory = RunDirectory::create(folder.path(), "meta", "none").unwrap();
    let session = open(text).unwrap();
    match block_on(session.run(&mut directory, &mut (), &|| false)).unwrap() {
        Finish::Done(result) => *result,
        Finish::Paused => panic!("nobody paused"),
    }
}

/// The simulated system has 100 validation examples: a compute unit is 100 metric calls.
#[test]
fn budgets_are_counted_in_compute_units() {
    let calls = |text: &str| open(text).unwrap().budget.limit(Unit::Evaluations);
    let enabled = "simulated: {scenario: F}\nmeta: {enabled: true, total_compute_budget: 12.5}\n";
    assert_eq!(calls(enabled), Some(1250));
    assert_eq!(calls(&format!("{enabled}budget: {{calls: 900}}")), Some(900));
    assert_eq!(calls(&format!("{enabled}budget: {{calls: 9000}}")), Some(1250));
    let off = "simulated: {scenario: F}\nmeta: {enabled: false}\n";
    assert!(open(off).err().unwrap().contains("budget sets no limit"));
    assert_eq!(calls(&format!("{off}budget: {{calls: 900}}")), Some(900));
}

#[test]
fn rounds_are_compute_units_too() {
    let result = run(
        "simulated: {scenario: F}\nmeta: {enabled: true, max_optimization_rounds: 10}\nreport: {test: false}",
    );
    assert_eq!(result.stop, StopReason::Rounds);
    assert!((1000..1016).contains(&result.total_rollouts), "{}", result.total_rollouts);
}

#[test]
fn twenty_units_without_progress_end_the_run() {
    let result = run(
        "simulated: {scenario: F}\nmeta: {enabled: true, performance_threshold: 0.5}\nreport: {test: false}",
    );
    assert_eq!(result.stop, StopReason::Stagnation);
    assert!((2000..9000).contains(&result.total_rollouts), "{}", result.total_rollouts);
}

#[test]
fn modes_govern_what_is_spent() {
    let shares = |mode: &str, strategy: &str| {
        run(&format!(
            "simulated: {{scenario: F}}\nreport: {{test: false}}\nmeta: {{enabled: true, optimization_mode: {mode}, \
             budget_allocation_strategy: {strategy}, total_compute_budget: 15}}"
        ))
        .shares
    };
    for (mode, expected) in [("exploitation", [0.4, 0.1, 0.4, 0.1]), ("aggressive", [0.25, 0.35, 0.25, 0.15])]
    {
        let shares = shares(mode, "fixed");
        for (pillar, part) in ["selector", "topology", "hyperopt", "prompt"].into_iter().zip(expected) {
            assert!((shares[pillar].spent - part).abs() < 0.05, "{mode} {pillar}: {:?}", shares[pillar]);
            assert!((shares[pillar].intended - part).abs() < 1e-9, "{mode} {pillar}");
        }
    }
    let shares = shares("balanced", "dynamic");
    for (pillar, part) in
        ["selector", "topology", "hyperopt", "prompt"].into_iter().zip([0.3, 0.25, 0.3, 0.15])
    {
        assert!((shares[pillar].spent - part).abs() < 0.2, "{pillar}: {:?}", shares[pillar]);
        assert!((shares[pillar].intended - part).abs() <= 0.15 + 1e-9, "{pillar}: {:?}", shares[pillar]);
    }
}

#[test]
fn the_longest_prompt_is_the_smaller_of_two_limits() {
    let longest = |meta: &str| {
        open(&format!(
            "simulated: {{}}\nmeta: {{enabled: true{meta}}}\noptimizer: {{max_prompt_length: 500}}"
        ))
        .unwrap()
        .joint
        .longest
    };
    assert_eq!(longest(""), 500);
    assert_eq!(longest(", prompt: {max_prompt_length: 300}"), 300);
}

#[test]
fn every_algorithm_is_usable_alone() {
    for name in ["pareto_sampling", "system_aware_merge", "structural_mutation", "crossover", "random_search"]
    {
        let result = run(&format!(
            "simulated: {{scenario: F}}\nbudget: {{calls: 400}}\noptimizer: {{algorithm: {name}}}\nreport: {{test: false}}"
        ));
        let used: Vec<&str> = result.component_metrics.keys().map(String::as_str).collect();
        assert!(
            used.contains(&name) && used.iter().all(|u| *u == name || *u == "pareto_sampling"),
            "{used:?}"
        );
        let metrics = result.component_metrics[name];
        assert!(metrics.resource_usage > 0.8, "{name}: {metrics:?}");
    }
    let none =
        open("simulated: {scenario: P}\nbudget: {calls: 400}\noptimizer: {algorithm: structural_mutation}");
    assert!(none.err().unwrap().contains("no structure to change"));
}

/// Runs and gives the result, the events told, and the directory.
fn told(text: &str) -> (RunResult, Vec<String>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut directory = RunDirectory::create(folder.path(), "meta", "none").unwrap();
    let session = open(text).unwrap();
    let mut events = Vec::new();
    let mut watch = |progress: &Progress| events.push(format!("{progress:?}"));
    match block_on(session.run(&mut directory, &mut watch, &|| false)).unwrap() {
        Finish::Done(result) => (*result, events, folder),
        Finish::Paused => panic!("nobody paused"),
    }
}

/// Each switch of what is told and kept, on and off.
#[test]
fn what_is_told_follows_the_settings() {
    let text = |more: &str| {
        format!(
            "simulated: {{scenario: F}}\nbudget: {{calls: 1200}}\nreport: {{test: false}}\n\
             meta: {{enabled: true, total_compute_budget: 12, {more}}}"
        )
    };
    let (usual, events, folder) = told(&text("checkpoint_enabled: true, checkpoint_interval: 10"));
    let run = folder.path().join("meta-1");
    assert!(events.iter().any(|e| e.starts_with("Decision")), "{events:?}");
    assert!(usual.performance_trajectory.len() > 2 && !usual.component_metrics.is_empty());
    assert!(!run.join("metrics.prom").exists() && run.join("checkpoints").is_dir());
    let (quiet, events, folder) =
        told(&text("detailed_logging: false, performance_tracking: false, component_metrics: false"));
    assert!(!events.iter().any(|e| e.starts_with("Decision")), "{events:?}");
    assert_eq!(
        quiet.performance_trajectory,
        usual.performance_trajectory[usual.performance_trajectory.len() - 1..]
    );
    assert!(quiet.component_metrics.is_empty() && quiet.shares.is_empty());
    assert_eq!((quiet.best_score, quiet.total_rollouts), (usual.best_score, usual.total_rollouts));
    assert!(!folder.path().join("meta-1").join("checkpoints").exists(), "checkpoints are off by default");
    let (exported, _, folder) = told(&text("export_metrics: true, metrics_export_interval: 10"));
    let run = folder.path().join("meta-1");
    let prom = std::fs::read_to_string(run.join("metrics.prom")).unwrap();
    let calls = format!("metaorch_metric_calls_total{{run=\"run\"}} {}\n", exported.total_rollouts);
    assert!(prom.contains(&calls), "{prom}");
    let tracked: Vec<_> =
        std::fs::read_dir(run.join("mlruns/0")).unwrap().map(|e| e.unwrap().path()).collect();
    let tracked = tracked.iter().find(|path| path.is_dir()).unwrap();
    let score = std::fs::read_to_string(tracked.join("metrics/score")).unwrap();
    assert_eq!(score.lines().count(), exported.performance_trajectory.len());
    assert!(std::fs::read_to_string(tracked.join("meta.yaml")).unwrap().contains("status: 3"));
}
