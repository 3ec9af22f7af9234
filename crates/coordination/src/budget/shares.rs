use meta_traits::{Classify, ErrorKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Component;

/// How a whole is divided among components: parts at least 0 that sum to 1.
///
/// ```
/// use coordination::Component;
/// use coordination::budget::Shares;
/// let shares = Shares::new([3.0, 1.0, 0.0, 0.0])?;
/// assert_eq!(shares.of(Component::Selector), 0.75);
/// assert!(Shares::new([0.0; 4]).is_err());
/// # Ok::<(), coordination::budget::SharesError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 4]", into = "[f64; 4]")]
pub struct Shares([f64; 4]);

/// Parts that divide nothing.
#[derive(Clone, Debug, PartialEq, Error)]
#[error(
    "coordination: shares {0:?} divide nothing; allowed: finite numbers of at least 0, one of them above it"
)]
pub struct SharesError([f64; 4]);

impl Classify for SharesError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}

impl Shares {
    /// A quarter each.
    pub const EQUAL: Self = Self([0.25; 4]);

    /// Shares in proportion to `parts`, in the order of [`Component::ALL`].
    ///
    /// # Errors
    /// [`SharesError`] for parts that are negative or not finite, or all 0.
    pub fn new(parts: [f64; 4]) -> Result<Self, SharesError> {
        let total: f64 = parts.iter().sum();
        let sound = parts.iter().all(|p| *p >= 0.0) && total > 0.0 && total.is_finite();
        if sound { Ok(Self(parts.map(|p| p / total))) } else { Err(SharesError(parts)) }
    }

    /// Shares of whole percents, which sum to 100.
    pub(super) const fn percent(parts: [u8; 4]) -> Self {
        let [a, b, c, d] = parts;
        Self([a as f64 / 100.0, b as f64 / 100.0, c as f64 / 100.0, d as f64 / 100.0])
    }

    /// The share of one component.
    pub fn of(&self, component: Component) -> f64 {
        self.0[component as usize]
    }

    /// The same without those that take no part; as it is if none or only ones without a share do.
    pub(super) fn among(&self, active: [bool; 4]) -> Self {
        let parts = std::array::from_fn(|i| if active[i] { self.0[i] } else { 0.0 });
        Self::new(parts).unwrap_or(*self)
    }

    /// These shares times `weights`, of which none is then more than `most` away from what it was: the others keep their
    /// proportions. Weights that are not finite and positive count as no wish to move. A share of 0 stays 0.
    pub(super) fn moved(&self, weights: [f64; 4], most: f64) -> Self {
        let sound = |w: f64| w.is_finite() && w > 0.0;
        let wished = if weights.iter().all(|w| sound(*w)) {
            Self::new(std::array::from_fn(|i| self.0[i] * weights[i])).unwrap_or(*self)
        } else {
            *self
        };
        let within = |i: usize, log: f64| {
            let base = self.0[i];
            if base > 0.0 {
                (wished.0[i] * log.exp()).clamp((base - most).max(0.0), base + most)
            } else {
                0.0
            }
        };
        // The sum grows with the factor: the one at which it is 1 is between these.
        let (mut low, mut high) = (-100.0, 100.0);
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            let sum: f64 = (0..4).map(|i| within(i, middle)).sum();
            if sum < 1.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        Self(std::array::from_fn(|i| within(i, high)))
    }
}

impl TryFrom<[f64; 4]> for Shares {
    type Error = SharesError;
    fn try_from(parts: [f64; 4]) -> Result<Self, SharesError> {
        // Shares are kept as they are written, so that a state that was saved comes back bit for bit.
        let total: f64 = parts.iter().sum();
        if (total - 1.0).abs() < 1e-9 && parts.iter().all(|p| *p >= 0.0) {
            return Ok(Self(parts));
        }
        Self::new(parts)
    }
}

impl From<Shares> for [f64; 4] {
    fn from(shares: Shares) -> Self {
        shares.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_checked() {
        for bad in [[f64::NAN, 1.0, 1.0, 1.0], [-0.1, 1.0, 1.0, 1.0], [f64::INFINITY; 4], [f64::MAX; 4]] {
            assert!(Shares::new(bad).is_err(), "{bad:?}");
        }
        let shares: Shares = serde_json::from_str("[0.3,0.25,0.3,0.15]").unwrap();
        assert_eq!(shares, Shares::percent([30, 25, 30, 15]));
        assert!(serde_json::from_str::<Shares>("[0,0,0,0]").is_err());
    }

    #[test]
    fn saved_shares_come_back_as_they_were_and_others_are_brought_to_a_sum_of_one() {
        let saved = [0.1 + 0.2, 0.2, 0.3, 0.2];
        let back = <[f64; 4]>::from(Shares::try_from(saved).unwrap());
        assert_eq!(back.map(f64::to_bits), saved.map(f64::to_bits));
        assert_eq!(Shares::try_from([2.0, 0.0, 1.0, 1.0]), Ok(Shares::percent([50, 0, 25, 25])));
        assert_eq!(Shares::try_from([0.1, 0.0, 0.1, 0.0]), Ok(Shares::percent([50, 0, 50, 0])));
        assert!(Shares::try_from([1.5, -0.5, 0.0, 0.0]).is_err());
    }

    #[test]
    fn who_takes_no_part_leaves_its_share_to_the_others_in_proportion() {
        let shares = Shares::percent([30, 20, 40, 10]).among([true, false, true, false]);
        let expected = [3.0 / 7.0, 0.0, 4.0 / 7.0, 0.0];
        assert!(shares.0.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(Shares::EQUAL.among([false; 4]), Shares::EQUAL);
    }

    #[test]
    fn moves_follow_the_weights_up_to_the_most() {
        let base = Shares::percent([30, 40, 20, 10]);
        let near = |found: Shares, expected: [f64; 4]| {
            assert!(found.0.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        };
        near(base.moved([1.0; 4], 0.15), base.0);
        near(base.moved([1.0, 1.0, f64::NAN, 1.0], 0.15), base.0);
        near(base.moved([1.0, 1.0, 1.5, 1.0], 0.15), [3.0 / 11.0, 4.0 / 11.0, 3.0 / 11.0, 1.0 / 11.0]);
        let rest = 0.55 / 0.7;
        near(base.moved([1e9, 1.0, 1.0, 1.0], 0.15), [0.45, 0.4 * rest, 0.2 * rest, 0.1 * rest]);
    }

    proptest! {
        #[test]
        fn moved_shares_are_shares_within_the_bound(
            parts in proptest::array::uniform4(0.0..1.0_f64),
            weights in proptest::array::uniform4(1e-6..1e6_f64),
            most in 0.0..0.5_f64,
        ) {
            prop_assume!(parts.iter().sum::<f64>() > 1e-3);
            let base = Shares::new(parts).unwrap();
            let moved = base.moved(weights, most);
            prop_assert!((moved.0.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{:?}", moved);
            for i in 0..4 {
                prop_assert!((moved.0[i] - base.0[i]).abs() <= most + 1e-9 && moved.0[i] >= 0.0);
            }
        }
    }
}
