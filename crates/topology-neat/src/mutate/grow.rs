use meta_traits::Stream;

use super::normal;
use crate::{NetworkGenome, NetworkSpace, Role};

/// Splits an edge that is on. The edge is kept beside the new node half of the time.
pub(super) fn node(genome: &mut NetworkGenome, space: &NetworkSpace, rng: &mut Stream) -> bool {
    if genome.inner() >= space.max_hidden || genome.edges().len() + 2 > space.max_edges {
        return false;
    }
    let on: Vec<_> = genome.edges().iter().filter(|e| e.enabled).map(|e| (e.id, e.payload)).collect();
    let Some(&(edge, weight)) = rng.pick(&on) else { return false };
    let keep = rng.chance(0.5);
    let made = genome.split(edge, space.hidden, 1.0, if keep { 0.0 } else { weight }).is_ok();
    if made && keep {
        genome.set_enabled(edge, true);
    }
    made
}

/// Joins two nodes that were not joined; a few random pairs are tried.
pub(super) fn edge(genome: &mut NetworkGenome, space: &NetworkSpace, rng: &mut Stream) -> bool {
    const TRIES: usize = 16;
    if genome.edges().len() >= space.max_edges {
        return false;
    }
    for _ in 0..TRIES {
        let (Some(source), Some(target)) = (rng.pick(genome.nodes()), rng.pick(genome.nodes())) else {
            return false;
        };
        let (source, target, fits) = (source.id, target.id, !matches!(target.role, Role::Input(_)));
        if fits && genome.connect(source, target, 0.1 * normal(rng)).is_ok() {
            return true;
        }
    }
    false
}
