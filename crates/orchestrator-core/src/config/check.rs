//! What can be checked in a configuration without looking at data, system or models.

use crate::config::{ConfigError, ModelSpec, ProposerSpec, Provider, RunConfig, nearest};

impl RunConfig {
    /// Checks everything that the file alone shows.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.budget.resolve()?;
        self.check_kind()?;
        self.check_search()?;
        self.check_models()
    }

    /// Exactly one thing to optimise, with what belongs to it.
    fn check_kind(&self) -> Result<(), ConfigError> {
        let kinds = [self.system.is_some(), self.evaluator.is_some(), self.simulated.is_some()];
        match kinds.iter().filter(|given| **given).count() {
            0 => {
                return Err(ConfigError::inconsistent(
                    "neither system nor evaluator is given. Describe a system (with data and metric), or name an evaluator command",
                ));
            }
            1 => {}
            _ => {
                return Err(ConfigError::inconsistent(
                    "more than one of system, evaluator and simulated is given. Keep one",
                ));
            }
        }
        if self.system.is_some() {
            if self.data.is_none() {
                return Err(ConfigError::inconsistent("system needs data: give data.train and data.val"));
            }
            if self.metric.is_none() {
                return Err(ConfigError::inconsistent("system needs metric, such as label or exact"));
            }
        } else if self.data.is_some() || self.metric.is_some() {
            return Err(ConfigError::inconsistent("data and metric belong to a system: remove them"));
        }
        if self.evaluator.as_ref().is_some_and(|e| e.command.is_empty()) {
            return Err(ConfigError::range("evaluator.command", "[]", "a program and its arguments"));
        }
        if let Some(rho) = self.simulated.and_then(|s| s.rho)
            && !(0.0..=1.0).contains(&rho)
        {
            return Err(ConfigError::range("simulated.rho", &rho, "0 to 1"));
        }
        if let Some(e) = &self.evaluator {
            for (field, value) in
                [("evaluator.timeout_s", e.timeout_s), ("evaluator.hello_timeout_s", e.hello_timeout_s)]
            {
                if !(0.001..=86_400.0).contains(&value) {
                    return Err(ConfigError::range(field, &value, "0.001 to 86400 seconds"));
                }
            }
        }
        Ok(())
    }

    /// The name and the optimizer's settings.
    fn check_search(&self) -> Result<(), ConfigError> {
        let name_ok = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty()
            || self.name.len() > 64
            || self.name.starts_with('.')
            || !self.name.chars().all(name_ok)
        {
            return Err(ConfigError::range(
                "name",
                &self.name,
                "1 to 64 letters, digits, - _ . (no dot first)",
            ));
        }
        if self.optimizer.minibatch == 0 {
            return Err(ConfigError::range(
                "optimizer.minibatch",
                &0,
                "1 to the number of training examples",
            ));
        }
        if self.optimizer.val_examples == Some(0) {
            return Err(ConfigError::range(
                "optimizer.val_examples",
                &0,
                "at least 1, or leave it out for all",
            ));
        }
        if !(100..=10_000).contains(&self.optimizer.max_prompt_length) {
            return Err(ConfigError::range(
                "optimizer.max_prompt_length",
                &self.optimizer.max_prompt_length,
                "100 to 10000",
            ));
        }
        if self.optimizer.failure_limit == 0 {
            return Err(ConfigError::range("optimizer.failure_limit", &0, "at least 1"));
        }
        if let Some(ProposerSpec::Model(name)) = &self.optimizer.proposer {
            self.known_model("optimizer.proposer.model", name)?;
        }
        Ok(())
    }

    /// Numbers of the models.
    fn check_models(&self) -> Result<(), ConfigError> {
        for (name, model) in &self.models {
            if !(0.001..=86_400.0).contains(&model.timeout_s) {
                let field = format!("models.{name}.timeout_s");
                return Err(ConfigError::range(&field, &model.timeout_s, "0.001 to 86400 seconds"));
            }
            self.check_hosted(name, model)?;
            if !(1..=256).contains(&model.concurrency) {
                return Err(ConfigError::range(
                    &format!("models.{name}.concurrency"),
                    &model.concurrency,
                    "1 to 256",
                ));
            }
            for (key, price) in [
                ("usd_per_million_in", model.usd_per_million_in),
                ("usd_per_million_out", model.usd_per_million_out),
            ] {
                if !(0.0..=1e6).contains(&price) {
                    return Err(ConfigError::range(&format!("models.{name}.{key}"), &price, "0 to 1000000"));
                }
            }
        }
        Ok(())
    }

    /// Settings that only a hosted model has, and those that need each other.
    fn check_hosted(&self, name: &str, model: &ModelSpec) -> Result<(), ConfigError> {
        let given = [
            ("base_url", model.base_url.is_some()),
            ("headers", !model.headers.is_empty()),
            ("headers_env", !model.headers_env.is_empty()),
            ("proxy", model.proxy.is_some()),
            ("proxy_login_env", model.proxy_login_env.is_some()),
            ("allow_private", model.allow_private),
            ("scoring", model.scoring.is_some()),
            ("limit_field", model.limit_field.is_some()),
        ];
        let provider = model.provider.name();
        if let Some((field, _)) = given.iter().find(|(_, given)| *given && !model.provider.is_hosted()) {
            let message = format!("models.{name}.{field} means nothing to provider {provider}: remove it");
            return Err(ConfigError::inconsistent(message));
        }
        let own = matches!(model.provider, Provider::Anthropic | Provider::Gemini | Provider::Cohere);
        let (scoring, limit_field) = (model.scoring.is_some(), model.limit_field.is_some());
        if own && (scoring || limit_field) {
            let field = if scoring { "scoring" } else { "limit_field" };
            return Err(ConfigError::inconsistent(format!(
                "models.{name}.{field} is for OpenAI-compatible endpoints, not for {provider}: remove it"
            )));
        }
        if model.proxy_login_env.is_some() && model.proxy.is_none() {
            return Err(ConfigError::inconsistent(format!(
                "models.{name}.proxy_login_env is given without proxy: name the proxy, or remove it"
            )));
        }
        Ok(())
    }

    /// That `name` is a key of `models`.
    pub(crate) fn known_model(&self, field: &str, name: &str) -> Result<(), ConfigError> {
        if self.models.contains_key(name) {
            return Ok(());
        }
        let known: Vec<&str> = self.models.keys().map(String::as_str).collect();
        let allowed = match nearest(name, known.iter().copied()) {
            Some(near) => format!("a key of models; did you mean {near}?"),
            None if known.is_empty() => "a key of models, which is empty".into(),
            None => format!("a key of models: {}", known.join(", ")),
        };
        Err(ConfigError::range(field, name, &allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(model: &str) -> Result<RunConfig, ConfigError> {
        let text = format!("simulated: {{}}\nbudget: {{calls: 1}}\nmodels: {{m: {model}}}\n");
        RunConfig::from_text(&text, "test.yaml")
    }

    #[test]
    fn every_provider_of_the_factory_can_be_named() {
        for name in inference::InferenceClientFactory::providers() {
            let config = read(&format!("{{provider: {name}, model: x}}")).unwrap();
            assert_eq!(config.models["m"].provider.name(), name);
        }
    }

    #[test]
    fn the_options_of_hosted_models_are_read_and_their_misuse_is_named() {
        let all = "{provider: openai, model: x, base_url: 'https://gateway/v1', headers: {x-team: blue}, \
                   headers_env: {x-secret: VAR}, proxy: 'http://proxy:3128', proxy_login_env: LOGIN, \
                   allow_private: true, scoring: llama_server, limit_field: max_completion_tokens}";
        assert!(read(all).unwrap().models["m"].allow_private);
        for (model, words) in [
            ("{provider: embedded, base_url: 'http://x'}", "models.m.base_url means nothing"),
            ("{provider: scripted, allow_private: true}", "models.m.allow_private means nothing"),
            ("{provider: anthropic, model: x, scoring: echo}", "models.m.scoring is for"),
            ("{provider: openai, model: x, proxy_login_env: LOGIN}", "without proxy"),
        ] {
            let error = read(model).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(read("{provider: antropic, model: x}").unwrap_err().to_string().contains("anthropic"));
    }

    /// The guide's examples are read and its table names every provider and every option of the code.
    #[test]
    fn the_guide_says_what_the_code_does() {
        let guide = include_str!("../../../../docs/models.md");
        let examples: Vec<&str> =
            guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(examples.len(), 2);
        for example in examples {
            let text = format!("simulated: {{}}\nbudget: {{calls: 1}}\n{example}");
            RunConfig::from_text(&text, "models.md").unwrap();
        }
        for provider in inference::InferenceClientFactory::providers() {
            assert!(guide.contains(&format!("| `{provider}` |")), "{provider}");
        }
        let spec = include_str!("spec.rs");
        for line in
            spec.lines().skip_while(|line| !line.contains("pub struct ModelSpec")).take_while(|l| *l != "}")
        {
            if let Some((field, _)) = line.trim().strip_prefix("pub ").and_then(|l| l.split_once(": "))
                && !["auto_download", "threads"].contains(&field)
            {
                assert!(guide.contains(&format!("`{field}`")), "{field}");
            }
        }
    }
}
