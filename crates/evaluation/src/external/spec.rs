use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::EvaluationError;

/// How to run an evaluator program.
///
/// ```
/// use evaluation::ExternalSpec;
/// let mut spec = ExternalSpec::new(["python3", "evaluator.py"]);
/// spec.env.insert("SPLIT_DIR".into(), "data".into());
/// assert_eq!(spec.timeout.as_secs(), 60);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExternalSpec {
    /// Program and arguments. No shell is involved.
    pub command: Vec<String>,
    /// The folder it runs in; that of this process by default.
    pub cwd: Option<PathBuf>,
    /// Environment variables beside those of this process.
    pub env: BTreeMap<String, String>,
    /// How long an answer may take, counted from sending; 60 s by default.
    pub timeout: Duration,
    /// How long the hello may take, start included; 60 s by default.
    pub hello_timeout: Duration,
    /// Restarts in a row without a good answer between them; 3 by default.
    pub max_restarts: u32,
    /// The file that stderr and breaches of the protocol are appended to; dropped by default.
    pub stderr_log: Option<PathBuf>,
    /// Requests in flight, in place of what the program says.
    pub concurrency: Option<usize>,
}

impl ExternalSpec {
    /// The defaults for `command`.
    pub fn new<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            cwd: None,
            env: BTreeMap::new(),
            timeout: Duration::from_mins(1),
            hello_timeout: Duration::from_mins(1),
            max_restarts: 3,
            stderr_log: None,
            concurrency: None,
        }
    }

    /// The program without its arguments, for messages.
    pub(super) fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    pub(super) fn check(&self) -> Result<(), EvaluationError> {
        let refuse =
            |message: String| Err(EvaluationError::Command { command: self.program().to_owned(), message });
        if self.program().is_empty() {
            return refuse("the command is empty. Give a program and its arguments".into());
        }
        if let Some(cwd) = self.cwd.as_ref().filter(|cwd| !cwd.is_dir()) {
            return refuse(format!("its folder {} does not exist. Check cwd", cwd.display()));
        }
        Ok(())
    }
}
