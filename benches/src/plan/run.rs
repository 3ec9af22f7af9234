//! One recorded run, with the plans that were made for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, bail};
use inference::LlmClient;
use meta_traits::Unit as Limit;
use orchestrator_core::Error;
use orchestrator_core::compose::{Models, Resolved, session_over};
use orchestrator_core::config::RunConfig;
use orchestrator_core::plan::{Evidence, PastRun, Probe, Simulated as Plan};
use orchestrator_core::run::RunError;
use orchestrator_core::session::{Finish, Session};
use orchestrator_core::store::RunDirectory;
use serde::Serialize;
use tokio::time::Instant;

use super::client::Simulated;
use super::system::Case;

/// What a run really used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Actual {
    /// Metric calls of the search.
    pub calls: u64,
    /// Texts asked for.
    pub proposals: u64,
    /// Model calls.
    pub model_calls: u64,
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// Money in nano-dollars.
    pub nano_usd: u64,
    /// Simulated seconds.
    pub seconds: f64,
}

/// A run and the plans made before it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The seed of configuration, data and hidden traits.
    pub seed: u64,
    /// The variant of that seed.
    pub variant: u64,
    /// The kind of system.
    pub shape: &'static str,
    /// Limit of metric calls.
    pub budget: u64,
    /// Whether tokens are limited as well.
    pub second_limit: bool,
    /// Whether a model writes the proposals.
    pub reflective: bool,
    /// Plans from lengths, from a probe, from an earlier run.
    pub plans: [Plan; 3],
    /// What was used.
    pub actual: Actual,
}

fn session(
    case: &Case,
    config: RunConfig,
    folder: &Path,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<Session> {
    let mut models: BTreeMap<String, Arc<dyn LlmClient>> = BTreeMap::new();
    for (name, traits) in &case.traits {
        let spec = &config.models[name];
        let client = Simulated {
            traits: traits.clone(),
            roles: case.roles.clone(),
            answers: case.answers.iter().cloned().collect(),
            labels: case.labels.clone(),
            price: [spec.usd_per_million_in, spec.usd_per_million_out].map(Option::unwrap_or_default),
            concurrency: spec.concurrency,
            cache: Mutex::default(),
        };
        models.insert(name.clone(), Arc::new(client));
    }
    let resolved = Resolved { base: folder.to_owned(), config };
    Ok(runtime.block_on(session_over(&resolved, Models::of(models), &|_| {}))?)
}

/// Runs `session` on the jumping clock.
fn drive(session: &Session, runs: &Path, runtime: &tokio::runtime::Runtime) -> anyhow::Result<Actual> {
    let mut directory = RunDirectory::create(runs, "recorded", "none")?;
    runtime.block_on(async {
        let started = Instant::now();
        let Finish::Done(result) = session.run(&mut directory, &mut (), &|| false).await? else {
            bail!("the run was paused");
        };
        Ok(Actual {
            calls: result.total_rollouts,
            proposals: result.generations,
            model_calls: result.spent.calls,
            tokens_in: result.spent.tokens_in,
            tokens_out: result.spent.tokens_out,
            nano_usd: result.spent.nano_usd,
            seconds: started.elapsed().as_secs_f64(),
        })
    })
}

/// Generates the case of a seed, plans it, and runs it.
///
/// The plan from history rests on one run of the same task with another seed and half or all of the calls.
///
/// # Errors
/// When a generated configuration is refused or a run fails.
pub fn record(seed: u64, variant: u64) -> anyhow::Result<Recorded> {
    let mut case = Case::draw(seed, variant);
    match attempt(&case, seed, variant) {
        // A second limit that does not pay for the final scoring or the seed's validation is refused, or ends a run
        // without a result: a user would raise it, and the case goes without.
        Err(error) if is_short(&error) => {
            if let Some(budget) = case.config["budget"].as_object_mut() {
                budget.remove("tokens");
            }
            attempt(&case, seed, variant)
        }
        result => result,
    }
}

fn is_short(error: &anyhow::Error) -> bool {
    let run = error.downcast_ref::<Error>();
    matches!(run, Some(Error::Run(RunError::Report(_)) | Error::NothingScored))
}

fn attempt(case: &Case, seed: u64, variant: u64) -> anyhow::Result<Recorded> {
    let home = tempfile::tempdir()?;
    for (name, rows) in ["train", "val", "test"].iter().zip(&case.rows) {
        let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
        std::fs::write(home.path().join(format!("{name}.jsonl")), lines.join("\n"))?;
    }
    let config = RunConfig::from_text(&case.config.to_string(), "generated")
        .with_context(|| format!("the case of seed {seed} is refused"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let open = |config: RunConfig| session(case, config, home.path(), &runtime);
    // The probe has clients of its own: what it cached must not help the run.
    let probe = runtime.block_on(Probe::take(&open(config.clone())?))?;
    let mut before = config.clone();
    before.seed += 1_000_000;
    let calls = config.budget.calls.context("every case limits metric calls")?;
    let runs = home.path().join("runs");
    let earlier = open(before.clone())?;
    let past = drive(&earlier, &runs, &runtime)?;
    let spent = meta_traits::Cost::tokens(past.model_calls, past.tokens_in, past.tokens_out)
        .with_nano_usd(past.nano_usd);
    let past = PastRun::new(earlier.budget, spent, std::time::Duration::from_secs_f64(past.seconds));
    let session = open(config.clone())?;
    let plan = |probe: Option<&Probe>, past: &[PastRun]| {
        Plan::new(&session, &Evidence { probe: probe.cloned(), past: past.to_vec() })
    };
    let plans = [plan(None, &[])?, plan(Some(&probe), &[])?, plan(Some(&probe), &[past])?];
    let actual =
        drive(&session, &runs, &runtime).with_context(|| format!("seed {seed}, variant {variant}"))?;
    Ok(Recorded {
        seed,
        variant,
        shape: case.shape,
        budget: calls,
        second_limit: session.budget.limit(Limit::Tokens).is_some(),
        reflective: config.optimizer.proposer.is_some(),
        plans,
        actual,
    })
}
