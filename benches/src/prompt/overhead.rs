//! What the model-guided search costs beside the evaluations.

use meta_traits::{
    Ask, Cost, Draw, ExampleId, Instances, Observation, Optimizer as _, Outcome, Scored, Split, Stream,
};
use prompt_grammar::optimizer::{ModelOptions, ModelSearch};

use super::promptscape::{Landscape, Variant};
use crate::processor_seconds;

/// Processor milliseconds of the search for each of `rounds` rounds from `prompts` tried prompts on, on a landscape: the
/// mean over rounds with and without a fit, and the greatest.
///
/// # Errors
/// When the search refuses its options, or an outcome, or ends.
pub fn milliseconds(number: u64, prompts: usize, rounds: usize) -> anyhow::Result<(f64, f64)> {
    let landscape = Landscape::new(number, Variant::Base);
    let examples: Vec<ExampleId> =
        [Split::Train, Split::Val].into_iter().flat_map(Landscape::examples).collect();
    let options = ModelOptions { reflections: 0.0, ..ModelOptions::default() };
    let a_round = options.draws + 1;
    let mut search = ModelSearch::new(landscape.space(), examples, options, Stream::root(number))?;
    let now = || processor_seconds().unwrap_or_default();
    let mut spent = Vec::new();
    while spent.len() < rounds {
        let measured = search.tried().len() >= prompts;
        let mut seconds = 0.0;
        for _ in 0..a_round {
            let start = now();
            let Ask::Run(trial) = search.ask() else { anyhow::bail!("the search has ended") };
            seconds += now() - start;
            let Instances::Exactly(on) = &trial.on else { anyhow::bail!("the search names no examples") };
            let score = |example: &ExampleId| {
                let right = landscape.outcome(&trial.candidate, Landscape::position(*example), 0);
                Scored::new(Draw { example: *example, repeat: 0 }, f32::from(u8::from(right)))
            };
            let scored: Vec<Scored> = on.iter().map(score).collect();
            let cost = Cost::evaluations(scored.len() as u64);
            let outcome = Outcome::Complete(Observation::of_scores(scored, cost));
            let start = now();
            search.tell(trial.id, outcome)?;
            seconds += now() - start;
        }
        if measured {
            spent.push(1000.0 * seconds);
        }
    }
    let mean = spent.iter().sum::<f64>() / spent.len().max(1) as f64;
    Ok((mean, spent.into_iter().fold(0.0, f64::max)))
}
