//! Evolution without a model under the laws of the contracts.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Space as _, Stream};
use prompt_grammar::Evolution;
use prompt_grammar::evolve::EvolutionOptions;

use crate::model::{examples, outcome, reply, space};

#[test]
fn both_methods_keep_every_law() {
    for base in [EvolutionOptions::mu_lambda(), EvolutionOptions::eda()] {
        for (seed, reflections) in [(0, 0.0), (1, 0.5)] {
            let options = EvolutionOptions { members: 4, children: 4, reflections, ..base.clone() };
            let make =
                |seed| Evolution::new(space(), examples(), options.clone(), Stream::root(seed)).unwrap();
            let check =
                Check::new(make, |c| space().contains(c), outcome).answering(reply).seeds([seed]).steps(80);
            check_optimizer(&check);
            check_optimizer_snapshot(&check);
        }
    }
}
