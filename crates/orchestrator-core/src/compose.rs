//! From a configuration to a [`Session`]: the only module that names concrete pillars.

mod data;
mod models;
mod notice;
mod numbers;
mod resolved;
mod spending;
mod steering;
mod structures;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use coordination::Component;
use evaluation::{Dataset, External, ExternalSpec, MetricSpec, RowsDigest};
use meta_traits::{Components, Evaluator, ExampleId, Split, Stream};
use prompt_grammar::gepa;
use prompt_grammar::structural::{Bank, Structural, StructuralOptions};

pub use models::{Models, connect};
pub use notice::Notice;
pub use numbers::Numbers;
pub(crate) use numbers::number_search;
pub use resolved::Resolved;
pub use spending::{ModelSpending, Spending};
pub use steering::selector;
pub use structures::Structures;
pub(crate) use structures::structure_search;

use crate::algorithms::joint::Operator;
use crate::config::{ConfigError, EvaluatorSpec, ProposerSpec, RunConfig, SimulatedSpec};
use crate::error::Error;
use crate::experience::{ExperienceStore, PastRun};
use crate::monitoring::Monitoring;
use crate::proposers::{ExternalProposer, ReflectiveProposer, SettingsProposer, StructuralProposer};
use crate::result::LabelTask;
use crate::run::Proposer;
use crate::session::Session;
use crate::simulated::{Pillar, Problem};
use crate::store::RunDirectory;
use crate::system::{CompoundAISystem, Estimate, ModuleSpec, SystemEvaluator, SystemSpec};

/// What tokenizers make of English text, for forecasts without a tokenizer.
const TOKENS_PER_CHARACTER: f64 = 0.25;

/// Prepares the run that `resolved` describes: reads data, finds models, starts an outside evaluator, checks that all
/// fits together. Nothing is spent.
///
/// With a run directory, model answers are cached there and an evaluator's standard error is kept there.
///
/// # Errors
/// [`Error`] naming what is wrong, where, what is allowed and what to do.
pub async fn session(
    resolved: &Resolved,
    directory: Option<&RunDirectory>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Session, Error> {
    prepare(resolved, None, directory, notice).await
}

/// As [`session`], but over models that are open already, under the names that the configuration gives them.
///
/// # Errors
/// As for [`session`].
pub async fn session_over(
    resolved: &Resolved,
    models: Models,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Session, Error> {
    prepare(resolved, Some(models), None, notice).await
}

/// As [`session`], but over examples and models that are there already: `data` of the configuration is not read.
///
/// # Errors
/// As for [`session`].
pub fn session_of(
    resolved: &Resolved,
    dataset: Dataset,
    models: &Models,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Session, Error> {
    let (Some(spec), Some(metric)) = (&resolved.config.system, &resolved.config.metric) else {
        return Err(ConfigError::inconsistent("a system needs a metric").into());
    };
    check_leakage(&dataset, resolved.config.data.as_ref().is_some_and(|d| d.allow_leakage), notice)?;
    metric.check_for(&dataset)?;
    spec.validate(&models.names())?;
    let parts = parts_of_system(resolved, spec, metric, &Arc::new(dataset), models)?;
    assembled(resolved, parts, None)
}

async fn prepare(
    resolved: &Resolved,
    models: Option<Models>,
    directory: Option<&RunDirectory>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Session, Error> {
    let config = &resolved.config;
    let parts = match (&config.system, &config.evaluator, &config.simulated) {
        (Some(_), _, _) => of_system(resolved, models, directory, notice).await?,
        (_, Some(evaluator), _) => of_external(resolved, evaluator, directory, notice).await?,
        (_, _, Some(simulated)) => of_simulated(simulated),
        _ => return Err(ConfigError::inconsistent("there is nothing to optimise").into()),
    };
    assembled(resolved, parts, directory)
}

/// What earlier runs learned: as the run's directory has it from its beginning, else as the file has it now, kept there.
fn earlier(resolved: &Resolved, directory: Option<&RunDirectory>) -> Result<Vec<PastRun>, Error> {
    let Some(path) = &resolved.config.experience else { return Ok(Vec::new()) };
    let kept = directory.map(RunDirectory::experience);
    if let Some(kept) = kept.as_ref().filter(|kept| kept.path().exists()) {
        return Ok(kept.runs()?);
    }
    let runs = ExperienceStore::new(resolved.base.join(path)).runs()?;
    if let Some(kept) = kept {
        // An empty file, too: later runs must not teach this one when it is resumed.
        kept.write(&runs)?;
    }
    Ok(runs)
}

fn assembled(resolved: &Resolved, parts: Parts, directory: Option<&RunDirectory>) -> Result<Session, Error> {
    let config = &resolved.config;
    let earlier = earlier(resolved, directory)?;
    let minibatch = config.optimizer.minibatch;
    if minibatch > parts.train.len() {
        let allowed = format!("1 to {}, the number of training examples", parts.train.len());
        return Err(ConfigError::range("optimizer.minibatch", &minibatch, &allowed).into());
    }
    let mut test = if config.report.test { parts.test } else { Vec::new() };
    test.truncate(config.report.examples.unwrap_or(usize::MAX));
    let val = parts.val.len();
    let (numbers, structures) = (parts.numbers.is_some(), parts.structures.is_some());
    let inner = [(Operator::Numbers, numbers), (Operator::StructuralMutation, structures)];
    let steering = steering::steering(config, parts.pillars, parts.vocabulary, &inner, val)?;
    let structures = parts.structures.filter(|_| steering.evolves);
    let session = Session {
        name: config.name.clone(),
        seed: config.seed,
        budget: steering.budget,
        fingerprint: resolved.fingerprint(&with_past(parts.digest, &earlier)),
        start: parts.start,
        data: parts.data,
        labels: parts.labels,
        train: parts.train,
        val: parts.val,
        test,
        evaluator: parts.evaluator,
        proposer: parts.proposer,
        algorithm: config.algorithm(),
        gepa: gepa::Options {
            minibatch,
            merge: config.optimizer.merge.then(gepa::MergeOptions::default),
            ..gepa::Options::default()
        },
        failure_limit: config.optimizer.failure_limit,
        forecast: parts.forecast,
        system: parts.system,
        joint: steering.options,
        shares: steering.shares,
        numbers: parts.numbers,
        structures,
        monitoring: Monitoring::of(config.meta.as_ref(), val),
        earlier: earlier.into_iter().map(|past| past.experience).collect(),
        experience: config.experience.as_ref().map(|path| ExperienceStore::new(resolved.base.join(path))),
        spending: parts.spending,
        may_cost_money: config.evaluator.is_some()
            || config.models.values().any(|m| m.provider.may_cost_money()),
    };
    session.check_budget()?;
    Ok(session)
}

/// The digest of data and of what was learned before.
fn with_past(digest: String, earlier: &[PastRun]) -> String {
    earlier.iter().fold(digest, |digest, past| format!("{digest} {}", past.run))
}

/// What is optimised, on what, and who writes.
struct Parts {
    start: Components,
    train: Vec<ExampleId>,
    val: Vec<ExampleId>,
    test: Vec<ExampleId>,
    evaluator: Box<dyn Evaluator<Components>>,
    proposer: Box<dyn Proposer>,
    /// What the data contributes to the fingerprint.
    digest: String,
    /// Length and hash of every split.
    data: BTreeMap<String, RowsDigest>,
    labels: Option<LabelTask>,
    forecast: Option<Estimate>,
    system: Option<Arc<SystemEvaluator>>,
    spending: Spending,
    /// The pillars that own components, beside prompts.
    pillars: BTreeMap<String, Component>,
    /// Lines that components may hold before any text has them.
    vocabulary: BTreeMap<String, Vec<String>>,
    /// Settings with ranges.
    numbers: Option<Numbers>,
    /// What flows may be made of.
    structures: Option<Structures>,
}

fn of_simulated(spec: &SimulatedSpec) -> Parts {
    let problem = Problem::new(spec.instance, spec.scenario, spec.family);
    let problem = Arc::new(match spec.rho {
        Some(rho) => problem.with_rho(rho),
        None => problem,
    });
    let owned = |(pillar, component)| {
        problem.components_of(pillar).into_iter().map(move |name| (name, component)).collect::<Vec<_>>()
    };
    let others = [(Pillar::HyperOpt, Component::Hyperopt), (Pillar::Topology, Component::Topology)];
    let pillars = others.into_iter().flat_map(owned).collect();
    Parts {
        start: problem.seed(),
        train: problem.examples(Split::Train),
        val: problem.examples(Split::Val),
        test: problem.examples(Split::Test),
        evaluator: Box::new(Arc::clone(&problem)),
        proposer: Box::new(problem),
        digest: String::new(),
        data: BTreeMap::new(),
        labels: None,
        forecast: None,
        system: None,
        spending: Spending::default(),
        pillars,
        vocabulary: BTreeMap::new(),
        numbers: None,
        structures: None,
    }
}

async fn of_system(
    resolved: &Resolved,
    open: Option<Models>,
    directory: Option<&RunDirectory>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Parts, Error> {
    let config = &resolved.config;
    let (Some(spec), Some(data), Some(metric)) = (&config.system, &config.data, &config.metric) else {
        return Err(ConfigError::inconsistent("a system needs data and a metric").into());
    };
    let dataset = Arc::new(data::load(resolved, data)?);
    check_leakage(&dataset, data.allow_leakage, notice)?;
    // Before any model is opened or downloaded: a fault in the description costs nothing.
    metric.check_for(&dataset)?;
    let names: Vec<&str> = config.models.keys().map(String::as_str).collect();
    spec.validate(&names)?;
    let cache = directory.map(RunDirectory::cache);
    let models = match open {
        Some(models) => models,
        None => connect(config, &resolved.base, cache.as_deref(), notice).await?,
    };
    parts_of_system(resolved, spec, metric, &dataset, &models)
}

fn parts_of_system(
    resolved: &Resolved,
    spec: &SystemSpec,
    metric: &MetricSpec,
    dataset: &Arc<Dataset>,
    models: &Models,
) -> Result<Parts, Error> {
    let config = &resolved.config;
    let (splits, labels) = (data::digests(dataset), data::labels(dataset, metric.name())?);
    let system = CompoundAISystem::new(spec.clone(), &resolved.base, models.all(), dataset)?;
    let start = system.components();
    if start.is_empty() {
        return Err(ConfigError::inconsistent(
            "there is nothing to optimise. Give an llm module without optimize: false, or system.search",
        )
        .into());
    }
    let scorer = metric.build(dataset, |name| models.judge(name))?;
    let forecast = system.estimate(&start, dataset, TOKENS_PER_CHARACTER)?;
    let mut proposer = system_proposer(config, spec, models, dataset)?;
    let settings = spec.settings();
    let (pillars, vocabulary) = steering::of_settings(&settings);
    let hyperopt = config.meta.as_ref().map(|meta| meta.hyperopt_config.clone()).unwrap_or_default();
    let numbers = Numbers::of(&settings, &hyperopt)?;
    let structures = Structures::of(spec, config.meta.as_ref().map(|meta| &meta.topology_config))?;
    if !settings.is_empty() {
        proposer = Box::new(SettingsProposer::new(settings, proposer));
    }
    let val = chosen(dataset, config.optimizer.val_examples, config.seed);
    let hash = |split| dataset.hash(split).unwrap_or_default();
    let digest = [Split::Train, Split::Val, Split::Test].map(hash).join(" ");
    let evaluator = Arc::new(SystemEvaluator::of_metric(system, Arc::clone(dataset), scorer));
    Ok(Parts {
        start,
        train: dataset.ids(Split::Train),
        val,
        test: dataset.ids(Split::Test),
        evaluator: Box::new(Arc::clone(&evaluator)),
        proposer,
        digest,
        data: splits,
        labels,
        forecast: Some(forecast),
        system: Some(evaluator),
        spending: models.spending().clone(),
        pillars,
        vocabulary,
        numbers,
        structures,
    })
}

/// Modules whose answers may be the system's: examples of the data show what to answer there. A module that chooses
/// among labels the data does not expect answers some other question.
fn answering(spec: &SystemSpec, expected: &[String]) -> Vec<String> {
    let answers = |module: &ModuleSpec| match module {
        ModuleSpec::Llm(llm) => llm.labels.iter().flatten().all(|label| expected.contains(label)),
        _ => false,
    };
    spec.modules.iter().filter(|(_, module)| answers(module)).map(|(name, _)| name.clone()).collect()
}

/// Equal inputs in two splits make a held-out score worthless, so they are refused unless allowed; nearly equal ones
/// are told.
fn check_leakage(
    dataset: &Dataset,
    allowed: bool,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<(), ConfigError> {
    let leakage = dataset.leakage();
    if let Some((first, second)) = leakage.exact.first() {
        let n = leakage.exact.len();
        let text = format!("{n} inputs stand in two splits (first: {first} and {second})");
        if !allowed {
            return Err(ConfigError::inconsistent(format!(
                "{text}. Remove the repeats, or set data.allow_leakage: true"
            )));
        }
        notice(&Notice::Warning { text });
    }
    if let Some(near) = leakage.near.first() {
        let (n, first, second) = (leakage.near.len(), near.first, near.second);
        notice(&Notice::Warning {
            text: format!("{n} inputs are nearly the same in two splits (first: {first} and {second})"),
        });
    }
    Ok(())
}

fn system_proposer(
    config: &RunConfig,
    spec: &SystemSpec,
    models: &Models,
    dataset: &Dataset,
) -> Result<Box<dyn Proposer>, Error> {
    let optimizer = &config.optimizer;
    match optimizer.proposer.as_ref().unwrap_or(&ProposerSpec::Structural) {
        ProposerSpec::Structural => {
            let items = dataset.ids(Split::Train).into_iter().filter_map(|id| {
                let example = dataset.get(id)?;
                Some((id, example.text(), example.expected.as_str()?.to_owned()))
            });
            let mut bank = Bank::new(items)?.with_components(answering(spec, &dataset.labels()));
            if let [field] = spec.input.as_slice() {
                bank = bank.with_placeholder(field);
            }
            if let Some(task) = &optimizer.task {
                bank = bank.with_task(task);
            }
            let options =
                StructuralOptions { max_length: optimizer.max_prompt_length, ..StructuralOptions::default() };
            Ok(Box::new(StructuralProposer(Structural::new(bank, options)?)))
        }
        ProposerSpec::Model(name) => {
            let client = models
                .get(name)
                .ok_or_else(|| ConfigError::range("optimizer.proposer.model", name, "a key of models"))?;
            Ok(Box::new(ReflectiveProposer::new(client, optimizer.task.clone(), optimizer.max_prompt_length)))
        }
        ProposerSpec::External => Err(ConfigError::range(
            "optimizer.proposer",
            "external",
            "structural or {model: NAME}; only an evaluator program can propose",
        )
        .into()),
    }
}

async fn of_external(
    resolved: &Resolved,
    spec: &EvaluatorSpec,
    directory: Option<&RunDirectory>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Parts, Error> {
    let config = &resolved.config;
    let external = Arc::new(External::spawn(external_spec(resolved, spec, directory)).await?);
    let hello = external.hello();
    let (start, examples, proposes) = (hello.components.clone(), hello.examples, hello.propose);
    let mut spending = Spending::default();
    let proposer: Box<dyn Proposer> = match &config.optimizer.proposer {
        Some(ProposerSpec::Model(name)) => {
            let cache = directory.map(RunDirectory::cache);
            let models = connect(config, &resolved.base, cache.as_deref(), notice).await?;
            spending = models.spending().clone();
            let client = models
                .get(name)
                .ok_or_else(|| ConfigError::range("optimizer.proposer.model", name, "a key of models"))?;
            let task = config.optimizer.task.clone();
            Box::new(ReflectiveProposer::new(client, task, config.optimizer.max_prompt_length))
        }
        Some(ProposerSpec::Structural) => {
            let bank = Bank::new(Vec::new())?;
            Box::new(StructuralProposer(Structural::new(bank, StructuralOptions::default())?))
        }
        Some(ProposerSpec::External) | None if proposes => Box::new(ExternalProposer(Arc::clone(&external))),
        _ => {
            return Err(ConfigError::inconsistent(
                "the evaluator does not offer to propose. Give optimizer.proposer: {model: NAME}",
            )
            .into());
        }
    };
    let ids = |split, n: u32| (0..n).map(|i| ExampleId::new(split, i)).collect::<Vec<_>>();
    let mut val = ids(Split::Val, examples.val);
    if let Some(n) = config.optimizer.val_examples {
        Stream::root(config.seed).child("val", 0).shuffle(&mut val);
        val.truncate(n);
        val.sort_unstable();
    }
    for (name, n) in [("train", examples.train), ("val", examples.val)] {
        if n == 0 {
            return Err(ConfigError::inconsistent(format!(
                "the evaluator has no {name} examples; it must have some"
            ))
            .into());
        }
    }
    Ok(Parts {
        digest: format!("{} {} {}", examples.train, examples.val, examples.test),
        start,
        train: ids(Split::Train, examples.train),
        val,
        test: ids(Split::Test, examples.test),
        evaluator: Box::new(external),
        proposer,
        data: BTreeMap::new(),
        labels: None,
        forecast: None,
        system: None,
        spending,
        pillars: BTreeMap::new(),
        vocabulary: BTreeMap::new(),
        numbers: None,
        structures: None,
    })
}

fn external_spec(
    resolved: &Resolved,
    spec: &EvaluatorSpec,
    directory: Option<&RunDirectory>,
) -> ExternalSpec {
    let seconds = std::time::Duration::from_secs_f64;
    let mut external = ExternalSpec::new(spec.command.clone());
    external.cwd = Some(resolved.base.clone());
    external.env = spec.env.clone().into_iter().collect();
    external.timeout = seconds(spec.timeout_s);
    external.hello_timeout = seconds(spec.hello_timeout_s);
    external.max_restarts = spec.max_restarts;
    external.concurrency = spec.concurrency;
    external.stderr_log = directory.map(RunDirectory::evaluator_log);
    external
}

/// The validation examples that decide: all, or `n` with the expected answers as evenly spread as they come, drawn
/// once for a seed.
fn chosen(dataset: &Dataset, n: Option<usize>, seed: u64) -> Vec<ExampleId> {
    let mut ids = dataset.ids(Split::Val);
    let Some(n) = n.filter(|n| *n < ids.len()) else { return ids };
    Stream::root(seed).child("val", 0).shuffle(&mut ids);
    let answer = |id: &ExampleId| dataset.get(*id).map(|e| e.expected.to_string()).unwrap_or_default();
    let mut groups: BTreeMap<String, Vec<ExampleId>> = BTreeMap::new();
    for id in ids {
        groups.entry(answer(&id)).or_default().push(id);
    }
    let deepest = groups.values().map(Vec::len).max().unwrap_or(0);
    let rounds = (0..deepest).flat_map(|round| groups.values().filter_map(move |g| g.get(round).copied()));
    let mut out: Vec<ExampleId> = rounds.take(n).collect();
    out.sort_unstable();
    out
}
