use serde::Serialize;
use topology_neat::{Module, ModuleKind, Workflow};

use super::instance::{Family, GENERATORS, Instance};

/// Accuracies of workflows that every textbook has, with the best single generator of the instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Textbook {
    /// The best single generator.
    pub single: f64,
    /// Three copies of it and a vote.
    pub vote3: f64,
    /// Five copies.
    pub vote5: f64,
    /// All four generators and a vote.
    pub diverse: f64,
    /// Generate, critique, refine.
    pub critique_refine: f64,
    /// Generate, refine.
    pub blind_refine: f64,
    /// Generate, verify, refine.
    pub verify_refine: f64,
    /// Retrieve, generate.
    pub retrieve: f64,
    /// A route for each task type to the generator that is best at it.
    pub specialists: f64,
    /// The best value of all of these less that of the best single generator: at most the instance's gap.
    pub gap: f64,
}

impl Textbook {
    /// Measures an instance on its true items, each workflow with the better variants of checks, critics and searches.
    pub fn of(instance: &Instance) -> Self {
        let best = best_single(instance);
        let base = instance.truth(&chain(&[generate(best)])).value;
        let mut gap = 0.0_f64;
        let mut best_of = |workflows: Vec<Workflow>| {
            let scores: Vec<_> = workflows.iter().map(|w| instance.truth(w)).collect();
            gap = scores.iter().fold(gap, |gap, s| gap.max(s.value - base));
            scores.iter().map(|s| s.accuracy).fold(0.0, f64::max)
        };
        let found = Self {
            single: best_of(vec![chain(&[generate(best)])]),
            vote3: best_of(vec![vote(&[best; 3])]),
            vote5: best_of(vec![vote(&[best; 5])]),
            diverse: best_of(vec![vote(&[0, 1, 2, 3])]),
            critique_refine: best_of(repaired(best, ModuleKind::Critique)),
            blind_refine: best_of(
                (0..2).map(|r| chain(&[generate(best), module(ModuleKind::Refine, r)])).collect(),
            ),
            verify_refine: best_of(repaired(best, ModuleKind::Verify)),
            retrieve: best_of(
                (0..2).map(|r| chain(&[module(ModuleKind::Retrieve, r), generate(best)])).collect(),
            ),
            specialists: best_of(vec![specialists(instance)]),
            gap: 0.0,
        };
        Self { gap, ..found }
    }

    /// The mean over instances of a family.
    pub fn mean(family: Family, seeds: impl Iterator<Item = u64>) -> Self {
        let all: Vec<Self> = seeds.map(|seed| Self::of(&Instance::new(family, seed))).collect();
        let mean = |of: fn(&Self) -> f64| all.iter().map(of).sum::<f64>() / all.len().max(1) as f64;
        Self {
            single: mean(|t| t.single),
            vote3: mean(|t| t.vote3),
            vote5: mean(|t| t.vote5),
            diverse: mean(|t| t.diverse),
            critique_refine: mean(|t| t.critique_refine),
            blind_refine: mean(|t| t.blind_refine),
            verify_refine: mean(|t| t.verify_refine),
            retrieve: mean(|t| t.retrieve),
            specialists: mean(|t| t.specialists),
            gap: mean(|t| t.gap),
        }
    }
}

/// Good first guesses for a search that may know the instance.
pub(super) fn guesses(instance: &Instance) -> Vec<Workflow> {
    let best = best_single(instance);
    let all: Vec<usize> = (0..GENERATORS).collect();
    let mut guesses = vec![vote(&[best; 3]), vote(&[best; 5]), vote(&all), specialists(instance)];
    guesses.extend(all.iter().map(|g| chain(&[generate(*g)])));
    guesses.extend((0..GENERATORS).map(|g| vote(&[(g + 1) % 4, (g + 2) % 4, (g + 3) % 4])));
    for check in [ModuleKind::Critique, ModuleKind::Verify] {
        guesses.extend(all.iter().flat_map(|g| repaired(*g, check)));
    }
    for r in 0..2 {
        let retrieve = module(ModuleKind::Retrieve, r);
        guesses.push(chain(&[retrieve, generate(best)]));
        guesses.push(chain(&[retrieve, retrieve, generate(best)]));
        for i in 0..4 {
            let (verify, refine) = (module(ModuleKind::Verify, i / 2), module(ModuleKind::Refine, i % 2));
            guesses.push(chain(&[retrieve, generate(best), verify, refine]));
        }
    }
    guesses
}

/// Generate, check, refine with every variant of the check and of refine.
fn repaired(generator: usize, check: ModuleKind) -> Vec<Workflow> {
    let each =
        |i: usize| chain(&[generate(generator), module(check, i / 2), module(ModuleKind::Refine, i % 2)]);
    (0..4).map(each).collect()
}

fn best_single(instance: &Instance) -> usize {
    let values: Vec<f64> = (0..GENERATORS).map(|g| instance.truth(&chain(&[generate(g)])).value).collect();
    (0..GENERATORS).max_by(|a, b| values[*a].total_cmp(&values[*b])).unwrap_or(0)
}

fn module(kind: ModuleKind, variant: usize) -> Module {
    Module::new(kind, variant as u8)
}

fn generate(variant: usize) -> Module {
    module(ModuleKind::Generate, variant)
}

/// One module after the other.
fn chain(modules: &[Module]) -> Workflow {
    let reads: Vec<[usize; 1]> = (0..modules.len()).map(|i| [i]).collect();
    build(modules.iter().copied().zip(reads.iter().map(<[usize; 1]>::as_slice)), &[modules.len()])
}

/// Generators side by side and a vote over them.
fn vote(generators: &[usize]) -> Workflow {
    let all: Vec<usize> = (1..=generators.len()).collect();
    let voters = generators.iter().map(|g| (generate(*g), &[0_usize][..]));
    build(voters.chain([(module(ModuleKind::Vote, 0), all.as_slice())]), &[all.len() + 1])
}

/// Each task type to the generator that is best at it.
fn specialists(instance: &Instance) -> Workflow {
    let skills = &instance.skills.generate;
    let best = |z: usize| (0..GENERATORS).max_by(|a, b| skills[*a][z].total_cmp(&skills[*b][z])).unwrap_or(0);
    let routes = (0..3).map(|z| (module(ModuleKind::Route, z), &[0_usize][..]));
    let after = [[1_usize], [2], [3]];
    build(routes.chain((0..3).map(|z| (generate(best(z)), &after[z][..]))), &[4, 5, 6])
}

fn build<'a>(modules: impl Iterator<Item = (Module, &'a [usize])>, output: &[usize]) -> Workflow {
    Workflow::new(&modules.collect::<Vec<_>>(), output).expect("textbook workflows are sound")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: std::ops::RangeInclusive<u64> = 1..=10;

    /// The published effects, as means over development instances.
    #[test]
    fn textbook_workflows_do_what_is_published_of_them() {
        for family in Family::ALL {
            let t = Textbook::mean(family, SEEDS);
            let gains = |of: f64| of - t.single;
            assert!(gains(t.vote3) > 0.005 && t.vote5 > t.vote3, "{family}: votes gain: {t:?}");
            assert!(gains(t.vote5) < 0.08, "{family}: copies of one model are no cure-all: {t:?}");
            assert!(gains(t.blind_refine) < 0.0, "{family}: blind refinement loses: {t:?}");
            if matches!(family, Family::B | Family::D) {
                assert!(gains(t.verify_refine) > 0.1, "{family}: good checks make repair pay: {t:?}");
            }
            assert_eq!(
                gains(t.critique_refine) < 0.0,
                family == Family::D,
                "{family}: bad critics hurt: {t:?}"
            );
            assert_eq!(gains(t.retrieve) > 0.1, family == Family::A, "{family}: evidence: {t:?}");
            assert_eq!(gains(t.specialists) > 0.05, family == Family::F, "{family}: routes: {t:?}");
            if family == Family::C {
                assert!(t.diverse > t.vote5 + 0.02, "different models beat copies of the best: {t:?}");
            }
            if family == Family::E {
                assert!(t.single > 0.78, "one generator is nearly enough: {t:?}");
            }
        }
    }

    /// A lower bound of the gap suffices.
    #[test]
    fn nearly_every_instance_has_a_gap() {
        for family in Family::ALL {
            let gap = |seed| {
                let instance = Instance::new(family, seed);
                let base = instance.truth(&chain(&[generate(best_single(&instance))])).value;
                let best = guesses(&instance).iter().map(|w| instance.truth(w).value).fold(base, f64::max);
                best - base
            };
            let with_gap = (1..=20).filter(|seed| gap(*seed) >= 0.03).count();
            assert!(with_gap >= 18, "{family}: {with_gap} of 20");
        }
    }
}
