use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(feature = "embedded")]
use inference::embedded::{EmbeddedClient, EmbeddedOptions};
use inference::{
    Cached, ClientOptions, Environment, Headers, HostedOptions, InferenceClientFactory, InferenceError,
    LlmClient, ModelFile, ModelStore, Price, Proxy, ScriptedClient,
};

use crate::compose::Notice;
use crate::config::{ModelSpec, Provider, RunConfig};
use crate::error::Error;

/// The models of a configuration, by key.
#[derive(Clone, Default)]
pub struct Models(BTreeMap<String, Arc<dyn LlmClient>>);

impl Models {
    /// The model under `name`.
    pub fn get(&self, name: &str) -> Option<Arc<dyn LlmClient>> {
        self.0.get(name).cloned()
    }

    /// All models.
    pub fn all(&self) -> BTreeMap<String, Arc<dyn LlmClient>> {
        self.0.clone()
    }
}

/// Opens every model that `config` names. An embedded model that is missing is downloaded if the configuration says
/// so, after a notice of source, size and licence. With `cache`, answers are kept there.
///
/// # Errors
/// [`Error::Inference`] when a file is missing or damaged, a key is not set, or an address is not usable.
pub async fn connect(
    config: &RunConfig,
    base: &Path,
    cache: Option<&Path>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Models, Error> {
    let mut models = BTreeMap::new();
    for (name, spec) in &config.models {
        models.insert(name.clone(), open(spec, base, cache, notice).await?);
    }
    Ok(Models(models))
}

async fn open(
    spec: &ModelSpec,
    base: &Path,
    cache: Option<&Path>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Arc<dyn LlmClient>, Error> {
    Ok(match spec.provider {
        Provider::Embedded => embedded(spec, base, cache, notice).await?,
        Provider::Scripted => keep(ScriptedClient::always(&spec.model), cache, true),
        hosted => keep(InferenceClientFactory::create_client(hosted.name(), &options(spec)?)?, cache, false),
    })
}

/// What `spec` says about a hosted model.
fn options(spec: &ModelSpec) -> Result<ClientOptions, InferenceError> {
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
        timeout: std::time::Duration::from_secs_f64(spec.timeout_s),
        price: Price::usd_per_million(spec.usd_per_million_in, spec.usd_per_million_out),
        concurrency: spec.concurrency,
        headers,
        proxy,
        allow_private: spec.allow_private,
        scoring: spec.scoring.unwrap_or_default(),
        limit_field: spec.limit_field.unwrap_or_default(),
        ..HostedOptions::default()
    };
    Ok(ClientOptions {
        model: spec.model.clone(),
        key_env: spec.key_env.clone(),
        base_url: spec.base_url.clone(),
        hosted,
    })
}

fn keep<C: LlmClient + 'static>(client: C, cache: Option<&Path>, sampled: bool) -> Arc<dyn LlmClient> {
    match cache {
        Some(directory) => Arc::new(Cached::new(client, directory).keep_sampled(sampled)),
        None => Arc::new(client),
    }
}

#[cfg(feature = "embedded")]
async fn embedded(
    spec: &ModelSpec,
    base: &Path,
    cache: Option<&Path>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Arc<dyn LlmClient>, Error> {
    let path = model_file(spec, base, notice).await?;
    let threads = spec.threads.and_then(std::num::NonZeroUsize::new);
    let mut options = EmbeddedOptions::default();
    if let Some(threads) = threads {
        options.threads = threads;
    }
    let client = blocking(move || EmbeddedClient::open_with(&path, &options)).await?;
    Ok(keep(client, cache, true))
}

#[cfg(not(feature = "embedded"))]
async fn embedded(
    spec: &ModelSpec,
    base: &Path,
    _: Option<&Path>,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<Arc<dyn LlmClient>, Error> {
    let path = model_file(spec, base, notice).await?;
    let message = "this build has no embedded engine; build with the feature `embedded`".to_owned();
    Err(InferenceError::Model { path, message }.into())
}

/// The GGUF file that a model names: a path, or a known model that is found or fetched.
async fn model_file(
    spec: &ModelSpec,
    base: &Path,
    notice: &(dyn Fn(&Notice) + Sync),
) -> Result<PathBuf, Error> {
    if Path::new(&spec.model).extension().is_some_and(|x| x.eq_ignore_ascii_case("gguf")) {
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
