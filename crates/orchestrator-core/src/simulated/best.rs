use meta_traits::Stream;

use super::family::Family;
use super::genome::{Genome, MODULES, OPTIONS, SLOTS, dims};
use super::problem::Problem;
use climb::Search;

mod climb;
mod response;

/// The best candidate a search of the hidden problem found, to normalise gains by.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BestKnown {
    /// Its Q.
    pub quality: f64,
    /// The candidate.
    pub genome: Genome,
}

impl Problem {
    /// Searches Q itself: local search over single genes, pairs of slots of a prompt, the pairs of interfaces and
    /// whole prompts, from the seed and from `restarts` - 1 random genomes (at least one start).
    ///
    /// Exact for [`Family::Unstructured`] in [`Scenario::Prompts`](super::Scenario::Prompts): there the best prompt
    /// of each module is found by listing all of them. About 50 ms a restart. For reports only: optimizers never
    /// see Q.
    pub fn best_known(&self, restarts: usize, rng: &Stream) -> BestKnown {
        let mut starts: Vec<Genome> =
            (1..restarts).map(|r| self.random(rng.child("start", r as u64))).collect();
        starts.insert(0, Genome::seed());
        if self.family == Family::Unstructured {
            let prompts = self.best_prompts();
            for start in &mut starts {
                (0..MODULES).for_each(|m| start.copy(m, &prompts));
            }
        }
        let mut best = Search::new(self, Genome::seed()).found();
        for (r, start) in starts.into_iter().enumerate() {
            let mut search = Search::new(self, start);
            search.climb(&mut rng.child("order", r as u64));
            if search.quality > best.quality {
                best = search.found();
            }
        }
        best
    }

    fn random(&self, mut rng: Stream) -> Genome {
        let mut g = Genome::seed();
        for c in 0..self.hidden_names().len() {
            for (k, n) in dims(c).iter().enumerate() {
                g.set(c, k, rng.below(usize::from(*n)) as u8);
            }
        }
        g
    }

    /// The prompts of the largest value, each by listing all of them.
    fn best_prompts(&self) -> Genome {
        let mut best = Genome::seed();
        for m in 0..MODULES {
            let mut top = f64::NEG_INFINITY;
            for g in prompts(Genome::seed(), m) {
                let value = self.prompt_value(&g, m);
                if value > top {
                    top = value;
                    best.copy(m, &g);
                }
            }
        }
        best
    }
}

/// Every genome that differs from `g` in the prompt of module `m` alone, `g` among them.
fn prompts(g: Genome, m: usize) -> impl Iterator<Item = Genome> {
    (0..OPTIONS.pow(SLOTS as u32)).map(move |mut code| {
        let mut g = g;
        for k in (0..SLOTS).rev() {
            g.set(m, k, (code % OPTIONS) as u8);
            code /= OPTIONS;
        }
        g
    })
}
