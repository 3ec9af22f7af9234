use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{BudgetSpec, ConfigError, RunConfig, from_text};

/// A configuration together with the directory its paths start from: what a run directory keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// Where relative paths start.
    pub base: PathBuf,
    /// The configuration.
    pub config: RunConfig,
}

impl Resolved {
    /// `config` as read from `file`.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] when the file's directory cannot be found.
    pub fn new(config: RunConfig, file: &Path) -> Result<Self, ConfigError> {
        let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let base = std::fs::canonicalize(parent)
            .map_err(|source| ConfigError::Unreadable { path: file.to_owned(), source })?;
        Ok(Self { base, config })
    }

    /// The form a run directory keeps.
    ///
    /// # Errors
    /// [`ConfigError::Inconsistent`] when a value has no YAML form.
    pub fn to_yaml(&self) -> Result<String, ConfigError> {
        serde_saphyr::to_string(self)
            .map_err(|e| ConfigError::inconsistent(format!("it cannot be written as YAML: {e}")))
    }

    /// Reads what [`Resolved::to_yaml`] wrote.
    ///
    /// # Errors
    /// [`ConfigError`] naming the place.
    pub fn from_yaml(text: &str) -> Result<Self, ConfigError> {
        from_text(text, "config.resolved.yaml")
    }

    /// The configuration without what two runs of the same task may differ in: name, place, seed and limits.
    pub(crate) fn task(&self) -> String {
        let mut config = self.config.clone();
        config.name = String::new();
        config.runs = PathBuf::new();
        config.experience = None;
        // It decides when a run pauses, and may be raised to go on.
        if let Some(meta) = &mut config.meta {
            meta.memory_limit_mb = None;
        }
        config.seed = 0;
        config.budget = BudgetSpec::default();
        serde_json::to_string(&(&self.base, config)).unwrap_or_default()
    }

    /// Digest of everything that decides a run's result, `data` standing for the examples. Where the run is kept and
    /// what it is called are no part of it.
    pub(crate) fn fingerprint(&self, data: &str) -> String {
        let mut config = self.config.clone();
        config.name = String::new();
        config.runs = PathBuf::new();
        let text = serde_json::to_string(&config).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
        hasher.update(text.as_bytes());
        hasher.update(data.as_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }
}
