//! Which parts of a prompt its quality comes from, with intervals.
//!
//! [`shapley`] divides the difference between a prompt and a baseline among the choices in which they differ
//! (Shapley 1953); [`main_effects`] and [`indices`] say which slots matter over all prompts (functional analysis of
//! variance, Sobol' 2001). All values are log odds under a [`Posterior`]; intervals come from draws of its effects.

mod additive;
mod anova;
mod design;
mod telling;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::model::Posterior;
use crate::space::{Choices, PromptSpace};

pub use self::additive::Additive;
pub use self::anova::{Index, MainEffect, indices, main_effects};
pub use self::design::design;
pub use self::telling::Telling;

/// Differences up to which all subsets are gone through.
const EXACT: usize = 10;
/// Orders of the differences that are drawn above that; each is used forwards and backwards.
const ORDERS: u64 = 64;
/// Two-sided 90 % of a draw.
const TAIL: f64 = 0.05;

/// What one choice is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The slot in which prompt and baseline differ; `None` for the order of sections.
    pub slot: Option<usize>,
    /// Posterior mean, in log odds.
    pub value: f64,
    /// Lower end of the 90 % interval.
    pub low: f64,
    /// Upper end of the 90 % interval.
    pub high: f64,
}

/// Divides the posterior mean of f(prompt) - f(baseline) among the choices in which they differ.
///
/// Exact up to ten differences; above, 64 random orders and their reverses (antithetic), which still add up to the
/// whole. `draws` draws of the posterior give the intervals; with none, `low` and `high` are the value. Shares are in
/// the order of slots, the order of sections last. O(2^differences + draws x effects).
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::attribution::shapley;
/// use prompt_grammar::model::Posterior;
/// use prompt_grammar::space::{PromptSpace, Slot, SlotOption};
/// let options = || vec![SlotOption::new("", 0), SlotOption::new("a", 1)];
/// let space = PromptSpace::new(vec![Slot::new("x", options()), Slot::new("y", options())], vec![], None)?;
/// let mut posterior = Posterior::new(space.clone(), 9);
/// for n in 0..2 {
///     let mut prompt = space.seed();
///     prompt.choose(0, n);
///     posterior.add(&prompt);
///     (0..9).for_each(|example| posterior.observe(usize::from(n), example, f64::from(n)));
/// }
/// posterior.fit();
/// let mut prompt = space.seed();
/// prompt.choose(0, 1);
/// let shares = shapley(&posterior, &space, &prompt, &space.seed(), 20, &Stream::root(0));
/// assert_eq!(shares.len(), 1);
/// assert!(shares[0].value > 0.3 && shares[0].low <= shares[0].value && shares[0].value <= shares[0].high);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
pub fn shapley(
    posterior: &Posterior,
    space: &PromptSpace,
    prompt: &Choices,
    baseline: &Choices,
    draws: u64,
    stream: &Stream,
) -> Vec<Share> {
    let pairs = prompt.options().iter().zip(baseline.options());
    let mut players: Vec<Option<usize>> =
        pairs.enumerate().filter(|(_, (a, b))| a != b).map(|(slot, _)| Some(slot)).collect();
    if prompt.order() != baseline.order() {
        players.push(None);
    }
    let mixed = |taken: &[bool]| {
        let mut mix = baseline.clone();
        for (player, _) in players.iter().zip(taken).filter(|(_, t)| **t) {
            match player {
                Some(slot) => mix.choose(*slot, prompt.option(*slot)),
                None => mix = Choices::new(mix.options().to_vec(), prompt.order().to_vec()),
            }
        }
        space.canonical(mix)
    };
    let n = players.len();
    let mut parts = vec![vec![0.0; posterior.effects()]; n];
    if n <= EXACT {
        for subset in 0..1_usize << n {
            let taken: Vec<bool> = (0..n).map(|i| subset >> i & 1 == 1).collect();
            let size = subset.count_ones() as usize;
            let mix = mixed(&taken);
            for i in 0..n {
                // A member counts for itself, anyone else against: s!(n-s-1)!/n! of the subset without the player.
                let weight = if taken[i] { weight(size - 1, n) } else { -weight(size, n) };
                posterior.visit(&mix, |at, value| parts[i][at] += weight * value);
            }
        }
    } else {
        let step = 0.5 / ORDERS as f64;
        for order in 0..ORDERS {
            let mut who: Vec<usize> = (0..n).collect();
            stream.child("order", order).shuffle(&mut who);
            for reversed in [false, true] {
                let mut taken = vec![false; n];
                for k in 0..n {
                    let i = if reversed { who[n - 1 - k] } else { who[k] };
                    posterior.visit(&mixed(&taken), |at, value| parts[i][at] -= step * value);
                    taken[i] = true;
                    posterior.visit(&mixed(&taken), |at, value| parts[i][at] += step * value);
                }
            }
        }
    }
    let mean = posterior.mean_effects();
    let drawn: Vec<_> = (0..draws).map(|d| posterior.draw(&mut stream.child("draw", d))).collect();
    players
        .into_iter()
        .zip(parts)
        .map(|(slot, part)| {
            let value = mean.dot(&part);
            let (low, high) = interval(value, drawn.iter().map(|d| d.dot(&part)).collect());
            Share { slot, value, low, high }
        })
        .collect()
}

/// s! (n - s - 1)! / n!
fn weight(s: usize, n: usize) -> f64 {
    let choose = (0..s).fold(1.0, |c, k| c * (n - 1 - k) as f64 / (k + 1) as f64);
    1.0 / (n as f64 * choose)
}

/// The central 90 % of some draws, widened to hold `value`.
fn interval(value: f64, mut draws: Vec<f64>) -> (f64, f64) {
    draws.sort_by(f64::total_cmp);
    let at =
        |q: f64| draws.get((q * (draws.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(value);
    (at(TAIL).min(value), at(1.0 - TAIL).max(value))
}
