//! The library without the program: GEPA on the simulated system, recorded in memory.
//!
//! ```text
//! cargo run -p metaorch-examples --bin library
//! ```

use std::error::Error;

use coordination::journal::MemoryStorage;
use meta_traits::{Budget, Split, Stream};
use orchestrator_core::algorithms::ReflectiveMutation;
use orchestrator_core::run::{Options, Progress, open};
use orchestrator_core::simulated::{Family, Problem, Scenario};
use prompt_grammar::gepa;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Any `Evaluator<Components>` and any `Proposer` will do; the simulated problem is both.
    let problem = Problem::new(1, Scenario::Prompts, Family::Base);
    let search = ReflectiveMutation::new(
        problem.seed(),
        problem.examples(Split::Train),
        problem.examples(Split::Val),
        gepa::Options::default(),
        Stream::root(7),
    )?;
    let mut watch = |progress: &Progress| {
        if let Progress::Best { score, evaluations, .. } = progress {
            println!("{evaluations:>5} calls  validation {score:.2}");
        }
    };
    let options = Options::new(7, Budget::calls(2000));
    let log = Box::new(MemoryStorage::default());
    let mut driver = open(log, Box::new(search), &problem, &problem, &mut watch, options)?;
    driver.search().await?;
    let best = driver.state().trajectory().last().copied().ok_or("nothing was scored")?;
    println!("best after {} calls: {:.2}", driver.state().evaluations(), best.score);
    Ok(())
}
