use meta_traits::Stream;

use crate::{Innovation, NetworkGenome, NetworkSpace, Role};

/// Takes an inner node out. Every source is joined to every target by the product of the two weights where they
/// were not joined, which keeps the function of linear neurons; at most 16 such bridges are built, and none beyond the
/// edges that the space allows.
pub(super) fn node(genome: &mut NetworkGenome, space: &NetworkSpace, rng: &mut Stream) -> bool {
    let inner: Vec<Innovation> =
        genome.nodes().iter().filter(|n| n.role == Role::Inner).map(|n| n.id).collect();
    let Some(&gone) = rng.pick(&inner) else { return false };
    let on = || genome.edges().iter().filter(|e| e.enabled);
    let into: Vec<_> = on().filter(|e| e.target == gone).map(|e| (e.source, e.payload)).collect();
    let out: Vec<_> = on().filter(|e| e.source == gone).map(|e| (e.target, e.payload)).collect();
    genome.remove(gone);
    let pairs = into.iter().flat_map(|(s, w)| out.iter().map(move |(t, v)| (*s, *t, w * v)));
    for (source, target, weight) in pairs.take(16).filter(|(s, t, _)| *s != gone && *t != gone) {
        let weight = weight.clamp(-1e6, 1e6);
        // One that exists is switched on; one that would close a cycle is left out.
        let known = genome.set_enabled(Innovation::edge(source, target), true);
        if !known && genome.edges().len() < space.max_edges {
            let _ = genome.connect(source, target, weight);
        }
    }
    true
}

/// Takes an edge out, unless it is the last that is on, and then inner nodes that lead nowhere.
pub(super) fn edge(genome: &mut NetworkGenome, rng: &mut Stream) -> bool {
    let Some(edge) = rng.pick(genome.edges()) else { return false };
    if edge.enabled && genome.enabled() <= 1 {
        return false;
    }
    let gone = edge.id;
    genome.disconnect(gone);
    loop {
        let leads = |id: Innovation| genome.edges().iter().any(|e| e.source == id && e.target != id);
        let idle = genome.nodes().iter().find(|n| n.role == Role::Inner && !leads(n.id)).map(|n| n.id);
        match idle {
            Some(id) => genome.remove(id),
            None => return true,
        };
    }
}
