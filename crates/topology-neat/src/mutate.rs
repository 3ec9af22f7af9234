mod grow;
mod prune;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::{NetworkGenome, NetworkSpace};

/// The ways in which a network may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkEdit {
    /// A neuron is put into an edge; the edge stays on beside it half of the time.
    AddNode,
    /// Two neurons are joined that were not.
    AddEdge,
    /// An inner neuron goes; its neighbours are joined in its place.
    RemoveNode,
    /// An edge goes; neurons that nothing reads any more go with it.
    RemoveEdge,
    /// An edge is switched on or off.
    Toggle,
    /// Every weight moves by a normal step of deviation 0.5, or is drawn anew (one in ten).
    Weights,
}

impl NetworkEdit {
    /// Every way.
    pub const ALL: [Self; 6] =
        [Self::AddNode, Self::AddEdge, Self::RemoveNode, Self::RemoveEdge, Self::Toggle, Self::Weights];

    /// Changes `genome` in this way, at a random place. Returns whether there was one; if not, or if the network would
    /// leave its space, nothing changes. O(edges).
    pub fn apply(self, genome: &mut NetworkGenome, space: &NetworkSpace, rng: &mut Stream) -> bool {
        match self {
            Self::AddNode => grow::node(genome, space, rng),
            Self::AddEdge => grow::edge(genome, space, rng),
            Self::RemoveNode => prune::node(genome, space, rng),
            Self::RemoveEdge => prune::edge(genome, rng),
            Self::Toggle => toggle(genome, rng),
            Self::Weights => {
                for weight in genome.payloads_mut() {
                    *weight = if rng.chance(0.1) { normal(rng) } else { *weight + 0.5 * normal(rng) };
                }
                true
            }
        }
    }
}

/// Switches one edge, unless it is the last that is on.
fn toggle(genome: &mut NetworkGenome, rng: &mut Stream) -> bool {
    let Some(edge) = rng.pick(genome.edges()) else { return false };
    let (id, on) = (edge.id, edge.enabled);
    (!on || genome.enabled() > 1) && genome.set_enabled(id, !on)
}

/// A standard normal number (Marsaglia's polar method).
pub(crate) fn normal(rng: &mut Stream) -> f64 {
    loop {
        let (u, v) = (2.0 * rng.unit() - 1.0, 2.0 * rng.unit() - 1.0);
        let s = u * u + v * v;
        if s > 0.0 && s < 1.0 {
            return u * (-2.0 * s.ln() / s).sqrt();
        }
    }
}
