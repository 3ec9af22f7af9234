/// Modules of the chain; each has a prompt.
pub(super) const MODULES: usize = 3;
/// Slots of a prompt.
pub(super) const SLOTS: usize = 6;
/// Options of a prompt slot; 0 is the blank seed.
pub(super) const OPTIONS: usize = 5;
/// The index of the component that holds the hyperparameters.
pub(super) const HYPER: usize = 3;
/// The index of the component that holds the topology.
pub(super) const TOPOLOGY: usize = 4;
/// Component names, in order.
pub(super) const NAMES: [&str; 5] = ["query", "reason", "answer", "hyper", "topology"];

const PROMPT_SLOTS: &[&str] = &["role", "task", "reasoning", "format", "examples", "constraints"];

/// The slot names of component `c`, in order.
pub(super) fn slots(c: usize) -> &'static [&'static str] {
    match c {
        HYPER => &["temperature", "retrieval_k", "max_tokens"],
        TOPOLOGY => &["verify", "decompose", "vote"],
        _ => PROMPT_SLOTS,
    }
}

/// The number of options of each slot of component `c`.
pub(super) fn dims(c: usize) -> &'static [u8] {
    match c {
        HYPER => &[5, 5, 5],
        TOPOLOGY => &[2, 2, 3],
        _ => &[5, 5, 5, 5, 5, 5],
    }
}

/// A candidate in hidden coordinates: the option chosen in every slot of every component.
///
/// Components are query, reason, answer (6 slots of 5 options), hyper (3 of 5) and topology (2, 2 and 3 options).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Genome {
    genes: [[u8; SLOTS]; 5],
}

impl Genome {
    /// The seed: blank prompts, hyperparameters 2 0 1, plain topology.
    pub fn seed() -> Self {
        let mut genes = [[0; SLOTS]; 5];
        genes[HYPER] = [2, 0, 1, 0, 0, 0];
        Self { genes }
    }

    /// The options of component `c` in 0..5; empty for any other `c`.
    pub fn options(&self, c: usize) -> &[u8] {
        self.genes.get(c).map_or(&[], |genes| &genes[..dims(c).len()])
    }

    /// Sets slot `k` of component `c` to option `v`; `false` and no change when there is no such option.
    pub fn set(&mut self, c: usize, k: usize, v: u8) -> bool {
        let known = c < NAMES.len() && dims(c).get(k).is_some_and(|n| v < *n);
        if known {
            self.genes[c][k] = v;
        }
        known
    }

    /// The option in slot `k` of component `c`.
    pub(super) fn get(&self, c: usize, k: usize) -> usize {
        usize::from(self.genes[c][k])
    }

    /// The same genome with one gene changed.
    pub(super) fn with(mut self, c: usize, k: usize, v: u8) -> Self {
        self.genes[c][k] = v;
        self
    }

    /// Takes over component `c` of `other`.
    pub(super) fn copy(&mut self, c: usize, other: &Self) {
        self.genes[c] = other.genes[c];
    }

    /// The options of component `c` as one number in base 7, slot 0 first.
    pub(super) fn key(&self, c: usize) -> u64 {
        self.options(c).iter().fold(0, |key, v| key * 7 + u64::from(*v))
    }

    /// Whether the options of component `c` are all 0.
    pub(super) fn is_blank(&self, c: usize) -> bool {
        self.options(c).iter().all(|v| *v == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_refuses_what_does_not_exist() {
        let mut g = Genome::seed();
        assert!(g.set(0, 5, 4));
        assert!(g.set(4, 2, 2));
        for (c, k, v) in [(0, 6, 0), (0, 0, 5), (4, 0, 2), (3, 3, 0), (5, 0, 0)] {
            let before = g;
            assert!(!g.set(c, k, v));
            assert_eq!(g, before);
        }
        assert_eq!(g.options(0), [0, 0, 0, 0, 0, 4]);
        assert_eq!(g.options(3), [2, 0, 1]);
        assert!(g.options(7).is_empty());
    }
}
