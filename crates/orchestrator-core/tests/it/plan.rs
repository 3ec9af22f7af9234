//! Plans: intervals in order, within their limits, the same every time.

use std::path::Path;
use std::time::Duration;

use meta_traits::{Cost, Unit};
use orchestrator_core::compose::{Resolved, session};
use orchestrator_core::config::RunConfig;
use orchestrator_core::plan::{
    Amounts, Calibration, Evidence, Interval, PastRun, Prediction, Probe, Simulated, Source,
};
use orchestrator_core::session::Session;
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// Two modules over the scripted model; `more` goes to the top level.
fn config(more: &str) -> RunConfig {
    let text = format!(
        "data: {{train: train.jsonl, val: val.jsonl, test: test.jsonl}}
metric: label
models: {{task: {{provider: scripted, model: red and then some more}}}}
system:
  modules:
    notes: {{kind: llm, model: task, prompt: 'Notes on {{{{ input }}}}', max_tokens: 40}}
    colour: {{kind: llm, model: task, prompt: '{{{{ notes }}}} Thing: {{{{ input }}}} Colour:', labels: [red, blue]}}
{more}"
    );
    RunConfig::from_text(&text, "test").unwrap()
}

fn write_data(folder: &Path) {
    for (split, n) in [("train", 9), ("val", 6), ("test", 4)] {
        let row = |i: usize| {
            let label = ["red", "blue"][i % 2];
            format!(r#"{{"input": "{split} thing number {i}", "expected": "{label}"}}"#)
        };
        std::fs::write(folder.join(format!("{split}.jsonl")), (0..n).map(row).collect::<Vec<_>>().join("\n"))
            .unwrap();
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn open(config: RunConfig) -> Session {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let resolved = Resolved { base: folder.path().to_owned(), config };
    runtime().block_on(session(&resolved, None, &|_| {})).unwrap()
}

fn probed(session: &Session) -> Evidence {
    Evidence { probe: Some(runtime().block_on(Probe::take(session)).unwrap()), past: Vec::new() }
}

fn predict(session: &Session, known: &Evidence) -> Prediction {
    Simulated::new(session, known).unwrap().predict(&Calibration::shipped())
}

fn ordered<T: PartialOrd + Copy>(i: Interval<T>) -> bool {
    i.low <= i.mid && i.mid <= i.high
}

fn all_ordered(a: &Amounts) -> bool {
    [a.model_calls, a.tokens_in, a.tokens_out, a.tokens, a.nano_usd].into_iter().all(ordered)
        && a.seconds.is_none_or(ordered)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn intervals_are_ordered_within_their_limits_and_repeatable(
        seed in 0_u64..1000,
        calls in 20_u64..300,
        tokens in proptest::option::of(5_000_u64..40_000),
        probe: bool,
    ) {
        let tokens = tokens.map(|t| format!(", tokens: {t}")).unwrap_or_default();
        let session = open(config(&format!("seed: {seed}\nbudget: {{calls: {calls}{tokens}}}")));
        let known = if probe { probed(&session) } else { Evidence::default() };
        let p = predict(&session, &known);
        prop_assert!(ordered(p.calls) && ordered(p.proposals));
        prop_assert!(p.calls.high <= calls);
        let total = p.total.unwrap();
        for part in [total, p.search.unwrap(), p.reflection.unwrap(), p.report.unwrap()] {
            prop_assert!(all_ordered(&part), "{part:?}");
            if let Some(limit) = session.budget.limit(Unit::Tokens) {
                prop_assert!(part.tokens.high <= limit && part.tokens_in.high <= limit);
            }
        }
        prop_assert_eq!(p, predict(&session, &known));
    }
}

#[test]
fn a_probe_narrows_what_lengths_leave_open() {
    let session = open(config("budget: {calls: 120}"));
    let (lengths, probe) = (predict(&session, &Evidence::default()), predict(&session, &probed(&session)));
    assert_eq!((lengths.source, probe.source), (Source::Lengths, Source::Probe { examples: 6 }));
    assert!(lengths.assumed_latency && !probe.assumed_latency);
    let width = |p: &Prediction| {
        let i = p.total.unwrap().tokens_out;
        i.high as f64 / i.low.max(1) as f64
    };
    assert!(width(&probe) < 0.5 * width(&lengths), "{} {}", width(&probe), width(&lengths));
    // Five words an answer of the one module that writes, and every call of the search and of the test is one.
    let written = probe.total.unwrap().tokens_out;
    assert!(written.contains(5 * (120 + 8)) || written.contains(5 * (119 + 4)), "{written:?}");
}

#[test]
fn earlier_runs_pull_the_plan_towards_what_they_used() {
    let session = open(config("budget: {calls: 120}"));
    let mut known = probed(&session);
    let before = predict(&session, &known).total.unwrap();
    let (tokens, seconds) = (before.tokens_in.mid, before.seconds.unwrap().mid);
    let spent = Cost::tokens(256, 3 * tokens, 640);
    known.past = vec![PastRun::new(session.budget, spent, Duration::from_secs_f64(2.0 * seconds)); 3];
    let after = predict(&session, &known);
    assert_eq!(after.source, Source::History { runs: 3 });
    let total = after.total.unwrap();
    assert!((2 * tokens..4 * tokens).contains(&total.tokens_in.mid), "{before:?} {after:?}");
    assert!((1.4 * seconds..2.1 * seconds).contains(&total.seconds.unwrap().mid), "{before:?} {after:?}");
}

#[test]
fn without_a_limit_of_metric_calls_the_others_end_the_run() {
    let session = open(config("budget: {tokens: 20000}"));
    let p = predict(&session, &probed(&session));
    assert!(p.calls.low > 10 && p.calls.high < 3000, "{:?}", p.calls);
    let tokens = p.total.unwrap().tokens;
    assert!(tokens.high <= 20_000 && tokens.mid > 8_000, "{tokens:?}");
}

#[test]
fn an_outside_view_knows_no_more_than_metric_calls() {
    let resolved =
        |text: &str| Resolved { base: ".".into(), config: RunConfig::from_text(text, "test").unwrap() };
    let simulated = resolved("simulated: {instance: 1}\nbudget: {calls: 500}");
    let session = runtime().block_on(session(&simulated, None, &|_| {})).unwrap();
    let p = predict(&session, &Evidence::default());
    assert!(p.total.is_none() && p.calls.high <= 500 && p.calls.low >= 300, "{:?}", p.calls);
    assert!(predict(&session, &probed(&session)).total.is_some());
}
