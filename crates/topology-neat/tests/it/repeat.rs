//! A run gives the same log, byte for byte, for any number of threads and when it is resumed anywhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Snapshot as _, Stream, Trial};
use topology_neat::{Library, ModuleKind, SearchOptions, Variety, Workflow, WorkflowSearch, WorkflowSpace};

/// Trials asked for before any is told, and rounds of them.
const AT_ONCE: usize = 8;
const ROUNDS: usize = 7;

fn search(variety: Variety, seed: u64) -> WorkflowSearch {
    let kinds = vec![
        (ModuleKind::Generate, 3),
        (ModuleKind::Verify, 2),
        (ModuleKind::Refine, 2),
        (ModuleKind::Vote, 1),
    ];
    let space = WorkflowSpace::new(Library::new(kinds).unwrap(), 8, 4).unwrap();
    WorkflowSearch::new(
        space,
        SearchOptions { predictor: true, variety, ..SearchOptions::default() },
        Stream::root(seed),
    )
    .unwrap()
}

/// Every tenth fails; the others' losses depend on the workflow and the trial.
fn outcome(trial: &Trial<Workflow>) -> Outcome {
    if trial.id.0 % 10 == 9 {
        return Outcome::Complete(Observation::of_loss(f64::NAN));
    }
    let noise = Stream::root(trial.id.0).unit();
    let size = trial.candidate.modules().len() as f64;
    let mut observation = Observation::of_loss((size - 4.0).abs() + 0.1 * noise);
    observation.variance = Some(0.01);
    Outcome::Complete(observation)
}

fn ask(search: &mut WorkflowSearch) -> Vec<Trial<Workflow>> {
    let asked = (0..AT_ONCE).map(|_| search.ask());
    asked.map(|ask| if let Ask::Run(trial) = ask { trial } else { panic!("the search goes on") }).collect()
}

/// Evaluates with so many threads and tells in the order in which they end.
#[expect(clippy::disallowed_methods, reason = "the test is the driver, which owns the threads")]
fn tell(search: &mut WorkflowSearch, trials: &[Trial<Workflow>], threads: usize) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let sender = sender.clone();
            let next = &next;
            scope.spawn(move || {
                while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    sender.send((trial.id, outcome(trial))).unwrap();
                }
            });
        }
        drop(sender);
        let mut done: Vec<_> = receiver.iter().collect();
        // Whatever the threads did, no order of telling may matter.
        let by = threads % done.len().max(1);
        done.rotate_left(by);
        for (id, outcome) in done {
            search.tell(id, outcome).unwrap();
        }
    });
}

fn lines(search: &mut WorkflowSearch) -> String {
    search.take_log().iter().map(|r| serde_json::to_string(r).unwrap() + "\n").collect()
}

fn run(variety: Variety, threads: usize) -> (String, String) {
    let mut search = search(variety, 3);
    let mut log = String::new();
    for _ in 0..ROUNDS {
        let trials = ask(&mut search);
        tell(&mut search, &trials, threads);
        log += &lines(&mut search);
    }
    (log, search.lineage().dot())
}

#[test]
fn logs_are_the_same_bytes_for_any_number_of_threads() {
    for variety in [Variety::Niches, Variety::Pareto, Variety::Novelty] {
        let one = run(variety, 1);
        assert_eq!(one.0.lines().count(), AT_ONCE * ROUNDS);
        for threads in [2, 8] {
            assert_eq!(run(variety, threads), one, "{threads} threads");
        }
    }
}

#[test]
fn logs_are_the_same_bytes_when_resumed_anywhere() {
    let whole = run(Variety::Niches, 1);
    for stop in 0..ROUNDS {
        for told in [false, true] {
            let mut search = search(Variety::Niches, 3);
            let mut log = String::new();
            for round in 0..ROUNDS {
                let trials = ask(&mut search);
                let split = if told { AT_ONCE } else { AT_ONCE / 2 };
                tell(&mut search, &trials[..split], 1);
                if round == stop {
                    let saved = serde_json::to_string(&search.snapshot()).unwrap();
                    search = self::search(Variety::Novelty, 99);
                    search.restore(serde_json::from_str(&saved).unwrap()).unwrap();
                }
                tell(&mut search, &trials[split..], 1);
                log += &lines(&mut search);
            }
            assert_eq!((log, search.lineage().dot()), whole, "resumed in round {stop}");
        }
    }
}
