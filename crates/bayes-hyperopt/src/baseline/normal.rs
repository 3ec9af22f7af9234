use std::f64::consts::{SQRT_2, TAU};

use meta_traits::Stream;

/// A standard normal number (Box & Muller 1958); two uniform numbers are drawn.
pub(crate) fn draw(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (TAU * rng.unit()).cos()
}

/// P(Z <= z).
pub(crate) fn cumulative(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// A normal number given that it lies in [0, 1], by rejection; after 1,000 draws outside the last one, clamped.
pub(crate) fn truncated(mean: f64, sd: f64, rng: &mut Stream) -> f64 {
    let mut value = mean;
    for _ in 0..1000 {
        value = mean + sd * draw(rng);
        if (0.0..=1.0).contains(&value) {
            return value;
        }
    }
    if value.is_nan() { 0.5 } else { value.clamp(0.0, 1.0) }
}
