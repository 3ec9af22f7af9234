use meta_traits::{Classify, ErrorKind};
use thiserror::Error;

use crate::Innovation;

/// Why a genome cannot be changed, or read, as asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GenomeError {
    /// There is nothing to compute.
    #[error("genome: no outputs; name at least one")]
    NoOutput,
    /// No node has this id.
    #[error("genome: no node {0:?}; use an id of nodes()")]
    UnknownNode(Innovation),
    /// No edge has this id.
    #[error("genome: no edge {0:?}; use an id of edges()")]
    UnknownEdge(Innovation),
    /// Inputs receive from outside alone.
    #[error("genome: an edge into input {0:?}; lead it to an output or an inner node")]
    IntoInput(Innovation),
    /// The edge exists.
    #[error("genome: edge {0:?} exists; enable it or change its payload")]
    Duplicate(Innovation),
    /// The edge would close a cycle.
    #[error("genome: edge {0:?} closes a cycle in an acyclic genome; reverse it or use Flow::Recurrent")]
    Cycle(Innovation),
    /// Nodes or edges are not in order, come twice, or have ids that are not theirs.
    #[error("genome: entry {0} of its {1} is out of order or has a foreign id; write it as it was saved")]
    Order(usize, &'static str),
}

impl Classify for GenomeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }
}
