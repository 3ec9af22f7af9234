//! `serve`: the best system of a run at work.

use std::io::{BufRead as _, Write as _};
use std::path::Path;

use meta_traits::Stream;
use orchestrator_core::Error;
use orchestrator_core::compose::{self, Notice, Resolved};
use orchestrator_core::config::ConfigError;
use orchestrator_core::run::RunError;
use orchestrator_core::store::RunDirectory;
use serde_json::Value;

use crate::cmd::eval::best_of;
use crate::exit;
use crate::progress::print_json;

/// Answers what comes on standard input, a line an input, with a JSON object a line: `output`, or `error`.
///
/// A line that is a JSON string or object is that input; any other line is the input as it stands.
pub(crate) async fn serve(run: &Path) -> Result<u8, Error> {
    let resolved = Resolved::from_yaml(&RunDirectory::config(run)?)?;
    let best = best_of(run)?;
    let notice = |n: &Notice| eprintln!("{n}");
    let session = compose::session(&resolved, None, &notice).await?;
    let Some(system) = &session.system else {
        let message =
            "the run optimised no compound system; only the program behind it can answer".to_owned();
        return Err(ConfigError::Inconsistent { message }.into());
    };
    let io = |source| RunError::Io { path: "standard input".to_owned(), source };
    let rng = Stream::root(session.seed);
    for (index, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.map_err(io)?;
        if line.trim().is_empty() {
            continue;
        }
        let input = match serde_json::from_str(&line) {
            Ok(value @ (Value::String(_) | Value::Object(_))) => value,
            _ => Value::from(line.as_str()),
        };
        match system.system().run(&best, &input, &rng.child("serve", index as u64), false).await {
            Ok(done) => print_json(&serde_json::json!({ "output": done.output })),
            Err(error) => print_json(&serde_json::json!({ "error": error.to_string() })),
        }
        // Whoever waits for an answer to go on must get it.
        std::io::stdout()
            .flush()
            .map_err(|source| RunError::Io { path: "standard output".into(), source })?;
    }
    Ok(exit::OK)
}
