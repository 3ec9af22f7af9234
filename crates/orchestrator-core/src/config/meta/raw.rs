use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::field::{Field, fields};
use super::file::{Format, read_file};
use super::kind::Fault;
use super::origin::Origin;
use super::profile::Profile;
use super::settings::MetaOrchestratorConfig;
use super::tree::Tree;
use super::variables;
use crate::config::ConfigError;

/// A field with a value that some layer gives it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) field: &'static Field,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// The layers that settings come from. Each one covers those before: profile, file, environment, explicit.
///
/// The environment is an argument: nothing is read from the process.
///
/// ```
/// use orchestrator_core::config::meta::{Format, RawConfig};
/// let file = "profile: research\ntopology:\n  mutation_rate: 0.2\n";
/// let resolved = RawConfig::default()
///     .text(file, Format::Yaml, "metaorch.yaml")?
///     .environment([("GEPA_META_MAX_ROUNDS".into(), "150".into())])
///     .set("rl.gamma", "0.95")?
///     .resolve()?;
/// let origin = |path| resolved.origin(path).unwrap().to_string();
/// assert_eq!(origin("optimization_mode"), "profile research");
/// assert_eq!(origin("topology.mutation_rate"), "metaorch.yaml line 3");
/// assert_eq!(origin("max_optimization_rounds"), "variable GEPA_META_MAX_ROUNDS");
/// assert_eq!(origin("rl.gamma"), "explicit");
/// assert_eq!(origin("rl.tau"), "default");
/// # Ok::<(), orchestrator_core::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RawConfig {
    /// What all layers lie upon, in the order of the fields; the defaults where there is nothing.
    base: Option<Vec<Value>>,
    file: Option<Vec<Setting>>,
    variables: Vec<(String, String)>,
    explicit: Vec<Setting>,
}

impl RawConfig {
    /// Layers over `config` in place of the defaults.
    pub(super) fn over(config: &MetaOrchestratorConfig) -> Result<Self, ConfigError> {
        Ok(Self { base: Some(config.values()?), ..Self::default() })
    }

    /// Names the profile, whatever file and environment say.
    #[must_use]
    pub fn profile(self, name: &str) -> Self {
        self.with("profile", name.into())
    }

    /// Names the beginning of the variables' names, whatever the file says; `GEPA_META` by default.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        self.with("environment_prefix", prefix.into())
    }

    /// Reads the layer of the file: YAML, JSON or TOML by its ending. Of a file that describes a run the section `meta`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and the place.
    pub fn file(mut self, path: &Path) -> Result<Self, ConfigError> {
        self.file = Some(read_file(path)?);
        Ok(self)
    }

    /// As [`RawConfig::file`], of a text; `name` is what messages call it.
    ///
    /// # Errors
    /// [`ConfigError`] naming the place.
    pub fn text(mut self, text: &str, format: Format, name: &str) -> Result<Self, ConfigError> {
        self.file = Some(format.read(text, Path::new(name))?);
        Ok(self)
    }

    /// All environment variables there are.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.variables.extend(variables);
        self
    }

    /// Sets a field to what `text` says, in the form of variables.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`] with the nearest path.
    pub fn set(mut self, path: &str, text: &str) -> Result<Self, ConfigError> {
        let field = Field::named(path)?;
        self.put(field, field.kind.read(text));
        Ok(self)
    }

    /// Sets the fields that a nested object names.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`] with the nearest path.
    pub fn explicit(mut self, dict: &Value) -> Result<Self, ConfigError> {
        for setting in Tree::from(dict).flatten(&|_| Origin::Explicit)? {
            self.put(setting.field, setting.value);
        }
        Ok(self)
    }

    fn with(mut self, path: &str, value: Value) -> Self {
        if let Ok(field) = Field::named(path) {
            self.put(field, value);
        }
        self
    }

    /// Sets a field explicitly; the last word counts.
    fn put(&mut self, field: &'static Field, value: Value) {
        self.explicit.retain(|setting| setting.field.path != field.path);
        self.explicit.push(Setting { field, value, origin: Origin::Explicit });
    }

    /// Lays the layers over each other and checks the result.
    ///
    /// # Errors
    /// [`ConfigError`] with the field's path, its value, where it was set and what is allowed.
    pub fn resolve(self) -> Result<ResolvedConfig, ConfigError> {
        let Self { base, mut file, variables, explicit } = self;
        let mut prefix = find(&explicit, "environment_prefix")
            .or_else(|| find(file.as_deref().unwrap_or_default(), "environment_prefix"))
            .cloned();
        let mut environment = variables::read(&checked_text(prefix.as_ref(), "GEPA_META")?, &variables)?;
        // A variable may send to others, once, unless a program or a person said which ones count.
        if prefix.as_ref().is_none_or(|p| p.origin != Origin::Explicit)
            && let Some(other) = find(&environment, "environment_prefix").cloned()
        {
            environment = variables::read(&checked_text(Some(&other), "")?, &variables)?;
            prefix = Some(other);
        }
        environment.retain(|setting| setting.field.path != "environment_prefix");
        if file.is_none()
            && let Some(path) =
                find(&explicit, "config_file_path").or_else(|| find(&environment, "config_file_path"))
            && !path.value.is_null()
        {
            file = Some(read_file(Path::new(&checked_text(Some(path), "")?))?);
        }
        let layers = [file.unwrap_or_default(), environment, explicit];
        let name = layers.iter().rev().find_map(|layer| find(layer, "profile"));
        let profile = name.map(of_profile).transpose()?.unwrap_or_default();

        let defaults = || fields().iter().map(Field::default).collect();
        let base = base.unwrap_or_else(defaults).into_iter().map(|value| (value, Origin::Default));
        let mut values: Vec<(Value, Origin)> = base.collect();
        for setting in std::iter::once(profile).chain(layers).flatten().chain(prefix) {
            if let Some(at) = fields().iter().position(|field| field.path == setting.field.path) {
                values[at] = (setting.value, setting.origin);
            }
        }
        ResolvedConfig::new(values)
    }
}

/// What a profile sets, including its own name.
fn of_profile(name: &Setting) -> Result<Vec<Setting>, ConfigError> {
    let text = checked_text(Some(name), "none")?;
    let Some(profile) = Profile::ALL.into_iter().find(|profile| profile.name() == text) else {
        return Ok(Vec::new());
    };
    Tree::from(&profile.settings()).flatten(&|_| Origin::Profile { name: text.clone() })
}

fn find<'s>(layer: &'s [Setting], path: &str) -> Option<&'s Setting> {
    layer.iter().find(|setting| setting.field.path == path)
}

/// The text of a setting that decides which layers there are; `usual` where there is none.
fn checked_text(setting: Option<&Setting>, usual: &str) -> Result<String, ConfigError> {
    let Some(Setting { field, value, origin }) = setting else { return Ok(usual.to_owned()) };
    field.kind.check(value).map_err(|fault| refuse(field.path, fault, origin))?;
    Ok(value.as_str().unwrap_or(usual).to_owned())
}

/// The error of a field's value.
pub(super) fn refuse(path: &str, fault: Fault, origin: &Origin) -> ConfigError {
    ConfigError::Setting {
        field: format!("{path}{}", fault.index),
        value: fault.value,
        words: fault.words,
        place: origin.place(),
        advice: match fault.near {
            Some(near) => format!("; did you mean {near}? Allowed {}.", fault.allowed),
            None => format!(". Allowed {}.", fault.allowed),
        },
    }
}

/// Settings with the origin of every value.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedConfig {
    /// The settings.
    pub config: MetaOrchestratorConfig,
    /// In the order of the fields.
    values: Vec<(Value, Origin)>,
}

impl ResolvedConfig {
    fn new(values: Vec<(Value, Origin)>) -> Result<Self, ConfigError> {
        let mut whole = Map::new();
        for (field, (value, origin)) in fields().iter().zip(&values) {
            field.kind.check(value).map_err(|fault| refuse(field.path, fault, origin))?;
            match field.section() {
                None => whole.insert(field.name().into(), value.clone()),
                Some(section) => {
                    let section = whole.entry(section).or_insert_with(|| Value::Object(Map::new()));
                    section.as_object_mut().and_then(|s| s.insert(field.name().into(), value.clone()))
                }
            };
        }
        let config: MetaOrchestratorConfig = serde_json::from_value(Value::Object(whole))
            .map_err(|e| ConfigError::inconsistent(format!("the settings cannot be read: {e}")))?;
        let resolved = Self { config, values };
        resolved.config.check_together(resolved.origin("optimization_mode").unwrap_or(&Origin::Default))?;
        Ok(resolved)
    }

    /// Where a field's value was set; none of what is no field.
    pub fn origin(&self, path: &str) -> Option<&Origin> {
        let field = Field::named(path).ok()?;
        self.rows().find(|(other, ..)| other.path == field.path).map(|(_, _, origin)| origin)
    }

    /// Every field with value and origin.
    pub fn rows(&self) -> impl Iterator<Item = (&'static Field, &Value, &Origin)> {
        fields().iter().zip(&self.values).map(|(field, (value, origin))| (field, value, origin))
    }

    /// Whether any layer sets anything but the prefix of variables.
    pub fn is_given(&self) -> bool {
        self.rows().any(|(field, _, origin)| *origin != Origin::Default && field.path != "environment_prefix")
    }
}

/// Reads the layer of a file.
pub(super) fn origin_in(path: &Path) -> impl Fn(u64) -> Origin {
    let path: PathBuf = path.to_owned();
    move |line| Origin::File { path: path.clone(), line }
}
