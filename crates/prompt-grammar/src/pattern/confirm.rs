use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::evidence::mean;

/// Below so many examples, or prompts, signs cannot be flipped in enough ways for a p-value of 0.05.
pub(super) const LEAST_EXAMPLES: usize = 6;
/// Values up to which all signs are gone through.
const EXACT: usize = 12;
/// Random flips above that.
const FLIPS: u64 = 9999;

/// The score of a prompt with a pattern less that of the same prompt without it, on one example.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Which prompt, by number.
    pub host: usize,
    /// Which example, by number.
    pub example: usize,
    /// The difference; finite.
    pub score: f64,
}

/// What fresh trials say of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Confirmation {
    /// Mean difference over prompts, each by its mean.
    pub effect: f64,
    /// p-value: the greater of that over prompts and that over examples, so that neither a few prompts nor a few
    /// examples can make a finding.
    pub p: f64,
    /// Prompts compared.
    pub hosts: usize,
    /// Whether the pattern is confirmed: six prompts and six examples at least, `p` at most the level, and an effect of
    /// the sign expected.
    pub confirmed: bool,
}

/// Judges a pattern by randomised toggles: the same prompts with and without it on the same examples, chosen by chance
/// and not by their results.
///
/// Signs are flipped for whole prompts and for whole examples; all ways up to 12, else 9,999 at random with
/// (b + 1) / (m + 1). `expected` is the sign the finding has. What is no finite number is left out. O(differences x
/// flips).
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::pattern::{Difference, confirm};
/// let differences: Vec<Difference> = (0..8)
///     .flat_map(|host| (0..6).map(move |example| Difference { host, example, score: 0.3 }))
///     .collect();
/// assert!(confirm(&differences, 1.0, 0.05, &Stream::root(0)).confirmed);
/// assert!(!confirm(&differences, -1.0, 0.05, &Stream::root(0)).confirmed);
/// assert!(!confirm(&differences[..30], 1.0, 0.05, &Stream::root(0)).confirmed, "five prompts are too few");
/// ```
pub fn confirm(differences: &[Difference], expected: f64, level: f64, stream: &Stream) -> Confirmation {
    let by = |key: fn(&Difference) -> usize| {
        let mut groups: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for d in differences.iter().filter(|d| d.score.is_finite()) {
            groups.entry(key(d)).or_default().push(d.score);
        }
        groups.into_values().map(|g| mean(g.into_iter())).collect::<Vec<f64>>()
    };
    let (hosts, examples) = (by(|d| d.host), by(|d| d.example));
    let effect = mean(hosts.iter().copied());
    let p = f64::max(
        sign_flips(&hosts, FLIPS, &mut stream.child("hosts", 0)),
        sign_flips(&examples, FLIPS, &mut stream.child("examples", 0)),
    );
    let enough = hosts.len() >= LEAST_EXAMPLES && examples.len() >= LEAST_EXAMPLES;
    Confirmation { effect, p, hosts: hosts.len(), confirmed: enough && p <= level && effect * expected > 0.0 }
}

/// The two-sided p-value of a sum under random signs.
pub(super) fn sign_flips(values: &[f64], flips: u64, rng: &mut Stream) -> f64 {
    let size: f64 = values.iter().map(|v| v.abs()).sum();
    // Sums that only rounding tells apart are equal.
    let least = values.iter().sum::<f64>().abs() - 1e-12 * size;
    let signed = |minus: &mut dyn FnMut(usize) -> bool| {
        values.iter().enumerate().map(|(i, v)| if minus(i) { -v } else { *v }).sum::<f64>().abs()
    };
    if values.len() <= EXACT {
        let all = 1_u32 << values.len();
        let reached = (0..all).filter(|flip| signed(&mut |i| flip >> i & 1 == 1) >= least).count();
        return reached as f64 / f64::from(all);
    }
    let reached = (0..flips).filter(|_| signed(&mut |_| rng.chance(0.5)) >= least).count();
    (reached + 1) as f64 / (flips + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_signs_are_gone_through() {
        let mut rng = Stream::root(0);
        let mut is = |values: &[f64], p: f64| assert!((sign_flips(values, 0, &mut rng) - p).abs() < 1e-15);
        is(&[1.0, 2.0, 3.0], 2.0 / 8.0);
        is(&[1.0, -1.0], 1.0);
        is(&[], 1.0);
        assert!(sign_flips(&[1.0; 20], 999, &mut rng) <= 2.0 / 1000.0);
    }

    /// Many examples of two prompts that happen to be better are two results, not hundreds.
    #[test]
    fn a_few_prompts_do_not_confirm() {
        let lucky = |host: usize| if host < 2 { 0.9 } else { [-0.05, 0.05][host % 2] };
        let differences: Vec<Difference> = (0..8)
            .flat_map(|host| (0..50).map(move |example| Difference { host, example, score: lucky(host) }))
            .collect();
        let judged = confirm(&differences, 1.0, 0.05, &Stream::root(1));
        assert!(!judged.confirmed && judged.p > 0.05, "{judged:?}");
    }
}
