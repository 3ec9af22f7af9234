//! Equality with gepa 0.1.4, step by step. `gepa_0_1_4.json`: runs in which no random draw matters (current best as
//! parent, one minibatch of all training examples). `gepa_pareto_0_1_4.json`: runs with the package's defaults, whose
//! random draws are recorded and followed. The golden files hold every evaluation and rewrite in order, and the final
//! pool. Generators: gepa 0.1.4 from PyPI with an adapter of the scores below and a proposer that counts;
//! `golden/gepa_pareto.py` is that of the second file.

use meta_traits::{Ask, Components, ExampleId, Optimizer, Reply, Split, Stream};
use prompt_grammar::Gepa;
use prompt_grammar::gepa::{Acceptance, ComponentChoice, Draws, Options, ParentChoice};
use serde_json::Value;

use crate::drive::{evaluate, examples, ids};

/// Some deterministic score in quarters; `salt` makes another landscape.
fn score(candidate: &Components, example: ExampleId, salt: u64) -> f32 {
    let number = |text: &str| text[1..].parse::<u64>().expect("texts are t and a number");
    let k = candidate.iter().zip(1..).map(|((_, text), j)| j * number(text)).sum::<u64>() + salt;
    let val = if example.split == Split::Val { 5 } else { 0 };
    let base = (k * 7 + u64::from(example.index) * 3 + val + (k * k) % 11) % 5;
    (base + u64::from(k.is_multiple_of(13))).min(4) as f32 / 4.0
}

fn texts(candidate: &Components) -> Vec<&str> {
    candidate.iter().map(|(_, text)| text).collect()
}

fn check(case: &Value) {
    let n = case["components"].as_u64().expect("a number") as usize;
    let salt = case["salt"].as_u64().expect("a number");
    let options = Options {
        parent: ParentChoice::CurrentBest,
        perfect_score: case["perfect"].as_f64(),
        acceptance: match case["acceptance"].as_str() {
            Some("strict_improvement") => Acceptance::StrictSum,
            _ => Acceptance::ImprovementOrEqual,
        },
        component: match case["component"].as_str() {
            Some("all") => ComponentChoice::All,
            _ => ComponentChoice::RoundRobin,
        },
        ..Options::default()
    };
    let seed: Components = ["a", "b", "c"][..n].iter().map(|name| (*name, "t0")).collect();
    let mut gepa = Gepa::new(seed, ids(Split::Train, 3), ids(Split::Val, 4), options, Stream::root(salt))
        .expect("sound");
    let mut written = 0;
    for (i, event) in case["events"].as_array().expect("events").iter().enumerate() {
        match gepa.ask() {
            Ask::Run(trial) => {
                let run: Vec<&str> = event["run"]
                    .as_array()
                    .unwrap_or_else(|| panic!("event {i} is {event}"))
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                assert_eq!(texts(&trial.candidate), run, "event {i}");
                assert_eq!(Some(examples(&trial)[0].split.name()), event["split"].as_str(), "event {i}");
                assert_eq!(Some(examples(&trial).len() as u64), event["n"].as_u64(), "event {i}");
                let outcome = evaluate(&trial, |c, e| score(c, e, salt));
                gepa.tell(trial.id, outcome).expect("fits");
            }
            Ask::Query(query) => {
                written += 1;
                let text = format!("t{written}");
                assert_eq!(event["write"].as_str(), Some(query.component.as_str()), "event {i}");
                assert_eq!(event["text"].as_str(), Some(text.as_str()), "event {i}");
                gepa.answer(query.id, Reply::Text(text)).expect("pending");
            }
            other => panic!("event {i}: {other:?}"),
        }
    }
    let pool: Vec<Vec<&str>> = gepa.pool().iter().map(|m| texts(&m.candidate)).collect();
    assert_eq!(serde_json::to_value(pool).expect("json"), case["pool"]);
    let parents: Vec<&[usize]> = gepa.pool().iter().map(|m| m.parents.as_slice()).collect();
    assert_eq!(serde_json::to_value(parents).expect("json"), case["parents"]);
    let means: Vec<f64> = gepa.pool().iter().map(prompt_grammar::gepa::Member::mean).collect();
    assert_eq!(serde_json::to_value(means).expect("json"), case["means"]);
    assert_eq!(gepa.best_index().map(|b| b as u64), case["best"].as_u64());
}

#[test]
fn every_step_is_that_of_the_reference() {
    let golden: Value = serde_json::from_str(include_str!("../golden/gepa_0_1_4.json")).expect("json");
    let cases = golden["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 10);
    for case in cases {
        check(case);
    }
}

/// The score of `golden/gepa_pareto.py`.
fn pareto_score(candidate: &Components, example: ExampleId, salt: u64) -> f32 {
    let number = |text: &str| text[1..].parse::<u64>().expect("texts are t and a number");
    let k = candidate.iter().zip(1..).map(|((_, text), j)| j * number(text)).sum::<u64>() + salt;
    let index = u64::from(example.index);
    let val = if example.split == Split::Val { 5 } else { 0 };
    let base = (k * 7 + index * 3 + val + (k * k + index * k) % 11) % 5;
    (base + u64::from(k.is_multiple_of(13))).min(4) as f32 / 4.0
}

fn numbers(value: &Value) -> Vec<usize> {
    value.as_array().expect("a list").iter().map(|v| v.as_u64().expect("a number") as usize).collect()
}

fn follow(case: &Value, train: u32, val: u32) {
    let n = case["components"].as_u64().expect("a number") as usize;
    let (salt, name) = (case["salt"].as_u64().expect("a number"), &case["seed"]);
    let seed: Components = ["a", "b", "c"][..n].iter().map(|name| (*name, "t0")).collect();
    let parents = case["parents"].as_array().expect("a list");
    let draws = Draws {
        epochs: case["epochs"].as_array().expect("a list").iter().map(numbers).collect(),
        parents: parents.iter().map(|p| p["drawn"].as_u64().expect("a number") as usize).collect(),
    };
    let data = (ids(Split::Train, train), ids(Split::Val, val));
    let mut gepa = Gepa::new(seed, data.0, data.1, Options::default(), Stream::root(9))
        .and_then(|gepa| gepa.following(draws))
        .expect("sound");
    let (mut written, mut drawn) = (0, 0);
    for (i, event) in case["events"].as_array().expect("events").iter().enumerate() {
        match gepa.ask() {
            Ask::Run(trial) => {
                let on = examples(&trial).iter().map(|e| serde_json::json!([e.split.name(), e.index]));
                let run = serde_json::json!({ "run": texts(&trial.candidate), "on": on.collect::<Vec<_>>() });
                assert_eq!(&run, event, "seed {name}, event {i}");
                if trial.trace {
                    // The parent was drawn from the same members with the same chances.
                    let chances = gepa.chances().iter().flat_map(|(m, n)| vec![*m; *n]);
                    assert_eq!(
                        chances.collect::<Vec<_>>(),
                        numbers(&parents[drawn]["from"]),
                        "seed {name}, event {i}"
                    );
                    drawn += 1;
                }
                let outcome = evaluate(&trial, |c, e| pareto_score(c, e, salt));
                gepa.tell(trial.id, outcome).expect("fits");
            }
            Ask::Query(query) => {
                assert_eq!(event["write"].as_str(), Some(query.component.as_str()), "seed {name}, event {i}");
                written += 1;
                gepa.answer(query.id, Reply::Text(format!("t{written}"))).expect("pending");
            }
            other => panic!("seed {name}, event {i}: {other:?}"),
        }
    }
    let pool: Vec<Vec<&str>> = gepa.pool().iter().map(|m| texts(&m.candidate)).collect();
    assert_eq!(serde_json::to_value(pool).expect("json"), case["pool"], "seed {name}");
    let parents: Vec<&[usize]> = gepa.pool().iter().map(|m| m.parents.as_slice()).collect();
    assert_eq!(serde_json::to_value(parents).expect("json"), case["parents_of"], "seed {name}");
    assert_eq!(gepa.best_index().map(|b| b as u64), case["best"].as_u64(), "seed {name}");
}

#[test]
fn recorded_draws_lead_to_the_same_members() {
    let golden: Value = serde_json::from_str(include_str!("../golden/gepa_pareto_0_1_4.json")).expect("json");
    let size = |key: &str| golden[key].as_u64().expect("a number") as u32;
    let cases = golden["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 20);
    for case in cases {
        follow(case, size("train"), size("val"));
    }
}

#[test]
fn draws_must_be_orders_of_the_training_examples() {
    let seed: Components = [("a", "t0")].into_iter().collect();
    let gepa = Gepa::new(seed, ids(Split::Train, 3), ids(Split::Val, 4), Options::default(), Stream::root(0));
    let fault = gepa.unwrap().following(Draws { epochs: vec![vec![0, 1, 1]], parents: vec![] }).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "prompt: draws.epochs = 0 is outside its range; allowed: orders of the 3 training examples"
    );
}
