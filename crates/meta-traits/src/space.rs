use crate::Stream;

/// A set of candidates one can draw from.
///
/// Law: every sampled point is contained.
pub trait Space {
    /// A member of the space.
    type Point;

    /// Draws a point; all randomness comes from `rng`.
    fn sample(&self, rng: &mut Stream) -> Self::Point;

    /// Whether `point` is a legal member.
    fn contains(&self, point: &Self::Point) -> bool;
}
