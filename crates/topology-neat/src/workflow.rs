//! Agent workflows as acyclic typed graphs in canonical form.
//!
//! A [`Workflow`] holds the modules on some way from the task to the output, ordered so that each reads the task and
//! earlier modules only, and among such orders the canonical one: two workflows are equal exactly when they are
//! isomorphic. Every change goes through a [`Draft`], which drops what is on no way, and refuses cycles and modules
//! without the answer they work on; a malformed workflow cannot be held.

mod canonical;
mod draft;
mod error;
mod features;
mod module;
mod mutate;
mod search;

use std::fmt;

use meta_traits::{Space, Stream};
use serde::{Deserialize, Serialize};

pub use self::draft::Draft;
pub use self::error::WorkflowError;
pub(crate) use self::features::{Features, LEVELS};
pub use self::module::{Library, Module, ModuleKind, Port};
pub use self::mutate::Edit;
pub use self::search::{Arm, Record, SearchOptions, SearchState, Variety, WorkflowSearch};

/// An acyclic typed graph of modules between the task and the output, in canonical form.
///
/// Vertex 0 is the task, vertex `i` the module at position `i - 1` of [`Workflow::modules`], and the output reads like one
/// more module. Between 1 and [`Workflow::MAX_MODULES`] modules, every one on a way from the task to the output; a module
/// whose kind works on answers reads at least one. Equality, order and hash are those of graphs up to isomorphism.
///
/// ```
/// use topology_neat::{Module, ModuleKind, Workflow};
/// let (a, b) = (Module::new(ModuleKind::Generate, 0), Module::new(ModuleKind::Generate, 1));
/// let vote = Module::new(ModuleKind::Vote, 0);
/// let one = Workflow::new(&[(a, &[0]), (b, &[0]), (vote, &[1, 2])], &[3])?;
/// let other = Workflow::new(&[(b, &[0]), (a, &[0]), (vote, &[2, 1])], &[3])?;
/// assert_eq!(one, other);
/// assert_eq!(one.fingerprint(), other.fingerprint());
/// assert!(Workflow::new(&[(vote, &[0])], &[1]).is_err(), "a vote needs answers");
/// # Ok::<(), topology_neat::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Workflow {
    modules: Vec<Module>,
    /// Of each module the vertices it reads, one bit each.
    reads: Vec<u32>,
    /// The vertices the output reads.
    output: u32,
}

impl Workflow {
    /// Most modules of a workflow.
    pub const MAX_MODULES: usize = 24;

    /// A workflow of modules, each with the vertices it reads (0 is the task, `i` the `i`-th module from 1), and the
    /// vertices the output reads. The order does not matter; modules on no way from task to output are dropped.
    ///
    /// # Errors
    /// [`WorkflowError`] when there are too many modules, a cycle, a vertex that does not exist, a module without the
    /// answer it needs, or no way through.
    pub fn new(modules: &[(Module, &[usize])], output: &[usize]) -> Result<Self, WorkflowError> {
        let mut draft = Draft::default();
        for (module, _) in modules {
            draft.add(*module);
        }
        let end = modules.len() + 1;
        let reads = modules.iter().map(|(_, reads)| *reads).chain([output]);
        for (reader, reads) in (1..).zip(reads) {
            for &from in reads {
                if from >= end || from == reader {
                    return Err(WorkflowError::Order { module: reader, from });
                }
                let to = if reader == end { Draft::OUTPUT } else { reader + 1 };
                draft.join(if from == 0 { Draft::TASK } else { from + 1 }, to);
            }
        }
        draft.settle()
    }

    /// The workflow of one module, which must answer by itself.
    ///
    /// # Errors
    /// [`WorkflowError::Type`] when it does not.
    pub fn single(module: Module) -> Result<Self, WorkflowError> {
        Self::new(&[(module, &[0])], &[1])
    }

    /// The modules in canonical order; each reads earlier ones only.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The vertices that the module at `position` reads, ascending; the output's for the position past the last.
    pub fn reads(&self, position: usize) -> impl Iterator<Item = usize> + use<> {
        bits(self.reads.get(position).copied().unwrap_or(self.output))
    }

    /// Edges, those from the task and to the output included.
    pub fn edges(&self) -> usize {
        let inner: u32 = self.reads.iter().map(|r| r.count_ones()).sum();
        (inner + self.output.count_ones()) as usize
    }

    /// Most vertices read by one module or the output.
    pub fn widest(&self) -> usize {
        self.reads.iter().chain([&self.output]).map(|r| r.count_ones() as usize).max().unwrap_or(0)
    }

    /// Modules on the longest way from the task to the output.
    pub fn depth(&self) -> usize {
        let mut depth = vec![0; self.modules.len() + 1];
        for (i, reads) in self.reads.iter().enumerate() {
            depth[i + 1] = 1 + bits(*reads).map(|r| depth[r]).max().unwrap_or(0);
        }
        bits(self.output).map(|r| depth[r]).max().unwrap_or(0)
    }

    /// The complexity measure of the settings: modules + 0.2 an edge beyond those of a chain.
    ///
    /// The measure has a third term, words of prompts / 100, which structure knows nothing of; callers add it.
    pub fn complexity(&self) -> f64 {
        let chain = self.modules.len() + 1;
        self.modules.len() as f64 + 0.2 * (self.edges() - chain.min(self.edges())) as f64
    }

    /// 64 bits that isomorphic workflows share and, collisions of a good hash aside, others do not.
    ///
    /// The same on every platform and in every version.
    pub fn fingerprint(&self) -> u64 {
        let words = self.modules.iter().zip(&self.reads).map(|(m, r)| (canonical::label(*m), *r));
        words.chain([(u64::MAX, self.output)]).fold(0, |hash, (label, reads)| {
            canonical::mix(canonical::mix(hash ^ label).wrapping_add(u64::from(reads)))
        })
    }

    /// What each vertex hands on: the task first, then the modules.
    fn ports(&self) -> Vec<Port> {
        let mut ports = vec![Port::Task];
        for (module, reads) in self.modules.iter().zip(&self.reads) {
            let most = bits(*reads).map(|r| ports[r]).max().unwrap_or(Port::Task);
            ports.push(module.kind.gives(most));
        }
        ports
    }
}

/// One line: modules with what they read, such as `1 generate0(0) 2 vote0(1) -> 2`.
impl fmt::Display for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |reads| bits(reads).map(|r| r.to_string()).collect::<Vec<_>>().join(",");
        for (i, (module, reads)) in self.modules.iter().zip(&self.reads).enumerate() {
            write!(f, "{} {module}({}) ", i + 1, list(*reads))?;
        }
        write!(f, "-> {}", list(self.output))
    }
}

/// The written form.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Form {
    modules: Vec<Placed>,
    output: Vec<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Placed {
    #[serde(flatten)]
    module: Module,
    reads: Vec<usize>,
}

impl From<Workflow> for Form {
    fn from(workflow: Workflow) -> Self {
        let placed =
            |(i, module): (usize, &Module)| Placed { module: *module, reads: workflow.reads(i).collect() };
        Self {
            modules: workflow.modules.iter().enumerate().map(placed).collect(),
            output: bits(workflow.output).collect(),
        }
    }
}

impl TryFrom<Form> for Workflow {
    type Error = WorkflowError;
    fn try_from(form: Form) -> Result<Self, WorkflowError> {
        let modules: Vec<(Module, &[usize])> =
            form.modules.iter().map(|p| (p.module, p.reads.as_slice())).collect();
        Self::new(&modules, &form.output)
    }
}

/// Positions of the set bits, ascending.
pub(crate) fn bits(mut word: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (word != 0).then(|| word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        next
    })
}

/// Which workflows may be made: modules on offer, how many of them, how many things one may read.
///
/// ```
/// use meta_traits::{Space as _, Stream};
/// use topology_neat::{Library, WorkflowSpace};
/// let space = WorkflowSpace::new(Library::default(), 6, 4)?;
/// let workflow = space.sample(&mut Stream::root(1));
/// assert!(space.contains(&workflow));
/// # Ok::<(), topology_neat::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowSpace {
    library: Library,
    max_modules: usize,
    max_reads: usize,
}

impl WorkflowSpace {
    /// A space of workflows with 1 to `max_modules` modules, each reading at most `max_reads` vertices.
    ///
    /// # Errors
    /// [`WorkflowError::Size`] when a limit is 0 or above [`Workflow::MAX_MODULES`].
    pub fn new(library: Library, max_modules: usize, max_reads: usize) -> Result<Self, WorkflowError> {
        for (what, found) in [("max_modules", max_modules), ("max_reads", max_reads)] {
            if found == 0 || found > Workflow::MAX_MODULES {
                return Err(WorkflowError::Size { what, found, most: Workflow::MAX_MODULES });
            }
        }
        Ok(Self { library, max_modules, max_reads })
    }

    /// The modules on offer.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// Most modules.
    pub fn max_modules(&self) -> usize {
        self.max_modules
    }

    /// Most vertices that one module reads.
    pub fn max_reads(&self) -> usize {
        self.max_reads
    }
}

impl Space for WorkflowSpace {
    type Point = Workflow;

    /// A single module after up to 15 random edits.
    fn sample(&self, rng: &mut Stream) -> Workflow {
        let answering = self.library.answering();
        let first = answering[rng.below(answering.len())];
        let mut workflow = Workflow { modules: vec![first], reads: vec![1], output: 2 };
        for _ in 0..rng.below(16) {
            let edit = Edit::ALL[rng.below(Edit::ALL.len())];
            workflow = edit.apply(&workflow, self, rng).unwrap_or(workflow);
        }
        workflow
    }

    fn contains(&self, point: &Workflow) -> bool {
        point.modules.len() <= self.max_modules
            && point.widest() <= self.max_reads
            && point.modules.iter().all(|m| self.library.has(*m))
    }
}
