//! What a budget of example calls affords, said before any of it is spent.
//!
//! A budget that is too small looks like a search that found nothing. Ask first: [`Options::preflight`] of GEPA,
//! [`ModelOptions::preflight`] and [`EvolutionOptions::preflight`] count what the loop is going to do, in calls, for the
//! best case and the worst.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::evolve::EvolutionOptions;
use crate::gepa::Options;
use crate::optimizer::ModelOptions;

/// What a budget affords.
///
/// ```
/// use prompt_grammar::gepa::Options;
/// let tight = Options::default().preflight(50, 46);
/// assert_eq!((tight.fewest, tight.most), (0, 0));
/// assert_eq!(
///     tight.to_string(),
///     "50 calls: 46 before the first proposal, then none; 98 would pay for one that is kept"
/// );
/// let ample = Options::default().preflight(3000, 40);
/// assert_eq!(ample.to_string(), "3000 calls: 40 before the first proposal, then 64 to 493 proposals");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Preflight {
    /// Example calls there are.
    pub budget: u64,
    /// Calls before the first proposal is made.
    pub before: u64,
    /// Proposals if each costs as much as it can, such as when all are kept.
    pub fewest: u64,
    /// Proposals if each costs as little as it can, such as when none is kept.
    pub most: u64,
    /// Texts asked of a reflecting model, at most.
    pub reflections: u64,
    /// The least budget that pays for one proposal, whatever becomes of it.
    pub least: u64,
}

impl Preflight {
    fn new(budget: u64, before: u64, (dear, cheap): (u64, u64)) -> Self {
        let left = budget.saturating_sub(before);
        let fewest = left / dear.max(1);
        // What cannot be paid for when it is kept need not be begun.
        let most = if fewest == 0 { 0 } else { left / cheap.max(1) };
        let least = before.saturating_add(dear);
        Self { budget, before, fewest, most, reflections: most, least }
    }

    fn reflecting(self, reflections: f64) -> Self {
        Self { reflections: (reflections * self.budget as f64).ceil() as u64, ..self }
    }
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { budget, before, fewest, most, least, .. } = self;
        write!(f, "{budget} calls: {before} before the first proposal, then ")?;
        match (fewest, most) {
            (0, _) => write!(f, "none; {least} would pay for one that is kept"),
            (a, b) if a == b => write!(f, "{a} proposals"),
            (a, b) => write!(f, "{a} to {b} proposals"),
        }
    }
}

impl Options {
    /// What `budget` calls afford with `val` validation examples: the seed meets all of them; a proposal costs two
    /// minibatches, and the validation set when it is kept. Merges are left out.
    pub fn preflight(&self, budget: u64, val: usize) -> Preflight {
        let (val, pair) = (val as u64, 2 * self.minibatch as u64);
        Preflight::new(budget, val, (pair + val, pair))
    }
}

impl ModelOptions {
    /// What `budget` calls afford with so many examples: first the seed and the random prompts, then a block a proposal.
    /// The calls that [`ModelSearch::within`](crate::optimizer::ModelSearch::within) keeps for the end are set aside.
    pub fn preflight(&self, budget: u64, examples: usize) -> Preflight {
        let block = self.block.min(examples) as u64;
        let before = block * (1 + self.initial as u64);
        let end = 2 * self.confirm.pairs(budget, before, examples) as u64;
        let search = Preflight::new(budget - end, before, (block, block)).reflecting(self.reflections);
        Preflight { budget, ..search }
    }
}

impl EvolutionOptions {
    /// What `budget` calls afford with so many examples: first the seed on all of them; a proposal costs at most all and
    /// at least the first block.
    pub fn preflight(&self, budget: u64, examples: usize) -> Preflight {
        let (n, blocks) = (examples as u64, self.blocks.min(examples).max(1) as u64);
        Preflight::new(budget, n, (n, n / blocks)).reflecting(self.reflections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::Confirm;

    #[test]
    fn what_is_affordable_is_counted() {
        let of = |p: Preflight| [p.before, p.fewest, p.most, p.reflections, p.least];
        let options = ModelOptions { block: 6, initial: 12, reflections: 0.05, ..ModelOptions::default() };
        assert_eq!(of(options.preflight(3000, 100)), [78, 477, 477, 147, 84]);
        let bold = ModelOptions { confirm: Confirm { alpha: 0.0, ..Confirm::default() }, ..options.clone() };
        assert_eq!(of(bold.preflight(3000, 100)), [78, 487, 487, 150, 84]);
        // Blocks are no longer than the list of examples.
        assert_eq!(of(options.preflight(100, 4)), [52, 12, 12, 5, 56]);
        assert_eq!(of(options.preflight(0, 100)), [78, 0, 0, 0, 84]);
        let eda = EvolutionOptions { reflections: 0.0, ..EvolutionOptions::eda() };
        assert_eq!(of(eda.preflight(1000, 40)), [40, 24, 96, 0, 80]);
        assert_eq!(of(EvolutionOptions::mu_lambda().preflight(1000, 40)), [40, 24, 24, 0, 80]);
        let all = options.preflight(u64::MAX, usize::MAX);
        assert!(all.fewest > 0 && Preflight::new(9, 0, (0, 0)).fewest == 9);
    }
}
