//! What searches beyond losses at full fidelity share.

use crate::SearchSpace;
use crate::gp::Gp;
use crate::maximize::Effort;

/// Kinds of model that try to replace the present one at each fit.
pub(crate) const CHALLENGES: usize = 2;
/// How hard the best point is searched for.
pub(crate) const EFFORT: Effort = Effort { spread: 256, near: 128, starts: 6, evaluations: 40 };

/// Features as a latent point: inactive parameters in the middle.
pub(crate) fn latent_of(features: &[f64]) -> Vec<f64> {
    features.iter().map(|f| if *f < 0.0 { 0.5 } else { *f }).collect()
}

/// Typical distances per parameter over which the model changes.
pub(crate) fn reach(gp: &Gp, dimensions: usize) -> Vec<f64> {
    gp.theta[..dimensions].iter().map(|l| libm::exp(*l).min(1.0)).collect()
}

/// Whether a latent point is none of `known` (features).
pub(crate) fn is_new<'a>(
    space: &SearchSpace,
    latent: &[f64],
    mut known: impl Iterator<Item = &'a Vec<f64>>,
) -> bool {
    let features = space.features(latent);
    !known.any(|other| other.iter().zip(&features).all(|(a, b)| (a - b).abs() < 1e-10))
}
