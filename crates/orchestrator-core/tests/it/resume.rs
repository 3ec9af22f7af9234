//! A run that is cut short anywhere ends like one that was not.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use coordination::journal::{MemoryStorage, Storage};
use meta_traits::{Budget, ErrorKind, ExampleId, Split, StopReason};
use orchestrator_core::checkpoint::{Checkpoints, Every};
use orchestrator_core::run::{Ending, Options, Progress, RunError, open};

use crate::toy::{Climber, Letters, Words};

/// Storage that outlives its journal.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<MemoryStorage>>);

impl Shared {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Arc::new(Mutex::new(MemoryStorage::of(bytes.to_vec()))))
    }
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone().into_bytes()
    }
}

impl Storage for Shared {
    fn load(&mut self) -> std::io::Result<Vec<u8>> {
        self.0.lock().unwrap().load()
    }
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.lock().unwrap().append(bytes)
    }
    fn truncate(&mut self, length: u64) -> std::io::Result<()> {
        self.0.lock().unwrap().truncate(length)
    }
    fn sync(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap().sync()
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

struct Finished {
    ending: Result<Ending, RunError>,
    evaluations: u64,
    best: Option<f64>,
    report: Option<Vec<f32>>,
    seen: Vec<Progress>,
}

fn run(log: &Shared, words: &Words, budget: Budget, checkpoints: Option<Checkpoints>) -> Finished {
    let mut seen = Vec::new();
    let mut observer = |p: &Progress| seen.push(p.clone());
    let options = Options::new(5, budget);
    let search = Box::new(Climber::new(12));
    let mut driver = open(Box::new(log.clone()), search, words, &Letters, &mut observer, options).unwrap();
    if let Some(checkpoints) = checkpoints {
        driver = driver.with_checkpoints(checkpoints).unwrap();
    }
    let (ending, evaluations, best, report) = block_on(async {
        let ending = driver.search().await;
        let best = driver.state().trajectory().last().copied();
        let mut report = None;
        if let (Ok(Ending::Stopped(_)), Some(best)) = (&ending, best) {
            let test = (0..5).map(|i| ExampleId::new(Split::Test, i)).collect();
            let winner = driver.state().candidate(best.candidate).unwrap().as_ref().clone();
            report = driver.report(0, &winner, test).await.unwrap();
        }
        let evaluations = driver.state().evaluations();
        (ending, evaluations, best, report)
    });
    drop(driver);
    Finished { ending, evaluations, best: best.map(|b| b.score), report, seen }
}

#[test]
fn every_cut_of_the_log_resumes_to_the_same_bytes() {
    let whole = Shared::default();
    let budget = Budget::calls(1000);
    let full = run(&whole, &Words::new(), budget, None);
    assert_eq!(full.ending.unwrap(), Ending::Stopped(StopReason::Rounds));
    assert_eq!(full.evaluations, 13 * 6, "the seed and twelve proposals on six examples");
    assert!(full.best.unwrap() > 0.6, "{:?}", full.best);
    let bytes = whole.bytes();
    let ends: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] == b'\n').map(|i| i + 1).collect();
    let cuts = ends.iter().flat_map(|end| [*end, (*end + 17).min(bytes.len())]);
    for cut in std::iter::once(0).chain(cuts) {
        let log = Shared::of(&bytes[..cut]);
        let words = Words::new();
        let again = run(&log, &words, budget, None);
        assert_eq!(again.ending.unwrap(), Ending::Stopped(StopReason::Rounds), "cut {cut}");
        assert_eq!(log.bytes(), bytes, "cut {cut}");
        assert_eq!((again.best, &again.report), (full.best, &full.report));
        let kept = String::from_utf8_lossy(&bytes[..cut]);
        let scored = kept.lines().filter(|l| l.contains(r#""kind":"scored""#) && l.ends_with('}')).count();
        let calls = words.calls.load(Ordering::Relaxed) as usize;
        assert!(calls + scored <= 13 * 6 + 5 + 1, "cut {cut}: a logged call was made again");
    }
}

#[test]
fn a_call_in_flight_at_the_kill_is_shown_as_uncertain() {
    let whole = Shared::default();
    run(&whole, &Words::new(), Budget::calls(1000), None);
    let bytes = whole.bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let mut uncertain = 0;
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        let again = run(&Shared::of(&bytes[..end]), &Words::new(), Budget::calls(1000), None);
        let shown = again.seen.iter().any(|p| matches!(p, Progress::Uncertain { .. }));
        let in_flight = line.contains(r#""kind":"trial""#) || line.contains(r#""kind":"query""#);
        if in_flight {
            assert!(shown, "{line}");
            uncertain += 1;
        }
        if line.contains(r#""kind":"reply""#) || line.contains(r#""kind":"best""#) {
            assert!(!shown, "{line}");
        }
    }
    assert!(uncertain > 20);
}

#[test]
fn checkpoints_change_nothing_and_damaged_ones_are_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let whole = Shared::default();
    let budget = Budget::calls(1000);
    let full =
        run(&whole, &Words::new(), budget, Some(Checkpoints::new(directory.path(), Every::Events(10))));
    let bytes = whole.bytes();
    let mut saved: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().path()).collect();
    saved.sort();
    assert_eq!(saved.len(), 3, "three are kept");
    let again =
        run(&whole, &Words::new(), budget, Some(Checkpoints::new(directory.path(), Every::Events(10))));
    assert_eq!((again.best, &again.report), (full.best, &full.report));
    std::fs::write(&saved[2], b"{}").unwrap();
    let again = run(
        &Shared::of(&bytes),
        &Words::new(),
        budget,
        Some(Checkpoints::new(directory.path(), Every::Events(10))),
    );
    assert_eq!((again.best, &again.report), (full.best, &full.report));
    // A checkpoint of another run's log is not taken up.
    let early: Vec<u8> = bytes.split_inclusive(|b| *b == b'\n').take(4).flatten().copied().collect();
    let log = Shared::of(&early);
    run(&log, &Words::new(), budget, Some(Checkpoints::new(directory.path(), Every::Events(10))))
        .ending
        .unwrap();
    assert_eq!(log.bytes(), bytes);
}

#[test]
fn the_budget_is_never_overspent_and_a_resume_agrees() {
    for calls in [6, 7, 11, 12, 13, 40, 78, 79] {
        let log = Shared::default();
        let full = run(&log, &Words::new(), Budget::calls(calls), None);
        let reason = if calls >= 78 { StopReason::Rounds } else { StopReason::Budget };
        assert_eq!(full.ending.unwrap(), Ending::Stopped(reason), "{calls}");
        assert!(full.evaluations <= calls && full.evaluations.is_multiple_of(6));
        let bytes = log.bytes();
        run(&log, &Words::new(), Budget::calls(calls), None).ending.unwrap();
        assert_eq!(log.bytes(), bytes, "resuming a finished run adds nothing");
    }
    for tokens in [100, 500, 777] {
        let log = Shared::default();
        let full = run(&log, &Words::new(), Budget::tokens(tokens), None);
        assert_eq!(full.ending.unwrap(), Ending::Stopped(StopReason::Budget));
        let bytes = log.bytes();
        let cut = bytes.len() / 2;
        let log = Shared::of(&bytes[..cut]);
        run(&log, &Words::new(), Budget::tokens(tokens), None).ending.unwrap();
        assert_eq!(log.bytes(), bytes);
    }
}

#[test]
fn failures_are_data_until_there_are_too_many() {
    let some = Words { failing: 8..12, concurrent: 1, ..Words::new() };
    let log = Shared::default();
    let ended = run(&log, &some, Budget::calls(1000), None);
    assert_eq!(ended.ending.unwrap(), Ending::Stopped(StopReason::Rounds));
    let text = String::from_utf8(log.bytes()).unwrap();
    assert_eq!(text.matches(r#""kind":"failed""#).count(), 4);

    let dead = Words { failing: 20..u64::MAX, concurrent: 1, ..Words::new() };
    let log = Shared::default();
    let error = run(&log, &dead, Budget::calls(1000), None).ending.unwrap_err();
    assert_eq!(
        error.to_string(),
        "evaluator: 20 of 40 calls failed (first: call 20 failed). Stopped after 40, $0.00 spent"
    );
    // Mended, the run goes on, and the failures held back are tried again.
    let ended = run(&log, &Words { concurrent: 1, ..Words::new() }, Budget::calls(1000), None);
    assert_eq!(ended.ending.unwrap(), Ending::Stopped(StopReason::Rounds));

    let refused = Words { failing: 0..1, kind: ErrorKind::Permanent, concurrent: 1, ..Words::new() };
    let error = run(&Shared::default(), &refused, Budget::calls(1000), None).ending.unwrap_err();
    assert_eq!(
        error.to_string(),
        "evaluator: 1 of 1 calls failed (first: call 0 failed, on val/0). Stopped after 1, $0.00 spent"
    );
}

#[test]
fn a_log_of_another_run_is_refused() {
    let log = Shared::default();
    run(&log, &Words::new(), Budget::calls(1000), None);
    let mut options = Options::new(5, Budget::calls(1000));
    options.fingerprint = "other".into();
    let words = Words::new();
    let mut observer = ();
    let mut driver =
        open(Box::new(log), Box::new(Climber::new(12)), &words, &Letters, &mut observer, options).unwrap();
    let error = block_on(driver.search()).unwrap_err();
    assert!(matches!(error, RunError::Changed { .. }), "{error}");
}

#[test]
fn a_checkpoint_does_not_hide_that_the_run_is_another() {
    let directory = tempfile::tempdir().unwrap();
    let log = Shared::default();
    run(
        &log,
        &Words::new(),
        Budget::calls(1000),
        Some(Checkpoints::new(directory.path(), Every::Events(10))),
    );
    let mut options = Options::new(5, Budget::calls(1000));
    options.fingerprint = "other".into();
    let words = Words::new();
    let mut observer = ();
    let driver =
        open(Box::new(log), Box::new(Climber::new(12)), &words, &Letters, &mut observer, options).unwrap();
    let refused = driver.with_checkpoints(Checkpoints::new(directory.path(), Every::Events(10)));
    assert!(matches!(refused.err(), Some(RunError::Changed { .. })));
}

#[test]
fn a_pause_in_the_middle_of_a_trial_loses_nothing() {
    let whole = Shared::default();
    run(&whole, &Words::new(), Budget::calls(1000), None);
    let log = Shared::default();
    let mut pauses = 0;
    loop {
        let words = Words::new();
        let mut options = Options::new(5, Budget::calls(1000));
        // Every session makes about ten calls, then is asked to pause.
        options.interrupted = Box::new(|| words.calls.load(Ordering::Relaxed) >= 10);
        let mut observer = ();
        let mut driver =
            open(Box::new(log.clone()), Box::new(Climber::new(12)), &words, &Letters, &mut observer, options)
                .unwrap();
        match block_on(driver.search()).unwrap() {
            Ending::Interrupted => pauses += 1,
            Ending::Stopped(_) => break,
        }
        assert!(pauses < 20);
    }
    assert!(pauses > 3);
    let text = |log: &Shared| String::from_utf8(log.bytes()).unwrap();
    assert!(text(&whole).starts_with(&text(&log)), "the report is all that is missing");
}

#[test]
fn the_final_scoring_is_paid_for_in_advance() {
    let words = Words::new();
    // Ten calls on the test split take at most 11 tokens each; the search may have the rest.
    let reserve = meta_traits::Cost::tokens(10, 100, 10);
    let open_with = |tokens: u64, log: &Shared, observer: &mut dyn orchestrator_core::run::Observer| {
        let mut options = Options::new(5, Budget::tokens(tokens));
        options.for_report = reserve;
        let mut driver =
            open(Box::new(log.clone()), Box::new(Climber::new(12)), &words, &Letters, observer, options)?;
        block_on(async {
            driver.search().await?;
            let best = driver.state().trajectory().last().map(|p| p.candidate);
            let best = driver.state().candidate(best.unwrap()).unwrap().as_ref().clone();
            let test: Vec<_> = (0..5).map(|i| ExampleId::new(Split::Test, i)).collect();
            let first = driver.report(0, &best, test.clone()).await?;
            let second = driver.report(1, &best, test).await?;
            let spent = driver.state().spent();
            Ok::<_, RunError>((first.is_some() && second.is_some(), spent.tokens_in + spent.tokens_out))
        })
    };
    for tokens in [200, 333, 500] {
        let (reported, spent) = open_with(tokens, &Shared::default(), &mut ()).unwrap();
        assert!(reported, "{tokens}");
        assert!(spent <= tokens, "{spent} of {tokens}");
    }
    let error = open_with(100, &Shared::default(), &mut ()).unwrap_err();
    assert!(error.to_string().contains("110 tokens asked for, 100 left"), "{error}");
}

#[test]
fn a_limit_of_time_ends_the_run_and_stays_in_the_log() {
    let words = Words::new();
    let log = Shared::default();
    let start = |limited: bool, log: &Shared| {
        let budget = Budget::calls(1000).and(Budget::time(std::time::Duration::from_mins(1)));
        let mut options = Options::new(5, budget);
        // A clock that moves by two seconds a metric call, and stands still after a resume.
        let calls = &words.calls;
        options.elapsed = Box::new(move || {
            let seconds = if limited { 2 * calls.load(Ordering::Relaxed) } else { 0 };
            std::time::Duration::from_secs(seconds)
        });
        let mut observer = ();
        let mut driver =
            open(Box::new(log.clone()), Box::new(Climber::new(12)), &words, &Letters, &mut observer, options)
                .unwrap();
        let ending = block_on(driver.search()).unwrap();
        (ending, driver.state().evaluations())
    };
    let (ending, evaluations) = start(true, &log);
    assert_eq!((ending, evaluations), (Ending::Stopped(StopReason::Budget), 30));
    let before = log.bytes();
    let (ending, evaluations) = start(false, &log);
    assert_eq!((ending, evaluations), (Ending::Stopped(StopReason::Budget), 30), "what ended stays ended");
    assert_eq!(log.bytes(), before);
}
