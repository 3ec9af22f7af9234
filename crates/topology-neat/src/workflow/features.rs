use super::Workflow;
use super::canonical::mix;

/// Levels of features, from coarse to fine.
pub(crate) const LEVELS: usize = 5;

/// Features of a workflow: at each level ids, ascending, with saturating counts, log2(1 + count).
///
/// Level 0 counts kinds, 1 modules (kind and variant), 2 edges between kinds, 3 and 4 are Weisfeiler-Lehman labels of
/// depth 1 and 2 (Shervashidze et al. 2011) that keep what a module reads apart from what reads it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Features([Vec<(u64, f64)>; LEVELS]);

impl Features {
    pub(crate) fn of(workflow: &Workflow) -> Self {
        let n = workflow.modules().len();
        // Vertex 0 is the task, n + 1 the output.
        let reads: Vec<Vec<usize>> =
            std::iter::once(Vec::new()).chain((0..=n).map(|i| workflow.reads(i).collect())).collect();
        let mut readers = vec![Vec::new(); n + 2];
        for (v, reads) in reads.iter().enumerate() {
            for r in reads {
                readers[*r].push(v);
            }
        }
        let modules = workflow.modules();
        let kind = |v: usize| match v {
            0 => mix(1),
            v if v == n + 1 => mix(2),
            v => mix(3 + ((modules[v - 1].kind as u64) << 16)),
        };
        let label = |v: usize| match v {
            0 => mix(1),
            v if v == n + 1 => mix(2),
            v => mix(3
                + ((modules[v - 1].kind as u64) << 16)
                + ((1 + u64::from(modules[v - 1].variant)) << 32)),
        };
        let edges = reads.iter().enumerate().flat_map(|(v, r)| r.iter().map(move |u| (*u, v)));
        let edges = edges.map(|(u, v)| mix(kind(u).wrapping_add(3).wrapping_mul(5) ^ kind(v))).collect();
        let refine = |labels: &[u64]| -> Vec<u64> {
            let sum = |of: &[usize], salt: u64| {
                of.iter().fold(0_u64, |s, u| s.wrapping_add(mix(labels[*u] ^ salt)))
            };
            (0..n + 2)
                .map(|v| {
                    mix(mix(labels[v].wrapping_add(sum(&reads[v], 17))).wrapping_add(sum(&readers[v], 29)))
                })
                .collect()
        };
        let labels: Vec<u64> = (0..n + 2).map(label).collect();
        let near = refine(&labels);
        let far = refine(&near);
        let inner = |all: &[u64]| all[1..=n].to_vec();
        Self([(1..=n).map(kind).collect(), inner(&labels), edges, inner(&near), inner(&far)].map(counted))
    }

    /// The dot product at each level, and the squared distance over the coarse ones.
    pub(crate) fn products(&self, other: &Self) -> [f64; LEVELS] {
        std::array::from_fn(|level| dot(&self.0[level], &other.0[level]))
    }
}

fn counted(mut ids: Vec<u64>) -> Vec<(u64, f64)> {
    ids.sort_unstable();
    let runs = ids.chunk_by(|a, b| a == b);
    runs.map(|run| (run[0], (1.0 + run.len() as f64).log2())).collect()
}

fn dot(a: &[(u64, f64)], b: &[(u64, f64)]) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x.0 == y.0 {
            sum += x.1 * y.1;
        }
        i += usize::from(x.0 <= y.0);
        j += usize::from(y.0 <= x.0);
    }
    sum
}
