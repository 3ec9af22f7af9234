mod check;
mod error;
mod order;

pub use error::GenomeError;
use serde::{Deserialize, Serialize};

use crate::Innovation;

/// What a node can be; [`NodeKind::code`] enters the ids of nodes that split an edge.
pub trait NodeKind: Clone + PartialEq {
    /// Equal kinds have equal codes, in every version.
    fn code(&self) -> u64;
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Receives the input of this position; nothing leads to it.
    Input(u32),
    /// Gives the output of this position.
    Output(u32),
    /// Between inputs and outputs.
    Inner,
}

/// Whether edges may close cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// No cycles: nodes have an order.
    Acyclic,
    /// Any edge but into an input.
    Recurrent,
}

/// A node of a [`Genome`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node<N> {
    /// Its name.
    pub id: Innovation,
    /// Where it stands.
    pub role: Role,
    /// What it does.
    pub kind: N,
}

/// An edge of a [`Genome`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge<W> {
    /// Its name: the hash of its ends.
    pub id: Innovation,
    /// The node it leaves.
    pub source: Innovation,
    /// The node it enters.
    pub target: Innovation,
    /// What it carries, such as a weight.
    pub payload: W,
    /// Whether it takes part in the phenotype.
    pub enabled: bool,
}

/// A graph of named nodes and edges: what evolution changes.
///
/// Malformed graphs cannot be made: every edge joins nodes that exist, none enters an input, none comes twice, and in an
/// acyclic genome none closes a cycle (disabled edges count, so enabling one is always safe). Operations that would
/// break this are refused and change nothing. Nodes and edges are sorted by id.
///
/// ```
/// use topology_neat::{Activation, Flow, Genome};
/// let mut genome: Genome<Activation, f64> =
///     Genome::new(Flow::Acyclic, &[Activation::Identity; 2], &[Activation::Tanh]).unwrap();
/// let (input, output) = (genome.input(0).unwrap(), genome.output(0).unwrap());
/// let edge = genome.connect(input, output, 0.5).unwrap();
/// let hidden = genome.split(edge, Activation::Tanh, 1.0, 0.5).unwrap();
/// assert!(genome.connect(output, hidden, 1.0).is_err(), "it would close a cycle");
/// assert_eq!((genome.nodes().len(), genome.edges().len()), (4, 3));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "check::Parts<N, W>", into = "check::Parts<N, W>")]
#[serde(bound(serialize = "N: Clone + Serialize, W: Clone + Serialize"))]
#[serde(bound(deserialize = "N: Deserialize<'de>, W: Deserialize<'de>"))]
pub struct Genome<N, W> {
    flow: Flow,
    nodes: Vec<Node<N>>,
    edges: Vec<Edge<W>>,
}

impl<N, W> Genome<N, W> {
    /// The genome of these nodes in order and edges in order, which the caller knows to be well formed.
    pub(crate) fn assemble(flow: Flow, nodes: Vec<Node<N>>, edges: Vec<Edge<W>>) -> Self {
        Self { flow, nodes, edges }
    }

    /// Whether cycles are allowed.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// Every node, by id.
    pub fn nodes(&self) -> &[Node<N>] {
        &self.nodes
    }

    /// Every edge, by id.
    pub fn edges(&self) -> &[Edge<W>] {
        &self.edges
    }

    /// The position of a node among [`Genome::nodes`]. O(log nodes).
    pub fn index(&self, node: Innovation) -> Option<usize> {
        self.nodes.binary_search_by_key(&node, |n| n.id).ok()
    }

    /// The edge of this id. O(log edges).
    pub fn edge(&self, id: Innovation) -> Option<&Edge<W>> {
        self.edges.binary_search_by_key(&id, |e| e.id).ok().map(|i| &self.edges[i])
    }

    /// The id of the input at a position.
    pub fn input(&self, at: u32) -> Option<Innovation> {
        let id = Innovation::terminal("input", u64::from(at));
        self.index(id).map(|_| id)
    }

    /// The id of the output at a position.
    pub fn output(&self, at: u32) -> Option<Innovation> {
        let id = Innovation::terminal("output", u64::from(at));
        self.index(id).map(|_| id)
    }

    /// How many nodes are between inputs and outputs.
    pub fn inner(&self) -> usize {
        self.nodes.iter().filter(|n| n.role == Role::Inner).count()
    }

    /// How many edges take part in the phenotype.
    pub fn enabled(&self) -> usize {
        self.edges.iter().filter(|e| e.enabled).count()
    }

    /// What the enabled edges carry, in the order of their ids.
    pub fn payloads_mut(&mut self) -> impl Iterator<Item = &mut W> {
        self.edges.iter_mut().filter(|e| e.enabled).map(|e| &mut e.payload)
    }

    /// Switches an edge on or off. Returns whether there is such an edge.
    pub fn set_enabled(&mut self, edge: Innovation, enabled: bool) -> bool {
        let found = self.edges.binary_search_by_key(&edge, |e| e.id);
        if let Ok(at) = found {
            self.edges[at].enabled = enabled;
        }
        found.is_ok()
    }

    /// Takes an edge out. Returns whether there was one.
    pub fn disconnect(&mut self, edge: Innovation) -> bool {
        let found = self.edges.binary_search_by_key(&edge, |e| e.id);
        if let Ok(at) = found {
            self.edges.remove(at);
        }
        found.is_ok()
    }

    /// Takes an inner node out, with its edges. Returns whether there was one; inputs and outputs stay.
    pub fn remove(&mut self, node: Innovation) -> bool {
        let Some(at) = self.index(node).filter(|at| self.nodes[*at].role == Role::Inner) else {
            return false;
        };
        self.nodes.remove(at);
        self.edges.retain(|e| e.source != node && e.target != node);
        true
    }

    /// Joins two nodes. O(edges).
    ///
    /// # Errors
    /// [`GenomeError`] when a node is unknown, the target is an input, the edge exists, or it would close a cycle in an
    /// acyclic genome. Nothing changes then.
    pub fn connect(
        &mut self,
        source: Innovation,
        target: Innovation,
        payload: W,
    ) -> Result<Innovation, GenomeError> {
        let from = self.index(source).ok_or(GenomeError::UnknownNode(source))?;
        let into = self.index(target).ok_or(GenomeError::UnknownNode(target))?;
        if matches!(self.nodes[into].role, Role::Input(_)) {
            return Err(GenomeError::IntoInput(target));
        }
        let id = Innovation::edge(source, target);
        let Err(at) = self.edges.binary_search_by_key(&id, |e| e.id) else {
            return Err(GenomeError::Duplicate(id));
        };
        if self.flow == Flow::Acyclic && self.reaches(into, from) {
            return Err(GenomeError::Cycle(id));
        }
        self.edges.insert(at, Edge { id, source, target, payload, enabled: true });
        Ok(id)
    }
}

impl<N: NodeKind, W> Genome<N, W> {
    /// Inputs and outputs of these kinds and no edges.
    ///
    /// # Errors
    /// [`GenomeError::NoOutput`] without outputs.
    pub fn new(flow: Flow, inputs: &[N], outputs: &[N]) -> Result<Self, GenomeError> {
        if outputs.is_empty() {
            return Err(GenomeError::NoOutput);
        }
        let mut nodes = Vec::with_capacity(inputs.len() + outputs.len());
        for (at, kind) in (0..).zip(inputs) {
            let id = Innovation::terminal("input", u64::from(at));
            nodes.push(Node { id, role: Role::Input(at), kind: kind.clone() });
        }
        for (at, kind) in (0..).zip(outputs) {
            let id = Innovation::terminal("output", u64::from(at));
            nodes.push(Node { id, role: Role::Output(at), kind: kind.clone() });
        }
        nodes.sort_by_key(|n| n.id);
        Ok(Self { flow, nodes, edges: Vec::new() })
    }

    /// Puts a node into an edge, which is disabled; edges with these payloads lead to it and from it.
    ///
    /// # Errors
    /// [`GenomeError::UnknownEdge`]; nothing changes then.
    pub fn split(&mut self, edge: Innovation, kind: N, into: W, out: W) -> Result<Innovation, GenomeError> {
        let at =
            self.edges.binary_search_by_key(&edge, |e| e.id).map_err(|_| GenomeError::UnknownEdge(edge))?;
        let (source, target) = (self.edges[at].source, self.edges[at].target);
        let id = (0..).map(|ordinal| Innovation::split(edge, kind.code(), ordinal));
        let mut free = id.filter(|id| self.index(*id).is_none());
        let id = free.next().ok_or(GenomeError::UnknownEdge(edge))?;
        let place = self.nodes.partition_point(|n| n.id < id);
        self.edges[at].enabled = false;
        self.nodes.insert(place, Node { id, role: Role::Inner, kind });
        for (source, target, payload) in [(source, id, into), (id, target, out)] {
            let name = Innovation::edge(source, target);
            let at = self.edges.partition_point(|e| e.id < name);
            self.edges.insert(at, Edge { id: name, source, target, payload, enabled: true });
        }
        Ok(id)
    }
}
