use std::fmt;

use serde::Serialize;

/// Something a user should read before or while a run is prepared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notice {
    /// A model file is about to be downloaded.
    Download {
        /// From where, how large, under which licence.
        text: String,
    },
    /// What a model's tokens are counted at.
    Price {
        /// The model, the prices and their date.
        text: String,
    },
    /// Something is doubtful, but no error.
    Warning {
        /// What.
        text: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Download { text } | Self::Price { text } => f.write_str(text),
            Self::Warning { text } => write!(f, "warning: {text}"),
        }
    }
}
