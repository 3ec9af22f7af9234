//! The best-known search against the values of the reference search (`tests/golden/cab_best_known.json`).
use meta_traits::Stream;
use orchestrator_core::simulated::{Family, Genome, Problem, Scenario};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    family: String,
    scenario: String,
    s: u64,
    #[serde(rename = "Q_seed")]
    seed: f64,
    #[serde(rename = "Q_best_known")]
    best: f64,
}

fn rows() -> Vec<Row> {
    let table: Table = serde_json::from_str(include_str!("../../golden/cab_best_known.json")).unwrap();
    table.rows
}

fn problem(row: &Row) -> Problem {
    Problem::new(row.s, row.scenario.parse().unwrap(), row.family.parse().unwrap())
}

#[test]
fn seed_quality_agrees_on_every_instance() {
    let rows = rows();
    assert_eq!(rows.len(), 156);
    for row in rows {
        let found = problem(&row).quality(&Genome::seed());
        assert!((found - row.seed).abs() < 1e-12, "{} {} {}", row.family, row.scenario, row.s);
    }
}

/// Some instances here; `cab --best-known` compares all of them.
#[track_caller]
fn reaches(family: &str, scenario: &str, s: u64, restarts: usize) {
    let rows = rows();
    let row = rows.iter().find(|r| r.family == family && r.scenario == scenario && r.s == s).unwrap();
    let found = problem(row).best_known(restarts, &Stream::root(0));
    assert!(found.quality >= row.best - 1e-12, "{} < {}", found.quality, row.best);
    assert!((problem(row).quality(&found.genome) - found.quality).abs() < 1e-12);
}

#[test]
fn the_search_reaches_the_reference_on_prompts() {
    reaches("base", "P", 102, 2);
    reaches("saturated", "P", 104, 1);
}

#[test]
fn the_search_reaches_the_reference_with_triples() {
    reaches("epistasis", "P", 103, 1);
}

#[test]
fn the_search_reaches_the_reference_on_everything() {
    reaches("base", "F", 102, 2);
}

#[test]
fn unstructured_is_exact() {
    for row in rows().iter().filter(|r| r.family == "unstructured" && r.s < 104) {
        let found = problem(row).best_known(1, &Stream::root(0));
        assert!((found.quality - row.best).abs() < 1e-12, "{}: {} {}", row.s, found.quality, row.best);
    }
}

#[test]
fn the_search_repeats_itself() {
    let tiny = Problem::new(1, Scenario::Prompts, Family::Tiny);
    let found = tiny.best_known(2, &Stream::root(1));
    assert_eq!(found, tiny.best_known(2, &Stream::root(1)));
    assert!(found.quality > 0.8);
}
