use meta_traits::{Classify, ErrorKind};

use crate::config::ConfigError;
use crate::run::RunError;

/// Whatever can end a run, from reading its file to writing its result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The run itself failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The system's description is wrong.
    #[error(transparent)]
    System(#[from] crate::system::SystemError),
    /// The data or an outside evaluator is wrong.
    #[error(transparent)]
    Evaluation(#[from] evaluation::EvaluationError),
    /// A model cannot be had or used.
    #[error(transparent)]
    Inference(#[from] inference::InferenceError),
    /// An optimizer's settings are wrong.
    #[error("optimizer: {0}")]
    Prompt(#[from] prompt_grammar::PromptError),
    /// The search ended before anything had a score.
    #[error("the search ended before the seed had a score. Raise the budget")]
    NothingScored,
    /// The process holds more memory than it may.
    #[error(
        "run: paused in {} at {used_mb} MB of memory, more than memory_limit_mb = {limit_mb}. Raise the limit in \
         config.resolved.yaml there and go on with metaorch resume and that path",
        path.display()
    )]
    Memory {
        /// The run directory.
        path: std::path::PathBuf,
        /// Megabytes it may hold.
        limit_mb: u64,
        /// Megabytes it held.
        used_mb: u64,
    },
    /// The run was asked to pause.
    #[error("run: paused in {}; go on with metaorch resume and that path", path.display())]
    Paused {
        /// The run directory.
        path: std::path::PathBuf,
    },
}

impl Classify for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Config(e) => e.kind(),
            Self::Run(e) => e.kind(),
            Self::System(e) => e.kind(),
            Self::Evaluation(e) => e.kind(),
            Self::Inference(e) => e.kind(),
            Self::Prompt(e) => e.kind(),
            Self::NothingScored => ErrorKind::Budget,
            Self::Memory { .. } | Self::Paused { .. } => ErrorKind::Cancelled,
        }
    }
}
