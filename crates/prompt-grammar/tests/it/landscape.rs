//! A landscape whose optimum is known: every example wants some letters, the best text has all of them.

use meta_traits::{Ask, Components, ExampleId, Optimizer, Outcome, Reply, Split, Stream};
use prompt_grammar::Gepa;
use prompt_grammar::gepa::{Decision, MergeOptions, Options};

use crate::drive::{evaluate, ids, step};

const LETTERS: [&str; 2] = ["abcd", "wxyz"];

/// Half a point for the letter an example wants of each component.
fn score(candidate: &Components, example: ExampleId) -> f32 {
    let wanted = |c: usize| LETTERS[c].as_bytes()[(example.index as usize + c) % 4] as char;
    let has = |c: usize| candidate.iter().nth(c).is_some_and(|(_, text)| text.contains(wanted(c)));
    (0..2).filter(|c| has(*c)).count() as f32 / 2.0
}

fn seed() -> Components {
    [("first", ""), ("second", "")].into_iter().collect()
}

/// Adds one letter of the component's own, blindly.
fn letter(query: &meta_traits::Query, mut rng: Stream) -> Reply {
    let letters = if query.component == "first" { LETTERS[0] } else { LETTERS[1] };
    let drawn = letters.as_bytes()[rng.below(4)] as char;
    let text = query.candidate.get(&query.component).unwrap_or_default();
    let mut letters: Vec<char> = text.chars().filter(|c| *c != drawn).chain([drawn]).collect();
    letters.sort_unstable();
    Reply::Text(letters.into_iter().collect())
}

fn search(options: Options, seed_number: u64) -> Gepa {
    let stream = Stream::root(seed_number);
    let mut gepa =
        Gepa::new(seed(), ids(Split::Train, 8), ids(Split::Val, 8), options, stream.child("gepa", 0))
            .unwrap();
    let mut calls = 0;
    while calls < 1500 {
        calls += step(&mut gepa, score, |q| letter(q, stream.child("write", q.id.0)));
    }
    gepa
}

#[test]
fn the_optimum_is_found() {
    for seed_number in 0..10 {
        let gepa = search(Options::default(), seed_number);
        let (best, seen) = gepa.best().expect("the seed is evaluated");
        assert_eq!(best.iter().map(|(_, t)| t).collect::<Vec<_>>(), LETTERS, "seed {seed_number}");
        assert!(seen.losses[0].abs() < 1e-12);
        assert!(gepa.counts().skipped > 0, "the optimum is perfect on every minibatch");
    }
}

/// Here a component holds one letter at a time, so members specialise and lines part: there is something to merge.
#[test]
fn merged_candidates_take_their_texts_from_their_parents() {
    let one_letter = |q: &meta_traits::Query, mut rng: Stream| {
        let letters = if q.component == "first" { LETTERS[0] } else { LETTERS[1] };
        let at = rng.below(4);
        Reply::Text(letters[at..=at].into())
    };
    let options = Options { merge: Some(MergeOptions::default()), ..Options::default() };
    let (mut merged, mut rejected) = (0, 0);
    for seed_number in 0..30 {
        let stream = Stream::root(seed_number);
        let data = (ids(Split::Train, 8), ids(Split::Val, 8));
        let mut gepa = Gepa::new(seed(), data.0, data.1, options.clone(), stream.child("gepa", 0)).unwrap();
        let mut calls = 0;
        while calls < 800 {
            calls += step(&mut gepa, score, |q| one_letter(q, stream.child("write", q.id.0)));
        }
        assert!(gepa.counts().merged <= gepa.counts().accepted, "each acceptance makes one merge due");
        merged += gepa.counts().merged;
        rejected += gepa.counts().merges_rejected;
        for member in gepa.pool().iter().filter(|m| m.parents.len() == 2) {
            for (name, text) in member.candidate.iter() {
                let of = |p: &usize| gepa.pool()[*p].candidate.get(name) == Some(text);
                assert!(member.parents.iter().any(of), "'{name}' comes from a parent");
            }
        }
    }
    assert!(merged > 5 && rejected > 0, "{merged} merged, {rejected} rejected");
}

#[test]
fn only_mutable_components_change() {
    let options = Options { mutable: Some(vec!["second".into()]), ..Options::default() };
    let gepa = search(options, 1);
    assert!(gepa.pool().len() > 1);
    assert!(gepa.pool().iter().all(|m| m.candidate.get("first") == Some("")));
    let line = gepa.lineage(gepa.best_index().unwrap());
    assert_eq!(line[0], 0);
    assert!(line.windows(2).all(|pair| gepa.pool()[pair[1]].parents == [pair[0]]));
    assert!(gepa.lineage(10_000).is_empty());
}

#[test]
fn decisions_tell_the_whole_story() {
    let mut gepa =
        Gepa::new(seed(), ids(Split::Train, 4), ids(Split::Val, 4), Options::default(), Stream::root(2))
            .unwrap();
    let mut told = Vec::new();
    for i in 0..400 {
        step(&mut gepa, score, |q| letter(q, Stream::root(i)));
        told.extend(gepa.drain_decisions());
    }
    assert_eq!(told[0], Decision::Seeded { mean: 0.0 });
    let accepted: Vec<usize> = told
        .iter()
        .filter_map(|d| match d {
            Decision::Accepted { before, after, member, .. } => {
                assert!(after > before);
                Some(*member)
            }
            _ => None,
        })
        .collect();
    assert_eq!(accepted, (1..gepa.pool().len()).collect::<Vec<_>>());
    let counts = gepa.counts();
    assert_eq!(counts.accepted, accepted.len() as u64);
    let told_of = |n: fn(&Decision) -> bool| told.iter().filter(|d| n(d)).count() as u64;
    assert_eq!(counts.rejected, told_of(|d| matches!(d, Decision::Rejected { .. })));
    assert_eq!(counts.skipped, told_of(|d| matches!(d, Decision::Skipped { .. })));
}

#[test]
fn equal_children_pass_only_where_equality_is_enough() {
    let flat = |_: &Components, _: ExampleId| 0.5;
    for (acceptance, members) in [
        (prompt_grammar::gepa::Acceptance::StrictSum, 1),
        (prompt_grammar::gepa::Acceptance::ImprovementOrEqual, 11),
    ] {
        let options = Options { acceptance, ..Options::default() };
        let mut gepa =
            Gepa::new(seed(), ids(Split::Train, 3), ids(Split::Val, 2), options, Stream::root(1)).unwrap();
        while gepa.iterations() <= 10 {
            // The reply is the present text: it is evaluated like any other.
            step(&mut gepa, flat, |q| Reply::Text(q.candidate.get(&q.component).unwrap().into()));
        }
        assert_eq!(gepa.pool().len(), members);
        assert_eq!(gepa.best_index(), Some(0), "of equals the first stays the best");
    }
}

#[test]
fn a_seed_that_fails_ends_the_search_and_one_that_is_dropped_does_not() {
    let make = || {
        Gepa::new(seed(), ids(Split::Train, 3), ids(Split::Val, 2), Options::default(), Stream::root(1))
            .unwrap()
    };
    let failed = || Outcome::Failed {
        kind: meta_traits::ErrorKind::Permanent,
        message: "no such model".into(),
        cost: meta_traits::Cost::ZERO,
    };
    let mut gepa = make();
    let Ask::Run(trial) = gepa.ask() else { panic!("the seed") };
    assert!(matches!(gepa.ask(), Ask::Wait));
    gepa.tell(trial.id, failed()).unwrap();
    for _ in 0..2 {
        assert!(matches!(gepa.ask(), Ask::Done(meta_traits::StopReason::Failures)));
    }
    let mut gepa = make();
    let Ask::Run(trial) = gepa.ask() else { panic!("the seed") };
    gepa.tell(trial.id, Outcome::Abandoned).unwrap();
    let Ask::Run(again) = gepa.ask() else { panic!("the seed again") };
    assert!(again.id > trial.id);
    gepa.tell(again.id, evaluate(&again, score)).unwrap();
    // From here on a failure costs one iteration.
    for _ in 0..5 {
        let Ask::Run(parent) = gepa.ask() else { panic!("a parent") };
        assert!(parent.trace);
        gepa.tell(parent.id, failed()).unwrap();
    }
    assert_eq!((gepa.counts().dropped, gepa.iterations()), (6, 6));
}
