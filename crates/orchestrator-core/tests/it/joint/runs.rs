//! The joint search under the product's run loop: resumed at any byte, and asked for in a configuration.

use meta_traits::{Budget, Split, StopReason, Stream};
use orchestrator_core::algorithms::{Joint, joint};
use orchestrator_core::compose::{Resolved, session};
use orchestrator_core::config::RunConfig;
use orchestrator_core::run::{Ending, Options, open};
use orchestrator_core::session::Finish;
use orchestrator_core::simulated::{Family, Problem, Scenario};
use orchestrator_core::store::RunDirectory;

use crate::resume::{Shared, block_on};

/// Runs, or goes on with, a search on the simulated system; gives its ending and the calls it used.
fn search(log: &Shared, problem: &Problem) -> (Ending, u64) {
    let (train, val) = (problem.examples(Split::Train), problem.examples(Split::Val));
    let joint = Joint::new(&problem.seed(), train, val, joint::Options::default(), Stream::root(3)).unwrap();
    let options = Options::new(3, Budget::calls(150));
    let mut observer = |_: &orchestrator_core::run::Progress| {};
    let storage = Box::new(log.clone());
    let mut driver = open(storage, Box::new(joint), problem, problem, &mut observer, options).unwrap();
    let ending = block_on(driver.search()).unwrap();
    (ending, driver.state().evaluations())
}

#[test]
fn every_cut_of_the_log_resumes_to_the_same_bytes() {
    let problem = Problem::new(7, Scenario::Prompts, Family::Noisy);
    let whole = Shared::default();
    let (ending, calls) = search(&whole, &problem);
    assert_eq!(ending, Ending::Stopped(StopReason::Budget));
    assert!(calls > 120 && calls <= 150, "{calls}");
    let bytes = whole.bytes();
    let ends: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] == b'\n').map(|i| i + 1).collect();
    assert!(ends.len() > 40);
    for cut in ends.iter().flat_map(|end| [*end, (*end + 17).min(bytes.len())]) {
        let log = Shared::of(&bytes[..cut]);
        assert_eq!(search(&log, &problem), (Ending::Stopped(StopReason::Budget), calls), "cut {cut}");
        assert!(log.bytes() == bytes, "cut {cut}");
    }
}

/// A scripted model answers "red" to everything, so labels decide and structural edits are tried.
#[test]
fn a_configuration_asks_for_it_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (split, n) in [("train", 12), ("val", 8), ("test", 6)] {
        let row = |i: usize| {
            let label = ["red", "red", "blue"][i % 3];
            format!(r#"{{"input": "{split} thing number {i}", "expected": "{label}"}}"#)
        };
        let text = (0..n).map(row).collect::<Vec<_>>().join("\n");
        std::fs::write(folder.path().join(format!("{split}.jsonl")), text).unwrap();
    }
    let config = |calls: u64| {
        let text = format!(
            "data: {{train: train.jsonl, val: val.jsonl, test: test.jsonl}}
metric: label
models: {{task: {{provider: scripted, model: red and then some more}}}}
system:
  modules:
    notes: {{kind: llm, model: task, prompt: 'Notes on {{{{ input }}}}', max_tokens: 40}}
    colour: {{kind: llm, model: task, prompt: '{{{{ notes }}}} Thing: {{{{ input }}}} Colour:', labels: [red, blue]}}
optimizer: {{algorithm: joint}}
budget: {{calls: {calls}}}
"
        );
        RunConfig::from_text(&text, "test").unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let base = folder.path().to_owned();
    let open = |calls| {
        runtime.block_on(session(&Resolved { base: base.clone(), config: config(calls) }, None, &|_| {}))
    };
    let poor = open(10).err().unwrap().to_string();
    assert!(poor.contains("24") && poor.contains("10"), "{poor}");

    let session = open(100).unwrap();
    let mut directory = RunDirectory::create(&base.join("runs"), "joint", "none").unwrap();
    let finish = runtime.block_on(session.run(&mut directory, &mut (), &|| false)).unwrap();
    let Finish::Done(result) = finish else { panic!("nobody paused") };
    assert_eq!(result.algorithm_history, [("joint".to_owned(), result.total_rollouts)]);
    assert!(result.total_rollouts <= 100 && result.generations > 3, "{result:?}");
    assert_eq!(result.held_out.unwrap().examples, 6);
}
