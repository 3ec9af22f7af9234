//! Values of the reference implementation: `tests/golden/cab.json` names the generator.
use std::collections::BTreeMap;

use orchestrator_core::simulated::{Family, Genome, Problem, Scenario, Vote, hash, normal, uniform};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Golden {
    hash: Vec<HashRow>,
    instances: Vec<Instance>,
    problems: Vec<Instances>,
    pub(crate) reflect: Vec<Reflection>,
}

#[derive(Deserialize)]
struct HashRow {
    tag: String,
    ints: Vec<String>,
    #[serde(rename = "H")]
    h: String,
    #[serde(rename = "U")]
    u: f64,
    #[serde(rename = "N")]
    n: f64,
}

#[derive(Deserialize)]
struct Instance {
    scenario: String,
    s: u64,
    #[serde(rename = "Q_seed")]
    q_seed: f64,
    #[serde(rename = "Q_best_known")]
    q_best_known: f64,
    best_known: BTreeMap<String, Vec<u8>>,
    seed_val_binary: f64,
}

#[derive(Deserialize)]
struct Instances {
    scenario: String,
    family: String,
    s: u64,
    rho: f64,
    blame: f64,
    candidates: Vec<Candidate>,
}

#[derive(Deserialize)]
struct Candidate {
    options: Vec<Vec<u8>>,
    #[serde(rename = "Q")]
    q: f64,
    lm_calls: u64,
    /// Bits of z by example (those of the first evaluations) and module.
    z: Vec<[String; 3]>,
    evaluations: Vec<Evaluation>,
}

/// Example, repeat, score, first failing module or -1, and the feedback on each component.
type Evaluation = (usize, u32, f64, i8, Vec<Option<(usize, i8)>>);

#[derive(Deserialize)]
pub(crate) struct Reflection {
    pub(crate) component: String,
    pub(crate) scenario: String,
    pub(crate) options: Vec<u8>,
    pub(crate) votes: Vec<(usize, i8)>,
    pub(crate) probability: BTreeMap<String, f64>,
}

pub(crate) fn golden() -> Golden {
    serde_json::from_str(include_str!("../../golden/cab.json")).unwrap()
}

pub(crate) fn genome(options: &[Vec<u8>]) -> Genome {
    let mut g = Genome::seed();
    for (c, options) in options.iter().enumerate() {
        for (k, v) in options.iter().enumerate() {
            assert!(g.set(c, k, *v));
        }
    }
    g
}

pub(crate) fn vote((slot, option): (usize, i8)) -> Vote {
    Vote { slot, option: u8::try_from(option).ok() }
}

#[test]
fn hashes_agree() {
    for row in golden().hash {
        let ints: Vec<u64> = row.ints.iter().map(|i| i.parse().unwrap()).collect();
        assert_eq!(hash(&row.tag, &ints), row.h.parse::<u64>().unwrap());
        assert!((uniform(&row.tag, &ints) - row.u).abs() < 1e-15);
        assert!((normal(&row.tag, &ints) - row.n).abs() < 1e-14);
    }
}

#[test]
fn published_instances_agree() {
    let instances = golden().instances;
    assert_eq!(instances.len(), 6);
    for row in instances {
        let scenario: Scenario = row.scenario.parse().unwrap();
        let problem = Problem::new(row.s, scenario, Family::Base);
        let names = ["query", "reason", "answer", "hyper", "topology"];
        let options: Vec<Vec<u8>> =
            names.iter().filter_map(|name| row.best_known.get(*name).cloned()).collect();
        assert_eq!(options.len(), scenario.components());
        assert!((problem.quality(&Genome::seed()) - row.q_seed).abs() < 1e-12);
        assert!((problem.quality(&genome(&options)) - row.q_best_known).abs() < 1e-12);
        let seed = Genome::seed();
        let measured = problem.measure(&seed);
        let passed = (100..200).filter(|x| measured.read(*x, 0).unwrap().failed.is_none()).count();
        assert_eq!(passed as f64 / 100.0, row.seed_val_binary);
    }
}

#[test]
fn values_scores_and_feedback_agree_in_every_family() {
    let problems = golden().problems;
    assert_eq!(problems.len(), 30);
    let mut evaluations = 0;
    for row in problems {
        let family: Family = row.family.parse().unwrap();
        let problem = Problem::new(row.s, row.scenario.parse().unwrap(), family).with_rho(row.rho);
        assert_eq!(family == Family::Noisy, row.rho == 0.6);
        let at = format!("{} {} {} rho {} blame {}", row.scenario, family, row.s, row.rho, row.blame);
        for candidate in row.candidates {
            let g = genome(&candidate.options);
            assert!((problem.quality(&g) - candidate.q).abs() < 1e-12, "{at}: Q of {g:?}");
            assert_eq!(problem.model_calls(&g), candidate.lm_calls, "{at}");
            let measured = problem.measure(&g);
            for ((x, ..), z) in candidate.evaluations.iter().zip(&candidate.z) {
                for (m, bits) in z.iter().enumerate() {
                    let z = problem.z(&g, m, *x).unwrap();
                    assert_eq!(format!("{:016x}", z.to_bits()), *bits, "{at}: z of module {m} on {x}");
                }
            }
            for (x, repeat, score, failed, feedback) in candidate.evaluations {
                let reading = measured.read(x, repeat).unwrap();
                assert_eq!(reading.score.to_bits(), score.to_bits(), "{at}: {x} repeat {repeat}");
                assert_eq!(reading.failed, usize::try_from(failed).ok(), "{at}: {x} repeat {repeat}");
                for (c, expected) in feedback.into_iter().enumerate() {
                    let said = reading.failed.and_then(|m| problem.feedback(&g, c, x, m));
                    assert_eq!(said, expected.map(vote), "{at}: feedback on {c} for {x}");
                }
                evaluations += 1;
            }
        }
    }
    assert_eq!(evaluations, 552);
}
