use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use futures_util::future::join_all;
use meta_traits::{Cost, Unit};
use orchestrator_core::Error;
use orchestrator_core::run::RunError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Best;
use crate::exit;
use crate::progress::print_json;

/// Most bytes of a request.
const LARGEST: usize = 4 << 20;
/// Most inputs of a batch.
const MOST: usize = 1000;

/// The system, and what it did since the start.
struct Service {
    best: Best,
    asked: AtomicU64,
    failed: AtomicU64,
    spent: Mutex<Cost>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    input: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    inputs: Vec<Value>,
}

/// Serves until it is interrupted; requests under way are answered first.
pub(super) async fn serve(best: Best, address: SocketAddr, json: bool) -> Result<u8, Error> {
    let (asked, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let service = Arc::new(Service { best, asked, failed, spent: Mutex::new(Cost::ZERO) });
    let router = axum::Router::new()
        .route("/run", post(run))
        .route("/batch", post(batch))
        .route("/health", get(async || Json(json!({"ok": true}))))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(service);
    let io = |source| RunError::Io { path: address.to_string(), source };
    let listener = tokio::net::TcpListener::bind(address).await.map_err(io)?;
    let here = listener.local_addr().map_err(io)?;
    if json {
        print_json(&json!({"event": "listening", "address": here.to_string()}));
    } else {
        println!("listening at http://{here}");
    }
    let end = async {
        // Without a handler nothing can end it but a kill.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(end).await.map_err(io)?;
    Ok(exit::OK)
}

impl Service {
    async fn answer(&self, input: &Value) -> Result<String, String> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let (answer, cost) = self.best.answer(input, number).await;
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner) += cost;
        self.failed.fetch_add(u64::from(answer.is_err()), Ordering::Relaxed);
        answer
    }
}

/// A request that is not what it should be.
fn refused(message: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": message }))).into_response()
}

async fn run(State(service): State<Arc<Service>>, body: String) -> Response {
    let One { input } = match serde_json::from_str(&body) {
        Ok(one) => one,
        Err(error) => return refused(&format!("the body is no {{\"input\": ..}}: {error}")),
    };
    match service.answer(&input).await {
        Ok(output) => Json(json!({ "output": output })).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, Json(json!({ "error": error }))).into_response(),
    }
}

async fn batch(State(service): State<Arc<Service>>, body: String) -> Response {
    let Many { inputs } = match serde_json::from_str(&body) {
        Ok(many) => many,
        Err(error) => return refused(&format!("the body is no {{\"inputs\": [..]}}: {error}")),
    };
    if inputs.len() > MOST {
        return refused(&format!("{} inputs are too many; allowed up to {MOST}", inputs.len()));
    }
    let answers = join_all(inputs.iter().map(|input| service.answer(input))).await;
    let result = |answer| match answer {
        Ok(output) => json!({ "output": output }),
        Err(error) => json!({ "error": error }),
    };
    let results: Vec<Value> =
        answers.into_iter().map(|answer: Result<String, String>| result(answer)).collect();
    Json(json!({ "results": results })).into_response()
}

async fn metrics(State(service): State<Arc<Service>>) -> String {
    let spent = *service.spent.lock().unwrap_or_else(PoisonError::into_inner);
    let values = [
        ("inputs", service.asked.load(Ordering::Relaxed) as f64),
        ("failures", service.failed.load(Ordering::Relaxed) as f64),
        ("model_calls", spent.of(Unit::ModelCalls) as f64),
        ("tokens", spent.of(Unit::Tokens) as f64),
        ("cost_usd", spent.nano_usd as f64 * 1e-9),
    ];
    let mut out = String::new();
    for (name, value) in values {
        // Writing to a string cannot fail.
        let _ =
            write!(out, "# TYPE metaorch_serve_{name}_total counter\nmetaorch_serve_{name}_total {value}\n");
    }
    out
}
