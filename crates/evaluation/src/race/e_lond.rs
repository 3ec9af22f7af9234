use serde::{Deserialize, Serialize};

/// Many claims, one false discovery rate: e-LOND.
///
/// Claim t (from 1, in the order of opening) is rejected once its e-value reaches 1 / (alpha gamma_t (D + 1)), D being the
/// rejections among the claims opened before it and gamma_t = 1 / (t (t + 1)), which sums to 1. The expected share of
/// false ones among the rejected is at most alpha at every stopping time, whatever the dependence: a rejected claim has
/// D + 1 <= the number of rejections, so its share is at most alpha gamma_t e_t, whose mean is at most alpha gamma_t.
///
/// Source: Xu & Ramdas, "Online multiple testing with e-values" (AISTATS 2024), theorem 1.
///
/// ```
/// use evaluation::race::ELond;
/// let mut claims = ELond::new(0.05);
/// let first = claims.open();
/// assert!(!claims.test(first, 39.0));
/// assert!(claims.test(first, 41.0));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ELond {
    alpha: f64,
    rejected: Vec<bool>,
}

impl ELond {
    /// No claims yet; `alpha` is kept in [1e-12, 1].
    pub fn new(alpha: f64) -> Self {
        Self { alpha: alpha.clamp(1e-12, 1.0), rejected: Vec::new() }
    }

    /// Opens the next claim. Open it before looking at the data of its e-value.
    pub fn open(&mut self) -> usize {
        self.rejected.push(false);
        self.rejected.len() - 1
    }

    /// What the e-value of `claim` must reach now; infinite for a claim that was not opened.
    pub fn threshold(&self, claim: usize) -> f64 {
        let Some(before) = self.rejected.get(..claim).filter(|_| claim < self.rejected.len()) else {
            return f64::INFINITY;
        };
        let discoveries = before.iter().filter(|r| **r).count();
        let t = (claim + 1) as f64;
        t * (t + 1.0) / (self.alpha * (discoveries + 1) as f64)
    }

    /// Tests `claim` with its present e-value; a rejection stays.
    pub fn test(&mut self, claim: usize, e: f64) -> bool {
        let reached = e >= self.threshold(claim);
        match self.rejected.get_mut(claim) {
            Some(rejected) => {
                *rejected |= reached;
                *rejected
            }
            None => false,
        }
    }

    /// Whether `claim` is rejected.
    pub fn is_rejected(&self, claim: usize) -> bool {
        self.rejected.get(claim).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_add_up_to_alpha_and_discoveries_help_later_claims() {
        let mut claims = ELond::new(0.1);
        let all: Vec<usize> = (0..1000).map(|_| claims.open()).collect();
        let total: f64 = all.iter().map(|&c| 1.0 / claims.threshold(c)).sum();
        assert!((total - 0.1 * 1000.0 / 1001.0).abs() < 1e-12);
        let before = claims.threshold(5);
        assert!(claims.test(2, 1e9));
        assert!((claims.threshold(5) - before / 2.0).abs() < 1e-9);
        assert_eq!(claims.threshold(1).to_bits(), 60.0_f64.to_bits(), "earlier claims gain nothing");
        assert!(claims.test(2, 0.0), "a rejection stays");
        assert!(!claims.test(5000, f64::MAX));
    }
}
