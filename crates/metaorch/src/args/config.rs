use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Shows every setting with the place it was set: profile, file, variable or flag.
    Show {
        /// YAML, JSON or TOML file of settings, or the file of a run, of which the section `meta` counts.
        file: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Prints a JSON schema of a file of settings.
    Schema,
    /// Lists the profiles and what they set.
    Profiles,
}

/// Settings of the whole orchestrator over those of a file.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Settings {
    /// Profile that all other settings are laid over, instead of the file's and the environment's.
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Beginning of the names of environment variables, instead of `GEPA_META`.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) env_prefix: Option<String>,
    /// Sets one field, such as `topology.mutation_rate=0.4`; may be repeated.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    pub(crate) set: Vec<(String, String)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("no =; write FIELD=VALUE, such as rl.gamma=0.95")?;
    Ok((field.trim().to_owned(), value.to_owned()))
}
