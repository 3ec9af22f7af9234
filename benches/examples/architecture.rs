//! Finds an architecture for the two spirals, gated by the predictor, and draws it.
//!
//! ```text
//! cargo run --release -p metaorch-benches --no-default-features --features nas --example architecture > spirals.svg
//! ```
use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Stream};
use metaorch_benches::topology::nas::{Data, Problem, space, train};
use topology_neat::{Diagram, SearchOptions, WorkflowSearch};

/// Networks that are trained.
const BUDGET: u64 = 40;

fn main() -> anyhow::Result<()> {
    let problem = Problem::Spirals;
    let data = Data::new(problem);
    let options = SearchOptions { predictor: true, ..SearchOptions::default() };
    let mut search = WorkflowSearch::new(space(), options, Stream::root(1))?;
    for evaluation in 0..BUDGET {
        let Ask::Run(trial) = search.ask() else { break };
        let errors = train(&trial.candidate, &data, problem.steps(), evaluation)?;
        search.tell(trial.id, Outcome::Complete(Observation::of_loss(errors.validation)))?;
    }
    if let Some((best, seen)) = search.best() {
        let errors = train(best, &data, problem.steps(), BUDGET)?;
        eprintln!("{best}\nvalidation error {:.3}, test error {:.3}", seen.losses[0], errors.test);
        print!("{}", Diagram::from(best).svg());
    }
    Ok(())
}
