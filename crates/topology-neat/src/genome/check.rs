use serde::{Deserialize, Serialize};

use super::{Edge, Flow, Genome, GenomeError, Node, Role};
use crate::Innovation;

/// The written form of a genome, checked when read.
#[derive(Serialize, Deserialize)]
pub(super) struct Parts<N, W> {
    flow: Flow,
    nodes: Vec<Node<N>>,
    edges: Vec<Edge<W>>,
}

impl<N, W> From<Genome<N, W>> for Parts<N, W> {
    fn from(genome: Genome<N, W>) -> Self {
        Self { flow: genome.flow, nodes: genome.nodes, edges: genome.edges }
    }
}

impl<N, W> TryFrom<Parts<N, W>> for Genome<N, W> {
    type Error = GenomeError;
    fn try_from(parts: Parts<N, W>) -> Result<Self, GenomeError> {
        let genome = Self { flow: parts.flow, nodes: parts.nodes, edges: parts.edges };
        genome.check()?;
        Ok(genome)
    }
}

impl<N, W> Genome<N, W> {
    /// Whether every law of the type holds; genomes made by its operations always pass. O(edges log nodes).
    ///
    /// # Errors
    /// The first law broken.
    pub fn check(&self) -> Result<(), GenomeError> {
        if !self.nodes.iter().any(|n| matches!(n.role, Role::Output(_))) {
            return Err(GenomeError::NoOutput);
        }
        for (at, node) in self.nodes.iter().enumerate() {
            let named = match node.role {
                Role::Input(i) => node.id == Innovation::terminal("input", u64::from(i)),
                Role::Output(i) => node.id == Innovation::terminal("output", u64::from(i)),
                Role::Inner => true,
            };
            if !named || at > 0 && self.nodes[at - 1].id >= node.id {
                return Err(GenomeError::Order(at, "nodes"));
            }
        }
        for (at, edge) in self.edges.iter().enumerate() {
            self.index(edge.source).ok_or(GenomeError::UnknownNode(edge.source))?;
            let into = self.index(edge.target).ok_or(GenomeError::UnknownNode(edge.target))?;
            if matches!(self.nodes[into].role, Role::Input(_)) {
                return Err(GenomeError::IntoInput(edge.target));
            }
            let named = edge.id == Innovation::edge(edge.source, edge.target);
            if !named || at > 0 && self.edges[at - 1].id >= edge.id {
                return Err(GenomeError::Order(at, "edges"));
            }
        }
        match self.flow {
            Flow::Acyclic if self.order().is_none() => {
                Err(GenomeError::Cycle(self.edges.first().map_or(self.nodes[0].id, |e| e.id)))
            }
            _ => Ok(()),
        }
    }
}
