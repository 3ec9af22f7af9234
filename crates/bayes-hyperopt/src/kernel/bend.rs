//! Inputs bent before distances are taken: a function may change fast at one end of a range and slowly at the other.

use super::Layout;

/// Where slopes are taken at the ends of the range, which can be infinite there.
const EDGE: f64 = 1e-6;

/// ln a and ln b of the distribution of Kumaraswamy (1980): x becomes 1 - (1 - x^a)^b.
pub(crate) type Bend = [f64; 2];

fn forth(x: f64, bend: Bend) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return x;
    }
    let [a, b] = bend.map(libm::exp);
    1.0 - libm::pow(1.0 - libm::pow(x, a), b)
}

fn back(w: f64, bend: Bend) -> f64 {
    if !(0.0..=1.0).contains(&w) {
        return w;
    }
    let [a, b] = bend.map(libm::exp);
    libm::pow(1.0 - libm::pow(1.0 - w, 1.0 / b), 1.0 / a)
}

fn slope(x: f64, bend: Bend) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return 1.0;
    }
    let [a, b] = bend.map(libm::exp);
    let x = x.clamp(EDGE, 1.0 - EDGE);
    a * b * libm::pow(x, a - 1.0) * libm::pow(1.0 - libm::pow(x, a), b - 1.0)
}

impl Layout {
    /// The same with bent inputs: one bend a factor, [0, 0] for none.
    pub(crate) fn with_bends(&self, bends: &[Bend]) -> Self {
        Self { bends: bends.to_vec(), ..self.clone() }
    }

    /// Feature `d` as distances see it.
    pub(crate) fn forth(&self, d: usize, x: f64) -> f64 {
        self.bends.get(d).filter(|bend| bend.iter().any(|b| *b != 0.0)).map_or(x, |bend| forth(x, *bend))
    }

    /// The inverse of [`Self::forth`].
    pub(crate) fn back(&self, d: usize, w: f64) -> f64 {
        self.bends.get(d).filter(|bend| bend.iter().any(|b| *b != 0.0)).map_or(w, |bend| back(w, *bend))
    }

    /// The slope of [`Self::forth`].
    pub(crate) fn slope(&self, d: usize, x: f64) -> f64 {
        self.bends.get(d).filter(|bend| bend.iter().any(|b| *b != 0.0)).map_or(1.0, |bend| slope(x, *bend))
    }

    /// All features as distances see them.
    pub(crate) fn bent(&self, x: &[f64]) -> Vec<f64> {
        x.iter().enumerate().map(|(d, x)| self.forth(d, *x)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bends_keep_the_ends_and_have_an_inverse_and_a_slope() {
        // 1 - (1 - 0.25^2)^3 by hand.
        let square = [2.0_f64.ln(), 3.0_f64.ln()];
        assert!((forth(0.25, square) - (1.0 - 0.9375_f64.powi(3))).abs() < 1e-14);
        for bend in [square, [-0.7, 0.4], [0.3, -0.9], [0.0, 0.0]] {
            assert_eq!((forth(0.0, bend), forth(1.0, bend), forth(-1.0, bend)), (0.0, 1.0, -1.0));
            for x in [0.02, 0.3, 0.5, 0.94] {
                assert!((back(forth(x, bend), bend) - x).abs() < 1e-9, "{x} {bend:?}");
                let finite = (forth(x + 1e-6, bend) - forth(x - 1e-6, bend)) / 2e-6;
                assert!((slope(x, bend) - finite).abs() < 1e-6 * (1.0 + finite), "{x} {bend:?}");
            }
            assert!(slope(0.0, bend).is_finite() && slope(1.0, bend).is_finite());
        }
    }
}
