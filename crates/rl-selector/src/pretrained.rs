use std::fmt;

use crate::{DoubleDqn, DqnConfig, DqnError};

/// A network that has learnt on other problems, as it ships with the crate: arms, settings and weights.
///
/// It chooses by the features of a [`crate::History`]. [`Self::BLACK_BOX`] is what this command writes, bit for bit on the
/// same instruction set: `cargo run --release -p metaorch-benches --no-default-features --bin selector -- pretrain
/// --train-instances 1..60 --blends 200 --patience 0 --steps 15000 --seed 0 --weights FILE`.
///
/// ```
/// use rl_selector::{History, Pretrained};
/// let agent = Pretrained::BLACK_BOX.agent(7)?;
/// let mut history = History::new(6, 1000);
/// // Random search saw these losses; which of the six goes on?
/// history.observe(0, &[31.0, 12.0, 48.0, 25.0]);
/// let arm = agent.cautious(&history.features(), &[true; 6], 0.0).expect("arms are allowed");
/// assert_ne!(Pretrained::BLACK_BOX.arms()[arm], "random");
/// # Ok::<(), rl_selector::DqnError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pretrained {
    arms: &'static [&'static str],
    weights: &'static [u8],
}

impl Pretrained {
    /// Six optimisers of black boxes with continuous variables, learnt on the functions of BBOB in five dimensions, runs of
    /// 1000 evaluations decided on every 20.
    pub const BLACK_BOX: Self = Self {
        arms: &["random", "nelder-mead", "l-bfgs-b", "cma-es", "de", "pso"],
        weights: include_bytes!("../weights/black-box.safetensors"),
    };

    /// Every network that ships.
    pub const ALL: [Self; 1] = [Self::BLACK_BOX];

    /// The names of the arms, in their order.
    pub fn arms(&self) -> &'static [&'static str] {
        self.arms
    }

    /// The weights as safetensors.
    pub fn weights(&self) -> &'static [u8] {
        self.weights
    }

    /// The network that was trained for arms of these names in this order, where there is one.
    pub fn of(arms: &[&str]) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.arms == arms)
    }

    /// An agent with these weights; `seed` is that of its explorations.
    ///
    /// # Errors
    /// Never for networks of this crate; the type is that of loading any weights.
    pub fn agent(&self, seed: u64) -> Result<DoubleDqn, DqnError> {
        let mut agent = DoubleDqn::new(DqnConfig::of_history(self.arms.len()), seed)?;
        agent.load_weights(self.weights)?;
        Ok(agent)
    }
}

impl fmt::Debug for Pretrained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pretrained {{ arms: {:?}, weights: {} bytes }}", self.arms, self.weights.len())
    }
}

impl DoubleDqn {
    /// An agent for arms of these names, whose states are the features of a [`crate::History`] of them: with the weights
    /// that ship with the crate where some fit, fresh otherwise.
    ///
    /// # Errors
    /// [`DqnError::Config`] when there are too few or too many arms for a network.
    pub fn for_arms(arms: &[&str], seed: u64) -> Result<Self, DqnError> {
        match Pretrained::of(arms) {
            Some(network) => network.agent(seed),
            None => Self::new(DqnConfig::of_history(arms.len()), seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::History;

    #[test]
    fn the_shipped_weights_load_are_small_and_decide() {
        for network in Pretrained::ALL {
            assert!(network.weights().len() < 1_000_000, "{}", network.weights().len());
            let mut agent = DoubleDqn::for_arms(network.arms(), 1).unwrap();
            assert_eq!(agent.weights().unwrap(), network.weights());
            let values = agent.action_values(&History::new(network.arms().len(), 1000).features());
            assert!(values.iter().all(|v| v.is_finite()));
            let spread = values.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b))
                - values.iter().fold(f64::INFINITY, |a, b| a.min(*b));
            assert!(spread > 0.1, "no arm is preferred at the start of a run: {values:?}");
        }
    }

    #[test]
    fn other_arms_begin_fresh() {
        let known = Pretrained::BLACK_BOX.arms();
        let mut swapped = known.to_vec();
        swapped.swap(0, 1);
        for arms in [&known[..5], &swapped[..]] {
            assert_eq!(Pretrained::of(arms), None);
            let fresh = DoubleDqn::for_arms(arms, 1).unwrap();
            assert_ne!(fresh.weights().unwrap(), Pretrained::BLACK_BOX.weights());
        }
        assert!(DoubleDqn::for_arms(&["one"], 1).is_err());
    }
}
