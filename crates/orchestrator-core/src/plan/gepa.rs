//! The spending of GEPA: its loop, with luck in the place of scores.

use meta_traits::{Split, Stream};
use prompt_grammar::gepa;

use super::purse::{Candidate, Purse};
use super::world::Odds;
use crate::draws::normal;

/// A member of the pool.
struct Member {
    candidate: Candidate,
    /// The share of examples it gets right, and what the validation split shows of that.
    score: f64,
    seen: f64,
    next: usize,
}

/// Spends as [`prompt_grammar::gepa`] does until the budget ends it, then scores seed and winner.
pub(super) fn spend(purse: &mut Purse<'_>, options: &gepa::Options, rng: &Stream) {
    let seed = purse.seed();
    let [train, val, _] = purse.terms.sizes;
    let odds = purse.world.odds;
    let whole: Vec<usize> = (0..val).collect();
    let mut rng = rng.child("gepa", 0);
    let mut winner = None;
    if purse.evaluate(&seed, Split::Val, &whole) {
        let first = Member { candidate: seed.clone(), score: odds.score, seen: odds.score, next: 0 };
        let mut pool = vec![first];
        search(purse, options, &whole, train, &mut pool, &mut rng);
        let best = (0..pool.len()).fold(0, |best, i| if pool[i].seen > pool[best].seen { i } else { best });
        winner = (best > 0).then(|| pool.swap_remove(best).candidate);
    }
    // One example has no spread, and is not scored.
    if purse.terms.sizes[2] > 1 {
        purse.report(&seed);
        if let Some(winner) = winner {
            purse.report(&winner);
        }
    }
}

fn search(
    purse: &mut Purse<'_>,
    options: &gepa::Options,
    whole: &[usize],
    train: usize,
    pool: &mut Vec<Member>,
    rng: &mut Stream,
) {
    let odds = purse.world.odds;
    let n = options.minibatch.clamp(1, train.max(1));
    let components = purse.terms.work.components.len().max(1);
    let (mut order, mut at, mut merges, mut grew) = (Vec::new(), 0, 0, false);
    // Skipped iterations spend, so this ends; a run without limits of any kind does not exist.
    for _ in 0..MOST_ITERATIONS {
        if purse.is_late() {
            return;
        }
        if let Some(merge) = options.merge.filter(|m| grew && merges < m.max_invocations && pool.len() > 2) {
            grew = false;
            if rng.chance(0.5) {
                let few: Vec<usize> = (0..merge.examples.min(whole.len())).collect();
                let child = pool[pool.len() - 1].candidate.clone();
                let score = pool[pool.len() - 1].score;
                merges += 1;
                if !purse.evaluate(&child, Split::Val, &few)
                    || (rng.chance(0.4) && !keep(purse, child, score, 0, whole, pool, rng))
                {
                    return;
                }
                continue;
            }
        }
        let parent = draw(pool, rng);
        if at + n > order.len() {
            order = (0..train).collect();
            rng.shuffle(&mut order);
            let short = train.next_multiple_of(n) - train;
            order.extend_from_within(..short.min(train));
            at = 0;
        }
        let batch = order[at..at + n].to_vec();
        at += n;
        if !purse.evaluate(&pool[parent].candidate, Split::Train, &batch) {
            return;
        }
        let right: Vec<bool> = batch.iter().map(|_| rng.chance(pool[parent].score)).collect();
        if options.skip_perfect && right.iter().all(|r| *r) {
            continue;
        }
        let c = pool[parent].next % components;
        pool[parent].next += 1;
        let Some(child) = purse.rewrite(&pool[parent].candidate, c) else { return };
        if rng.chance(odds.dud) {
            continue;
        }
        if !purse.evaluate(&child, Split::Train, &batch) {
            return;
        }
        let score = (pool[parent].score + odds.step * normal(rng)).clamp(0.0, 1.0);
        let after =
            right.iter().filter(|r| if rng.chance(odds.flip) { rng.chance(score) } else { **r }).count();
        if after > right.iter().filter(|r| **r).count() {
            let next = pool[parent].next;
            if !keep(purse, child, score, next, whole, pool, rng) {
                return;
            }
            grew = true;
        }
    }
}

/// No simulated run is longer: what is said of longer ones holds for so many iterations.
const MOST_ITERATIONS: usize = 100_000;

/// Evaluates a candidate on the whole validation split and takes it into the pool.
fn keep(
    purse: &mut Purse<'_>,
    candidate: Candidate,
    score: f64,
    next: usize,
    whole: &[usize],
    pool: &mut Vec<Member>,
    rng: &mut Stream,
) -> bool {
    let done = purse.evaluate(&candidate, Split::Val, whole);
    if done {
        let Odds { flip, .. } = purse.world.odds;
        let error = (score * (1.0 - score) * flip / whole.len().max(1) as f64).sqrt();
        pool.push(Member { candidate, score, seen: score + error * normal(rng), next });
    }
    done
}

/// A parent: the better, the likelier.
fn draw(pool: &[Member], rng: &mut Stream) -> usize {
    let best = pool.iter().map(|m| m.seen).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = pool.iter().map(|m| (6.0 * (m.seen - best)).exp()).collect();
    rng.weighted(&weights).unwrap_or(0)
}
