use std::fmt;
use std::path::PathBuf;

/// Where the value of a field was set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nowhere.
    Default,
    /// In a profile.
    Profile {
        /// Its name.
        name: String,
    },
    /// In a file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// By an environment variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// By the program or on the command line.
    Explicit,
}

impl Origin {
    /// In brackets, for the middle of a message; nothing where there is no place to name.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Default | Self::Explicit => String::new(),
            named => format!(" ({named})"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::Profile { name } => write!(f, "profile {name}"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Variable { name } => write!(f, "variable {name}"),
            Self::Explicit => write!(f, "explicit"),
        }
    }
}
