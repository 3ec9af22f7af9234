use serde::{Deserialize, Serialize};

/// Names a node or an edge by what it is, not by when it came up: 128 bits of hash over its origin.
///
/// Equal structure has equal ids in every thread, generation and run, so genomes are aligned without a counter that
/// would have to be shared, locked and saved. An edge is named after its ends; a node after the edge it split and
/// its kind; inputs and outputs after their position. Two different origins meet in one id with a probability of
/// about 2^-128 a pair.
///
/// ```
/// use topology_neat::Innovation;
/// let (a, b) = (Innovation::terminal("input", 0), Innovation::terminal("output", 0));
/// assert_eq!(Innovation::edge(a, b), Innovation::edge(a, b));
/// assert_ne!(Innovation::edge(a, b), Innovation::edge(b, a));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Innovation(u64, u64);

impl Innovation {
    /// The terminal `index` of a role such as `input`.
    pub fn terminal(role: &str, index: u64) -> Self {
        let words = role.bytes().map(u64::from).chain([index]);
        Self::of(1, words)
    }

    /// The edge from `source` to `target`.
    pub fn edge(source: Self, target: Self) -> Self {
        Self::of(2, [source.0, source.1, target.0, target.1])
    }

    /// The node that splits `edge`, of a kind with this code; `ordinal` counts splits of the same edge.
    pub fn split(edge: Self, kind: u64, ordinal: u64) -> Self {
        Self::of(3, [edge.0, edge.1, kind, ordinal])
    }

    /// One half of the bits, as a short name.
    pub fn short(self) -> u64 {
        self.0
    }

    fn of(domain: u64, words: impl IntoIterator<Item = u64>) -> Self {
        let (mut low, mut high) = (mix(domain), mix(domain ^ 0x9e37_79b9_7f4a_7c15));
        for word in words {
            low = mix(low ^ word).wrapping_add(high.rotate_left(23));
            high = mix(high ^ word.rotate_left(32)).wrapping_add(low);
        }
        Self(mix(low), mix(high))
    }
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014), a bijection.
fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn different_origins_have_different_ids() {
        let ends: Vec<_> = (0..100).map(|i| Innovation::terminal("input", i)).collect();
        let mut seen = BTreeSet::new();
        for a in &ends {
            for b in &ends {
                let edge = Innovation::edge(*a, *b);
                assert!(seen.insert(edge));
                for kind in 0..3 {
                    assert!(seen.insert(Innovation::split(edge, kind, 0)));
                }
            }
        }
        assert!(seen.insert(Innovation::terminal("output", 0)));
    }
}
