use meta_traits::Stream;

use super::normal;
use crate::{NetworkGenome, NetworkSpace, Role};

/// Further sources of a new node.
const MORE: usize = 3;

/// Splits an edge that is on. The edge is kept beside the new node half of the time. The node also reads, with weight 0,
/// what its target reads, up to three more: one that reads a single source computes little that is new.
pub(super) fn node(genome: &mut NetworkGenome, space: &NetworkSpace, rng: &mut Stream) -> bool {
    if genome.inner() >= space.max_hidden || genome.edges().len() + 2 > space.max_edges {
        return false;
    }
    let on: Vec<_> = genome.edges().iter().filter(|e| e.enabled).map(|e| (e.id, e.payload)).collect();
    let Some(&(edge, weight)) = rng.pick(&on) else { return false };
    let keep = rng.chance(0.5);
    let Some(target) = genome.edge(edge).map(|e| e.target) else { return false };
    let Ok(made) = genome.split(edge, space.hidden, 1.0, if keep { 0.0 } else { weight }) else {
        return false;
    };
    genome.set_enabled(edge, keep);
    let into = |e: &&crate::Edge<f64>| e.target == target && e.source != made && e.source != target;
    let mut sources: Vec<_> = genome.edges().iter().filter(into).map(|e| e.source).collect();
    rng.shuffle(&mut sources);
    for source in sources.into_iter().take(MORE) {
        if genome.edges().len() < space.max_edges {
            // The source of the split edge is joined already.
            let _ = genome.connect(source, made, 0.0);
        }
    }
    true
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
