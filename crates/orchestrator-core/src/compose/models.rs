use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "embedded")]
use inference::embedded::{self, EmbeddedOptions};
use inference::{
    Cached, ClientOptions, Environment, Headers, HostedOptions, InferenceClientFactory, InferenceError,
    LlmClient, Metered, ModelFile, ModelStore, Price, PriceTable, Proxy, Purpose, Rate, Resilient,
    ResilientOptions, RetryPolicy, ScriptedClient,
};

use crate::compose::{Notice, Spending};
use crate::config::{CacheSpec, ConfigError, ModelSpec, Provider, RunConfig};
use crate::error::Error;

/// The models of a configuration, by key.
#[derive(Clone, Default)]
pub struct Models {
    clients: BTreeMap<String, Arc<dyn LlmClient>>,
    spending: Spending,
}

impl Models {
    /// These clients, their calls recorded anew.
    pub fn of(clients: BTreeMap<String, Arc<dyn LlmClient>>) -> Self {
        Self { clients, spending: Spending::default() }
    }

    /// The model under `name`, for writing proposals.
    pub fn get(&self, name: &str) -> Option<Arc<dyn LlmClient>> {
        self.clients.get(name).map(|client| self.metered(client, Purpose::Reflection))
    }

    /// The model under `name`, for metrics.
    pub fn judge(&self, name: &str) -> Option<Arc<dyn LlmClient>> {
        self.clients.get(name).map(|client| self.metered(client, Purpose::Judge))
    }

    /// All models, for the system itself.
    pub fn all(&self) -> BTreeMap<String, Arc<dyn LlmClient>> {
        let metered = |(name, client): (&String, &Arc<dyn LlmClient>)| {
            (name.clone(), self.metered(client, Purpose::Task))
        };
        self.clients.iter().map(metered).collect()
    }

    /// Their names.
    pub fn names(&self) -> Vec<&str> {
        self.clients.keys().map(String::as_str).collect()
    }

    /// The record of their calls.
    pub fn spending(&self) -> &Spending {
        &self.spending
    }

    fn metered(&self, client: &Arc<dyn LlmClient>, purpose: Purpose) -> Arc<dyn LlmClient> {
        Arc::new(Metered::new(Arc::clone(client), purpose, Arc::clone(&self.spending.ledger)))
    }
}

/// Where answers are kept, and how many bytes of them.
struct Keep<'a> {
    directory: Option<&'a Path>,
    bytes: u64,
}

impl<'a> Keep<'a> {
    /// The configuration's own folder, else the run's.
    fn of(spec: &'a CacheSpec, run: Option<&'a Path>) -> Self {
        Self { directory: spec.directory.as_deref().or(run), bytes: spec.max_mib << 20 }
    }

    fn around<C: LlmClient + 'static>(&self, client: C, sampled: bool) -> Arc<dyn LlmClient> {
        match self.directory {
            Some(directory) => {
                Arc::new(Cached::new(client, directory).bounded(self.bytes).keep_sampled(sampled))
            }
            None => Arc::new(client),
        }
    }
}

/// Opens every model that `config` names. An embedded model that is missing is downloaded if the configuration says
/// so, after a notice of source, size and licence. With `cache`, answers are kept there, unless the configuration names
/// another folder. Hosted models are priced by their own numbers, the configuration's price table or the built-in one.
///
/// # Errors
/// [`Error::Inference`] when a file is missing or damaged, a key is not set, or an address is not usable;
/// [`Error::Config`] when the budget limits money and a model has no price.
pub async fn connect(
    config: &RunConfig,
    base: &Path,
    cache: Option<&Path>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Models, Error> {
    let mut table = PriceTable::built_in();
    if let Some(path) = &config.prices {
        table = table.overridden_by(PriceTable::read(&base.join(path))?);
    }
    let keep = Keep::of(&config.cache, cache);
    let mut models = Models::default();
    for (name, spec) in &config.models {
        let client = if spec.provider.is_hosted() {
            let price = price_of(name, spec, &table, config.budget.usd.is_some(), notice)?;
            let client = InferenceClientFactory::create_client(spec.provider.name(), &options(spec, price)?)?;
            let client = Arc::new(resilient(client, spec));
            models.spending.endpoints.insert(name.clone(), Arc::clone(&client));
            keep.around(client, false)
        } else {
            local(spec, base, &keep, notice).await?
        };
        models.clients.insert(name.clone(), client);
    }
    Ok(models)
}

/// What a hosted model costs. A price that nobody knows is told, and refused where money is to be limited.
fn price_of(
    name: &str,
    spec: &ModelSpec,
    table: &PriceTable,
    money_is_limited: bool,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Price, Error> {
    let (input, cached, output) =
        (spec.usd_per_million_in, spec.usd_per_million_cached, spec.usd_per_million_out);
    if input.is_some() || cached.is_some() || output.is_some() {
        let input = input.unwrap_or(0.0);
        return Ok(Price::usd_per_million(input, output.unwrap_or(0.0)).with_cached(cached.unwrap_or(input)));
    }
    if !spec.provider.may_cost_money() {
        return Ok(Price::default());
    }
    if let Some(price) = table.get(&spec.model) {
        let usd = |pico: u64| pico as f64 * 1e-6;
        let text = format!(
            "models.{name} ({}) is counted at ${} in, ${} cached, ${} out a million tokens (prices of {})",
            spec.model,
            usd(price.pico_usd_in),
            usd(price.pico_usd_cached),
            usd(price.pico_usd_out),
            table.date()
        );
        notice(&Notice::Price { text });
        return Ok(price);
    }
    let text = format!(
        "no price of {} is known. Give models.{name}.usd_per_million_in and usd_per_million_out (0 for a model \
         of your own), or a table with it under prices",
        spec.model
    );
    if money_is_limited {
        return Err(ConfigError::inconsistent(format!("budget.usd cannot be kept: {text}")).into());
    }
    notice(&Notice::Warning { text: format!("its calls count as $0: {text}") });
    Ok(Price::default())
}

/// What `spec` says about a hosted model.
fn options(spec: &ModelSpec, price: Price) -> Result<ClientOptions, InferenceError> {
    let mut headers = Headers::default();
    for (name, value) in &spec.headers {
        headers = headers.with(name, value)?;
    }
    for (name, variable) in &spec.headers_env {
        headers = headers.with_env(name, variable)?;
    }
    let proxy = spec.proxy.as_deref().map(Proxy::new).transpose()?;
    let proxy = match (proxy, &spec.proxy_login_env) {
        (Some(proxy), Some(variable)) => Some(proxy.with_login_from_env(variable)?),
        (proxy, _) => proxy,
    };
    let hosted = HostedOptions {
        timeout: Duration::from_secs_f64(spec.timeout_s),
        price,
        concurrency: spec.concurrency,
        headers,
        proxy,
        allow_private: spec.allow_private,
        scoring: spec.scoring.unwrap_or_default(),
        limit_field: spec.limit_field.unwrap_or_default(),
    };
    Ok(ClientOptions {
        model: spec.model.clone(),
        key_env: spec.key_env.clone(),
        base_url: spec.base_url.clone(),
        hosted,
    })
}

fn resilient(client: Arc<dyn LlmClient>, spec: &ModelSpec) -> Resilient<Arc<dyn LlmClient>> {
    let retry = RetryPolicy {
        retries: spec.retries,
        deadline: Duration::from_secs_f64(spec.deadline_s),
        ..RetryPolicy::default()
    };
    let options = ResilientOptions {
        retry,
        requests: spec.requests_per_minute.map(Rate::requests_per_minute),
        tokens: spec.tokens_per_minute.map(Rate::tokens_per_minute),
        // Processes that fail together must not come back together.
        jitter: u64::from(std::process::id()),
        ..ResilientOptions::default()
    };
    Resilient::new(client, options)
}

/// A model that runs in this process.
async fn local(
    spec: &ModelSpec,
    base: &Path,
    keep: &Keep<'_>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Arc<dyn LlmClient>, Error> {
    if spec.provider == Provider::Embedded {
        return embedded(spec, base, keep, notice).await;
    }
    let answer = spec.model.clone();
    // Labels are scored by a hash of prompt and label: arbitrary, but the same every time.
    let client = ScriptedClient::answering(move |_| answer.clone()).named("scripted").scoring(|request| {
        let prompt = format!("{:?}", request.prompt);
        let score = |label: &String| {
            let hash = blake3::hash(format!("{prompt}\0{label}").as_bytes());
            -f64::from(hash.as_bytes()[0]) / 32.0 - 0.1
        };
        request.continuations.iter().map(score).collect()
    });
    Ok(keep.around(client, true))
}

#[cfg(feature = "embedded")]
async fn embedded(
    spec: &ModelSpec,
    base: &Path,
    keep: &Keep<'_>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Arc<dyn LlmClient>, Error> {
    let path = model_file(spec, base, notice).await?;
    let threads = spec.threads.and_then(std::num::NonZeroUsize::new);
    let mut options = EmbeddedOptions::default();
    if let Some(threads) = threads {
        options.threads = threads;
    }
    let client = blocking(move || embedded::open(&path, &options)).await?;
    Ok(keep.around(client, true))
}

#[cfg(not(feature = "embedded"))]
async fn embedded(
    spec: &ModelSpec,
    base: &Path,
    _: &Keep<'_>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Arc<dyn LlmClient>, Error> {
    let path = model_file(spec, base, notice).await?;
    let message = "this build has no embedded engine; build with the feature `embedded`".to_owned();
    Err(InferenceError::Model { path, message }.into())
}

/// The file or folder that a model names: a path, or a known model that is found or fetched.
async fn model_file(
    spec: &ModelSpec,
    base: &Path,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<PathBuf, Error> {
    if ModelFile::is_path(&spec.model) {
        return Ok(base.join(&spec.model));
    }
    let model = ModelFile::named(&spec.model)?;
    let store = ModelStore::new(Environment::from_process());
    match store.locate(model) {
        Ok(found) => Ok(found.path().to_owned()),
        Err(InferenceError::NoModel { .. }) if spec.auto_download => {
            notice(&Notice::Download { text: model.describe() });
            let fetched = blocking(move || store.locate_or_fetch(model, &|_| {})).await?;
            Ok(fetched.path().to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

/// Runs slow synchronous work beside the asynchronous threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, InferenceError> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => {
            Err(InferenceError::Script { message: format!("a worker thread ended: {error}") }.into())
        }
    }
}
