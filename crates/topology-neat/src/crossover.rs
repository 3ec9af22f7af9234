use meta_traits::Stream;

use crate::{Flow, Genome, Innovation, NodeKind, Role};

/// How the fitness of the first parent compares to that of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fitter {
    /// The first parent gives what only one has.
    First,
    /// What only one has comes from either, by a coin an edge.
    Neither,
}

/// A child of two genomes with the same inputs and outputs, aligned by id (Stanley & Miikkulainen 2002, section 3.2).
///
/// An edge both have comes from either parent by a coin; one that only one has comes from the fitter. An edge
/// disabled in either parent stays disabled with probability 0.75. Two acyclic parents can disagree on directions; then
/// edges of the first are kept and those of the second that would close a cycle are left out. Nodes come with
/// their edges. O(edges), O(edges^2) in the rare repair.
pub fn crossover<N: NodeKind, W: Clone>(
    first: &Genome<N, W>,
    second: &Genome<N, W>,
    fitter: Fitter,
    rng: &mut Stream,
) -> Genome<N, W> {
    let (mut a, mut b) = (first.edges().iter().peekable(), second.edges().iter().peekable());
    let mut edges = Vec::with_capacity(first.edges().len());
    let mut foreign: Vec<Innovation> = Vec::new();
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(x), Some(y)) => x.id.cmp(&y.id),
        };
        match order {
            std::cmp::Ordering::Less => {
                let edge = a.next();
                if fitter == Fitter::First || rng.chance(0.5) {
                    edges.extend(edge.cloned());
                }
            }
            std::cmp::Ordering::Greater => {
                let edge = b.next();
                if fitter == Fitter::Neither && rng.chance(0.5) {
                    foreign.extend(edge.map(|e| e.id));
                    edges.extend(edge.cloned());
                }
            }
            std::cmp::Ordering::Equal => {
                let (Some(x), Some(y)) = (a.next(), b.next()) else { break };
                let mut edge = if rng.chance(0.5) { x.clone() } else { y.clone() };
                edge.enabled = x.enabled && y.enabled || !rng.chance(0.75);
                edges.push(edge);
            }
        }
    }
    let mut ends: Vec<Innovation> = edges.iter().flat_map(|e| [e.source, e.target]).collect();
    ends.sort_unstable();
    ends.dedup();
    let wanted = |n: &&crate::Node<N>| n.role != Role::Inner || ends.binary_search(&n.id).is_ok();
    let mut nodes: Vec<_> = first.nodes().iter().filter(wanted).cloned().collect();
    let missing = |n: &&crate::Node<N>| wanted(n) && first.index(n.id).is_none();
    nodes.extend(second.nodes().iter().filter(missing).cloned());
    nodes.sort_by_key(|n| n.id);
    let child = Genome::assemble(first.flow(), nodes, edges);
    if child.flow() == Flow::Recurrent || child.order().is_some() {
        return child;
    }
    repaired(&child, &foreign)
}

/// The same genome without those edges of `foreign` that close cycles.
fn repaired<N: NodeKind, W: Clone>(child: &Genome<N, W>, foreign: &[Innovation]) -> Genome<N, W> {
    let (later, kept): (Vec<_>, Vec<_>) =
        child.edges().iter().cloned().partition(|e| foreign.binary_search(&e.id).is_ok());
    let mut out = Genome::assemble(child.flow(), child.nodes().to_vec(), kept);
    for edge in later {
        if let Ok(id) = out.connect(edge.source, edge.target, edge.payload) {
            out.set_enabled(id, edge.enabled);
        }
    }
    out
}
