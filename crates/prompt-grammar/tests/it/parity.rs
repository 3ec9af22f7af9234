//! Equality with gepa 0.1.4 where no random draw matters: current best as parent, one minibatch of all training
//! examples. The golden file holds every evaluation and rewrite in order, and the final pool.
//! Generator: gepa 0.1.4 from PyPI with an adapter of the score below and a proposer that counts.

use meta_traits::{Ask, Components, ExampleId, Optimizer, Reply, Split, Stream};
use prompt_grammar::Gepa;
use prompt_grammar::gepa::{Acceptance, ComponentChoice, Options, ParentChoice};
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
