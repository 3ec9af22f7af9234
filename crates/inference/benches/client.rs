//! What the wrappers around a client cost a call: `cargo bench -p inference`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use inference::{
    Admission, Cached, Gcra, Generate, Generated, InferenceError, Ledger, LlmClient, Metered, Prompt,
    Purpose, Rate, Resilient, ResilientOptions, StopCause, Usage,
};
use meta_traits::{BoxFuture, Cost};

/// Answers at once and remembers nothing.
struct Instant;

impl LlmClient for Instant {
    fn identity(&self) -> &'static str {
        "instant"
    }
    fn generate<'a>(&'a self, _: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(async { Ok(Generated::new("an answer of five words", StopCause::Stop, Usage::new(100, 5))) })
    }
    fn cap(&self, _: &Generate) -> Cost {
        Cost::tokens(1, 600, 256)
    }
}

fn limiter(c: &mut Criterion) {
    let mut gcra = Gcra::new(Rate::new(1_000_000_000, 1_000_000));
    let mut now = Duration::ZERO;
    c.bench_function("gcra reserve and settle", |b| {
        b.iter(|| {
            now += Duration::from_micros(1);
            if gcra.reserve(black_box(now), 10) == Admission::Granted {
                gcra.settle(now, 10, 7);
            }
        });
    });
}

fn wrappers(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let request = Generate::new(Prompt::Text("a prompt of a few words ".repeat(20)));
    let mut call = |name: &str, client: &dyn LlmClient| {
        c.bench_function(name, |b| {
            b.iter(|| runtime.block_on(async { client.generate(black_box(&request)).await.is_ok() }));
        });
    };
    call("bare client", &Instant);
    call("resilient", &Resilient::new(Instant, ResilientOptions::default()));
    let rates = ResilientOptions {
        requests: Some(Rate::new(1 << 40, 1 << 40)),
        tokens: Some(Rate::new(1 << 50, 1 << 50)),
        ..ResilientOptions::default()
    };
    call("resilient with rates", &Resilient::new(Instant, rates));
    let dir = tempfile::tempdir().expect("a folder");
    call("cache hit", &Cached::new(Instant, dir.path()));
    call("cache hit, bounded", &Cached::new(Instant, dir.path()).bounded(1 << 30));
}

/// A ledger keeps every call, so a fresh one is filled with a thousand.
fn ledger(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let request = Generate::new(Prompt::Text("a prompt".to_owned()));
    c.bench_function("ledger record, a thousand", |b| {
        b.iter_batched(
            || Metered::new(Instant, Purpose::Task, Arc::new(Ledger::default())),
            |client| {
                runtime.block_on(async {
                    for _ in 0..1000 {
                        let _ = black_box(client.generate(&request).await);
                    }
                });
                client
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, limiter, wrappers, ledger);
criterion_main!(benches);
