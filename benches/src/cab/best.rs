use meta_traits::Stream;
use orchestrator_core::simulated::{Family, Problem, Scenario};
use serde::{Deserialize, Serialize};

/// Values of the reference implementation's search; the file names its generator.
const REFERENCE: &str = include_str!("../../../crates/orchestrator-core/tests/golden/cab_best_known.json");
/// Starts of the search.
const RESTARTS: usize = 12;

/// The best Q known of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Known {
    /// The instance.
    pub instance: u64,
    /// What this project's search found.
    pub found: f64,
    /// What the reference implementation's search found, where it has been run.
    pub reference: Option<f64>,
}

impl Known {
    /// The larger of the two: what gains are normalised by.
    pub fn quality(&self) -> f64 {
        self.reference.map_or(self.found, |reference| reference.max(self.found))
    }

    /// Whether the search reached the reference, within rounding.
    pub fn reaches_reference(&self) -> bool {
        self.reference.is_none_or(|reference| self.found >= reference - 1e-12)
    }
}

#[derive(Deserialize)]
struct Table {
    rows: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    family: String,
    scenario: String,
    s: u64,
    #[serde(rename = "Q_best_known")]
    quality: f64,
}

/// The family whose Q is the same: families that differ in feedback, noise or data share the hidden problem.
fn hidden(family: Family) -> Family {
    match family {
        Family::Misleading | Family::Useless | Family::Tiny | Family::Noisy => Family::Base,
        other => other,
    }
}

/// The reference implementation's value of an instance, where it has been run.
///
/// # Errors
/// When the table does not parse.
pub fn reference(instance: u64, scenario: Scenario, family: Family) -> anyhow::Result<Option<f64>> {
    let table: Table = serde_json::from_str(REFERENCE)?;
    let family = hidden(family).name();
    let this = |e: &&Entry| e.s == instance && e.scenario == scenario.name() && e.family == family;
    Ok(table.rows.iter().find(this).map(|e| e.quality))
}

/// Searches the best candidate of an instance; always the same one.
///
/// # Errors
/// As [`reference`].
pub fn best_known(instance: u64, scenario: Scenario, family: Family) -> anyhow::Result<Known> {
    let problem = Problem::new(instance, scenario, hidden(family));
    let found = problem.best_known(RESTARTS, &Stream::root(instance).child("best-known", 0)).quality;
    Ok(Known { instance, found, reference: reference(instance, scenario, family)? })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary, or must agree bit for bit")]
mod tests {
    use super::*;

    #[test]
    fn families_with_the_same_problem_share_their_value() {
        let of = |family| reference(101, Scenario::Prompts, family).unwrap();
        assert!(of(Family::Base).is_some());
        assert_eq!(of(Family::Noisy), of(Family::Base));
        assert_eq!(of(Family::Tiny), of(Family::Base));
        assert_ne!(of(Family::Epistasis), of(Family::Base));
        assert_eq!(reference(50, Scenario::Prompts, Family::Base).unwrap(), None);
        assert_ne!(reference(1, Scenario::Full, Family::Base).unwrap(), of(Family::Base));
    }

    #[test]
    fn the_larger_value_normalises() {
        let known = |found, reference| Known { instance: 1, found, reference };
        assert_eq!(known(0.5, Some(0.6)).quality(), 0.6);
        assert!(!known(0.5, Some(0.6)).reaches_reference());
        assert_eq!(known(0.7, Some(0.6)).quality(), 0.7);
        assert_eq!(known(0.7, None).quality(), 0.7);
        assert!(known(0.7, None).reaches_reference());
    }
}
