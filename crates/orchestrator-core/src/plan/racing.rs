//! The spending of racing: its loop, with luck in the place of scores.

use meta_traits::{Split, Stream};

use super::purse::{Candidate, Purse};
use crate::algorithms::racing::Options;

/// How often a round evaluates without a new text, and how often a new text leads: set by hand, held against no runs.
const UNDECIDED: f64 = 0.5;
const SUCCESS: f64 = 0.2;
/// No simulated run is longer: what is said of longer ones holds for so many rounds.
const MOST_ROUNDS: usize = 100_000;

/// Spends as [`crate::algorithms::Racing`] does until the budget ends it, then scores seed and winner.
pub(super) fn spend(purse: &mut Purse<'_>, options: &Options, rng: &Stream) {
    let seed = purse.seed();
    let mut rng = rng.child("racing", 0);
    let mut leader = seed.clone();
    let met_seed = (0..options.first).all(|_| block(purse, &seed, options.block, &mut rng));
    if met_seed {
        search(purse, options, &mut leader, &mut rng);
    }
    // One example has no spread, and is not scored.
    if purse.terms.sizes[2] > 1 {
        purse.report(&seed);
        if leader.versions != seed.versions {
            purse.report(&leader);
        }
    }
}

fn search(purse: &mut Purse<'_>, options: &Options, leader: &mut Candidate, rng: &mut Stream) {
    let components = purse.terms.work.components.len().max(1);
    let mut rival = leader.clone();
    for _ in 0..MOST_ROUNDS {
        if purse.is_late() {
            return;
        }
        let mut idle = 0;
        while idle < options.patience && rng.chance(UNDECIDED) {
            idle += 1;
            if !block(purse, &rival, options.block, rng) {
                return;
            }
        }
        let mut child = leader.clone();
        let first = rng.below(components);
        for k in 0..options.fresh.min(components) {
            let Some(next) = purse.rewrite(&child, (first + k) % components) else { return };
            child = next;
        }
        if !block(purse, &child, options.block, rng) {
            return;
        }
        if rng.chance(SUCCESS) {
            leader.clone_from(&child);
        }
        rival = child;
    }
}

/// Evaluates on a block of examples of both splits of the search; false when the budget ends it.
pub(super) fn block(purse: &mut Purse<'_>, candidate: &Candidate, size: usize, rng: &mut Stream) -> bool {
    let [train, val, _] = purse.terms.sizes;
    let mut order: Vec<usize> = (0..train + val).collect();
    rng.shuffle(&mut order);
    order.truncate(size);
    let (on_train, on_val): (Vec<usize>, Vec<usize>) = order.into_iter().partition(|j| *j < train);
    let on_val: Vec<usize> = on_val.into_iter().map(|j| j - train).collect();
    (on_train.is_empty() || purse.evaluate(candidate, Split::Train, &on_train))
        && (on_val.is_empty() || purse.evaluate(candidate, Split::Val, &on_val))
}
