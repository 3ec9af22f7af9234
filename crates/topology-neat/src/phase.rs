use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::NetworkEdit;

/// Whether structure grows or shrinks at present (phased search, after Green 2004).
///
/// While complexifying every edit may come up; when the mean complexity is above the last floor by `slack` and nothing
/// has improved for `patience` generations, only removing ones may, until the mean has not fallen for
/// `patience` generations; that mean is the new floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Phase {
    pruning: bool,
    floor: f64,
    lowest: f64,
    waited: u64,
}

impl Phase {
    pub(crate) fn new(complexity: f64) -> Self {
        Self { pruning: false, floor: complexity, lowest: complexity, waited: 0 }
    }

    /// Takes in a generation: the mean number of edges, and whether the best improved.
    pub(crate) fn observe(&mut self, complexity: f64, improved: bool, slack: f64, patience: u64) {
        let better = if self.pruning { complexity < self.lowest } else { improved };
        self.lowest = self.lowest.min(complexity);
        self.waited = if better { 0 } else { self.waited + 1 };
        if self.waited < patience {
            return;
        }
        if self.pruning {
            *self = Self::new(self.lowest);
        } else if complexity > self.floor + slack {
            *self = Self { pruning: true, floor: self.floor, lowest: complexity, waited: 0 };
        }
    }

    pub(crate) fn pruning(&self) -> bool {
        self.pruning
    }

    /// A kind of edit, by weights of the phase; those not in `allowed` never come.
    pub(crate) fn edit(&self, allowed: &[NetworkEdit], rng: &mut Stream) -> Option<NetworkEdit> {
        let weight = |edit: &NetworkEdit| match (edit, self.pruning) {
            (NetworkEdit::AddNode | NetworkEdit::AddEdge, false) => 0.35,
            (NetworkEdit::RemoveNode | NetworkEdit::Weights, false) => 0.05,
            (NetworkEdit::RemoveEdge | NetworkEdit::Toggle, false) => 0.1,
            (NetworkEdit::RemoveNode | NetworkEdit::RemoveEdge, true) => 0.5,
            _ => 0.0,
        };
        let weights: Vec<f64> = allowed.iter().map(weight).collect();
        rng.weighted(&weights).map(|at| allowed[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prunes_when_large_and_stuck_and_grows_again_at_the_floor() {
        let mut phase = Phase::new(4.0);
        for _ in 0..10 {
            phase.observe(4.0, false, 3.0, 5);
        }
        assert!(!phase.pruning(), "small enough");
        phase.observe(9.0, true, 3.0, 5);
        for _ in 0..5 {
            assert!(!phase.pruning());
            phase.observe(9.0, false, 3.0, 5);
        }
        assert!(phase.pruning());
        let only = phase.edit(&NetworkEdit::ALL, &mut Stream::root(1));
        assert!(matches!(only, Some(NetworkEdit::RemoveNode | NetworkEdit::RemoveEdge)));
        for complexity in [8.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0] {
            phase.observe(complexity, false, 3.0, 5);
        }
        assert!(!phase.pruning());
    }
}
