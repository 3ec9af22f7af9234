//! What can be checked in a configuration without looking at data, system or models.

use crate::config::{
    Algorithm, ConfigError, ModelSpec, OptimizerSpec, ProposerSpec, Provider, RunConfig, SplitSpec, nearest,
};

impl RunConfig {
    /// Checks everything that the file alone shows.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.budget.resolve()?;
        self.check_kind()?;
        self.check_data()?;
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
                return Err(ConfigError::inconsistent(
                    "system needs data: give data.train, and data.val or data.split",
                ));
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

    /// That each split comes from one place.
    fn check_data(&self) -> Result<(), ConfigError> {
        let Some(data) = &self.data else { return Ok(()) };
        let none = SplitSpec::default();
        let split = data.split.as_ref().unwrap_or(&none);
        for (field, share) in [("data.split.val", split.val), ("data.split.test", split.test)] {
            if let Some(share) = share.filter(|s| !(*s > 0.0 && *s < 1.0)) {
                return Err(ConfigError::range(field, &share, "above 0 and below 1, such as 0.2"));
            }
        }
        let sources = [data.val.is_some(), split.val.is_some(), split.folds.is_some()];
        let message = match sources.iter().filter(|given| **given).count() {
            0 => {
                "no val split. Give data.val: FILE, data.split: {val: 0.2} or data.split: {folds: 5, fold: 0}"
            }
            1 if data.test.is_some() && split.test.is_some() => {
                "data.test and data.split.test are both given. Keep one"
            }
            1 if split.val.unwrap_or(0.0) + split.test.unwrap_or(0.0) >= 1.0 => {
                "data.split leaves nothing for train. Allowed: val and test of less than 1 together"
            }
            1 if split.fold.is_some() && split.folds.is_none() => {
                "data.split.fold needs data.split.folds, such as {folds: 5, fold: 0}"
            }
            1 => return Self::check_folds(split),
            _ => "more than one of data.val, data.split.val and data.split.folds is given. Keep one",
        };
        Err(ConfigError::inconsistent(message))
    }

    fn check_folds(split: &SplitSpec) -> Result<(), ConfigError> {
        let Some(folds) = split.folds else { return Ok(()) };
        if folds < 2 {
            return Err(ConfigError::range("data.split.folds", &folds, "at least 2"));
        }
        match split.fold.filter(|fold| *fold >= folds) {
            Some(fold) => Err(ConfigError::range("data.split.fold", &fold, &format!("0 to {}", folds - 1))),
            None => Ok(()),
        }
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
        if self.algorithm() != Algorithm::ReflectiveMutation {
            let algorithm = self.algorithm().name();
            let usual = OptimizerSpec::default();
            for (field, given) in [
                ("minibatch", self.optimizer.minibatch != usual.minibatch),
                ("merge", self.optimizer.merge != usual.merge),
            ] {
                if given {
                    let message = format!("optimizer.{field} means nothing to {algorithm}: remove it");
                    return Err(ConfigError::inconsistent(message));
                }
            }
        }
        if self.optimizer.failure_limit == 0 {
            return Err(ConfigError::range("optimizer.failure_limit", &0, "at least 1"));
        }
        if let Some(ProposerSpec::Model(name)) = &self.optimizer.proposer {
            self.known_model("optimizer.proposer.model", name)?;
        }
        if let Some(metric) = &self.metric {
            metric.check().map_err(|e| ConfigError::Metric { source: Box::new(e) })?;
            if let Some(name) = metric.model() {
                self.known_model(&format!("metric.{}.model", metric.name()), name)?;
            }
        }
        Ok(())
    }

    /// Numbers of the models.
    fn check_models(&self) -> Result<(), ConfigError> {
        if !(1..=1 << 20).contains(&self.cache.max_mib) {
            return Err(ConfigError::range("cache.max_mib", &self.cache.max_mib, "1 to 1048576"));
        }
        for (name, model) in &self.models {
            let field = |key: &str| format!("models.{name}.{key}");
            for (key, seconds) in [("timeout_s", model.timeout_s), ("deadline_s", model.deadline_s)] {
                if !(0.001..=86_400.0).contains(&seconds) {
                    return Err(ConfigError::range(&field(key), &seconds, "0.001 to 86400 seconds"));
                }
            }
            check_hosted(name, model)?;
            if !(1..=256).contains(&model.concurrency) {
                return Err(ConfigError::range(&field("concurrency"), &model.concurrency, "1 to 256"));
            }
            if model.retries > 100 {
                return Err(ConfigError::range(&field("retries"), &model.retries, "0 to 100"));
            }
            for (key, limit) in [
                ("requests_per_minute", model.requests_per_minute),
                ("tokens_per_minute", model.tokens_per_minute),
            ] {
                if let Some(n) = limit.filter(|n| !(1..=1_000_000_000_000).contains(n)) {
                    let allowed = "1 to 1000000000000, or leave it out for no limit";
                    return Err(ConfigError::range(&field(key), &n, allowed));
                }
            }
            for (key, price) in [
                ("usd_per_million_in", model.usd_per_million_in),
                ("usd_per_million_cached", model.usd_per_million_cached),
                ("usd_per_million_out", model.usd_per_million_out),
            ] {
                if let Some(usd) = price.filter(|usd| !(0.0..=1e6).contains(usd)) {
                    return Err(ConfigError::range(&field(key), &usd, "0 to 1000000"));
                }
            }
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

/// Settings that only a hosted model has, and those that need each other.
fn check_hosted(name: &str, model: &ModelSpec) -> Result<(), ConfigError> {
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

    #[test]
    fn settings_of_another_algorithm_are_refused() {
        for (settings, field) in [("minibatch: 5", "minibatch"), ("merge: true", "merge")] {
            let text = format!(
                "simulated: {{}}\nbudget: {{calls: 99}}\noptimizer: {{algorithm: racing, {settings}}}\n"
            );
            let error = RunConfig::from_text(&text, "test.yaml").unwrap_err().to_string();
            assert!(error.contains(&format!("optimizer.{field} means nothing to racing")), "{error}");
        }
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

    #[test]
    fn the_orchestrator_enabled_means_the_joint_search() {
        let algorithm = |text: &str| {
            let text = format!("simulated: {{}}\nbudget: {{calls: 99}}\n{text}");
            RunConfig::from_text(&text, "run.yaml").unwrap().algorithm().name()
        };
        assert_eq!(algorithm(""), "reflective_mutation");
        assert_eq!(algorithm("meta: {enabled: false}"), "reflective_mutation");
        assert_eq!(algorithm("meta: {enabled: true}"), "joint");
        assert_eq!(algorithm("meta: {profile: research}"), "joint");
        assert_eq!(algorithm("meta: {enabled: true}\noptimizer: {algorithm: racing}"), "racing");
    }
}
