//! Patterns: how often something is found where nothing is, and how much of what was planted is found.

use clap::Args;
use meta_traits::{
    Ask, Cost, Draw, ExampleId, Instances, Observation, Optimizer, Outcome, Scored, Space as _, Split, Stream,
};
use prompt_grammar::optimizer::{ModelOptions, ModelSearch};
use prompt_grammar::pattern::{Evidence, Finding, Observed, PatternOptions, SpaceItems, find};
use serde::Serialize;

use self::planted::Mined;
use super::promptscape::{Landscape, TRAIN, VAL, Variant};
use crate::{Range, in_parallel, write_rows};

mod planted;

/// Prompts of a landscape's random sample, and examples each is tried on.
const SAMPLE: (u64, usize) = (200, 15);

/// Mines patterns on null landscapes, from random prompts and from what a search saw there, and on samples with ten
/// planted patterns.
#[derive(Args)]
pub struct PatternArgs {
    /// Landscapes and seeds. Develop below 100, report on 100 and above.
    #[arg(long, default_value = "0..19")]
    seeds: Range,
    /// Example calls of the search on a null landscape.
    #[arg(long, default_value_t = 3000)]
    budget: u64,
    /// Seeds at a time. Decides the time taken and nothing else.
    #[arg(long, default_value = "1")]
    threads: std::num::NonZeroUsize,
    /// Settings of mining, as JSON.
    #[arg(long, value_parser = options)]
    options: Option<PatternOptions>,
    /// Options of the search on null landscapes, as JSON; reflections are always left out.
    #[arg(long, value_parser = search_options)]
    search: Option<ModelOptions>,
    /// Leaves the search on null landscapes out.
    #[arg(long)]
    sampled: bool,
    /// Writes raw rows and the command to this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<std::path::PathBuf>,
    /// Prints the JSON object alone.
    #[arg(long)]
    json: bool,
}

fn options(text: &str) -> Result<PatternOptions, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn search_options(text: &str) -> Result<ModelOptions, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

/// One seed.
#[derive(Clone, Debug, Serialize)]
struct Row {
    seed: u64,
    /// Findings among random prompts of the null landscape.
    null_sampled: usize,
    /// Findings in what a search saw on the null landscape; none where it was left out.
    null_searched: Option<usize>,
    /// Whether that search returned the seed, and what it knew of what it returned.
    kept: Option<bool>,
    verdict: Option<&'static str>,
    /// Planted patterns found, and findings that were not planted.
    found: usize,
    wrong: usize,
    /// Mean Cliff's delta of the planted patterns.
    delta: f64,
}

/// Runs the measurement and prints it.
///
/// # Errors
/// When mining or the search refuses its options, or rows cannot be written.
pub fn patterns(args: &PatternArgs) -> anyhow::Result<()> {
    let seeds: Vec<u64> = args.seeds.iter().collect();
    let options = args.options.clone().unwrap_or_default();
    let rows = in_parallel(&seeds, args.threads, |seed| row(*seed, args, &options));
    let rows = rows.into_iter().collect::<anyhow::Result<Vec<Row>>>()?;
    if let Some(directory) = &args.out {
        write_rows(directory, "prompt", &rows)?;
    }
    let n = rows.len().max(1) as f64;
    let share = |of: &dyn Fn(&Row) -> bool| rows.iter().filter(|r| of(r)).count() as f64 / n;
    let sampled = share(&|r| r.null_sampled > 0);
    let searched = share(&|r| r.null_searched.is_some_and(|f| f > 0));
    let kept = (!args.sampled).then(|| share(&|r| r.kept == Some(true)));
    if !args.json {
        for row in &rows {
            println!("{row:?}");
        }
        println!("null, random prompts {sampled:.3}, search {searched:.3}, seed kept {kept:?}");
    }
    let recall = rows.iter().map(|r| r.found as f64 / planted::PLANTED as f64).sum::<f64>() / n;
    let false_share = |r: &Row| r.wrong as f64 / (r.found + r.wrong).max(1) as f64;
    let fdr = rows.iter().map(false_share).sum::<f64>() / n;
    let found = sampled.max(searched);
    println!(
        "{}",
        serde_json::json!({ "null_rate": found, "recall": recall, "fdr": fdr, "seed_kept": kept })
    );
    Ok(())
}

fn row(seed: u64, args: &PatternArgs, options: &PatternOptions) -> anyhow::Result<Row> {
    let stream = Stream::root(9090 + seed);
    let landscape = Landscape::new(seed, Variant::Null);
    let (space, items) = (landscape.space(), SpaceItems::new(landscape.space()));
    let mut evidence = Evidence::new(items.names());
    for i in 0..SAMPLE.0 {
        let mut rng = stream.child("prompt", i);
        let prompt = space.sample(&mut rng);
        let mut examples: Vec<usize> = (0..TRAIN + VAL).collect();
        rng.shuffle(&mut examples);
        let score = |e: &usize| (*e, f64::from(u8::from(landscape.outcome(&prompt, *e, 0))));
        let scores = examples.iter().take(SAMPLE.1).map(score).collect();
        evidence.add(Observed { items: items.of(&prompt), scores, ..Observed::default() })?;
    }
    let sampled: Vec<Finding> = find(&evidence, options, &stream.child("sampled", 0))?;
    let (mut null_searched, mut kept, mut verdict) = (None, None, None);
    if !args.sampled {
        let model = ModelOptions { reflections: 0.0, ..args.search.clone().unwrap_or_default() };
        let search = searched(&landscape, args.budget, model, stream.child("search", 0))?;
        let mut evidence = Evidence::new(items.names());
        for (prompt, seen) in search.tried() {
            let scores = seen.instances.iter();
            let scores = scores.map(|s| (Landscape::position(s.example), f64::from(s.score))).collect();
            evidence.add(Observed { items: items.of(prompt), scores, ..Observed::default() })?;
        }
        null_searched = Some(find(&evidence, options, &stream.child("searched", 0))?.len());
        kept = search.best().map(|(best, _)| *best == space.seed());
        verdict = Some(search.verdict().name());
    }
    let Mined { found, wrong, delta } = planted::mined(options, &stream.child("planted", 0))?;
    Ok(Row { seed, null_sampled: sampled.len(), null_searched, kept, verdict, found, wrong, delta })
}

/// The model-guided search, run on a landscape.
fn searched(
    landscape: &Landscape,
    budget: u64,
    options: ModelOptions,
    stream: Stream,
) -> anyhow::Result<ModelSearch> {
    let examples: Vec<ExampleId> =
        [Split::Train, Split::Val].into_iter().flat_map(Landscape::examples).collect();
    let mut search = ModelSearch::new(landscape.space(), examples, options, stream)?.within(budget);
    let mut calls = 0;
    while let Ask::Run(trial) = search.ask() {
        let Instances::Exactly(on) = &trial.on else { anyhow::bail!("the search names no examples") };
        calls += on.len() as u64;
        if calls > budget {
            break;
        }
        let score = |example: &ExampleId| {
            let right = landscape.outcome(&trial.candidate, Landscape::position(*example), 0);
            Scored::new(Draw { example: *example, repeat: 0 }, f32::from(u8::from(right)))
        };
        let scored: Vec<Scored> = on.iter().map(score).collect();
        let cost = Cost::evaluations(scored.len() as u64);
        search.tell(trial.id, Outcome::Complete(Observation::of_scores(scored, cost)))?;
    }
    Ok(search)
}
