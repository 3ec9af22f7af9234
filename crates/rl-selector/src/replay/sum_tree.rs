use serde::{Deserialize, Serialize};

use crate::bits;

/// Weights with their sums in a binary tree: set and find in O(log n).
///
/// Every inner node is the sum of its two children, computed afresh on each path, so that no rounding gathers and the
/// leaves alone determine the tree. Sums are f64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Leaves", into = "Leaves")]
pub(crate) struct SumTree {
    capacity: usize,
    /// Leaves from `width` on; node i has the children 2i and 2i + 1.
    nodes: Vec<f64>,
    width: usize,
}

/// The written form.
#[derive(Serialize, Deserialize)]
struct Leaves {
    #[serde(with = "bits::f64s")]
    weights: Vec<f64>,
}

impl From<Leaves> for SumTree {
    fn from(leaves: Leaves) -> Self {
        let mut tree = Self::new(leaves.weights.len());
        tree.nodes[tree.width..][..tree.capacity].copy_from_slice(&leaves.weights);
        for node in (1..tree.width).rev() {
            tree.nodes[node] = tree.nodes[2 * node] + tree.nodes[2 * node + 1];
        }
        tree
    }
}

impl From<SumTree> for Leaves {
    fn from(tree: SumTree) -> Self {
        Self { weights: tree.nodes[tree.width..][..tree.capacity].to_vec() }
    }
}

impl SumTree {
    /// `capacity` weights, all 0.
    pub(crate) fn new(capacity: usize) -> Self {
        let width = capacity.max(1).next_power_of_two();
        Self { capacity, nodes: vec![0.0; 2 * width], width }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn total(&self) -> f64 {
        self.nodes[1]
    }

    pub(crate) fn get(&self, slot: usize) -> f64 {
        self.nodes[self.width + slot]
    }

    /// Gives `slot` a weight; one that is negative or not finite counts as 0.
    pub(crate) fn set(&mut self, slot: usize, weight: f64) {
        let mut node = self.width + slot;
        self.nodes[node] = if weight.is_finite() { weight.max(0.0) } else { 0.0 };
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// The slot in which the running sum of weights passes `at`, for `at` in [0, total). Never one of weight 0, unless
    /// all are.
    pub(crate) fn find(&self, mut at: f64) -> usize {
        let mut node = 1;
        while node < self.width {
            let (left, right) = (self.nodes[2 * node], self.nodes[2 * node + 1]);
            // Rounding can carry `at` past the end; the right side may then be empty.
            node = if at < left || right <= 0.0 {
                2 * node
            } else {
                at -= left;
                2 * node + 1
            };
        }
        node - self.width
    }

    /// Whether weights are all finite and not negative.
    pub(crate) fn is_sound(&self) -> bool {
        self.nodes.iter().all(|w| w.is_finite() && *w >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_and_finds_are_those_of_the_plain_list(
            sets in prop::collection::vec((0_usize..37, prop_oneof![Just(0.0), 0.0..10.0_f64]), 1..200),
            at in 0.0..1.0_f64,
        ) {
            let (mut tree, mut plain) = (SumTree::new(37), vec![0.0_f64; 37]);
            for (slot, weight) in sets {
                tree.set(slot, weight);
                plain[slot] = weight;
            }
            let total: f64 = plain.iter().sum();
            prop_assert!((tree.total() - total).abs() < 1e-9);
            if total > 0.0 {
                let found = tree.find(at * tree.total());
                let before: f64 = plain[..found].iter().sum();
                prop_assert!(plain[found] > 0.0);
                prop_assert!(before <= at * total + 1e-9 && at * total <= before + plain[found] + 1e-9);
            }
            let back: SumTree = serde_json::from_str(&serde_json::to_string(&tree).unwrap()).unwrap();
            prop_assert_eq!(back, tree);
        }
    }

    #[test]
    fn an_empty_slot_is_never_found() {
        let mut tree = SumTree::new(5);
        tree.set(1, 3.0);
        tree.set(4, f64::NAN);
        tree.set(3, -1.0);
        let mut rng = Stream::root(0);
        assert!((0..100).all(|_| tree.find(rng.unit() * tree.total()) == 1));
        assert_eq!(tree.find(1e9), 1);
        assert!(tree.is_sound());
    }
}
