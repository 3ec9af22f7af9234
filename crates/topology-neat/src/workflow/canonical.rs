//! Canonical order of the modules of a workflow: colour refinement, then individualisation where colours tie, the
//! smallest adjacency code winning (the scheme of McKay & Piperno, "Practical graph isomorphism II", 2014, without its
//! search tree's bounds, which graphs of at most 24 vertices do not need).

use super::{Module, Workflow, bits};

/// Finalizer of SplitMix64 (Steele, Lea & Flood 2014).
pub(super) fn mix(mut h: u64) -> u64 {
    h = (h ^ (h >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    h ^ (h >> 31)
}

/// A number of its own for each module.
pub(super) fn label(module: Module) -> u64 {
    mix(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(1 + ((module.kind as u64) << 8 | u64::from(module.variant))))
}

struct Graph<'a> {
    of: &'a Workflow,
    /// Of each module the modules it reads, and those that read it, by position.
    reads: Vec<u32>,
    readers: Vec<u32>,
    depth: Vec<usize>,
}

/// An isomorphic workflow in canonical order.
pub(super) fn canonical(workflow: &Workflow) -> Workflow {
    let n = workflow.modules.len();
    let reads: Vec<u32> = workflow.reads.iter().map(|r| r >> 1).collect();
    let mut readers = vec![0_u32; n];
    let mut depth = vec![0; n];
    for (v, word) in reads.iter().enumerate() {
        for from in bits(*word) {
            readers[from] |= 1 << v;
            depth[v] = depth[v].max(depth[from] + 1);
        }
    }
    let graph = Graph { of: workflow, reads, readers, depth };
    let colours = (0..n)
        .map(|v| {
            let ends = u64::from(workflow.reads[v] & 1) | u64::from(workflow.output >> (v + 1) & 1) << 1;
            mix(label(workflow.modules[v]) ^ ends ^ (graph.depth[v] as u64) << 2)
        })
        .collect();
    graph.best(graph.refined(colours))
}

impl Graph<'_> {
    /// Colours made finer by those of the neighbours until no class splits any more.
    fn refined(&self, mut colours: Vec<u64>) -> Vec<u64> {
        let mut classes = count(&colours);
        loop {
            let sum =
                |of: u32, salt: u64| bits(of).fold(0_u64, |s, u| s.wrapping_add(mix(colours[u] ^ salt)));
            let finer: Vec<u64> = (0..colours.len())
                .map(|v| {
                    let before = sum(self.reads[v], 0x5DEE_CE66_D1A4_B5B5);
                    let after = sum(self.readers[v], 0xC2B2_AE3D_27D4_EB4F);
                    mix(mix(colours[v].wrapping_add(before)).wrapping_add(after))
                })
                .collect();
            let now = count(&finer);
            colours = finer;
            if now <= classes {
                return colours;
            }
            classes = now;
        }
    }

    /// The smallest relabelled workflow below refined `colours`.
    fn best(&self, mut colours: Vec<u64>) -> Workflow {
        let Some(cell) = self.cell(&colours) else { return self.relabelled(&colours) };
        if cell
            .iter()
            .all(|&v| self.reads[v] == self.reads[cell[0]] && self.readers[v] == self.readers[cell[0]])
        {
            // Twins: any order gives the same graph.
            for (i, &v) in cell.iter().enumerate() {
                colours[v] = marked(colours[v], i as u64);
            }
            return self.best(self.refined(colours));
        }
        let mut leaves: Vec<Workflow> = Vec::new();
        let mut best: Option<Workflow> = None;
        for &v in &cell {
            let below = self.individualised(&colours, v);
            // Equal first leaves mean an automorphism that maps one choice to the other: nothing new below.
            let leaf = self.first_leaf(below.clone());
            if leaves.contains(&leaf) {
                continue;
            }
            leaves.push(leaf);
            let found = self.best(below);
            if best.as_ref().is_none_or(|best| found < *best) {
                best = Some(found);
            }
        }
        best.unwrap_or_else(|| self.relabelled(&colours))
    }

    fn first_leaf(&self, mut colours: Vec<u64>) -> Workflow {
        while let Some(cell) = self.cell(&colours) {
            colours = self.individualised(&colours, cell[0]);
        }
        self.relabelled(&colours)
    }

    fn individualised(&self, colours: &[u64], v: usize) -> Vec<u64> {
        let mut colours = colours.to_vec();
        colours[v] = marked(colours[v], 1);
        self.refined(colours)
    }

    /// The members of the first class with more than one, in the order of depth and colour.
    fn cell(&self, colours: &[u64]) -> Option<Vec<usize>> {
        let order = self.order(colours);
        let tied = order.windows(2).find(|pair| colours[pair[0]] == colours[pair[1]])?;
        let colour = colours[tied[0]];
        Some(order.into_iter().filter(|&v| colours[v] == colour).collect())
    }

    fn order(&self, colours: &[u64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..colours.len()).collect();
        order.sort_by_key(|&v| (self.depth[v], colours[v]));
        order
    }

    /// The workflow in the order of depth and colour.
    fn relabelled(&self, colours: &[u64]) -> Workflow {
        let order = self.order(colours);
        let mut position = vec![0; order.len()];
        for (i, v) in order.iter().enumerate() {
            position[*v] = i + 1;
        }
        let map = |word: u32| bits(word >> 1).fold(word & 1, |w, v| w | 1 << position[v]);
        Workflow {
            modules: order.iter().map(|&v| self.of.modules[v]).collect(),
            reads: order.iter().map(|&v| map(self.of.reads[v])).collect(),
            output: map(self.of.output),
        }
    }
}

fn marked(colour: u64, turn: u64) -> u64 {
    mix(colour ^ turn.wrapping_mul(0xA076_1D64_78BD_642F))
}

fn count(colours: &[u64]) -> usize {
    let mut sorted = colours.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}

#[cfg(test)]
mod tests {
    use meta_traits::{Space as _, Stream};

    use super::*;
    use crate::{Draft, Library, ModuleKind, WorkflowSpace};

    /// The same graph drawn in another order of vertices.
    fn shuffled(workflow: &Workflow, rng: &mut Stream) -> Workflow {
        let n = workflow.modules().len();
        let mut order: Vec<usize> = (0..n).collect();
        rng.shuffle(&mut order);
        let mut draft = Draft::default();
        let mut vertex = vec![Draft::TASK; n + 1];
        for &v in &order {
            vertex[v + 1] = draft.add(workflow.modules()[v]);
        }
        for v in 0..n {
            workflow.reads(v).for_each(|from| draft.join(vertex[from], vertex[v + 1]));
        }
        workflow.reads(n).for_each(|from| draft.join(vertex[from], Draft::OUTPUT));
        draft.settle().unwrap()
    }

    #[test]
    fn isomorphic_workflows_are_equal() {
        let few =
            Library::new(vec![(ModuleKind::Generate, 1), (ModuleKind::Verify, 1), (ModuleKind::Vote, 1)]);
        for (library, most) in [(few.unwrap(), 12), (Library::default(), 12)] {
            let space = WorkflowSpace::new(library, most, 5).unwrap();
            for seed in 0..300 {
                let mut rng = Stream::root(seed);
                let workflow = space.sample(&mut rng);
                for _ in 0..3 {
                    let other = shuffled(&workflow, &mut rng);
                    assert_eq!(other, workflow);
                    assert_eq!(other.fingerprint(), workflow.fingerprint());
                }
            }
        }
    }

    /// Two checks of two answers, or two checks of one: the multisets of predecessor trees agree, the graphs do not.
    #[test]
    fn what_only_sharing_tells_apart_is_told_apart() {
        let (g, v, vote) = (
            Module::new(ModuleKind::Generate, 0),
            Module::new(ModuleKind::Verify, 0),
            Module::new(ModuleKind::Vote, 0),
        );
        let head: [(Module, &[usize]); 2] = [(g, &[0]), (g, &[0])];
        let with = |checks: [&'static [usize]; 2]| {
            let tail = [(v, checks[0]), (v, checks[1]), (vote, &[1, 2, 3, 4][..])];
            Workflow::new(&[&head[..], &tail[..]].concat(), &[5]).unwrap()
        };
        assert_ne!(with([&[1], &[2]]), with([&[1], &[1]]));
        assert_eq!(with([&[1], &[2]]), with([&[2], &[1]]));
        assert_eq!(with([&[1], &[1]]), with([&[2], &[2]]));
    }

    #[test]
    fn chains_side_by_side_cost_no_factorial() {
        let mut draft = Draft::default();
        for _ in 0..8 {
            let mut from = Draft::TASK;
            for kind in [ModuleKind::Generate, ModuleKind::Verify, ModuleKind::Refine] {
                let v = draft.add(Module::new(kind, 0));
                draft.join(from, v);
                from = v;
            }
            draft.join(from, Draft::OUTPUT);
        }
        assert_eq!(draft.settle().unwrap().modules().len(), 24);
    }
}
