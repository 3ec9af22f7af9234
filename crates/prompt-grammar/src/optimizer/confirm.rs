use std::fmt;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::PromptError;
use crate::space::Choices;

/// Fewer examples say too little of prompts of usual quality: a test on them would mostly send the seed back.
pub(super) const LEAST: usize = 16;
/// Values up to which all signs are gone through, and random flips above.
const EXACT: usize = 12;
const FLIPS: u64 = 9999;
/// Halvings that find the ends of an interval.
const HALVINGS: u32 = 12;

/// When a prompt counts as better than the seed; see [`ModelSearch::within`](super::ModelSearch::within).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Confirm {
    /// The chance of confirming a prompt that is no better than the seed; 0 to 0.5. 0 turns confirmation off.
    pub alpha: f64,
    /// The share of the example calls that may be kept for it; 0 to 0.5.
    pub share: f64,
    /// The share of the examples that the search does without, so that they are fresh in the end; 0 to 0.5.
    pub held_out: f64,
}

impl Default for Confirm {
    fn default() -> Self {
        Self { alpha: 0.05, share: 0.1, held_out: 0.3 }
    }
}

impl Confirm {
    pub(super) fn check(&self) -> Result<(), PromptError> {
        let shares = [
            ("confirm.alpha", self.alpha),
            ("confirm.share", self.share),
            ("confirm.held_out", self.held_out),
        ];
        match shares.into_iter().find(|(_, value)| !(0.0..=0.5).contains(value)) {
            Some((field, value)) => Err(PromptError::range(field, value, "0 to 0.5")),
            None => Ok(()),
        }
    }

    /// Examples to be held out of so many, with so many calls, `before` of them for the first round; 0 where there is no
    /// room for a test that could tell anything.
    pub(crate) fn pairs(&self, calls: u64, before: u64, examples: usize) -> usize {
        let paid = (self.share * calls as f64 / 2.0).floor() as usize;
        let pairs = paid.min((self.held_out * examples as f64).floor() as usize);
        let room = before.saturating_add(2 * pairs as u64) <= calls;
        if self.alpha > 0.0 && pairs >= LEAST && room { pairs } else { 0 }
    }
}

/// A prompt against the seed, on examples that no choice of the search depended on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Compared {
    /// The prompt that led.
    pub contender: Choices,
    /// Examples that both met.
    pub examples: usize,
    /// Mean score of the contender less that of the seed.
    pub difference: f64,
    /// The interval of the differences that the test would not reject to either side: 1 - 2 alpha.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// One-sided p-value of "no better than the seed".
    pub p: f64,
}

/// Whether the prompt that is returned is known to be better than the seed.
///
/// ```
/// use prompt_grammar::optimizer::Verdict;
/// assert_eq!(Verdict::Unconfirmed.to_string(), "unconfirmed: no fresh examples were spent on a comparison with the seed");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The prompt returned is better than the seed.
    Confirmed(Compared),
    /// The contender may be no better: the seed is returned.
    Tie(Compared),
    /// There was no test, or not yet; what leads is returned.
    #[default]
    Unconfirmed,
}

impl Verdict {
    /// The comparison behind it.
    pub fn compared(&self) -> Option<&Compared> {
        match self {
            Self::Confirmed(compared) | Self::Tie(compared) => Some(compared),
            Self::Unconfirmed => None,
        }
    }

    /// `confirmed`, `tie` or `unconfirmed`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Confirmed(_) => "confirmed",
            Self::Tie(_) => "tie",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Confirmed(_) => "better than the seed",
            Self::Tie(_) => "no improvement could be confirmed",
            Self::Unconfirmed => "no fresh examples were spent on a comparison with the seed",
        };
        write!(f, "{}: {what}", self.name())?;
        match self.compared() {
            Some(Compared { difference, low, high, p, examples, .. }) => write!(
                f,
                " (by {difference:.3}, between {low:.3} and {high:.3}, on {examples} examples; p = {p:.4})"
            ),
            None => Ok(()),
        }
    }
}

/// The comparison by these differences, which may be none.
pub(super) fn compared(contender: Choices, differences: &[f64], alpha: f64, stream: &Stream) -> Compared {
    let examples = differences.len();
    let difference = differences.iter().sum::<f64>() / examples.max(1) as f64;
    let flips = Flips::new(examples, stream);
    let p = flips.upper_tail(differences);
    let shifted = |by: f64, sign: f64| differences.iter().map(|d| sign * (d - by)).collect::<Vec<f64>>();
    // The test at a difference of `by` is the test of the differences less `by` at 0; it rejects far ones only.
    let end = |sign: f64| {
        let (mut out, mut inside) = (difference - 2.0 * sign, difference);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(out, inside);
            let rejected = flips.upper_tail(&shifted(middle, sign)) <= alpha;
            *(if rejected { &mut out } else { &mut inside }) = middle;
        }
        inside
    };
    Compared { contender, examples, difference, low: end(1.0), high: end(-1.0), p }
}

/// Ways to flip signs: all of up to 12 values, else 9,999 at random.
struct Flips {
    /// For every way which values are flipped, 64 a word.
    ways: Vec<Vec<u64>>,
    all: bool,
}

impl Flips {
    fn new(values: usize, stream: &Stream) -> Self {
        if values <= EXACT {
            return Self { ways: (0..1_u64 << values).map(|way| vec![way]).collect(), all: true };
        }
        let mut rng = stream.child("flips", 0);
        let mut way = || {
            let mut words = vec![0; values.div_ceil(64)];
            for i in 0..values {
                words[i / 64] |= u64::from(rng.chance(0.5)) << (i % 64);
            }
            words
        };
        Self { ways: (0..FLIPS).map(|_| way()).collect(), all: false }
    }

    /// The share of all signs of the values under which their sum is at least as high: the p-value of "symmetric about 0,
    /// or lower"; (b + 1) / (m + 1) where not all were gone through.
    fn upper_tail(&self, values: &[f64]) -> f64 {
        let size: f64 = values.iter().map(|v| v.abs()).sum();
        // Sums that only rounding tells apart are equal.
        let least = values.iter().sum::<f64>() - 1e-12 * size;
        let sum = |way: &Vec<u64>| {
            let signed = |(i, v): (usize, &f64)| if way[i / 64] >> (i % 64) & 1 == 1 { -v } else { *v };
            values.iter().enumerate().map(signed).sum::<f64>()
        };
        let reached = self.ways.iter().filter(|way| sum(way) >= least).count();
        let own = usize::from(!self.all);
        (reached + own) as f64 / (self.ways.len() + own) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_counted() {
        let is = |values: &[f64], p: f64| {
            let flips = Flips::new(values.len(), &Stream::root(0));
            assert!((flips.upper_tail(values) - p).abs() < 1e-15, "{values:?}");
        };
        is(&[1.0, 2.0, 3.0], 1.0 / 8.0);
        is(&[-1.0, -2.0, -3.0], 1.0);
        is(&[1.0, 0.0, -1.0], 0.75);
        is(&[], 1.0);
        // Once in a million ways 20 equal values keep their sum; 70 take more than a word.
        assert!(Flips::new(20, &Stream::root(0)).upper_tail(&[1.0; 20]) <= 3.0 / 10_000.0);
        let far = Flips::new(70, &Stream::root(0));
        assert!((far.upper_tail(&[-1.0; 70]) - 1.0).abs() < 1e-15 && far.upper_tail(&[1.0; 70]) <= 1e-4);
    }

    /// Equal prompts are told apart in a share alpha of the cases at most, and the interval misses 0 as often.
    #[test]
    fn equal_prompts_are_seldom_told_apart() {
        let none = Choices::new(Vec::new(), Vec::new());
        let differences = |seed: u64, gain: f64| {
            let mut rng = Stream::root(seed);
            let mut hit = |p: f64| f64::from(u8::from(rng.chance(p)));
            (0..12).map(|_| hit(0.3 + gain) - hit(0.3)).collect::<Vec<f64>>()
        };
        let flips = Flips::new(12, &Stream::root(1));
        let told_apart = |seed: &u64, gain: f64| flips.upper_tail(&differences(*seed, gain)) <= 0.05;
        let wrong = (0..200).filter(|seed| told_apart(seed, 0.0)).count();
        assert!(wrong <= 17, "{wrong} of 200");
        let better = (0..50).filter(|seed| told_apart(seed, 0.6)).count();
        assert!(better >= 40, "{better} of 50");
        for seed in 0..12 {
            let c = compared(none.clone(), &differences(seed, 0.3), 0.05, &Stream::root(1));
            assert!(c.low <= c.difference && c.difference <= c.high, "{c:?}");
            assert!(if c.p <= 0.05 { c.low > 0.0 } else { c.low < 0.001 }, "{c:?}");
        }
    }

    #[test]
    fn the_reserve_follows_calls_and_examples() {
        let confirm = Confirm::default();
        assert_eq!(confirm.pairs(3000, 78, 100), 30);
        assert_eq!(confirm.pairs(400, 78, 100), 20);
        assert_eq!(confirm.pairs(300, 78, 100), 0, "15 pairs tell too little");
        assert_eq!(confirm.pairs(3000, 78, 50), 0);
        assert_eq!(confirm.pairs(3000, 2990, 100), 0, "the first round takes all");
        assert_eq!(Confirm { alpha: 0.0, ..confirm }.pairs(3000, 78, 100), 0);
        assert_eq!(Confirm { share: 0.0, ..confirm }.pairs(3000, 78, 100), 0);
        assert_eq!(Confirm { held_out: 0.5, ..confirm }.pairs(u64::MAX, 78, 100), 50);
        let fault = Confirm { alpha: f64::NAN, ..confirm }.check().unwrap_err().to_string();
        assert_eq!(fault, "prompt: confirm.alpha = NaN is outside its range; allowed: 0 to 0.5");
    }
}
