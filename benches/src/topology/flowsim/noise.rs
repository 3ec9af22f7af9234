//! Noise by counter: every random number is a hash of what it is for, so it depends on no order of drawing.

/// Finalizer of SplitMix64 (Steele, Lea & Flood 2014).
pub(super) fn mix(mut h: u64) -> u64 {
    h = (h ^ (h >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    h ^ (h >> 31)
}

/// One hash of three numbers.
pub(super) fn hash(a: u64, b: u64, c: u64) -> u64 {
    mix(mix(mix(a.wrapping_add(0x9E37_79B9_7F4A_7C15)) ^ b)
        .wrapping_add(c.wrapping_mul(0xD6E8_FEB8_6659_FD93)))
}

/// Uniform in [0, 1).
pub(super) fn unit(h: u64) -> f64 {
    (h >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// The uniform number of `purpose` under `h`.
pub(super) fn draw(h: u64, purpose: u64) -> f64 {
    unit(mix(h.wrapping_add(purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15))))
}

/// Two standard normal numbers (Box & Muller 1958).
pub(super) fn normals(h: u64, purpose: u64) -> (f64, f64) {
    let radius = (-2.0 * (1.0 - draw(h, purpose)).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * draw(h, purpose + 1)).sin_cos();
    (radius * cos, radius * sin)
}

/// The logistic function.
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
