use core::fmt;

use serde::{Deserialize, Serialize};

/// How much of a full evaluation to spend: a number in (0, 1], where 1 is a full evaluation.
///
/// The check runs in [`Fidelity::new`] and on deserialisation, so a held value is always legal.
///
/// ```
/// use meta_traits::Fidelity;
/// assert_eq!(Fidelity::new(0.5).unwrap().get(), 0.5);
/// assert!(Fidelity::new(0.0).is_err());
/// assert!(Fidelity::new(f64::NAN).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Fidelity(f64);

impl Fidelity {
    /// A full evaluation.
    pub const FULL: Self = Self(1.0);

    /// Checks that `value` lies in (0, 1].
    ///
    /// # Errors
    /// [`FidelityError`] otherwise, NaN included.
    pub const fn new(value: f64) -> Result<Self, FidelityError> {
        if value > 0.0 && value <= 1.0 { Ok(Self(value)) } else { Err(FidelityError(value)) }
    }

    /// The share of a full evaluation, in (0, 1].
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Fidelity {
    type Error = FidelityError;
    fn try_from(value: f64) -> Result<Self, FidelityError> {
        Self::new(value)
    }
}

impl From<Fidelity> for f64 {
    fn from(f: Fidelity) -> f64 {
        f.0
    }
}

/// A fidelity outside (0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FidelityError(
    /// The value that was refused.
    pub f64,
);

impl fmt::Display for FidelityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fidelity {} is outside its range; allowed: above 0, up to 1", self.0)
    }
}

impl core::error::Error for FidelityError {}
