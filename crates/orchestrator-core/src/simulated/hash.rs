//! The hash and the random functions of the benchmark: 64-bit wrapping arithmetic and IEEE `+ - *` only, so that
//! every language finds the same numbers.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const SQRT_3: f64 = 1.732_050_807_568_877_2;

/// FNV-1a over `bytes` (64 bit).
pub fn fnv1a(bytes: &[u8]) -> u64 {
    fnv1a_more(FNV_OFFSET, bytes)
}

/// The state of [`fnv1a`] before the first byte.
pub(super) const FNV_OFFSET: u64 = 0xCBF2_9CE4_8422_2325;

/// Continues [`fnv1a`] from `state`.
pub(super) fn fnv1a_more(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |x, b| (x ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01B3))
}

/// One step of SplitMix64 from state `x` (Steele, Lea & Flood 2014).
pub fn splitmix(x: u64) -> u64 {
    let x = x.wrapping_add(GOLDEN);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// `H(tag, i1..in)`: 64 bits that depend on the tag and on every integer in order.
///
/// ```
/// assert_eq!(orchestrator_core::simulated::hash("a", &[1, 2, 3]), 14066594733443809994);
/// ```
pub fn hash(tag: &str, ints: &[u64]) -> u64 {
    splitmix(absorb(tag, ints))
}

/// `U(..)`: uniform in [0, 1), a multiple of 2^-53.
pub fn uniform(tag: &str, ints: &[u64]) -> f64 {
    unit(hash(tag, ints))
}

/// `N(..)`: the sum of four uniforms, shifted and scaled to mean 0 and variance 1; within ±2 √3.
pub fn normal(tag: &str, ints: &[u64]) -> f64 {
    let state = absorb(tag, ints);
    let sum = (0..4).fold(0.0, |sum, j| sum + unit(splitmix(mix(state, j))));
    (sum - 2.0) * SQRT_3
}

fn absorb(tag: &str, ints: &[u64]) -> u64 {
    ints.iter().fold(fnv1a(tag.as_bytes()), |x, i| mix(x, *i))
}

fn mix(x: u64, i: u64) -> u64 {
    splitmix(x ^ i.wrapping_mul(GOLDEN))
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// `sig(z)`: an S-shaped function onto (0, 1) made of division alone.
pub(super) fn sig(z: f64) -> f64 {
    0.5 * (1.0 + z / (1.0 + z.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_vectors() {
        assert_eq!(hash("a", &[1, 2, 3]), 14_066_594_733_443_809_994);
        assert_eq!(uniform("u", &[1, 0, 5]).to_bits(), 0.473_367_872_309_856_44_f64.to_bits());
        assert_eq!(normal("g", &[1, 0, 0, 1, 2, 3]).to_bits(), (-0.008_026_882_322_494_967_f64).to_bits());
    }

    #[test]
    fn normal_has_mean_0_and_variance_1() {
        let draws: Vec<f64> = (0..20_000).map(|i| normal("moments", &[i])).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|z| z * z).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }
}
