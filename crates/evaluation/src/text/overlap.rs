use serde::Serialize;

/// How much of a reply and of a reference agree. All three lie in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overlap {
    /// The share of the reply that the reference holds.
    pub precision: f64,
    /// The share of the reference that the reply holds.
    pub recall: f64,
    /// Their harmonic mean; 0 where both are 0.
    pub f1: f64,
}

impl Overlap {
    pub(super) const NONE: Self = Self { precision: 0.0, recall: 0.0, f1: 0.0 };
    pub(super) const WHOLE: Self = Self { precision: 1.0, recall: 1.0, f1: 1.0 };

    /// `shared` units of `reply` and of `reference` units; empty sides count as one unit.
    pub(super) fn of(shared: usize, reply: usize, reference: usize) -> Self {
        let precision = shared as f64 / reply.max(1) as f64;
        let recall = shared as f64 / reference.max(1) as f64;
        let sum = precision + recall;
        let f1 = if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 };
        Self { precision, recall, f1 }
    }
}
