use meta_traits::{Components, ExampleId, Split};

use super::family::Pillar;
use super::family::{Family, Scenario};
use super::genome::{Genome, HYPER, MODULES, NAMES, TOPOLOGY};
use super::hash::normal;
use super::labels::{CandidateFault, Labels};
use super::measure::Measured;
use super::tables::{EXAMPLES, TEST, TYPES, Tables};

/// The price of one extra model call per example, in score.
const PRICE: f64 = 0.02;

/// One instance of the simulated compound system: a hidden problem and the text form of its candidates.
///
/// Three modules in a chain answer an example; module m succeeds with a probability that depends on the options
/// its prompt sets, on the neighbour's, and on the hidden type of the example. An evaluation scores 1 when no module
/// fails (less the price of extra model calls) and reveals at most the first failing module.
/// Everything derives from the instance number by hashing, so that any two programs see the same problem.
///
/// ```
/// use orchestrator_core::simulated::{Family, Genome, Problem, Scenario};
/// let problem = Problem::new(1, Scenario::Prompts, Family::Base);
/// assert!((problem.quality(&Genome::seed()) - 0.08883718658497589).abs() < 1e-12);
/// let seed = problem.seed();
/// assert_eq!(seed.get("query").unwrap().lines().next(), Some("role=0"));
/// assert_eq!(problem.read(&seed), Ok(Genome::seed()));
/// ```
pub struct Problem {
    pub(super) s: u64,
    pub(super) scenario: Scenario,
    pub(super) family: Family,
    pub(super) rho: f64,
    pub(super) blame: f64,
    pub(super) tables: Tables,
    pub(super) labels: Labels,
}

impl Problem {
    /// Instance `s` of a family. About 1 ms.
    pub fn new(s: u64, scenario: Scenario, family: Family) -> Self {
        Self {
            s,
            scenario,
            family,
            rho: family.rho(),
            blame: family.blame(),
            tables: Tables::new(s, family),
            labels: Labels::plain(scenario),
        }
    }

    /// The same problem with a probability `rho` that a repetition is a fresh draw: 0 is a cached model at
    /// temperature 0.
    #[must_use]
    pub fn with_rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// The same problem with feedback that names the right slot with probability `blame`.
    #[must_use]
    pub fn with_blame(mut self, blame: f64) -> Self {
        self.blame = blame;
        self
    }

    /// The same hidden problem with components, slots and options renamed by a permutation drawn from `seed`.
    ///
    /// An optimizer that reads meaning into names or digits gets other results; an honest one does not, up to its
    /// random draws. Components keep their order.
    #[must_use]
    pub fn relabelled(mut self, seed: u64) -> Self {
        self.labels = Labels::relabelled(self.scenario, seed);
        self
    }

    /// The instance number.
    pub fn instance(&self) -> u64 {
        self.s
    }

    /// What candidates consist of.
    pub fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// The shape of the hidden problem.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The probability that a repetition is a fresh draw.
    pub fn rho(&self) -> f64 {
        self.rho
    }

    /// The candidate every search starts from.
    pub fn seed(&self) -> Components {
        self.write(&Genome::seed())
    }

    /// The examples of a split: 100, 100 and 1000, or 10, 10 and 1000 in [`Family::Tiny`].
    pub fn examples(&self, split: Split) -> Vec<ExampleId> {
        let n = match split {
            Split::Train | Split::Val => self.family.examples(),
            _ => (EXAMPLES - TEST) as u32,
        };
        (0..n).map(|i| ExampleId::new(split, i)).collect()
    }

    /// The candidate of a genome, as text.
    pub fn write(&self, genome: &Genome) -> Components {
        self.labels.write(genome)
    }

    /// The genome of a candidate.
    ///
    /// # Errors
    /// [`CandidateFault`] when a component is missing or unknown, or a text does not set every slot exactly once to
    /// an option that exists.
    pub fn read(&self, candidate: &Components) -> Result<Genome, CandidateFault> {
        self.labels.read(candidate)
    }

    /// Q: the expected score on the test split, exact and without noise. About 15 µs.
    ///
    /// Never show it to an optimizer.
    pub fn quality(&self, genome: &Genome) -> f64 {
        self.measure(genome).quality()
    }

    /// Model calls that one evaluation costs.
    pub fn model_calls(&self, genome: &Genome) -> u64 {
        let base = MODULES as u64;
        if self.scenario == Scenario::Prompts {
            return base;
        }
        let [verify, decompose, vote] = [0, 1, 2].map(|k| genome.get(TOPOLOGY, k) as u64);
        base + verify + decompose + 2 * vote
    }

    /// What the price takes off every score.
    pub(super) fn penalty(&self, genome: &Genome) -> f64 {
        PRICE * (self.model_calls(genome) - MODULES as u64) as f64
    }

    /// Prepares a candidate for evaluation on many examples.
    pub fn measure(&self, genome: &Genome) -> Measured<'_> {
        Measured::new(self, *genome)
    }

    /// z of module `m` on example `x` in 0..1200: its success on a scale that adds up. `None` out of range.
    pub fn z(&self, genome: &Genome, m: usize, x: usize) -> Option<f64> {
        (m < MODULES && x < EXAMPLES).then(|| self.module_z(genome, m, x))
    }

    pub(super) fn module_z(&self, g: &Genome, m: usize, x: usize) -> f64 {
        let mut z = self.tables.level[m][x];
        self.addends(g, m, usize::from(self.tables.kind[x]), |a| z += a);
        z
    }

    /// Calls `add` with what candidate `g` adds to z of module `m` on examples of type `t`, in the order of the
    /// specification: the order of additions decides the last bit.
    pub(super) fn addends(&self, g: &Genome, m: usize, t: usize, mut add: impl FnMut(f64)) {
        debug_assert!(m < MODULES && t < TYPES);
        if self.family == Family::Unstructured {
            add(self.prompt_value(g, m));
            return;
        }
        let tables = &self.tables;
        for (k, slot) in tables.w[m].iter().enumerate() {
            add(slot[g.get(m, k)][t]);
        }
        for pair in &tables.pairs[m] {
            add(pair.g[g.get(m, pair.k)][g.get(m, pair.l)]);
        }
        if m > 0 {
            add(tables.cross[m - 1][g.get(m - 1, 3)][g.get(m, 1)]);
        }
        if self.scenario == Scenario::Full {
            let off =
                |j: usize| f64::from(g.get(HYPER, j) as i8 - tables.hopt[j][if j == 1 { t } else { 0 }]);
            match m {
                0 => add(-(0.12 * off(1) * off(1))),
                1 => {
                    add(-(0.15 * off(0) * off(0)));
                    if g.get(TOPOLOGY, 1) == 1 {
                        add(tables.dec[t]);
                    }
                }
                _ => add(-(0.10 * off(2) * off(2))),
            }
        }
        for triple in &tables.triples[m] {
            let [k, l, n] = triple.slots;
            add(triple.t[g.get(m, k)][g.get(m, l)][g.get(m, n)]);
        }
    }

    /// r: the value of a whole prompt in [`Family::Unstructured`].
    pub(super) fn prompt_value(&self, g: &Genome, m: usize) -> f64 {
        if g.is_blank(m) { -1.2 } else { 1.6 * normal("rand", &[self.s, m as u64, g.key(m)]) }
    }

    /// p after the vote of the topology, which module 1 takes.
    pub(super) fn voted(&self, g: &Genome, m: usize, p: f64) -> f64 {
        match if m == 1 { self.votes(g) } else { 0 } {
            0 => p,
            1 => p * p * (3.0 - 2.0 * p),
            _ => p * p * p * (10.0 - 15.0 * p + 6.0 * p * p),
        }
    }

    /// The vote bucket: 0, 1, 2 for 1, 3, 5 samples of module 1.
    pub(super) fn votes(&self, g: &Genome) -> usize {
        if self.scenario == Scenario::Full { g.get(TOPOLOGY, 2) } else { 0 }
    }

    /// Whether the topology verifies answers.
    pub(super) fn verifies(&self, g: &Genome) -> bool {
        self.scenario == Scenario::Full && g.get(TOPOLOGY, 0) == 1
    }

    /// The hidden number of an example, if it belongs to the family's splits.
    pub(super) fn number(&self, example: ExampleId) -> Option<usize> {
        let (start, n) = match example.split {
            Split::Train => (0, self.family.examples()),
            Split::Val => (100, self.family.examples()),
            Split::Test => (TEST, (EXAMPLES - TEST) as u32),
            _ => return None,
        };
        (example.index < n).then_some(start + example.index as usize)
    }

    /// The hidden names of the components in play.
    /// The names of the components that a pillar searches, as candidates show them; none in a scenario without them.
    pub fn components_of(&self, pillar: Pillar) -> Vec<String> {
        let all = 0..self.scenario.components();
        all.filter(|c| Pillar::of(*c) == pillar).map(|c| self.labels.name(c).to_owned()).collect()
    }

    pub(super) fn hidden_names(&self) -> &'static [&'static str] {
        &NAMES[..self.scenario.components()]
    }
}

impl std::fmt::Debug for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Problem")
            .field("s", &self.s)
            .field("scenario", &self.scenario)
            .field("family", &self.family)
            .field("rho", &self.rho)
            .field("blame", &self.blame)
            .finish_non_exhaustive()
    }
}
