//! The spending of the joint search: its loop, with luck in the place of beliefs.

use meta_traits::Stream;

use super::purse::{Candidate, Purse};
use super::racing::block;
use crate::algorithms::joint::Options;

/// How often a system becomes the leader, and how often a rewrite brings a line that is new: set by hand, held against no
/// runs.
const SUCCESS: f64 = 0.2;
const NEWS: f64 = 0.7;
/// No simulated run is longer: what is said of longer ones holds for so many rounds.
const MOST_ROUNDS: usize = 100_000;

/// Spends as [`crate::algorithms::Joint`] does until the budget ends it, then scores seed and winner.
pub(super) fn spend(purse: &mut Purse<'_>, options: &Options, rng: &Stream) {
    let seed = purse.seed();
    let mut rng = rng.child("joint", 0);
    let mut leader = seed.clone();
    let met_seed = (0..options.first).all(|_| block(purse, &seed, options.block(0), &mut rng));
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
    let mut results = (options.first * options.block(0)) as u64;
    let mut dry = 0;
    for _ in 0..MOST_ROUNDS {
        if purse.is_late() {
            return;
        }
        let mut child = leader.clone();
        if dry < options.dry || rng.chance(options.rare) {
            let first = rng.below(components);
            for k in 0..options.rewrites.min(components) {
                let Some(next) = purse.rewrite(&child, (first + k) % components) else { return };
                child = next;
                dry = if rng.chance(NEWS) { 0 } else { dry + 1 };
            }
        }
        let size = options.block(results);
        if !block(purse, &child, size, rng) {
            return;
        }
        results += size as u64;
        if rng.chance(SUCCESS) {
            *leader = child;
        }
    }
}
