use meta_traits::Stream;

use super::aligned::Aligned;
use crate::baseline::draw;
use crate::gp::{Gp, Marginal};

/// Draws from each model for its ranking loss.
const DRAWS: usize = 256;
/// Points of the new task below which its own model has no say.
pub(super) const OWN: usize = 3;
/// Points of the new task at which old tasks have no say any more, a parameter.
pub(super) const FADE: usize = 5;
/// The largest share of pairs that an old model may misrank in the median; a coin misranks half.
const MISRANKED: f64 = 1.0 / 3.0;

/// How much each old model and, last, the model of the new task count, which sums to 1; and how much all old ones would if
/// they did not fade out.
///
/// The weight of a model is the share of draws from its posterior at the new task's points in which it misranks the fewest
/// pairs; the new task's own model is drawn from its leave-one-out predictions, and ties are its own (Feurer et al. 2018).
/// An old model whose median loss lies above the 95th percentile of the own model's, or above a third of the pairs, is left
/// out; what is left fades out linearly over 5 points a parameter.
pub(super) fn weights(
    old: &[Aligned<'_>],
    own: Option<&Gp>,
    features: &[Vec<f64>],
    losses: &[f64],
    rng: &mut Stream,
) -> (Vec<f64>, f64) {
    let n = losses.len();
    let mut weights = vec![0.0; old.len() + 1];
    let Some(own) = own.filter(|_| n >= OWN) else {
        let even = 1.0 / old.len().max(1) as f64;
        weights[..old.len()].fill(even);
        if n >= OWN || old.is_empty() {
            weights.fill(0.0);
            weights[old.len()] = 1.0;
        }
        return (weights, 0.0);
    };
    let ranked = |marginals: &[Marginal], rng: &mut Stream| -> Vec<u32> {
        (0..DRAWS)
            .map(|_| {
                let drawn: Vec<f64> =
                    marginals.iter().map(|m| m.mean + m.variance.max(0.0).sqrt() * draw(rng)).collect();
                misranked(&drawn, losses)
            })
            .collect()
    };
    let own_marginals: Vec<Marginal> = (0..n).map(|i| own.leave_one_out(i)).collect();
    let own_losses = ranked(&own_marginals, &mut rng.child("transfer/own", 0));
    let pairs = (n * (n - 1) / 2) as f64;
    let limit = quantile(&own_losses, 0.95).min((MISRANKED * pairs) as u32);
    let old_losses: Vec<Option<Vec<u32>>> = old
        .iter()
        .enumerate()
        .map(|(i, aligned)| {
            let mut predictor = aligned.predictor();
            let marginals: Vec<Marginal> =
                features.iter().map(|x| predictor.marginal(&aligned.place(x))).collect();
            let losses = ranked(&marginals, &mut rng.child("transfer/old", i as u64));
            (quantile(&losses, 0.5) <= limit).then_some(losses)
        })
        .collect();
    for s in 0..DRAWS {
        let mut best = (own_losses[s], old.len());
        for (i, losses) in old_losses.iter().enumerate() {
            if let Some(losses) = losses
                && losses[s] < best.0
            {
                best = (losses[s], i);
            }
        }
        weights[best.1] += 1.0 / DRAWS as f64;
    }
    let dimensions = features.first().map_or(1, Vec::len);
    let stay = 1.0 - (n as f64 / (FADE * dimensions) as f64).min(1.0);
    let trust = weights[..old.len()].iter().sum();
    let kept: f64 = weights[..old.len()]
        .iter_mut()
        .map(|w| {
            *w *= stay;
            *w
        })
        .sum();
    weights[old.len()] = 1.0 - kept;
    (weights, trust)
}

/// Pairs in the wrong order.
fn misranked(drawn: &[f64], losses: &[f64]) -> u32 {
    let mut wrong = 0;
    for (i, (a, x)) in drawn.iter().zip(losses).enumerate() {
        for (b, y) in drawn[..i].iter().zip(losses) {
            wrong += u32::from((a < b) != (x < y));
        }
    }
    wrong
}

fn quantile(values: &[u32], share: f64) -> u32 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[((share * sorted.len() as f64) as usize).min(sorted.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted_once() {
        assert_eq!(misranked(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]), 0);
        assert_eq!(misranked(&[3.0, 2.0, 1.0], &[1.0, 2.0, 3.0]), 3);
        assert_eq!(quantile(&[5, 1, 3], 0.5), 3);
    }
}
