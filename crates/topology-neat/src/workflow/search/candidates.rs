use meta_traits::{Space as _, Stream};

use super::SearchOptions;
use crate::archive::elites;
use crate::workflow::{Draft, Edit, Workflow, WorkflowSpace};

/// Draws before a place in the pool is given up.
const DRAWS: usize = 8;

/// Up to `options.pool` different workflows near `parents` (best first), none of which `is_known`.
///
/// Parents are drawn by rank, exponentially with mean `options.spread`, or with probability `options.diversity` uniformly
/// among the best of each [`crate::Niche`]. A child has one edit, a second with probability 0.4, a
/// third with 0.16; with probability `options.crossover` an answer inside one parent is replaced by the whole of another
/// first. The first of the pool is an unbiased draw.
pub(super) fn pool(
    parents: &[&Workflow],
    space: &WorkflowSpace,
    options: &SearchOptions,
    rng: &mut Stream,
    is_known: impl Fn(&Workflow) -> bool,
) -> Vec<Workflow> {
    let elites = elites(parents);
    let mut pool: Vec<Workflow> = Vec::with_capacity(options.pool);
    for _ in 0..options.pool * DRAWS {
        if pool.len() == options.pool {
            break;
        }
        let Some(child) = child(parents, &elites, space, options, rng) else { continue };
        let fits = options.max_complexity.is_none_or(|most| child.complexity() <= most);
        if fits && !is_known(&child) && !pool.contains(&child) {
            pool.push(child);
        }
    }
    pool
}

fn child(
    parents: &[&Workflow],
    elites: &[&Workflow],
    space: &WorkflowSpace,
    options: &SearchOptions,
    rng: &mut Stream,
) -> Option<Workflow> {
    let draw = |rng: &mut Stream| {
        if rng.chance(options.diversity) {
            return rng.pick(elites).copied();
        }
        let rank = (-options.spread * (1.0 - rng.unit()).ln()) as usize;
        parents.get(rank.min(parents.len().wrapping_sub(1))).copied()
    };
    let mut child = draw(rng)?.clone();
    if rng.chance(options.crossover) {
        let other = draw(rng)?;
        if let Some(new) = graft(&child, other, space, rng) {
            child = new;
        }
    }
    for _ in 0..1 + usize::from(rng.chance(0.4)) + usize::from(rng.chance(0.16)) {
        if let Some(new) = edit(&child, space, options, rng).apply(&child, space, rng) {
            child = new;
        }
    }
    Some(child)
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
