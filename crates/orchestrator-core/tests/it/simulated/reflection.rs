//! The simulated reflective model: its distribution, and how it reads a query.
use std::collections::BTreeMap;

use meta_traits::{Components, Draw, ExampleId, Note, Query, QueryId, Reply, Scored, Split, Stream};
use orchestrator_core::simulated::{Family, Genome, Problem, Scenario};

use super::reference::{golden, vote};

fn names(component: &str) -> &'static [&'static str] {
    match component {
        "hyper" => &["temperature", "retrieval_k", "max_tokens"],
        "topology" => &["verify", "decompose", "vote"],
        _ => &["role", "task", "reasoning", "format", "examples", "constraints"],
    }
}

fn text(component: &str, options: &[u8]) -> String {
    let lines: Vec<String> =
        names(component).iter().zip(options).map(|(name, v)| format!("{name}={v}")).collect();
    lines.join("\n")
}

fn digits(text: &str) -> String {
    let options: Vec<&str> = text.lines().map(|line| line.split_once('=').unwrap().1).collect();
    options.join(",")
}

/// Pearson's statistic of 40,000 rewrites against the exact probabilities of the reference, found there by
/// enumerating every random decision.
#[test]
fn rewrites_have_the_distribution_of_the_reference() {
    const DRAWS: u32 = 40_000;
    for (i, case) in golden().reflect.into_iter().enumerate() {
        let problem = Problem::new(1, case.scenario.parse().unwrap(), Family::Base);
        let votes: Vec<_> = case.votes.iter().copied().map(vote).collect();
        let before = text(&case.component, &case.options);
        let mut rng = Stream::root(11).child("case", i as u64);
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..DRAWS {
            let after = problem.reflect(&before, &case.component, &votes, &mut rng).unwrap();
            *counts.entry(digits(&after)).or_default() += 1;
        }
        assert!(counts.keys().all(|k| case.probability.contains_key(k)), "case {i}: an impossible rewrite");
        let statistic: f64 = case
            .probability
            .iter()
            .map(|(key, p)| {
                let expected = p * f64::from(DRAWS);
                let seen = f64::from(counts.get(key).copied().unwrap_or(0));
                (seen - expected) * (seen - expected) / expected
            })
            .sum();
        let freedom = (case.probability.len() - 1) as f64;
        let limit = freedom + 4.0 * (2.0 * freedom).sqrt();
        assert!(statistic < limit, "case {i}: chi-square {statistic} with {freedom} degrees of freedom");
    }
}

fn query(problem: &Problem, component: &str, notes: &[(&str, &str)]) -> Query {
    let draw = Draw { example: ExampleId::new(Split::Train, 0), repeat: 0 };
    let mut scored = Scored::new(draw, 0.0);
    scored.notes = notes.iter().map(|(c, t)| Note { component: (*c).into(), text: (*t).into() }).collect();
    Query::new(QueryId(0), component.into(), problem.seed(), vec![scored])
}

#[test]
fn an_answer_follows_the_notes_on_its_component() {
    let problem = Problem::new(3, Scenario::Prompts, Family::Base);
    let notes = [("reason", "format=4"), ("query", "task=3"), ("reason", "not a slot")];
    let mut hits = 0;
    for i in 0..200 {
        let Reply::Text(text) = problem.answer(&query(&problem, "reason", &notes), Stream::root(i)) else {
            panic!("no text");
        };
        hits += u32::from(text.lines().nth(3) == Some("format=4"));
    }
    // Drift moves the same slot away in 1 of 24 rewrites.
    assert!((180..200).contains(&hits), "{hits}");
    let again = |seed| problem.answer(&query(&problem, "query", &notes), Stream::root(seed));
    assert_eq!(again(5), again(5));
}

#[test]
fn a_foreign_query_is_not_answered() {
    let problem = Problem::new(3, Scenario::Prompts, Family::Base);
    let unknown = problem.answer(&query(&problem, "hyper", &[]), Stream::root(0));
    assert!(matches!(unknown, Reply::Failed(why) if why.contains("query, reason, answer")));
    let mut garbled = query(&problem, "query", &[]);
    garbled.candidate = [("query", "You are helpful.")].into_iter().collect();
    assert!(matches!(problem.answer(&garbled, Stream::root(0)), Reply::Failed(_)));
    garbled.candidate = Components::new();
    assert!(matches!(problem.answer(&garbled, Stream::root(0)), Reply::Failed(_)));
}

#[test]
fn a_rewrite_changes_one_slot_or_two() {
    let problem = Problem::new(4, Scenario::Full, Family::Base);
    let before = problem.read(&problem.seed()).unwrap();
    assert_eq!(before, Genome::seed());
    for i in 0..300 {
        let mut rng = Stream::root(i);
        let seed = problem.seed();
        for (name, old) in seed.iter() {
            let new = problem.reflect(old, name, &[], &mut rng).unwrap();
            let changed = old.lines().zip(new.lines()).filter(|(a, b)| a != b).count();
            assert!(changed <= 2 && new.lines().count() == old.lines().count());
            assert!(problem.read(&seed.with(name, new)).is_ok());
        }
    }
}
