use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{Draft, Module, ModuleKind, Port, Workflow, WorkflowSpace};
use crate::MutationKind;

/// One small change of a workflow.
///
/// ```
/// use meta_traits::{Space as _, Stream};
/// use topology_neat::{Edit, Library, Module, ModuleKind, Workflow, WorkflowSpace};
/// let space = WorkflowSpace::new(Library::default(), 8, 4)?;
/// let one = Workflow::single(Module::new(ModuleKind::Generate, 0))?;
/// let more = Edit::Branch.apply(&one, &space, &mut Stream::root(3)).unwrap();
/// assert!(space.contains(&more) && more.modules().len() == 2);
/// # Ok::<(), topology_neat::WorkflowError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Edit {
    /// A module is put into an edge.
    Split,
    /// A copy of a module, or another module, works beside it: same inputs, same readers.
    Branch,
    /// A module reads one vertex more.
    Join,
    /// A module reads one vertex less.
    Cut,
    /// Another module takes the place of one.
    Relabel,
    /// Another variant takes the place of one.
    Vary,
    /// A module is taken out; its readers read what it read.
    Remove,
    /// Several modules answer side by side and a vote ends them: a module is copied twice and a vote reads all three.
    Poll,
    /// An answer is checked and repaired: a check (verify or critique) and a refine follow one another in an edge.
    Repair,
    /// The same with variants of the module, drawn anew, in place of copies.
    Assemble,
    /// Something is done to the task before a module reads it: a module that gives no answer is put between them.
    Prepare,
    /// A module and another of its kind share the tasks: each stands behind a route of its own.
    Dispatch,
}

impl Edit {
    /// Every edit.
    pub const ALL: [Self; 12] = [
        Self::Split,
        Self::Branch,
        Self::Join,
        Self::Cut,
        Self::Relabel,
        Self::Vary,
        Self::Remove,
        Self::Poll,
        Self::Assemble,
        Self::Prepare,
        Self::Repair,
        Self::Dispatch,
    ];

    /// The edits that are of this kind.
    pub fn of(kind: MutationKind) -> &'static [Self] {
        match kind {
            MutationKind::AddModule => &[Self::Split, Self::Branch, Self::Prepare],
            MutationKind::RemoveModule => &[Self::Remove],
            MutationKind::Reconnect => &[Self::Join, Self::Cut],
            MutationKind::ControlFlow => &[Self::Poll, Self::Assemble, Self::Repair, Self::Dispatch],
            MutationKind::ParameterMutation => &[Self::Relabel, Self::Vary],
        }
    }

    /// Changes `workflow` at a random place; `None` when what comes is no workflow of the space, or no other one.
    ///
    /// Draws from `rng` alone. O(modules squared).
    pub fn apply(self, workflow: &Workflow, space: &WorkflowSpace, rng: &mut Stream) -> Option<Workflow> {
        let mut draft = Draft::of(workflow);
        let modules = draft.vertices();
        let vertex = |rng: &mut Stream| 2 + rng.below(modules.len());
        let room = modules.len() < space.max_modules();
        match self {
            Self::Split if room => {
                let edges = draft.edges();
                let (from, to) = *rng.pick(&edges)?;
                let new = draft.add(any_module(space, rng));
                draft.cut(from, to);
                draft.join(from, new);
                draft.join(new, to);
            }
            Self::Branch if room => {
                let beside = vertex(rng);
                let module = if rng.chance(0.5) { draft.module(beside)? } else { any_module(space, rng) };
                beside_of(&mut draft, beside, module);
            }
            Self::Join => {
                let (from, to) = (rng.below(1 + modules.len()), rng.below(1 + modules.len()));
                let (from, to) = (if from == 0 { Draft::TASK } else { from + 1 }, to + 1);
                if from == to || (from, to) == (Draft::TASK, Draft::OUTPUT) || draft.leads(to, from) {
                    return None;
                }
                draft.join(from, to);
            }
            Self::Cut => {
                let edges = draft.edges();
                let (from, to) = *rng.pick(&edges)?;
                draft.cut(from, to);
            }
            Self::Relabel => draft.label(vertex(rng), any_module(space, rng)),
            Self::Vary => {
                let at = vertex(rng);
                let kind = draft.module(at)?.kind;
                draft.label(
                    at,
                    Module::new(kind, rng.below(usize::from(space.library().variants(kind))) as u8),
                );
            }
            Self::Remove if modules.len() > 1 => {
                let at = vertex(rng);
                let (before, after): (Vec<_>, Vec<_>) =
                    (draft.reads(at).collect(), draft.readers(at).collect());
                for &to in &after {
                    draft.cut(at, to);
                    for &from in &before {
                        draft.join(from, to);
                    }
                }
            }
            Self::Prepare if room => prepare(&mut draft, space, rng)?,
            Self::Poll | Self::Assemble
                if modules.len() + 3 <= space.max_modules()
                    && space.library().variants(ModuleKind::Vote) > 0 =>
            {
                let at = vertex(rng);
                ballot(&mut draft, at, self == Self::Poll, space, rng)?;
            }
            Self::Repair if modules.len() + 2 <= space.max_modules() => {
                let check = *rng.pick(&[ModuleKind::Verify, ModuleKind::Critique])?;
                let (check, refine) = (some(check, space, rng)?, some(ModuleKind::Refine, space, rng)?);
                let at = vertex(rng);
                let after: Vec<_> = draft.readers(at).collect();
                let (check, refine) = (draft.add(check), draft.add(refine));
                draft.join(at, check);
                draft.join(check, refine);
                for to in after {
                    draft.cut(at, to);
                    draft.join(refine, to);
                }
            }
            Self::Dispatch if modules.len() + 3 <= space.max_modules() => {
                let at = vertex(rng);
                let other = some(draft.module(at)?.kind, space, rng)?;
                let routes = [some(ModuleKind::Route, space, rng)?, some(ModuleKind::Route, space, rng)?];
                let new = beside_of(&mut draft, at, other);
                for (to, route) in [at, new].into_iter().zip(routes) {
                    let route = draft.add(route);
                    for from in draft.reads(to).collect::<Vec<_>>() {
                        draft.cut(from, to);
                        draft.join(from, route);
                    }
                    draft.join(route, to);
                }
            }
            _ => return None,
        }
        draft.settle().ok().filter(|new| new != workflow && meta_traits::Space::contains(space, new))
    }
}

/// Puts a module that works on tasks and gives no answer between the task and one of its readers.
fn prepare(draft: &mut Draft, space: &WorkflowSpace, rng: &mut Stream) -> Option<()> {
    let kinds = space.library().kinds().iter().map(|(kind, _)| *kind);
    let kinds: Vec<ModuleKind> =
        kinds.filter(|k| k.needs() == Port::Task && k.gives(Port::Task) == Port::Task).collect();
    let readers: Vec<usize> = draft.readers(Draft::TASK).collect();
    let (kind, to) = (*rng.pick(&kinds)?, *rng.pick(&readers)?);
    let new = draft.add(some(kind, space, rng)?);
    draft.cut(Draft::TASK, to);
    draft.join(Draft::TASK, new);
    draft.join(new, to);
    Some(())
}

/// Lets a vote end the work of `at` and of two more beside it: copies, or variants drawn anew.
fn ballot(draft: &mut Draft, at: usize, copies: bool, space: &WorkflowSpace, rng: &mut Stream) -> Option<()> {
    let (module, after): (_, Vec<_>) = (draft.module(at)?, draft.readers(at).collect());
    let vote = draft.add(Module::new(ModuleKind::Vote, 0));
    for to in after {
        draft.cut(at, to);
        draft.join(vote, to);
    }
    draft.join(at, vote);
    for _ in 0..2 {
        let other = if copies { module } else { some(module.kind, space, rng)? };
        beside_of(draft, at, other);
    }
    Some(())
}

/// Some variant of a kind; `None` when it is not on offer.
fn some(kind: ModuleKind, space: &WorkflowSpace, rng: &mut Stream) -> Option<Module> {
    let variants = space.library().variants(kind);
    (variants > 0).then(|| Module::new(kind, rng.below(usize::from(variants)) as u8))
}

/// Adds `module` with the inputs and readers of `vertex`; its vertex.
fn beside_of(draft: &mut Draft, vertex: usize, module: Module) -> usize {
    let (before, after): (Vec<_>, Vec<_>) = (draft.reads(vertex).collect(), draft.readers(vertex).collect());
    let new = draft.add(module);
    for from in before {
        draft.join(from, new);
    }
    for to in after {
        draft.join(new, to);
    }
    new
}

/// A module of the library: the kind uniformly, with generators twice as likely, then its variant.
fn any_module(space: &WorkflowSpace, rng: &mut Stream) -> Module {
    let kinds = space.library().kinds();
    let weight = |kind: ModuleKind| if kind == ModuleKind::Generate { 2.0 } else { 1.0 };
    let weights: Vec<f64> = kinds.iter().map(|(kind, _)| weight(*kind)).collect();
    let (kind, variants) = kinds[rng.weighted(&weights).unwrap_or(0)];
    Module::new(kind, rng.below(usize::from(variants)) as u8)
}
