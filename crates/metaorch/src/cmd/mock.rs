//! `mock-llm`: a model server on the loopback that fails on demand.

use inference::InferenceError;
use inference::mock::{Answers, MockOptions, MockServer};
use orchestrator_core::Error;

use crate::args::MockLlm;
use crate::exit;
use crate::progress::print_json;

/// Serves until it is interrupted, and then tells what was asked.
pub(crate) async fn serve(args: MockLlm, json: bool) -> Result<u8, Error> {
    let mut options = MockOptions {
        port: args.port,
        seed: args.seed,
        faults: args.faults,
        retry_after: args.retry_after,
        ..MockOptions::default()
    };
    if !args.only.is_empty() {
        options.mix = args.only;
    }
    if let Some(to) = args.redirect_to {
        options.redirect_to = to;
    }
    if !args.answers.is_empty() {
        options.answers = vec![Answers { contains: String::new(), answers: args.answers }];
    }
    let server = MockServer::start(options).await.map_err(|source| {
        Error::from(InferenceError::Io { path: format!("127.0.0.1:{}", args.port).into(), source })
    })?;
    if json {
        print_json(&serde_json::json!({"event": "listening", "url": server.url()}));
    } else {
        println!("listening on {}   (GET /account tells what was asked; stop with Ctrl-C)", server.url());
    }
    // Where no interrupt can be waited for, it serves until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    let account = server.account();
    if json {
        print_json(&serde_json::json!({"event": "account", "account": account}));
    } else {
        println!(
            "{} requests: {} answered, {} answers lost to faults",
            account.requests, account.answered.requests, account.lost.requests
        );
    }
    Ok(exit::OK)
}
