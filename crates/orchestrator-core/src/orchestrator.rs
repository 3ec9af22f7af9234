use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use evaluation::{Dataset, MetricSpec};
use inference::LlmClient;
use meta_traits::Budget;
use serde::Serialize;

use crate::compose::{self, Models, Resolved};
use crate::config::meta::MetaOrchestratorConfig;
use crate::config::{BudgetSpec, OptimizerSpec, RunConfig, from_text};
use crate::error::Error;
use crate::result::{Change, ComponentMetrics, PillarShare, RunResult};
use crate::run::Observer;
use crate::session::Finish;
use crate::store::RunDirectory;
use crate::system::SystemSpec;

/// What a search may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// Compute units: one is as many metric calls as there are validation examples.
    Units(f64),
    /// Limits by name.
    Limits(Budget),
}

impl From<u32> for Allowance {
    fn from(units: u32) -> Self {
        Self::Units(f64::from(units))
    }
}

impl From<f64> for Allowance {
    fn from(units: f64) -> Self {
        Self::Units(units)
    }
}

impl From<Budget> for Allowance {
    fn from(limits: Budget) -> Self {
        Self::Limits(limits)
    }
}

/// Improves compound systems: the library's front door.
///
/// ```
/// use std::sync::Arc;
/// use evaluation::{Dataset, Example, MetricSpec};
/// use inference::ScriptedClient;
/// use orchestrator_core::MetaOrchestrator;
/// use orchestrator_core::config::meta::ConfigProfiles;
/// use orchestrator_core::system::SystemSpec;
///
/// let system = SystemSpec::from_yaml(
///     "modules: {sort: {kind: llm, model: task, labels: [red, blue], prompt: 'Colour of {{ input }}:'}}").unwrap();
/// let rows = |kind: &str| (0..6).map(|i| Example::new(format!("{kind} {i}"), ["red", "blue"][i % 2])).collect();
/// let data = Dataset::from_examples(rows("train"), Some(rows("val")), Some(rows("test"))).unwrap();
/// let config = ConfigProfiles::get_profile("minimal").unwrap();
/// let client = Arc::new(ScriptedClient::always("red"));
/// let folder = tempfile::tempdir().unwrap();
/// let orchestrator = MetaOrchestrator::new(config, MetricSpec::by_name("label").unwrap(), client)
///     .in_directory(folder.path());
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// let result = runtime.block_on(orchestrator.orchestrate_optimization(&system, data, 8)).unwrap();
/// assert!(result.total_rollouts <= 8 * 6 && result.held_out.is_some());
/// assert!(orchestrator.get_optimization_metrics().is_some());
/// ```
pub struct MetaOrchestrator {
    config: MetaOrchestratorConfig,
    metric: MetricSpec,
    client: Arc<dyn LlmClient>,
    clients: BTreeMap<String, Arc<dyn LlmClient>>,
    optimizer: OptimizerSpec,
    seed: u64,
    runs: PathBuf,
    latest: Mutex<Option<OptimizationMetrics>>,
}

/// What the pillars did in the latest run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OptimizationMetrics {
    /// The algorithms: what each was given and brought.
    pub selector: BTreeMap<String, ComponentMetrics>,
    /// Steps of the recommendation in which the structure changed.
    pub topology: Vec<Change>,
    /// Steps in which a number or other setting changed.
    pub hyperopt: Vec<Change>,
    /// Steps in which a prompt changed.
    pub prompt: Vec<Change>,
    /// How the budget was divided among the four, where it was.
    pub shares: BTreeMap<String, PillarShare>,
}

impl MetaOrchestrator {
    /// One that scores by `evaluator`, with `client` for every model that systems name.
    pub fn new(config: MetaOrchestratorConfig, evaluator: MetricSpec, client: Arc<dyn LlmClient>) -> Self {
        Self {
            config,
            metric: evaluator,
            client,
            clients: BTreeMap::new(),
            optimizer: OptimizerSpec::default(),
            seed: 0,
            runs: PathBuf::from("runs"),
            latest: Mutex::new(None),
        }
    }

    /// The same with a client of its own for the model called `name`.
    #[must_use]
    pub fn with_client(mut self, name: &str, client: Arc<dyn LlmClient>) -> Self {
        self.clients.insert(name.to_owned(), client);
        self
    }

    /// The same with other settings of the search: who writes texts, which algorithm, how many validation examples.
    #[must_use]
    pub fn with_optimizer(mut self, optimizer: OptimizerSpec) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// The same with another seed of all random draws.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same with run directories made in `runs`; by default in `runs` of the working directory.
    #[must_use]
    pub fn in_directory(mut self, runs: impl Into<PathBuf>) -> Self {
        self.runs = runs.into();
        self
    }

    /// Searches for a better `system` within `budget` (a plain number counts compute units) and scores it on the test
    /// examples, if there are any.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Paused`] when a file `STOP` in the run directory asked for it.
    pub async fn orchestrate_optimization(
        &self,
        system: &SystemSpec,
        dataset: Dataset,
        budget: impl Into<Allowance>,
    ) -> Result<RunResult, Error> {
        self.orchestrate_observed(system, dataset, budget, &mut (), &|| false).await
    }

    /// The same, with every event told to `observer`; when `cancelled` turns true, the run pauses.
    ///
    /// # Errors
    /// As [`MetaOrchestrator::orchestrate_optimization`].
    pub async fn orchestrate_observed(
        &self,
        system: &SystemSpec,
        dataset: Dataset,
        budget: impl Into<Allowance>,
        observer: &mut dyn Observer,
        cancelled: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<RunResult, Error> {
        let val =
            self.optimizer.val_examples.unwrap_or(usize::MAX).min(dataset.ids(meta_traits::Split::Val).len());
        let mut config: RunConfig = from_text("{}", "a run of the library")?;
        "orchestrator".clone_into(&mut config.name);
        config.seed = self.seed;
        config.system = Some(system.clone());
        config.metric = Some(self.metric.clone());
        config.optimizer = self.optimizer.clone();
        config.meta = Some(self.config.clone());
        config.budget = match budget.into() {
            Allowance::Units(units) => {
                BudgetSpec { calls: Some((units.max(0.0) * val as f64) as u64), ..BudgetSpec::default() }
            }
            Allowance::Limits(limits) => BudgetSpec::from(limits),
        };
        config.runs.clone_from(&self.runs);
        self.config.validate()?;
        let base = std::env::current_dir()
            .map_err(|source| crate::config::ConfigError::Unreadable { path: PathBuf::from("."), source })?;
        let resolved = Resolved { base, config };
        let named: BTreeSet<&str> = system.modules.values().filter_map(|module| module.model()).collect();
        let client = |name: &str| {
            let own = self.clients.get(name).unwrap_or(&self.client);
            (name.to_owned(), Arc::clone(own))
        };
        let own = self.clients.keys().map(String::as_str);
        let models = Models::of(named.into_iter().chain(own).map(client).collect());
        let session = compose::session_of(&resolved, dataset, &models, &|_| {})?;
        let mut directory = RunDirectory::create(&self.runs, "orchestrator", &resolved.to_yaml()?)?;
        let path = directory.path().to_owned();
        let Finish::Done(result) = session.run(&mut directory, observer, cancelled).await? else {
            return Err(Error::Paused { path });
        };
        let metrics = OptimizationMetrics {
            selector: result.component_metrics.clone(),
            topology: result.topology_changes.clone(),
            hyperopt: result.hyperopt_gains.clone(),
            prompt: result.prompt_changes.clone(),
            shares: result.shares.clone(),
        };
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(metrics);
        Ok(*result)
    }

    /// What the pillars did in the latest run that ended; none before.
    pub fn get_optimization_metrics(&self) -> Option<OptimizationMetrics> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
