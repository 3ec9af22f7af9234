use meta_traits::{Classify, ErrorKind, Fidelity};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Fidelities from cheap to full, each `eta` times the one before.
///
/// ```
/// use bayes_hyperopt::scheduler::Levels;
/// use meta_traits::Fidelity;
/// let levels = Levels::new(Fidelity::new(1.0 / 27.0).unwrap(), 3).unwrap();
/// assert_eq!(levels.len(), 4);
/// assert_eq!(levels.at(3), Fidelity::FULL);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Levels {
    eta: usize,
    fidelities: Vec<Fidelity>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    eta: usize,
    fidelities: Vec<Fidelity>,
}

/// Levels that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LevelsError {
    /// The factor between levels.
    #[error("scheduler: eta = {0} is outside its range; allowed: 2 and above")]
    Eta(usize),
    /// Saved fidelities that do not rise to 1.
    #[error("scheduler: the saved fidelities do not rise to 1; restore a state that this program saved")]
    Order,
}

impl Classify for LevelsError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}

impl Levels {
    /// Levels 1, 1/eta, 1/eta^2, ... down to the last one not below `least`. The usual factor is 3.
    ///
    /// # Errors
    /// [`LevelsError::Eta`] when `eta` is below 2.
    pub fn new(least: Fidelity, eta: usize) -> Result<Self, LevelsError> {
        if eta < 2 {
            return Err(LevelsError::Eta(eta));
        }
        let mut shares = vec![1.0];
        // The tolerance lets 1/27 be a power of 1/3.
        while let Some(next) =
            shares.last().map(|share| share / eta as f64).filter(|s| *s >= least.get() * 0.999_999)
        {
            shares.push(next);
        }
        let fidelities = shares.iter().rev().filter_map(|share| Fidelity::new(*share).ok()).collect();
        Ok(Self { eta, fidelities })
    }

    /// The factor between levels.
    pub fn eta(&self) -> usize {
        self.eta
    }

    /// Number of levels, at least 1.
    pub fn len(&self) -> usize {
        self.fidelities.len()
    }

    /// Always false: the full level is always there.
    pub fn is_empty(&self) -> bool {
        self.fidelities.is_empty()
    }

    /// The fidelity of `level`; levels beyond the last are full.
    pub fn at(&self, level: usize) -> Fidelity {
        self.fidelities.get(level).copied().unwrap_or(Fidelity::FULL)
    }
}

impl TryFrom<Written> for Levels {
    type Error = LevelsError;
    fn try_from(written: Written) -> Result<Self, LevelsError> {
        let Written { eta, fidelities } = written;
        if eta < 2 {
            return Err(LevelsError::Eta(eta));
        }
        let rises = fidelities.windows(2).all(|w| w[0] < w[1]);
        if !rises || fidelities.last() != Some(&Fidelity::FULL) {
            return Err(LevelsError::Order);
        }
        Ok(Self { eta, fidelities })
    }
}

impl From<Levels> for Written {
    fn from(levels: Levels) -> Self {
        Self { eta: levels.eta, fidelities: levels.fidelities }
    }
}
