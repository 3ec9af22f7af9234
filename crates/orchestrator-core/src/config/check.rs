//! What can be checked in a configuration without looking at data, system or models.

use crate::config::{ConfigError, ProposerSpec, RunConfig, nearest};

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
        for (name, model) in &self.models {
            if !(0.001..=86_400.0).contains(&model.timeout_s) {
                let field = format!("models.{name}.timeout_s");
                return Err(ConfigError::range(&field, &model.timeout_s, "0.001 to 86400 seconds"));
            }
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
