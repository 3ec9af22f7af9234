use std::collections::BTreeMap;

use meta_traits::{Classify, ErrorKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::simulator::Case;

/// The newest form of a store this crate writes and reads.
const VERSION: u32 = 1;

/// What runs on other problems brought, kept for learning: append-only, versioned, mergeable, a plain value.
///
/// Entries are named; a name is written once and never changed. Merging two stores gives the union, whatever the order
/// of merging; where both hold a name with different content, the merge is refused and nothing changes.
///
/// ```
/// use rl_selector::simulator::{Case, Yardstick};
/// use rl_selector::ExperienceStore;
/// let case = |loss| Case {
///     problem: "p".into(),
///     instance: 1,
///     yardstick: Yardstick::Loss,
///     traces: vec![vec![loss]],
/// };
/// let (mut a, mut b) = (ExperienceStore::default(), ExperienceStore::default());
/// a.append("run-1", case(1.0))?;
/// b.append("run-2", case(2.0))?;
/// a.merge(&b)?;
/// assert_eq!(a.cases().count(), 2);
/// assert!(a.append("run-1", case(3.0)).is_err());
/// # Ok::<(), rl_selector::ExperienceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct ExperienceStore {
    version: u32,
    entries: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Raw {
    version: u32,
    entries: BTreeMap<String, Case>,
}

impl TryFrom<Raw> for ExperienceStore {
    type Error = ExperienceError;
    fn try_from(raw: Raw) -> Result<Self, ExperienceError> {
        if raw.version > VERSION {
            return Err(ExperienceError::Version { newest: VERSION, found: raw.version });
        }
        Ok(Self { version: VERSION, entries: raw.entries })
    }
}

impl Default for ExperienceStore {
    fn default() -> Self {
        Self { version: VERSION, entries: BTreeMap::new() }
    }
}

/// Experience that a store cannot take or hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExperienceError {
    /// The name stands for something else already.
    #[error(
        "experience: entry '{name}' holds other content already; entries are never changed, use another name"
    )]
    Taken {
        /// The name.
        name: String,
    },
    /// The store was written by a newer version.
    #[error("experience: store version {found} is newer than {newest}; use a newer program")]
    Version {
        /// The newest version this program reads.
        newest: u32,
        /// The version found.
        found: u32,
    },
}

impl Classify for ExperienceError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Taken { .. } => ErrorKind::InvalidInput,
            Self::Version { .. } => ErrorKind::Corrupt,
        }
    }
}

impl ExperienceStore {
    /// Adds an entry. Adding the same content under the same name again changes nothing.
    ///
    /// # Errors
    /// [`ExperienceError::Taken`] when the name holds other content.
    pub fn append(&mut self, name: impl Into<String>, case: Case) -> Result<(), ExperienceError> {
        let name = name.into();
        match self.entries.get(&name) {
            Some(held) if !same(held, &case) => Err(ExperienceError::Taken { name }),
            Some(_) => Ok(()),
            None => {
                self.entries.insert(name, case);
                Ok(())
            }
        }
    }

    /// Adds every entry of another store.
    ///
    /// # Errors
    /// [`ExperienceError::Taken`] with the first name both hold with different content; nothing is changed then.
    pub fn merge(&mut self, other: &Self) -> Result<(), ExperienceError> {
        let differs =
            |(name, case): &(&String, &Case)| self.entries.get(*name).is_some_and(|held| !same(held, case));
        if let Some((name, _)) = other.entries.iter().find(differs) {
            return Err(ExperienceError::Taken { name: name.clone() });
        }
        for (name, case) in &other.entries {
            self.entries.entry(name.clone()).or_insert_with(|| case.clone());
        }
        Ok(())
    }

    /// Names and entries, in the order of the names.
    pub fn cases(&self) -> impl ExactSizeIterator<Item = (&str, &Case)> {
        self.entries.iter().map(|(name, case)| (name.as_str(), case))
    }
}

/// Equal content; a loss that is not a number is equal to itself.
fn same(a: &Case, b: &Case) -> bool {
    let bits = |case: &Case| -> Vec<Vec<u64>> {
        case.traces.iter().map(|t| t.iter().map(|l| l.to_bits()).collect()).collect()
    };
    (&a.problem, a.instance, a.yardstick, bits(a)) == (&b.problem, b.instance, b.yardstick, bits(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::Yardstick;

    fn case(problem: &str, loss: f64) -> Case {
        Case { problem: problem.into(), instance: 1, yardstick: Yardstick::Loss, traces: vec![vec![loss]] }
    }

    #[test]
    fn merging_is_the_union_in_any_order() {
        let store = |names: &[&str]| {
            let mut store = ExperienceStore::default();
            for name in names {
                store.append(*name, case(name, 1.0)).unwrap();
            }
            store
        };
        let (a, b, c) = (store(&["x", "y"]), store(&["y", "z"]), store(&["w"]));
        let merged = |order: [&ExperienceStore; 3]| {
            let mut all = ExperienceStore::default();
            for store in order {
                all.merge(store).unwrap();
            }
            all
        };
        assert_eq!(merged([&a, &b, &c]), merged([&c, &b, &a]));
        assert_eq!(merged([&a, &b, &c]), store(&["w", "x", "y", "z"]));
    }

    #[test]
    fn a_contradiction_changes_nothing() {
        let mut a = ExperienceStore::default();
        a.append("x", case("p", f64::NAN)).unwrap();
        a.append("x", case("p", f64::NAN)).unwrap();
        let mut b = ExperienceStore::default();
        b.append("w", case("p", 1.0)).unwrap();
        b.append("x", case("p", 2.0)).unwrap();
        assert_eq!(a.merge(&b), Err(ExperienceError::Taken { name: "x".into() }));
        assert_eq!(a.cases().count(), 1);
    }

    #[test]
    fn newer_stores_are_refused_and_own_ones_read_back() {
        let mut a = ExperienceStore::default();
        a.append("x", case("p", 0.1)).unwrap();
        let json = serde_json::to_string(&a).unwrap();
        assert_eq!(serde_json::from_str::<ExperienceStore>(&json).unwrap(), a);
        let newer = json.replace("\"version\":1", "\"version\":2");
        assert!(serde_json::from_str::<ExperienceStore>(&newer).unwrap_err().to_string().contains("newer"));
    }
}
