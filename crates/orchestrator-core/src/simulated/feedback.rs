use super::genome::{Genome, MODULES, TOPOLOGY, dims};
use super::hash::uniform;
use super::problem::Problem;
use super::tables::EXAMPLES;

/// The probability that correct feedback names the option too.
const HINT: f64 = 0.3;

/// What feedback points at: a slot of a component, and perhaps the option to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vote {
    /// The slot, from 0.
    pub slot: usize,
    /// The option, from 0.
    pub option: Option<u8>,
}

impl Problem {
    /// What a textual evaluator says about component `c` of a candidate that failed in module `failed` on example `x`.
    ///
    /// `None` when it has nothing to say: the prompt of another module, or numbers out of range. The feedback names
    /// the single change that would help the failed module most, or with the complement of the blame probability a
    /// random slot. It depends on its arguments only.
    pub fn feedback(&self, genome: &Genome, c: usize, x: usize, failed: usize) -> Option<Vote> {
        let known = c < self.hidden_names().len() && x < EXAMPLES && failed < MODULES;
        if !known || (c < MODULES && c != failed) {
            return None;
        }
        let at = [self.s, c as u64, x as u64, genome.key(c)];
        if uniform("fb", &at) < self.blame {
            let (slot, option) = self.best_change(genome, c, x, failed);
            Some(Vote { slot, option: (uniform("hint", &at) < HINT).then_some(option) })
        } else {
            let slot = (uniform("fbk", &at) * dims(c).len() as f64) as usize;
            Some(Vote { slot, option: None })
        }
    }

    /// The single change of component `c` with the largest increase of z of module `m`; the first of equals.
    fn best_change(&self, g: &Genome, c: usize, x: usize, m: usize) -> (usize, u8) {
        let now = self.module_z(g, m, x);
        let mut best = (f64::NEG_INFINITY, 0, 0);
        for (k, n) in dims(c).iter().enumerate() {
            for v in (0..*n).filter(|v| usize::from(*v) != g.get(c, k)) {
                let gain = if c == TOPOLOGY && k != 1 {
                    // Reviewers praise more verification and more votes.
                    if usize::from(v) > g.get(c, k) { 0.3 } else { -0.3 }
                } else {
                    self.module_z(&g.with(c, k, v), m, x) - now
                };
                if gain > best.0 {
                    best = (gain, k, v);
                }
            }
        }
        (best.1, best.2)
    }
}
