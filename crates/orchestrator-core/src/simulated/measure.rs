use super::genome::{Genome, MODULES, SLOTS, dims, slots};
use super::hash::{FNV_OFFSET, fnv1a_more, sig, uniform};
use super::problem::Problem;
use super::tables::{EXAMPLES, TEST, TYPES};

/// Examples handled together, so that additions run side by side.
const BLOCK: usize = 64;

/// What one evaluation on one example showed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// 1 or 0, less the price of extra model calls.
    pub score: f64,
    /// The first failing module, 0 to 2; `None` when the example succeeded.
    pub failed: Option<usize>,
}

/// A candidate prepared for evaluation: what it adds to every module's value, by type of example.
pub struct Measured<'a> {
    problem: &'a Problem,
    genome: Genome,
    addends: [Addends; MODULES],
    penalty: f64,
    verifies: bool,
    /// Hash of the candidate's texts; only draws with noise look at it.
    text_hash: u64,
}

/// What a candidate adds to z of one module: for each type, so many numbers in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Addends {
    values: Vec<f64>,
    count: usize,
}

impl Addends {
    pub(super) fn new(problem: &Problem, g: &Genome, m: usize) -> Self {
        let mut values = Vec::with_capacity(64);
        for t in 0..TYPES {
            problem.addends(g, m, t, |a| values.push(a));
        }
        Self { count: values.len() / TYPES, values }
    }

    pub(super) fn of(&self, t: usize) -> &[f64] {
        &self.values[t * self.count..(t + 1) * self.count]
    }
}

impl<'a> Measured<'a> {
    pub(super) fn new(problem: &'a Problem, genome: Genome) -> Self {
        Self {
            problem,
            genome,
            addends: [0, 1, 2].map(|m| Addends::new(problem, &genome, m)),
            penalty: problem.penalty(&genome),
            verifies: problem.verifies(&genome),
            text_hash: if problem.rho > 0.0 { text_hash(problem, &genome) } else { 0 },
        }
    }

    /// Evaluates example `x` in 0..1200 for the `repeat`-th time; `None` out of range.
    pub fn read(&self, x: usize, repeat: u32) -> Option<Reading> {
        (x < EXAMPLES).then(|| self.read_in_range(x, repeat))
    }

    fn read_in_range(&self, x: usize, repeat: u32) -> Reading {
        let tables = &self.problem.tables;
        let t = usize::from(tables.kind[x]);
        let fails = |m: &usize| {
            let u = self.draw(*m, x, repeat);
            // Not `>=`: a probability that is NaN must count as failure, as in the definition.
            let passed = u < self.probability(*m, x, t);
            !passed
        };
        let mut failed = (0..MODULES).find(fails);
        if self.verifies && failed.is_some() && tables.uv[x] < 0.5 * tables.pv[t] {
            failed = None;
        }
        Reading { score: f64::from(u8::from(failed.is_none())) - self.penalty, failed }
    }

    fn probability(&self, m: usize, x: usize, t: usize) -> f64 {
        let z = self.addends[m].of(t).iter().fold(self.problem.tables.level[m][x], |z, a| z + a);
        self.problem.voted(&self.genome, m, sig(z))
    }

    fn draw(&self, m: usize, x: usize, repeat: u32) -> f64 {
        let problem = self.problem;
        if problem.rho > 0.0 {
            let at = [problem.s, m as u64, x as u64, self.text_hash, u64::from(repeat)];
            if uniform("mix", &at) < problem.rho {
                return uniform("fresh", &at);
            }
        }
        problem.tables.u[m][x]
    }

    /// Q: the mean over the test split of the probability that every module passes, less the price.
    pub fn quality(&self) -> f64 {
        let mut passed = vec![0.0; EXAMPLES - TEST];
        let mut p = vec![0.0; EXAMPLES - TEST];
        self.problem.module_probabilities(&self.genome, 0, &self.addends[0], &mut passed);
        for m in 1..MODULES {
            self.problem.module_probabilities(&self.genome, m, &self.addends[m], &mut p);
            passed.iter_mut().zip(&p).for_each(|(all, one)| *all *= one);
        }
        self.problem.mean_score(&self.genome, &mut passed)
    }
}

impl Problem {
    /// Fills `out` with p of module `m` on the test examples, type by type.
    pub(super) fn module_probabilities(&self, g: &Genome, m: usize, addends: &Addends, out: &mut [f64]) {
        let grouped = &self.tables.grouped;
        let mut start = 0;
        for (t, end) in grouped.ends.into_iter().enumerate() {
            let addends = addends.of(t);
            let levels = grouped.level[m][start..end].chunks(BLOCK);
            for (block, levels) in out[start..end].chunks_mut(BLOCK).zip(levels) {
                block.copy_from_slice(levels);
                for a in addends {
                    for z in block.iter_mut() {
                        *z += a;
                    }
                }
                for z in block.iter_mut() {
                    *z = sig(*z);
                }
            }
            start = end;
        }
        if m == 1 && self.votes(g) > 0 {
            for p in out.iter_mut() {
                *p = self.voted(g, m, *p);
            }
        }
    }

    /// The expected score when `passed` holds, type by type, the probability that every module passes.
    pub(super) fn mean_score(&self, g: &Genome, passed: &mut [f64]) -> f64 {
        if self.verifies(g) {
            let mut start = 0;
            for (end, pv) in self.tables.grouped.ends.into_iter().zip(self.tables.pv) {
                passed[start..end].iter_mut().for_each(|p| *p += (1.0 - *p) * pv * 0.5);
                start = end;
            }
        }
        passed.iter().sum::<f64>() / passed.len() as f64 - self.penalty(g)
    }
}

/// FNV-1a of the plain texts of all components, joined by `|`. Independent of the labels shown.
fn text_hash(problem: &Problem, g: &Genome) -> u64 {
    let mut hash = FNV_OFFSET;
    for c in 0..problem.hidden_names().len() {
        if c > 0 {
            hash = fnv1a_more(hash, b"|");
        }
        debug_assert!(dims(c).len() <= SLOTS);
        for (k, slot) in slots(c).iter().enumerate() {
            if k > 0 {
                hash = fnv1a_more(hash, b"\n");
            }
            hash = fnv1a_more(hash, slot.as_bytes());
            hash = fnv1a_more(hash, &[b'=', b'0' + g.options(c)[k]]);
        }
    }
    hash
}
