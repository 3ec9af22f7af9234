//! The resilient client on a paused clock: every second below is virtual.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inference::{
    BreakerPolicy, Generate, Generated, InferenceError, LlmClient, OnText, Prompt, Rate, Resilient,
    ResilientOptions, RetryPolicy, RetryShare, StopCause, Usage,
};
use meta_traits::{BoxFuture, Classify as _, Cost, ErrorKind};
use tokio::time::{Instant, sleep, timeout};

type Reply = Box<dyn Fn(u64) -> Result<u64, InferenceError> + Send + Sync>;

/// A model that takes some time, answers or fails by the number of the attempt, and notes what it sees.
struct Model {
    takes: Duration,
    concurrency: usize,
    /// Tokens that an answer uses, or the failure, by the number of the attempt from 0.
    reply: Reply,
    begun: Instant,
    seen: Mutex<Vec<(String, Duration)>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Model {
    fn new(
        takes: u64,
        concurrency: usize,
        reply: impl Fn(u64) -> Result<u64, InferenceError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            takes: seconds(takes),
            concurrency,
            reply: Box::new(reply),
            begun: Instant::now(),
            seen: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        }
    }

    fn prompts(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(prompt, _)| prompt.clone()).collect()
    }

    fn times(&self) -> Vec<u64> {
        self.seen.lock().unwrap().iter().map(|(_, time)| time.as_secs()).collect()
    }

    async fn work(
        &self,
        request: &Generate,
        on_text: Option<OnText<'_>>,
    ) -> Result<Generated, InferenceError> {
        struct Here<'a>(&'a AtomicUsize);
        impl Drop for Here<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let Prompt::Text(prompt) = &request.prompt else { unreachable!() };
        let n = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((prompt.clone(), self.begun.elapsed()));
            seen.len() as u64 - 1
        };
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let _here = Here(&self.in_flight);
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        sleep(self.takes).await;
        if let Some(on_text) = on_text {
            on_text("part");
        }
        let used = (self.reply)(n)?;
        Ok(Generated::new("part", StopCause::Stop, Usage::new(used, 0)))
    }
}

impl LlmClient for Model {
    fn identity(&self) -> &'static str {
        "model"
    }
    fn generate<'a>(&'a self, request: &'a Generate) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(self.work(request, None))
    }
    fn stream<'a>(
        &'a self,
        request: &'a Generate,
        on_text: OnText<'a>,
    ) -> BoxFuture<'a, Result<Generated, InferenceError>> {
        Box::pin(self.work(request, Some(on_text)))
    }
    fn cap(&self, request: &Generate) -> Cost {
        Cost::tokens(1, u64::from(request.max_tokens), 0)
    }
    fn concurrency(&self) -> usize {
        self.concurrency
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ask(prompt: impl std::fmt::Display) -> Generate {
    let prompt = format!("{prompt}");
    let mut request = Generate::new(Prompt::Text(prompt));
    request.max_tokens = 10;
    request
}

fn down() -> InferenceError {
    InferenceError::Unreachable { endpoint: "model".into(), message: "down".into() }
}

fn busy(wait: u64) -> InferenceError {
    InferenceError::RateLimited { endpoint: "model".into(), wait: Some(seconds(wait)) }
}

fn wrong() -> InferenceError {
    InferenceError::Invalid { model: "model".into(), message: "no".into() }
}

/// No breaker, no jitter that matters: waits of 1 to 2 ms.
fn plain() -> ResilientOptions {
    ResilientOptions {
        retry: RetryPolicy { first_wait: Duration::from_millis(2), retries: 3, ..RetryPolicy::default() },
        breaker: BreakerPolicy { consecutive: 0, share: 2.0, ..BreakerPolicy::default() },
        ..ResilientOptions::default()
    }
}

/// Calls `client` with the prompts 0 to n-1 at once, each on a task of its own, begun in this order.
async fn call_all(client: &Arc<Resilient<Model>>, n: usize) -> Vec<Result<Generated, InferenceError>> {
    let mut tasks = Vec::new();
    for i in 0..n {
        let client = Arc::clone(client);
        tasks.push(tokio::spawn(async move { client.generate(&ask(i)).await }));
        tokio::task::yield_now().await;
    }
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test(start_paused = true)]
async fn transient_failures_and_garbled_answers_are_tried_again_and_the_callers_errors_are_not() {
    let garbled = || InferenceError::Protocol { endpoint: "model".into(), message: "html".into() };
    let script = move |n| match n {
        0 => Err(down()),
        1 => Err(garbled()),
        2 => Ok(7),
        _ => Err(wrong()),
    };
    let client = Resilient::new(Model::new(1, 1, script), plain());
    let answer = client.generate(&ask("x")).await.unwrap();
    assert_eq!(answer.usage, Usage::new(7, 0), "only the answered attempt is charged");
    let error = client.generate(&ask("y")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let stats = client.stats();
    assert_eq!((stats.calls, stats.attempts, stats.retries, stats.failed), (2, 4, 2, 2));
    assert_eq!((stats.uncertain, stats.uncertain_cost), (2, Cost::tokens(2, 20, 0)));
}

#[tokio::test(start_paused = true)]
async fn tries_end_with_the_last_failure() {
    let client = Resilient::new(Model::new(0, 1, |_| Err(down())), plain());
    assert!(matches!(client.generate(&ask("x")).await, Err(InferenceError::Unreachable { .. })));
    assert_eq!(client.inner().times().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_budget_keeps_retries_from_multiplying_an_outage() {
    let share = RetryShare { share: 0.5, reserve: 4 };
    let client = Resilient::new(Model::new(0, 1, |_| Err(down())), ResilientOptions { share, ..plain() });
    for _ in 0..100 {
        assert!(client.generate(&ask("x")).await.is_err());
    }
    let retries = client.stats().retries;
    assert!(
        (50..=54).contains(&retries),
        "{retries}: half of the calls and the reserve, not three times the calls"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_are_served_in_order_within_the_concurrency() {
    let client = Arc::new(Resilient::new(Model::new(1, 3, |_| Ok(1)), plain()));
    assert!(call_all(&client, 20).await.iter().all(Result::is_ok));
    let expected: Vec<String> = (0..20).map(|i| i.to_string()).collect();
    assert_eq!(client.inner().prompts(), expected);
    assert_eq!(client.inner().most_in_flight.load(Ordering::Relaxed), 3);
    assert_eq!(client.inner().times().last(), Some(&6));
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_its_place_when_it_tries_again() {
    let script = |n| if n == 0 { Err(down()) } else { Ok(1) };
    let client = Arc::new(Resilient::new(Model::new(1, 1, script), plain()));
    assert!(call_all(&client, 5).await.iter().all(Result::is_ok));
    assert_eq!(client.inner().prompts(), ["0", "1", "0", "2", "3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn requests_keep_to_their_rate() {
    let options = ResilientOptions { requests: Some(Rate::new(60, 2)), ..plain() };
    let client = Arc::new(Resilient::new(Model::new(0, 50, |_| Ok(1)), options));
    assert!(call_all(&client, 6).await.iter().all(Result::is_ok));
    assert_eq!(client.inner().times(), [0, 0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_reserved_by_the_cap_and_corrected_by_the_usage() {
    // A token a second, 25 at once. The cap is 10, an answer uses 1 and takes 3 s.
    let options = ResilientOptions { tokens: Some(Rate::new(60, 25)), ..plain() };
    let client = Arc::new(Resilient::new(Model::new(3, 50, |_| Ok(1)), options));
    assert!(call_all(&client, 6).await.iter().all(Result::is_ok));
    assert_eq!(
        client.inner().times(),
        [0, 0, 3, 3, 6, 6],
        "two caps at a time; what was not used comes back"
    );
    // An answer that uses far more than its cap leaves a debt.
    let options = ResilientOptions { tokens: Some(Rate::new(60, 20)), ..plain() };
    let client = Arc::new(Resilient::new(Model::new(0, 1, |_| Ok(50)), options));
    assert!(call_all(&client, 2).await.iter().all(Result::is_ok));
    assert_eq!(client.inner().times(), [0, 40]);
}

#[tokio::test(start_paused = true)]
async fn advice_of_one_call_holds_up_all() {
    let script = |n| if n == 0 { Err(busy(7)) } else { Ok(1) };
    let client = Arc::new(Resilient::new(Model::new(1, 1, script), plain()));
    assert!(call_all(&client, 3).await.iter().all(Result::is_ok));
    assert_eq!(client.inner().times(), [0, 8, 9, 10]);
    let client = Resilient::new(Model::new(0, 1, |_| Err(busy(31))), plain());
    assert!(client.generate(&ask("x")).await.is_err(), "advice above the longest wait ends the tries");
    assert_eq!(client.inner().times(), [0]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_from_the_first_turn_and_ends_everything() {
    let retry = RetryPolicy { deadline: seconds(5), ..plain().retry };
    let hanging = Resilient::new(Model::new(99, 1, |_| Ok(1)), ResilientOptions { retry, ..plain() });
    let begun = Instant::now();
    let error = hanging.generate(&ask("x")).await.unwrap_err();
    assert!(matches!(error, InferenceError::Timeout { after, .. } if after == seconds(5)), "{error:?}");
    assert_eq!(begun.elapsed().as_secs(), 5);
    // Ten calls of 4 s, one at a time: the last waits 36 s for its turn, and that is no failure.
    let client = Arc::new(Resilient::new(Model::new(4, 1, |_| Ok(1)), ResilientOptions { retry, ..plain() }));
    assert!(call_all(&client, 10).await.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_gives_everything_back() {
    let options = ResilientOptions { tokens: Some(Rate::new(60, 10)), ..plain() };
    let client = Arc::new(Resilient::new(Model::new(100, 1, |_| Ok(10)), options));
    // One call in flight and two in line are given up; the fourth must not notice any of them.
    let (first, second, third) = (ask("a"), ask("b"), ask("c"));
    let calls =
        async { tokio::join!(client.generate(&first), client.generate(&second), client.generate(&third)) };
    assert!(timeout(seconds(1), calls).await.is_err());
    let begun = Instant::now();
    assert!(client.generate(&ask("d")).await.is_ok());
    assert_eq!(begun.elapsed().as_secs(), 100);
    assert_eq!(client.inner().prompts(), ["a", "d"]);
}

fn breaking() -> BreakerPolicy {
    BreakerPolicy { consecutive: 3, open_for: seconds(10), longest: seconds(40), ..BreakerPolicy::default() }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_sends_single_probes_and_calls_wait_for_it() {
    // Down for the first six attempts: three open the breaker, three probes fail, the next closes it.
    let options = ResilientOptions {
        retry: RetryPolicy { retries: 0, ..RetryPolicy::default() },
        breaker: breaking(),
        ..plain()
    };
    let client =
        Arc::new(Resilient::new(Model::new(1, 8, |n| if n < 5 { Err(down()) } else { Ok(1) }), options));
    let results = call_all(&client, 8).await;
    // All eight are in flight before the first fails: they fail or are answered by themselves.
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 5);
    assert!(!client.is_closed());
    let begun = Instant::now();
    assert!(call_all(&client, 5).await.iter().all(Result::is_ok));
    assert!(client.is_closed());
    let times: Vec<u64> = client.inner().times()[8..].to_vec();
    assert_eq!(times[0], 11, "the probe goes when the breaker's time is over");
    assert_eq!(times[1..], [12, 12, 12, 12], "the others when it is back");
    assert_eq!((begun.elapsed().as_secs(), client.stats().opened), (12, 1));
}

#[tokio::test(start_paused = true)]
async fn calls_without_time_for_an_open_breaker_fail_at_once_and_nothing_is_sent() {
    let retry = RetryPolicy { retries: 0, deadline: seconds(5), ..RetryPolicy::default() };
    let options = ResilientOptions { retry, breaker: breaking(), ..plain() };
    let client = Resilient::new(Model::new(0, 1, |_| Err(down())), options);
    for _ in 0..3 {
        assert!(matches!(client.generate(&ask("x")).await, Err(InferenceError::Unreachable { .. })));
    }
    let begun = Instant::now();
    let error = client.generate(&ask("x")).await.unwrap_err();
    assert!(matches!(&error, InferenceError::CircuitOpen { wait, .. } if wait.as_secs() == 10), "{error:?}");
    assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::Transient, Duration::ZERO));
    assert_eq!(client.inner().times().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_callers_own_errors_and_throttling_never_open_the_breaker() {
    let script = |n| if n % 2 == 0 { Err(wrong()) } else { Err(busy(0)) };
    let options = ResilientOptions {
        retry: RetryPolicy { retries: 0, ..plain().retry },
        breaker: BreakerPolicy { consecutive: 2, share: 0.1, window: 4, ..BreakerPolicy::default() },
        ..plain()
    };
    let client = Resilient::new(Model::new(0, 1, script), options);
    for _ in 0..50 {
        assert!(client.generate(&ask("x")).await.is_err());
    }
    assert!(client.is_closed());
    assert_eq!((client.stats().opened, client.stats().attempts), (0, 50));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_makes_room_for_the_next() {
    let retry = RetryPolicy { retries: 0, ..plain().retry };
    let options = ResilientOptions { retry, breaker: breaking(), ..plain() };
    let client = Resilient::new(Model::new(1, 4, |n| if n < 3 { Err(down()) } else { Ok(1) }), options);
    for _ in 0..3 {
        assert!(client.generate(&ask("x")).await.is_err());
    }
    sleep(seconds(10)).await;
    let request = ask("probe");
    assert!(timeout(Duration::from_millis(500), client.generate(&request)).await.is_err());
    assert!(client.generate(&ask("y")).await.is_ok());
    assert!(client.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_tried_again_only_before_its_first_text() {
    let client = Resilient::new(Model::new(1, 1, |n| if n == 0 { Err(down()) } else { Ok(1) }), plain());
    let said = Mutex::new(Vec::new());
    let on_text = |text: &str| said.lock().unwrap().push(text.to_owned());
    let error = client.stream(&ask("x"), &on_text).await.unwrap_err();
    assert!(matches!(error, InferenceError::Unreachable { .. }));
    assert_eq!(client.stats().attempts, 1);
    assert_eq!(client.stream(&ask("x"), &on_text).await.unwrap().text, "part");
    assert_eq!(*said.lock().unwrap(), ["part", "part"]);
}

/// Whatever fails and whatever is dropped, every call ends, and the limits hold.
#[tokio::test(start_paused = true)]
async fn storms_leave_nothing_behind() {
    for seed in 0..40 {
        let rng = meta_traits::Stream::root(seed).child("storm", 0);
        let failing = rng.clone();
        let script = move |n| {
            let mut rng = failing.child("attempt", n);
            match rng.below(4) {
                0 => Err(down()),
                1 => Err(busy(rng.below(3) as u64)),
                2 => Err(wrong()),
                _ => Ok(rng.below(12) as u64),
            }
        };
        let options = ResilientOptions {
            requests: Some(Rate::new(120, 3)),
            tokens: Some(Rate::new(600, 40)),
            breaker: breaking(),
            ..plain()
        };
        let client = Arc::new(Resilient::new(Model::new(1, 3, script), options));
        let mut tasks = Vec::new();
        for i in 0..60_u64 {
            let client = Arc::clone(&client);
            let mut rng = rng.child("call", i);
            tasks.push(tokio::spawn(async move {
                sleep(Duration::from_millis(rng.below(8000) as u64)).await;
                let patience = Duration::from_millis(rng.below(9000) as u64);
                let _ = timeout(patience, client.generate(&ask(i))).await;
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(client.inner().most_in_flight.load(Ordering::Relaxed) <= 3);
        let mut per_second: BTreeMap<u64, usize> = BTreeMap::new();
        for time in client.inner().times() {
            *per_second.entry(time).or_default() += 1;
        }
        assert!(per_second.values().all(|n| *n <= 3 + 2), "{per_second:?}");
        // Nothing is held any more: a call gets through as soon as breaker and rates let it.
        sleep(seconds(200)).await;
        let begun = Instant::now();
        let _ = client.generate(&ask("last")).await;
        assert!(begun.elapsed() < seconds(150), "seed {seed}: {:?}", begun.elapsed());
    }
}
