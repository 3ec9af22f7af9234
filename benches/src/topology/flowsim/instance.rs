use std::fmt;
use std::str::FromStr;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};
use topology_neat::{Library, ModuleKind, Workflow, WorkflowSpace};

use super::item::Item;
use super::simulate::{Plan, Tally};

/// Task types.
pub(super) const TYPES: usize = 3;
/// Variants of generate and refine.
pub(super) const GENERATORS: usize = 4;
pub(super) const REFINERS: usize = 2;
/// Items of one evaluation, and of the true score.
const BATCH: u64 = 100;
const POOL: u64 = 4000;
/// What a module costs in score, beside what it is paid when active.
const PER_MODULE: f64 = 0.002;
/// Items of the true score begin here, out of reach of evaluations.
const POOL_START: u64 = 1 << 40;

/// What sort of task an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// Answers need evidence that retrieval finds.
    A,
    /// Answers can be checked.
    B,
    /// Generators err on different items.
    C,
    /// Critics mislead, checks do not.
    D,
    /// One generator is nearly enough and every call is dear.
    E,
    /// Every generator is good at one type of task.
    F,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 6] = [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F];
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for Family {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|family| family.to_string() == text);
        found.ok_or_else(|| format!("'{text}' is no family; known are A, B, C, D, E, F"))
    }
}

/// Logits of a check: that it says "wrong" of a wrong answer, and of a right one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Check {
    pub(super) of_wrong: f64,
    pub(super) of_right: f64,
}

/// A task with its modules' skills; see the [module](super) for the formulas. The search never sees it.
#[derive(Clone, Debug)]
pub struct Instance {
    family: Family,
    pub(super) noise: u64,
    pub(super) skills: Skills,
    /// What a unit of cost takes from the score.
    price: f64,
    pool: Vec<Item>,
}

/// All drawn numbers but the price.
#[derive(Clone, Debug, Default)]
pub(super) struct Skills {
    /// Shares of the types, cumulated.
    pub(super) types: [f64; TYPES],
    /// Of each type the share of items that need evidence.
    pub(super) needy: [f64; TYPES],
    pub(super) generate: [[f64; TYPES]; GENERATORS],
    pub(super) price: [f64; GENERATORS],
    pub(super) refine: [[f64; TYPES]; REFINERS],
    /// How often refine answers again without being told that something is wrong.
    pub(super) restless: [f64; REFINERS],
    pub(super) retrieve: [[f64; TYPES]; 2],
    pub(super) critique: [[Check; TYPES]; 2],
    pub(super) verify: [[Check; TYPES]; 2],
    pub(super) slope: f64,
    pub(super) evidence: f64,
    pub(super) missing: f64,
    pub(super) distraction: f64,
    pub(super) taste: f64,
    pub(super) habit: f64,
    pub(super) shared: f64,
    pub(super) copying: f64,
    pub(super) hint: f64,
    pub(super) proof: f64,
    pub(super) classifier: f64,
    pub(super) trust: f64,
}

impl Instance {
    /// The instance `seed` of a family. Seeds below 100 are for development.
    pub fn new(family: Family, seed: u64) -> Self {
        let mut rng = Stream::root(seed).child("flowsim", family as u64);
        let (skills, price) = Skills::draw(family, &mut rng);
        let noise = rng.bits();
        let mut instance = Self { family, noise, skills, price, pool: Vec::new() };
        instance.pool = (POOL_START..POOL_START + POOL).map(|i| Item::new(&instance, i, u8::MAX)).collect();
        instance
    }

    /// The family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The workflows that can be run: up to 12 modules with up to 5 inputs each.
    ///
    /// # Panics
    /// Never: the library is sound.
    pub fn space() -> WorkflowSpace {
        let kinds = vec![
            (ModuleKind::Generate, GENERATORS as u8),
            (ModuleKind::Retrieve, 2),
            (ModuleKind::Critique, 2),
            (ModuleKind::Refine, REFINERS as u8),
            (ModuleKind::Verify, 2),
            (ModuleKind::Vote, 1),
            (ModuleKind::Route, 6),
        ];
        let library = Library::new(kinds).expect("every kind has variants and some answer");
        WorkflowSpace::new(library, 12, 5).expect("the limits are small")
    }

    /// The score on 4,000 items that no evaluation uses.
    pub fn truth(&self, workflow: &Workflow) -> Score {
        self.truth_of(workflow, POOL as usize)
    }

    /// The same on the first `items` of them.
    pub(super) fn truth_of(&self, workflow: &Workflow, items: usize) -> Score {
        let plan = Plan::new(workflow, self);
        let mut tally = Tally::default();
        for item in &self.pool[..items.min(self.pool.len())] {
            plan.run(item, &mut tally);
        }
        self.score(&tally, workflow)
    }

    /// Evaluation number `index`: the score on 100 items of its own.
    pub fn evaluate(&self, workflow: &Workflow, index: u64) -> Score {
        let plan = Plan::new(workflow, self);
        let mut tally = Tally::default();
        for i in index * BATCH..(index + 1) * BATCH {
            plan.run(&Item::new(self, i, plan.who()), &mut tally);
        }
        self.score(&tally, workflow)
    }

    fn score(&self, tally: &Tally, workflow: &Workflow) -> Score {
        let n = f64::from(tally.items.max(1));
        let (accuracy, cost) = (f64::from(tally.right) / n, tally.cost / n);
        let value = accuracy - self.price * cost - PER_MODULE * workflow.modules().len() as f64;
        Score { value, accuracy, cost }
    }
}

/// What a workflow is worth on some items.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Accuracy less price times cost less 0.002 a module.
    pub value: f64,
    /// Share of right answers.
    pub accuracy: f64,
    /// Mean cost of an item; one call of the cheapest full-price generator is 1.
    pub cost: f64,
}

impl Score {
    /// Variance of the value of an evaluation of 100 items, with two items added to keep it above 0 (Agresti & Coull 1998).
    pub fn variance(&self) -> f64 {
        let n = BATCH as f64;
        let share = (self.accuracy * n + 1.0) / (n + 2.0);
        share * (1.0 - share) / n
    }
}

#[cfg(test)]
mod tests {
    use topology_neat::Module;

    use super::*;

    fn pair(order: [u8; 2]) -> Workflow {
        let generate = |g| Module::new(ModuleKind::Generate, g);
        let vote = Module::new(ModuleKind::Vote, 0);
        Workflow::new(&[(generate(order[0]), &[0]), (generate(order[1]), &[0]), (vote, &[1, 2])], &[3])
            .unwrap()
    }

    #[test]
    fn isomorphic_workflows_score_exactly_alike_and_instances_repeat_themselves() {
        let (one, two) = (Instance::new(Family::C, 3), Instance::new(Family::C, 3));
        assert_eq!(one.evaluate(&pair([0, 1]), 7), two.evaluate(&pair([1, 0]), 7));
        assert_eq!(one.truth(&pair([0, 1])), two.truth(&pair([1, 0])));
        assert_ne!(one.evaluate(&pair([0, 1]), 7), one.evaluate(&pair([0, 1]), 8));
        assert_ne!(one.truth(&pair([0, 1])), Instance::new(Family::C, 4).truth(&pair([0, 1])));
    }

    /// The numbers themselves: formulas and ranges are frozen.
    #[test]
    fn scores_are_the_frozen_ones() {
        let scores = Family::ALL.map(|family| Instance::new(family, 1).truth(&pair([0, 1])));
        let found = scores.map(|s| ((1e4 * s.accuracy).round() as i32, (1e4 * s.cost).round() as i32));
        assert_eq!(found, FROZEN);
    }

    /// Accuracy and cost in ten-thousandths.
    const FROZEN: [(i32, i32); 6] =
        [(2670, 15585), (4593, 18099), (5028, 20500), (5650, 20500), (8353, 33578), (5198, 16169)];

    /// An evaluation is unbiased for the true score.
    #[test]
    fn evaluations_scatter_around_the_truth() {
        let instance = Instance::new(Family::B, 2);
        let workflow = pair([2, 2]);
        let values: Vec<f64> = (0..200).map(|i| instance.evaluate(&workflow, i).value).collect();
        let mean = values.iter().sum::<f64>() / 200.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 199.0;
        assert!((mean - instance.truth(&workflow).value).abs() < 0.03, "{mean}");
        assert!((0.0015..0.0035).contains(&variance), "{variance}");
    }
}
