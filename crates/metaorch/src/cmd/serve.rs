//! `serve`: the best system of a run at work.

mod http;

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use meta_traits::{Components, Cost, Stream};
use orchestrator_core::Error;
use orchestrator_core::compose::{self, Notice, Resolved};
use orchestrator_core::config::ConfigError;
use orchestrator_core::run::RunError;
use orchestrator_core::store::RunDirectory;
use orchestrator_core::system::SystemEvaluator;
use serde_json::Value;

use crate::cmd::eval::best_of;
use crate::exit;
use crate::progress::print_json;

/// The best system of a run, ready to answer.
pub(super) struct Best {
    system: Arc<SystemEvaluator>,
    components: Components,
    rng: Stream,
}

impl Best {
    async fn open(run: &Path) -> Result<Self, Error> {
        let resolved = Resolved::from_yaml(&RunDirectory::config(run)?)?;
        let components = best_of(run)?;
        let notice = |n: &Notice| eprintln!("{n}");
        let session = compose::session(&resolved, None, &notice).await?;
        let Some(system) = session.system else {
            let message =
                "the run optimised no compound system; only the program behind it can answer".to_owned();
            return Err(ConfigError::Inconsistent { message }.into());
        };
        Ok(Self { system, components, rng: Stream::root(session.seed) })
    }

    /// The answer to the input of this number, or why there is none, and what it cost.
    async fn answer(&self, input: &Value, number: u64) -> (Result<String, String>, Cost) {
        let rng = self.rng.child("serve", number);
        match self.system.system().run(&self.components, input, &rng, false).await {
            Ok(done) => (Ok(done.output), done.cost),
            Err(failure) => (Err(failure.to_string()), failure.cost),
        }
    }
}

/// Answers over HTTP, or what comes on standard input, a line an input, with a JSON object a line: `output`, or `error`.
///
/// A line that is a JSON string or object is that input; any other line is the input as it stands.
pub(crate) async fn serve(run: &Path, address: Option<SocketAddr>, json: bool) -> Result<u8, Error> {
    let best = Best::open(run).await?;
    if let Some(address) = address {
        return http::serve(best, address, json).await;
    }
    let io = |source| RunError::Io { path: "standard input".to_owned(), source };
    for (index, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.map_err(io)?;
        if line.trim().is_empty() {
            continue;
        }
        let input = match serde_json::from_str(&line) {
            Ok(value @ (Value::String(_) | Value::Object(_))) => value,
            _ => Value::from(line.as_str()),
        };
        match best.answer(&input, index as u64).await.0 {
            Ok(output) => print_json(&serde_json::json!({ "output": output })),
            Err(error) => print_json(&serde_json::json!({ "error": error })),
        }
        // Whoever waits for an answer to go on must get it.
        std::io::stdout()
            .flush()
            .map_err(|source| RunError::Io { path: "standard output".into(), source })?;
    }
    Ok(exit::OK)
}
