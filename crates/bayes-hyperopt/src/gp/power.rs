//! The power transform of Yeo & Johnson (2000): bends a skewed sample towards a normal one.

/// Powers tried: at both ends the transform is a logarithm of one side.
const POWERS: (f64, f64) = (-1.0, 3.0);
/// Halvings of the bracket in the search for the power.
const STEPS: usize = 30;
/// How near the end of what a power with bounded values can reach an inverse is taken.
const EDGE: f64 = 1e-9;

/// The transformed value and ln of its slope.
pub(super) fn forth(y: f64, power: f64) -> (f64, f64) {
    let one_sided = |size: f64, power: f64| {
        let log = libm::log1p(size);
        if power.abs() < 1e-9 { log } else { libm::expm1(power * log) / power }
    };
    let slope = (power - 1.0) * libm::copysign(libm::log1p(y.abs()), y);
    if y >= 0.0 { (one_sided(y, power), slope) } else { (-one_sided(-y, 2.0 - power), slope) }
}

/// The value that is transformed to `w`, and ln of the slope of the transform there; values out of reach count as the nearest
/// in reach.
pub(super) fn back(w: f64, power: f64) -> (f64, f64) {
    let one_sided = |size: f64, power: f64| {
        if power.abs() < 1e-9 {
            return libm::expm1(size.min(600.0));
        }
        libm::expm1((libm::log1p((power * size).max(EDGE - 1.0)) / power).min(600.0))
    };
    let y = if w >= 0.0 { one_sided(w, power) } else { -one_sided(-w, 2.0 - power) };
    (y, forth(y, power).1)
}

/// The power under which the sample is most likely normal (profile likelihood, by golden sections).
pub(super) fn likeliest(sample: &[f64]) -> f64 {
    let n = sample.len() as f64;
    let likelihood = |power: f64| {
        let bent: Vec<(f64, f64)> = sample.iter().map(|y| forth(*y, power)).collect();
        let mean = bent.iter().map(|(w, _)| w).sum::<f64>() / n;
        let variance = bent.iter().map(|(w, _)| (w - mean).powi(2)).sum::<f64>() / n;
        let value = bent.iter().map(|(_, slope)| slope).sum::<f64>() - 0.5 * n * libm::log(variance);
        if value.is_finite() { value } else { f64::NEG_INFINITY }
    };
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = POWERS;
    let mut inner = [high - golden * (high - low), low + golden * (high - low)];
    let mut values = inner.map(likelihood);
    for _ in 0..STEPS {
        if values[0] >= values[1] {
            high = inner[1];
            inner = [high - golden * (high - low), inner[0]];
            values = [likelihood(inner[0]), values[0]];
        } else {
            low = inner[0];
            inner = [inner[1], low + golden * (high - low)];
            values = [values[1], likelihood(inner[1])];
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values by hand from the definition.
    #[test]
    fn values_are_those_of_the_definition() {
        let rows = [
            (1.0, 0.5, 2.0 * (2.0_f64.sqrt() - 1.0)),
            (-1.0, 0.5, -(2.0_f64.powf(1.5) - 1.0) / 1.5),
            (3.0, 0.0, 4.0_f64.ln()),
            (-3.0, 2.0, -(4.0_f64.ln())),
            (3.0, 1.0, 3.0),
            (-3.0, 1.0, -3.0),
            (1.0, -2.0, 0.375),
        ];
        for (y, power, expected) in rows {
            assert!((forth(y, power).0 - expected).abs() < 1e-14, "{y} {power}");
        }
        for power in [-2.0, -0.5, 0.0, 0.7, 1.0, 2.0, 2.6, 4.0] {
            for y in [-4.0, -0.3, 0.0, 0.2, 5.0] {
                let (w, slope) = forth(y, power);
                assert!((back(w, power).0 - y).abs() < 1e-9, "{y} {power}");
                let finite = (forth(y + 1e-6, power).0 - forth(y - 1e-6, power).0) / 2e-6;
                assert!((slope - finite.ln()).abs() < 1e-6, "{y} {power}");
            }
        }
        assert!(back(1e9, -1.0).0.is_finite() && back(-1e9, 3.0).0.is_finite());
    }

    #[test]
    fn a_skewed_sample_becomes_symmetric() {
        let skewed: Vec<f64> = (1..200).map(|i| (f64::from(i) / 25.0 - 4.0).exp()).collect();
        let power = likeliest(&skewed);
        assert!(power < 0.3, "{power}");
        let even: Vec<f64> = (0..200).map(|i| f64::from(i) / 50.0 - 2.0).collect();
        assert!((likeliest(&even) - 1.0).abs() < 0.2);
        assert!(likeliest(&[0.0; 3]).is_finite());
    }
}
