use std::path::Path;

use super::raw::{RawConfig, Setting, origin_in};
use super::settings::MetaOrchestratorConfig;
use super::tree::Tree;
use crate::config::ConfigError;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// TOML.
    Toml,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Yaml, Self::Json, Self::Toml];

    /// The form that a file's ending shows: `.json`, `.toml`; else YAML.
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().unwrap_or_default();
        if ending.eq_ignore_ascii_case("json") {
            Self::Json
        } else if ending.eq_ignore_ascii_case("toml") {
            Self::Toml
        } else {
            Self::Yaml
        }
    }

    /// The settings in a text of this form.
    pub(super) fn read(self, text: &str, path: &Path) -> Result<Vec<Setting>, ConfigError> {
        let name = path.display().to_string();
        let tree = match self {
            Self::Yaml | Self::Json => Tree::from_yaml(text, &name)?,
            Self::Toml => Tree::from_toml(text, &name)?,
        };
        tree.settings().flatten(&origin_in(path))
    }
}

/// The settings in a file.
pub(super) fn read_file(path: &Path) -> Result<Vec<Setting>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    Format::of(path).read(&text, path)
}

impl MetaOrchestratorConfig {
    /// Reads a file over the profile it names: YAML, JSON or TOML by its ending.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the place.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Ok(RawConfig::default().file(path)?.resolve()?.config)
    }

    /// Writes all settings to a file that reads back as the same; the form is that of the ending unless it is given.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`] naming the file; [`ConfigError`] as for [`MetaOrchestratorConfig::validate`], before
    /// anything is written.
    pub fn to_file(&self, path: &Path, format: Option<Format>) -> Result<(), ConfigError> {
        let text = self.to_text(format.unwrap_or_else(|| Format::of(path)))?;
        std::fs::write(path, text).map_err(|source| ConfigError::Unwritable { path: path.to_owned(), source })
    }

    /// All settings as a text.
    ///
    /// # Errors
    /// [`ConfigError`] as for [`MetaOrchestratorConfig::validate`].
    pub fn to_text(&self, format: Format) -> Result<String, ConfigError> {
        self.validate()?;
        let text = match format {
            Format::Yaml => serde_saphyr::to_string(self).map_err(|e| e.to_string()),
            Format::Json => {
                serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|e| e.to_string())
            }
            Format::Toml => toml::to_string(self).map_err(|e| e.to_string()),
        };
        text.map_err(|reason| ConfigError::inconsistent(format!("the settings cannot be written: {reason}")))
    }
}
