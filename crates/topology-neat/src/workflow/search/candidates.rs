use meta_traits::{Space as _, Stream};

use super::SearchOptions;
use super::variety::Varied;
use crate::workflow::{Draft, Edit, Workflow, WorkflowSpace};

/// Draws before a place in the pool is given up.
const DRAWS: usize = 8;

/// A workflow that may be evaluated, and what it was made from.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) workflow: Workflow,
    pub(super) parents: Vec<&'a Workflow>,
}

/// Up to `options.pool` different workflows, none of which `is_known`.
///
/// A share `options.random` is drawn anew, the others are children. Parents are drawn from `ranked` (best first) by
/// rank, exponentially with mean `options.spread`, or with probability `options.diversity` from `varied`. With probability
/// `options.crossover` an answer inside one parent is replaced by the whole of another; such a child is also edited with
/// probability `options.mutation`, any other child always: once, a second time with probability 0.4, a third with 0.16,
/// but no more often than `options.changes`.
/// The first of the pool is an unbiased draw.
pub(super) fn pool<'a>(
    ranked: &[&'a Workflow],
    varied: &Varied<'a>,
    space: &WorkflowSpace,
    options: &SearchOptions,
    rng: &mut Stream,
    is_known: impl Fn(&Workflow) -> bool,
) -> Vec<Candidate<'a>> {
    let mut pool: Vec<Candidate<'a>> = Vec::with_capacity(options.pool);
    for _ in 0..options.pool * DRAWS {
        if pool.len() == options.pool {
            break;
        }
        let new = if rng.chance(options.random) {
            Some(Candidate { workflow: space.sample(rng), parents: Vec::new() })
        } else {
            child(ranked, varied, space, options, rng)
        };
        let Some(new) = new else { continue };
        let fits = options.max_complexity.is_none_or(|most| new.workflow.complexity() <= most);
        if fits && !is_known(&new.workflow) && pool.iter().all(|c| c.workflow != new.workflow) {
            pool.push(new);
        }
    }
    pool
}

fn child<'a>(
    ranked: &[&'a Workflow],
    varied: &Varied<'a>,
    space: &WorkflowSpace,
    options: &SearchOptions,
    rng: &mut Stream,
) -> Option<Candidate<'a>> {
    let draw = |rng: &mut Stream| {
        if rng.chance(options.diversity) {
            return varied.draw(rng);
        }
        let rank = (-options.spread * (1.0 - rng.unit()).ln()) as usize;
        ranked.get(rank.min(ranked.len().wrapping_sub(1))).copied()
    };
    let mut parents = vec![draw(rng)?];
    let mut child = parents[0].clone();
    if rng.chance(options.crossover) {
        let other = draw(rng)?;
        if let Some(new) = graft(&child, other, space, rng) {
            child = new;
            parents.push(other);
        }
    }
    if parents.len() == 1 || rng.chance(options.mutation) {
        let edits = 1 + usize::from(rng.chance(0.4)) + usize::from(rng.chance(0.16));
        for _ in 0..edits.min(options.changes) {
            if let Some(new) = edit(&child, space, options, rng).apply(&child, space, rng) {
                child = new;
            }
        }
    }
    Some(Candidate { workflow: child, parents })
}

/// One of the edits. More of them add modules than take some away, so the larger a workflow, the likelier one that takes
/// away; without this what does no harm piles up until there is no room for what does good.
fn edit(of: &Workflow, space: &WorkflowSpace, options: &SearchOptions, rng: &mut Stream) -> Edit {
    let fullness = of.modules().len() as f64 / space.max_modules() as f64;
    let shrinks = |e: &&Edit| matches!(e, Edit::Remove | Edit::Cut);
    let shrinking: Vec<Edit> = options.edits.iter().filter(shrinks).copied().collect();
    let among = if rng.chance(0.5 * fullness) && !shrinking.is_empty() { &shrinking } else { &options.edits };
    among[rng.below(among.len())]
}

/// `host` with the whole of `guest` in the place of one module: the readers of that module read the guest's answers.
fn graft(host: &Workflow, guest: &Workflow, space: &WorkflowSpace, rng: &mut Stream) -> Option<Workflow> {
    let mut draft = Draft::of(host);
    let at = 2 + rng.below(host.modules().len());
    let readers: Vec<usize> = draft.readers(at).collect();
    let mut vertices = vec![Draft::TASK];
    for (i, module) in guest.modules().iter().enumerate() {
        let new = draft.add(*module);
        guest.reads(i).for_each(|from| draft.join(vertices[from], new));
        vertices.push(new);
    }
    for to in readers {
        draft.cut(at, to);
        guest.reads(guest.modules().len()).for_each(|from| draft.join(vertices[from], to));
    }
    draft.settle().ok().filter(|new| space.contains(new))
}
