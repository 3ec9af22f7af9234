//! The laws of the contracts, by the kit that third parties use too.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Components, Split, Stream, Trial};
use prompt_grammar::Gepa;
use prompt_grammar::gepa::{ComponentChoice, MergeOptions, Options, ParentChoice};

use crate::drive::{evaluate, ids};

fn make(options: &Options, seed: u64) -> Gepa {
    let texts: Components = [("a", "x"), ("b", "y")].into_iter().collect();
    Gepa::new(texts, ids(Split::Train, 7), ids(Split::Val, 6), options.clone(), Stream::root(seed)).unwrap()
}

fn inside(candidate: &Components) -> bool {
    candidate.names().eq(["a", "b"])
}

/// Scores that differ between texts and examples, some perfect.
fn outcome(trial: &Trial<Components>, _: &mut Stream) -> meta_traits::Outcome {
    evaluate(trial, |candidate, example| {
        let bytes = candidate.iter().flat_map(|(_, text)| text.bytes());
        let sum = bytes.fold(u64::from(example.index), |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
        (sum % 5) as f32 / 4.0
    })
}

#[test]
fn the_loop_keeps_every_law_with_every_option() {
    let plain = Options::default();
    for options in [
        plain.clone(),
        Options {
            merge: Some(MergeOptions::default()),
            parent: ParentChoice::EpsilonGreedy(0.1),
            ..plain.clone()
        },
        Options { component: ComponentChoice::All, parent: ParentChoice::CurrentBest, ..plain },
    ] {
        let check = Check::new(|seed| make(&options, seed), inside, outcome).seeds([0, 1]).steps(40);
        check_optimizer(&check);
        check_optimizer_snapshot(&check);
    }
}
