//! What a simulated run has used, and whether it may go on.

use std::collections::BTreeMap;

use meta_traits::{Budget, Cost, Split, Stream, Unit};

use super::growth::Growth;
use super::work::{TOKENS_PER_CHARACTER, Work, default_seconds, place};
use super::world::{Asking, World};
use crate::draws::normal;

/// Seconds that the run loop itself takes for a metric call.
const OVERHEAD: f64 = 2e-4;

/// Amounts used for one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Used {
    pub(super) calls: f64,
    pub(super) tokens_in: f64,
    pub(super) tokens_out: f64,
    pub(super) nano_usd: f64,
    pub(super) seconds: f64,
}

impl Used {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            tokens_in: self.tokens_in + other.tokens_in,
            tokens_out: self.tokens_out + other.tokens_out,
            nano_usd: self.nano_usd + other.nano_usd,
            seconds: self.seconds + other.seconds,
        }
    }
}

/// What the whole of a simulated run used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spent {
    pub(super) evaluations: f64,
    pub(super) proposals: f64,
    pub(super) search: Used,
    pub(super) reflection: Used,
    pub(super) report: Used,
}

impl Spent {
    pub(super) fn total(&self) -> Used {
        self.search.plus(self.reflection).plus(self.report)
    }
}

/// What is the same in all simulated runs.
pub(super) struct Terms<'a> {
    pub(super) work: &'a Work,
    pub(super) growth: &'a Growth,
    pub(super) asking: &'a Asking,
    pub(super) budget: Budget,
    pub(super) for_report: Cost,
    pub(super) concurrent: usize,
    pub(super) sizes: [usize; 3],
}

/// A candidate as far as spending goes.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Characters of its components beyond the seed's.
    pub(super) longer: Vec<f64>,
    /// Which text each component holds, and how many rewritings led to it.
    pub(super) versions: Vec<u32>,
    pub(super) generations: Vec<usize>,
}

/// A simulated run's meter and clock.
pub(super) struct Purse<'a> {
    pub(super) terms: &'a Terms<'a>,
    pub(super) world: &'a World,
    pub(super) spent: Spent,
    /// Examples on which a piece was asked with these versions of what it reads: split, piece, versions.
    asked: BTreeMap<(usize, usize, u64), Vec<bool>>,
    versions: u32,
    rng: Stream,
}

impl<'a> Purse<'a> {
    pub(super) fn new(terms: &'a Terms<'a>, world: &'a World, rng: Stream) -> Self {
        Self { terms, world, spent: Spent::default(), asked: BTreeMap::new(), versions: 0, rng }
    }

    /// The candidate that the search starts from.
    pub(super) fn seed(&self) -> Candidate {
        let n = self.terms.work.components.len();
        Candidate { longer: vec![0.0; n], versions: vec![0; n], generations: vec![0; n] }
    }

    /// Whether time is up.
    pub(super) fn is_late(&self) -> bool {
        let limit = self.terms.budget.wall;
        limit.is_some_and(|limit| self.spent.total().seconds >= limit.as_secs_f64())
    }

    /// Evaluates on so many `examples` of the search; false when the budget ends the search.
    pub(super) fn evaluate(&mut self, candidate: &Candidate, split: Split, examples: &[usize]) -> bool {
        let n = examples.len();
        let limit = self.terms.budget.limit(Unit::Evaluations);
        if limit.is_some_and(|limit| self.spent.evaluations + n as f64 > limit as f64) {
            return false;
        }
        let affordable = self.affordable(candidate, split, n, true);
        let used = self.charge(candidate, split, &examples[..affordable]);
        self.spent.search = self.spent.search.plus(used);
        self.spent.evaluations += affordable as f64;
        affordable == n
    }

    /// Scores on the test split, after the search.
    pub(super) fn report(&mut self, candidate: &Candidate) {
        let examples: Vec<usize> = (0..self.terms.sizes[place(Split::Test)]).collect();
        let affordable = self.affordable(candidate, Split::Test, examples.len(), false);
        let used = self.charge(candidate, Split::Test, &examples[..affordable]);
        self.spent.report = self.spent.report.plus(used);
    }

    /// Mean calls, tokens and money of a metric call.
    fn mean(&self, candidate: &Candidate, split: Split) -> Used {
        let mut mean = Used::default();
        for (piece, rate) in self.terms.work.pieces.iter().zip(&self.world.rates) {
            let longer = piece.component.map_or(0.0, |c| candidate.longer[c]) * TOKENS_PER_CHARACTER;
            let read = ((piece.read[place(split)] + longer) * rate.reading).max(0.0);
            mean.calls += rate.calls;
            mean.tokens_in += rate.calls * read;
            mean.tokens_out += rate.calls * rate.written;
            mean.nano_usd +=
                rate.calls * (piece.nano_call + read * piece.nano_in + rate.written * piece.nano_out);
        }
        mean
    }

    /// How many of `n` metric calls the limits of calls, tokens and money grant: each is begun only while what is
    /// spent, and the caps of what is in flight, leave room for one more cap.
    fn affordable(&self, candidate: &Candidate, split: Split, n: usize, searching: bool) -> usize {
        let terms = self.terms;
        let (mean, spent) = (self.mean(candidate, split), self.spent.total());
        let longer: f64 = candidate.longer.iter().sum::<f64>() * terms.work.cap_per_char;
        let cap_tokens = (terms.work.cap.of(Unit::Tokens) as f64 + longer).max(0.0);
        let per_token = terms.work.cap.nano_usd as f64 / terms.work.cap.of(Unit::Tokens).max(1) as f64;
        let kept = if searching { terms.for_report } else { Cost::ZERO };
        let units = [
            (Unit::ModelCalls, mean.calls, spent.calls, terms.work.cap.calls as f64),
            (Unit::Tokens, mean.tokens_in + mean.tokens_out, spent.tokens_in + spent.tokens_out, cap_tokens),
            (Unit::NanoUsd, mean.nano_usd, spent.nano_usd, cap_tokens * per_token),
        ];
        let mut granted = n;
        for (unit, each, so_far, cap) in units {
            let Some(limit) = terms.budget.limit(unit) else { continue };
            let room = limit as f64 - kept.of(unit) as f64 - so_far;
            let fits = |k: &usize| {
                let flying = (*k).min(terms.concurrent - 1);
                (k - flying) as f64 * each + (flying + 1) as f64 * cap <= room
            };
            granted = granted.min((0..n).take_while(fits).count());
        }
        granted
    }

    fn charge(&mut self, candidate: &Candidate, split: Split, examples: &[usize]) -> Used {
        let n = examples.len() as f64;
        if examples.is_empty() {
            return Used::default();
        }
        let mut used = Used::default();
        for (piece, rate) in self.terms.work.pieces.iter().zip(&self.world.rates) {
            let longer = piece.component.map_or(0.0, |c| candidate.longer[c]) * TOKENS_PER_CHARACTER;
            let scatter = 1.0 + piece.spread / n.sqrt() * normal(&mut self.rng);
            let read = ((piece.read[place(split)] + longer) * rate.reading).max(0.0) * n * rate.calls;
            let written = rate.written * n * rate.calls * scatter.max(0.0);
            used.calls += n * rate.calls;
            used.tokens_in += read;
            used.tokens_out += written;
            used.nano_usd +=
                n * rate.calls * piece.nano_call + read * piece.nano_in + written * piece.nano_out;
        }
        used.seconds = self.duration(candidate, split, examples) + OVERHEAD * n;
        used
    }

    /// Seconds of a trial: so many metric calls in flight, begun and ended in order.
    fn duration(&mut self, candidate: &Candidate, split: Split, examples: &[usize]) -> f64 {
        let Some(pace) = self.terms.work.pace else { return 0.0 };
        let mut each = vec![0.0; examples.len()];
        let (mut rounds, at) = (vec![0.0; examples.len()], place(split));
        for (i, (piece, rate)) in self.terms.work.pieces.iter().zip(&self.world.rates).enumerate() {
            let longer = piece.component.map_or(0.0, |c| candidate.longer[c]) * TOKENS_PER_CHARACTER;
            let read = ((piece.read[at] + longer) * rate.reading).max(0.0);
            let seconds = piece.in_turn * default_seconds(rate.calls, read, rate.written);
            let known = self.note(candidate, at, i, examples);
            for (position, again) in known.into_iter().enumerate() {
                if !again {
                    each[position] += seconds;
                    rounds[position] += rate.calls * piece.in_turn;
                }
            }
        }
        let (scale, rng) = (self.world.scale, &mut self.rng);
        let noise = (-0.5 * pace.noise * pace.noise).exp();
        let mut ends: Vec<f64> = Vec::with_capacity(each.len());
        for (i, (seconds, calls)) in each.iter().zip(&rounds).enumerate() {
            let mut took = seconds * scale * noise * (pace.noise * normal(rng)).exp();
            if rng.chance(self.world.stalls * calls) {
                took += self.world.stalled * -(1.0 - rng.unit()).ln();
            }
            let begun = i.checked_sub(self.terms.concurrent).map_or(0.0, |k| ends[k]);
            let before = ends.last().copied().unwrap_or(0.0);
            ends.push(before.max(begun + took));
        }
        ends.last().copied().unwrap_or(0.0)
    }

    /// Whether a cache answers the piece on each of `examples`; notes that it was asked.
    fn note(&mut self, candidate: &Candidate, split: usize, piece: usize, examples: &[usize]) -> Vec<bool> {
        let Some(kind) = self.terms.work.pieces.get(piece).filter(|p| p.repeats) else {
            return vec![false; examples.len()];
        };
        let key = |bits: u64| {
            let read = candidate.versions.iter().enumerate().filter(|(c, _)| *c < 64 && bits >> c & 1 == 1);
            read.fold(bits, |key, (c, v)| {
                (key ^ (u64::from(*v) + ((c as u64) << 40)))
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left(23)
            })
        };
        let size = self.terms.sizes[split].max(1);
        let marks = self.asked.entry((split, piece, key(kind.reads))).or_insert_with(|| vec![false; size]);
        let mut again: Vec<bool> =
            examples.iter().map(|e| std::mem::replace(&mut marks[e % size], true)).collect();
        if kind.hears != kind.reads {
            // A label that came out the same leaves what is asked the same.
            let heard = !kind.hears;
            let loose = (split, piece + self.terms.work.pieces.len(), key(kind.hears) ^ heard);
            let marks = self.asked.entry(loose).or_insert_with(|| vec![false; size]);
            for (again, e) in again.iter_mut().zip(examples) {
                let before = std::mem::replace(&mut marks[e % size], true);
                *again |= before && !self.rng.chance(self.world.odds.flip);
            }
        }
        again
    }

    /// Has component `c` of `parent` rewritten; `None` when the budget ends the search.
    pub(super) fn rewrite(&mut self, parent: &Candidate, c: usize) -> Option<Candidate> {
        let (terms, world) = (self.terms, self.world);
        let asking = terms.asking;
        let spent = self.spent.total();
        for (unit, so_far) in [
            (Unit::ModelCalls, spent.calls),
            (Unit::Tokens, spent.tokens_in + spent.tokens_out),
            (Unit::NanoUsd, spent.nano_usd),
        ] {
            let needed = (asking.cap.of(unit) + terms.for_report.of(unit)) as f64;
            if terms.budget.limit(unit).is_some_and(|limit| so_far + needed > limit as f64) {
                return None;
            }
        }
        let own = terms.work.components.get(c).map_or(0.0, |c| c.1);
        let now = own + parent.longer[c];
        let new = terms.growth.next(c, now, parent.generations[c], world.pull, &mut self.rng);
        self.spent.proposals += 1.0;
        if asking.asks {
            let mut used = Used {
                calls: asking.flat.calls as f64,
                tokens_in: asking.flat.tokens_in as f64,
                tokens_out: asking.flat.tokens_out as f64,
                nano_usd: asking.flat.nano_usd as f64,
                seconds: 0.0,
            };
            if asking.characters > 0.0 {
                used.calls = 1.0;
                used.tokens_in = (asking.characters + now) * world.asking_tokens;
                used.tokens_out = new * world.asking_tokens + world.asking_more;
                used.nano_usd = used.tokens_in * asking.nano_in + used.tokens_out * asking.nano_out;
                let noise = (0.35 * normal(&mut self.rng)).exp();
                used.seconds =
                    world.asking_scale * noise * default_seconds(1.0, used.tokens_in, used.tokens_out);
            }
            self.spent.reflection = self.spent.reflection.plus(used);
        }
        self.versions += 1;
        let mut child = parent.clone();
        child.longer[c] = new - own;
        child.versions[c] = self.versions;
        child.generations[c] += 1;
        Some(child)
    }
}
