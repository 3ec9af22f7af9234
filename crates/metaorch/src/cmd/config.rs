//! `config`: shows settings and where each was set.

use std::path::Path;

use orchestrator_core::Error;
use orchestrator_core::config::ConfigError;
use orchestrator_core::config::meta::{Profile, RawConfig, schema};
use serde_json::{Value, json};

use crate::args::{Config, Settings};
use crate::exit;
use crate::progress::print_json;

/// Shows settings, their schema or the profiles.
pub(crate) fn config(action: Config, json: bool) -> Result<u8, Error> {
    match action {
        Config::Show { file, settings } => show(file.as_deref(), &settings, json)?,
        Config::Schema => println!("{:#}", schema()),
        Config::Profiles => profiles(json),
    }
    Ok(exit::OK)
}

/// The layers of environment and flags, which lie over a file's.
pub(crate) fn layers(settings: &Settings) -> Result<RawConfig, ConfigError> {
    let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    };
    let mut layers = RawConfig::default().environment(std::env::vars_os().filter_map(unicode));
    if let Some(prefix) = &settings.env_prefix {
        layers = layers.prefix(prefix);
    }
    if let Some(profile) = &settings.profile {
        layers = layers.profile(profile);
    }
    for (field, value) in &settings.set {
        layers = layers.set(field, value)?;
    }
    Ok(layers)
}

fn show(file: Option<&Path>, settings: &Settings, json: bool) -> Result<(), ConfigError> {
    let layers = layers(settings)?;
    let resolved = match file {
        Some(file) => layers.file(file)?,
        None => layers,
    }
    .resolve()?;
    let rows: Vec<_> = resolved
        .rows()
        .map(|(field, value, origin)| (field.path(), words(value), origin.to_string()))
        .collect();
    if json {
        let origins: serde_json::Map<String, Value> =
            rows.iter().map(|(path, _, origin)| ((*path).to_owned(), json!(origin))).collect();
        print_json(&json!({"event": "config", "config": resolved.config, "origins": origins}));
        return Ok(());
    }
    let wide = rows.iter().map(|(path, ..)| path.len()).max().unwrap_or(0);
    let values = rows.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or(0);
    for (path, value, origin) in rows {
        println!("{path:wide$}  {value:values$}  {origin}");
    }
    Ok(())
}

fn profiles(json: bool) {
    for profile in Profile::ALL {
        if json {
            let (name, about) = (profile.name(), profile.about());
            let settings = profile.settings();
            print_json(&json!({"event": "profile", "name": name, "about": about, "settings": settings}));
            continue;
        }
        println!("{:12}  {}", profile.name(), profile.about());
        for (field, value) in profile.settings().as_object().into_iter().flatten() {
            match value.as_object() {
                None => println!("{:14}{field} = {}", "", words(value)),
                Some(section) => section
                    .iter()
                    .for_each(|(name, value)| println!("{:14}{field}.{name} = {}", "", words(value))),
            }
        }
    }
}

/// A value without quotes, as variables and flags take it.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Array(elements) => elements.iter().map(words).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
