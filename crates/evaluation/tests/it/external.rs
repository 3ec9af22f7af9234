//! Real child processes: each fault that a program can show is written as a small Python script.

mod documented;
mod faults;
mod lifetime;
mod protocol;
mod start;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use evaluation::{EvaluationError, External, ExternalSpec};
use meta_traits::{
    Components, Cost, Draw, ErrorKind, Evaluator, ExampleId, Fidelity, Instances, Observation, Outcome,
    Split, Stream, Trial, TrialId,
};
use tempfile::TempDir;

/// What every script starts with: unbuffered reading, and a count of the starts of the program.
const PRELUDE: &str = r#"
import json, os, select, sys, threading, time
stdin = os.fdopen(0, "rb", 0)
with open("starts", "a") as f: f.write("x")
starts = os.path.getsize("starts")
def send(x): os.write(1, ((x if isinstance(x, str) else json.dumps(x)) + "\n").encode())
def receive():
    line = stdin.readline()
    if not line: sys.exit(0)
    return json.loads(line)
def hello(concurrency=1, **more):
    receive()
    send({"hello": dict({"protocol": 1, "components": {"b": {"kind": "text", "seed": "B"}, "a": {"kind": "text", "seed": "A"}},
          "examples": {"train": 100, "val": 10, "test": 10}, "concurrency": concurrency}, **more)})
def example(request): return int(request["evaluate"]["example"].split("/")[1])
def answer(request, score=None, text="", **more):
    score = example(request) / 100 if score is None else score
    send(dict({"id": request["id"], "score": score, "feedback": [{"component": "a", "text": text}], "cost": {"calls": 1}}, **more))
"#;

/// A program in a folder of its own, which is also its working directory.
struct Program {
    dir: TempDir,
    spec: ExternalSpec,
}

impl Program {
    fn new(script: &str) -> Self {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("program.py"), format!("{PRELUDE}\n{script}")).unwrap();
        let mut spec = ExternalSpec::new(["python3", "program.py"]);
        spec.cwd = Some(dir.path().to_owned());
        spec.stderr_log = Some(dir.path().join("stderr.log"));
        // Far above what a loaded machine needs to start Python, so that only tests about time-outs see one.
        spec.timeout = Duration::from_mins(2);
        spec.hello_timeout = Duration::from_mins(2);
        Self { dir, spec }
    }

    fn timeout(mut self, millis: u64) -> Self {
        self.spec.timeout = Duration::from_millis(millis);
        self
    }

    fn max_restarts(mut self, n: u32) -> Self {
        self.spec.max_restarts = n;
        self
    }

    async fn start(&self) -> External {
        self.try_start().await.unwrap()
    }

    async fn try_start(&self) -> Result<External, EvaluationError> {
        External::spawn(self.spec.clone()).await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn log(&self) -> String {
        self.read("stderr.log")
    }

    fn starts(&self) -> usize {
        self.read("starts").len()
    }
}

fn seeds() -> Components {
    [("b", "B"), ("a", "A")].into_iter().collect()
}

fn draw(index: u32) -> Draw {
    Draw { example: ExampleId::new(Split::Train, index), repeat: 0 }
}

fn trial(draws: &[Draw]) -> Trial<Components> {
    Trial::new(TrialId(1), seeds(), Fidelity::FULL, Instances::Draws(draws.to_vec())).traced()
}

/// Evaluates train examples in one trial.
async fn evaluate(external: &External, examples: &[u32]) -> Outcome {
    let draws: Vec<Draw> = examples.iter().copied().map(draw).collect();
    external.evaluate(&trial(&draws), Stream::root(1)).await
}

#[track_caller]
fn complete(outcome: Outcome) -> Observation {
    match outcome {
        Outcome::Complete(observation) => observation,
        other => panic!("not complete: {other:?}"),
    }
}

#[track_caller]
fn failed(outcome: Outcome) -> (ErrorKind, String, Cost) {
    match outcome {
        Outcome::Failed { kind, message, cost } => {
            assert!(message.starts_with("evaluator: ") && !message.contains('\n'), "{message}");
            (kind, message, cost)
        }
        other => panic!("not failed: {other:?}"),
    }
}

/// The score of one train example, which must be there.
async fn score(external: &External, example: u32) -> f32 {
    complete(evaluate(external, &[example]).await).instances[0].score
}
