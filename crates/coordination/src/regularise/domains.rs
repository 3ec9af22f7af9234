use std::collections::BTreeMap;

use meta_traits::{Classify, ErrorKind, Stream};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a domain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Learnt from.
    Training,
    /// Judges, and is never learnt from.
    HeldOut,
}

impl Role {
    fn words(self) -> &'static str {
        match self {
            Self::Training => "for training",
            Self::HeldOut => "held out",
        }
    }
}

/// Domains, each either learnt from or held out, never both.
///
/// ```
/// use coordination::regularise::{Domains, Role};
/// use meta_traits::Stream;
/// let names = ["qa", "code", "summaries", "topics"];
/// let domains = Domains::split(names, 0.25, &Stream::root(1))?;
/// assert_eq!((domains.training().count(), domains.held_out().count()), (3, 1));
/// // Each one judges once.
/// let folds = Domains::folds(names, 4, &Stream::root(1))?;
/// let judged = folds.iter().flat_map(Domains::held_out).count();
/// assert_eq!((folds.len(), judged), (4, 4));
/// # Ok::<(), coordination::regularise::DomainsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Domains(BTreeMap<String, Role>);

/// What is wrong with domains, or with a score for one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DomainsError {
    /// Nothing could be learnt, or nothing could judge.
    #[error(
        "coordination: {domains} domains cannot be divided into training and held-out ones; allowed: 2 and more, and 2 to that many folds"
    )]
    TooFew {
        /// How many there are.
        domains: usize,
    },
    /// A name is given twice.
    #[error("coordination: domain '{0}' is given twice; names must be unique")]
    Twice(String),
    /// A score is for a domain that is not known.
    #[error("coordination: domain '{name}' is not known; allowed: {}", .known.join(", "))]
    Unknown {
        /// The name found.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A domain is used as what it is not: learning from it would let it judge no more.
    #[error("coordination: domain '{name}' is {}; give its score as such", .is.words())]
    Role {
        /// Which.
        name: String,
        /// What it is.
        is: Role,
    },
    /// A score is NaN or infinite.
    #[error("coordination: the score of domain '{0}' is not finite; leave failed domains out")]
    NotFinite(String),
}

impl Classify for DomainsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TooFew { .. } | Self::Twice(_) => ErrorKind::Config,
            Self::Unknown { .. } | Self::Role { .. } | Self::NotFinite(_) => ErrorKind::InvalidInput,
        }
    }
}

impl Domains {
    /// Holds out the given part of the domains, at least one and not all, chosen at random.
    ///
    /// # Errors
    /// [`DomainsError::TooFew`], [`DomainsError::Twice`].
    pub fn split<N: Into<String>>(
        names: impl IntoIterator<Item = N>,
        held_out: f64,
        rng: &Stream,
    ) -> Result<Self, DomainsError> {
        let names = shuffled(names, rng)?;
        let count = (held_out * names.len() as f64).round() as usize;
        let count = count.clamp(1, names.len() - 1);
        Ok(Self::of(&names, |i| i < count))
    }

    /// Divides the domains so often that each is held out exactly once, in groups whose sizes differ by at most one.
    ///
    /// # Errors
    /// [`DomainsError::TooFew`], also for fewer than 2 folds or more than domains; [`DomainsError::Twice`].
    pub fn folds<N: Into<String>>(
        names: impl IntoIterator<Item = N>,
        folds: usize,
        rng: &Stream,
    ) -> Result<Vec<Self>, DomainsError> {
        let names = shuffled(names, rng)?;
        if folds < 2 || folds > names.len() {
            return Err(DomainsError::TooFew { domains: names.len() });
        }
        Ok((0..folds).map(|fold| Self::of(&names, |i| i % folds == fold)).collect())
    }

    fn of(names: &[String], held_out: impl Fn(usize) -> bool) -> Self {
        let role = |i: usize| if held_out(i) { Role::HeldOut } else { Role::Training };
        Self(names.iter().enumerate().map(|(i, name)| (name.clone(), role(i))).collect())
    }

    /// What a domain is for; `None` if it is not known.
    pub fn role(&self, name: &str) -> Option<Role> {
        self.0.get(name).copied()
    }

    /// Names of those to learn from, in order.
    pub fn training(&self) -> impl Iterator<Item = &str> {
        self.of_role(Role::Training)
    }

    /// Names of those that judge, in order.
    pub fn held_out(&self) -> impl Iterator<Item = &str> {
        self.of_role(Role::HeldOut)
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(_, r)| **r == role).map(|(name, _)| name.as_str())
    }

    /// Checks scores that are said to be of domains of this role.
    pub(super) fn check(&self, scores: &BTreeMap<String, f64>, role: Role) -> Result<(), DomainsError> {
        for (name, score) in scores {
            let is = self.role(name).ok_or_else(|| DomainsError::Unknown {
                name: name.clone(),
                known: self.0.keys().cloned().collect(),
            })?;
            if is != role {
                return Err(DomainsError::Role { name: name.clone(), is });
            }
            if !score.is_finite() {
                return Err(DomainsError::NotFinite(name.clone()));
            }
        }
        Ok(())
    }
}

fn shuffled<N: Into<String>>(
    names: impl IntoIterator<Item = N>,
    rng: &Stream,
) -> Result<Vec<String>, DomainsError> {
    let mut names: Vec<String> = names.into_iter().map(Into::into).collect();
    // The order in which they are listed decides nothing.
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(DomainsError::Twice(pair[0].clone()));
    }
    if names.len() < 2 {
        return Err(DomainsError::TooFew { domains: names.len() });
    }
    rng.child("coordination/domains", 0).shuffle(&mut names);
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

    #[test]
    fn every_fold_divides_all_and_each_judges_once() {
        for folds in 2..=7 {
            let all = Domains::folds(NAMES, folds, &Stream::root(3)).unwrap();
            let mut judged: Vec<&str> = all.iter().flat_map(Domains::held_out).collect();
            judged.sort_unstable();
            assert_eq!(judged, NAMES);
            for fold in &all {
                assert_eq!(fold.training().count() + fold.held_out().count(), 7);
                assert!((7 / folds..=7_usize.div_ceil(folds)).contains(&fold.held_out().count()));
            }
        }
    }

    #[test]
    fn listing_order_decides_nothing_and_the_seed_does() {
        let split = |names: [&str; 7], seed| Domains::split(names, 0.4, &Stream::root(seed)).unwrap();
        let mut backwards = NAMES;
        backwards.reverse();
        assert_eq!(split(NAMES, 1), split(backwards, 1));
        assert!((2..20).any(|seed| split(NAMES, seed) != split(NAMES, 1)));
        for (share, held_out) in [(0.4, 3), (0.0, 1), (1.0, 6), (-5.0, 1), (f64::NAN, 1), (f64::INFINITY, 6)]
        {
            let found = Domains::split(NAMES, share, &Stream::root(1)).unwrap();
            assert_eq!(found.held_out().count(), held_out, "{share}");
        }
    }

    #[test]
    fn what_cannot_be_divided_is_refused() {
        let rng = Stream::root(1);
        let message = |e: DomainsError| e.to_string();
        assert!(
            message(Domains::split(["a"], 0.5, &rng).unwrap_err()).starts_with("coordination: 1 domains")
        );
        assert!(Domains::split([] as [&str; 0], 0.5, &rng).is_err());
        assert_eq!(Domains::split(["a", "b", "a"], 0.5, &rng), Err(DomainsError::Twice("a".into())));
        for folds in [0, 1, 8] {
            assert_eq!(Domains::folds(NAMES, folds, &rng), Err(DomainsError::TooFew { domains: 7 }));
        }
    }
}
