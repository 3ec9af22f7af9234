use std::sync::Arc;

#[cfg(feature = "genai")]
use crate::GenaiClient;
use crate::{HostedClient, HostedOptions, InferenceError, Key, LlmClient, ScriptedClient};

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// OpenAI's, with its usual address.
    OpenAi(&'static str),
    /// Its own, of that name in `genai`.
    Own,
    /// This program itself.
    Here,
}

/// A provider: its name, protocol and the variable its key is usually kept in (empty for none).
type Provider = (&'static str, Protocol, &'static str);

const PROVIDERS: [Provider; 16] = [
    ("openai", Protocol::OpenAi("https://api.openai.com/v1"), "OPENAI_API_KEY"),
    ("anthropic", Protocol::Own, "ANTHROPIC_API_KEY"),
    ("gemini", Protocol::Own, "GEMINI_API_KEY"),
    ("cohere", Protocol::Own, "COHERE_API_KEY"),
    ("openrouter", Protocol::OpenAi("https://openrouter.ai/api/v1"), "OPENROUTER_API_KEY"),
    ("groq", Protocol::OpenAi("https://api.groq.com/openai/v1"), "GROQ_API_KEY"),
    ("mistral", Protocol::OpenAi("https://api.mistral.ai/v1"), "MISTRAL_API_KEY"),
    ("deepseek", Protocol::OpenAi("https://api.deepseek.com/v1"), "DEEPSEEK_API_KEY"),
    ("together", Protocol::OpenAi("https://api.together.xyz/v1"), "TOGETHER_API_KEY"),
    ("xai", Protocol::OpenAi("https://api.x.ai/v1"), "XAI_API_KEY"),
    ("ollama", Protocol::OpenAi("http://127.0.0.1:11434/v1"), ""),
    ("lmstudio", Protocol::OpenAi("http://127.0.0.1:1234/v1"), ""),
    ("vllm", Protocol::OpenAi("http://127.0.0.1:8000/v1"), ""),
    ("llamacpp", Protocol::OpenAi("http://127.0.0.1:8080/v1"), ""),
    ("embedded", Protocol::Here, ""),
    ("scripted", Protocol::Here, ""),
];

/// What a client is made of.
///
/// ```
/// use inference::ClientOptions;
/// let options = ClientOptions { model: "qwen3:8b".to_owned(), ..ClientOptions::default() };
/// assert_eq!(options.key_env, None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// The endpoint's name of the model; embedded: a known name or the path of a GGUF file; scripted: the answer.
    pub model: String,
    /// Variable that holds the key: the provider's usual one by default, none if empty.
    pub key_env: Option<String>,
    /// The address, such as a gateway's: the provider's own by default.
    pub base_url: Option<String>,
    /// Headers, proxy, time limit, allowed hosts and the like of hosted models.
    pub hosted: HostedOptions,
}

/// Makes clients by the name of a provider.
///
/// ```
/// use inference::{ClientOptions, InferenceClientFactory, LlmClient};
/// let options = ClientOptions { model: "qwen3:8b".to_owned(), ..ClientOptions::default() };
/// let client = InferenceClientFactory::create_client("ollama", &options)?;
/// assert_eq!(client.identity(), "127.0.0.1:11434/v1/chat/completions#qwen3:8b");
/// let error = InferenceClientFactory::create_client("olama", &options).err().unwrap();
/// assert!(error.to_string().contains("did you mean ollama?"));
/// # Ok::<(), inference::InferenceError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct InferenceClientFactory;

impl InferenceClientFactory {
    /// The names of the providers.
    pub fn providers() -> impl Iterator<Item = &'static str> {
        PROVIDERS.iter().map(|(name, ..)| *name)
    }

    /// A client of `provider`: a name of [`InferenceClientFactory::providers`], the URL of an OpenAI-compatible
    /// endpoint (no key unless `key_env` names one), or `genai:PROTOCOL` for any protocol that `genai` speaks.
    ///
    /// `embedded` loads its file before it returns. `scripted` always answers [`ClientOptions::model`].
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] for an unknown name, naming the nearest and all, or an address that may not be
    /// asked; [`InferenceError::NoKey`] where the key's variable is not set; those of the embedded client.
    pub fn create_client(
        provider: &str,
        options: &ClientOptions,
    ) -> Result<Arc<dyn LlmClient>, InferenceError> {
        if provider.contains("://") {
            let options = ClientOptions { base_url: Some(provider.to_owned()), ..options.clone() };
            return compatible("", "", &options);
        }
        if let Some(protocol) = provider.strip_prefix("genai:") {
            return own(protocol, own_key(protocol), options);
        }
        match PROVIDERS.iter().find(|(name, ..)| *name == provider) {
            Some((_, Protocol::OpenAi(address), key)) => compatible(address, key, options),
            Some((name, Protocol::Own, key)) => own(name, key, options),
            Some(("embedded", ..)) => embedded(options),
            Some(_) => Ok(Arc::new(ScriptedClient::always(&options.model))),
            None => Err(unknown(provider)),
        }
    }
}

fn unknown(provider: &str) -> InferenceError {
    let names: Vec<&str> = InferenceClientFactory::providers().collect();
    let near = names
        .iter()
        .map(|name| (strsim::jaro_winkler(provider, name), *name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = near.map_or_else(String::new, |(_, name)| format!("; did you mean {name}?"));
    InferenceError::Endpoint {
        message: format!(
            "no provider is named {provider:?}{hint} (there are {}, the URL of an OpenAI-compatible endpoint, and \
             genai:PROTOCOL)",
            names.join(", ")
        ),
    }
}

fn key(usual: &str, endpoint: &str, options: &ClientOptions) -> Result<Option<Key>, InferenceError> {
    match options.key_env.as_deref().unwrap_or(usual) {
        "" => Ok(None),
        variable => Key::from_env(variable, endpoint).map(Some),
    }
}

fn compatible(
    address: &str,
    usual_key: &str,
    options: &ClientOptions,
) -> Result<Arc<dyn LlmClient>, InferenceError> {
    let address = options.base_url.as_deref().unwrap_or(address);
    // The address is looked at first: a message about a missing key must not repeat one that holds a secret.
    let shown = crate::http::shown(&crate::http::parse(address)?);
    let key = key(usual_key, &shown, options)?;
    Ok(Arc::new(HostedClient::new(address, &options.model, key, options.hosted.clone())?))
}

#[cfg(feature = "genai")]
fn own_key(protocol: &str) -> &'static str {
    GenaiClient::usual_key(protocol).unwrap_or("")
}

#[cfg(feature = "genai")]
fn own(
    protocol: &str,
    usual_key: &str,
    options: &ClientOptions,
) -> Result<Arc<dyn LlmClient>, InferenceError> {
    let key = key(usual_key, protocol, options)?;
    let address = options.base_url.as_deref();
    Ok(Arc::new(GenaiClient::new(protocol, address, &options.model, key, options.hosted.clone())?))
}

#[cfg(not(feature = "genai"))]
fn own_key(_: &str) -> &'static str {
    ""
}

#[cfg(not(feature = "genai"))]
fn own(protocol: &str, _: &str, _: &ClientOptions) -> Result<Arc<dyn LlmClient>, InferenceError> {
    let message =
        format!("this build does not speak the protocol of {protocol}; build with the feature `genai`");
    Err(InferenceError::Endpoint { message })
}

#[cfg(feature = "embedded")]
fn embedded(options: &ClientOptions) -> Result<Arc<dyn LlmClient>, InferenceError> {
    use crate::{Environment, ModelFile, ModelStore};
    let path = std::path::Path::new(&options.model);
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf")) {
        return Ok(Arc::new(crate::embedded::EmbeddedClient::open(path)?));
    }
    let found = ModelStore::new(Environment::from_process()).locate(ModelFile::named(&options.model)?)?;
    Ok(Arc::new(crate::embedded::EmbeddedClient::open(found.path())?))
}

#[cfg(not(feature = "embedded"))]
fn embedded(_: &ClientOptions) -> Result<Arc<dyn LlmClient>, InferenceError> {
    let message = "this build has no embedded engine; build with the feature `embedded`".to_owned();
    Err(InferenceError::Endpoint { message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(provider: &str, options: &ClientOptions) -> String {
        InferenceClientFactory::create_client(provider, options).err().unwrap().to_string()
    }

    #[test]
    fn unknown_names_are_answered_with_the_nearest_and_all() {
        let error = refused("antropic", &ClientOptions::default());
        assert!(error.contains("did you mean anthropic?") && error.contains("gemini"), "{error}");
        let error = refused("zzz", &ClientOptions::default());
        assert!(!error.contains("did you mean") && error.contains("openrouter"), "{error}");
        assert!(refused("genai:zzz", &ClientOptions::default()).contains("protocol"));
    }

    #[test]
    fn a_missing_key_names_its_variable_and_an_address_may_not_be_private() {
        let key_env = Some("METAORCH_TEST_UNSET_KEY".to_owned());
        let options = ClientOptions { key_env, ..ClientOptions::default() };
        for provider in ["openai", "anthropic", "gemini", "openrouter", "https://host.example/v1"] {
            assert!(refused(provider, &options).contains("METAORCH_TEST_UNSET_KEY"), "{provider}");
        }
        let error = refused("http://user:sk-canary@host/v1", &options);
        assert!(!error.contains("sk-canary"), "{error}");
        assert!(refused("http://169.254.169.254/v1", &ClientOptions::default()).contains("allow_private"));
    }

    #[test]
    fn a_scripted_client_says_what_it_was_told() {
        let options = ClientOptions { model: "yes".to_owned(), ..ClientOptions::default() };
        let client = InferenceClientFactory::create_client("scripted", &options).unwrap();
        assert_eq!(client.identity(), "scripted");
    }
}
