//! Systems and metrics in any language, as a child process that speaks JSON lines.
//!
//! The protocol, with every field, limit and fault, is described in `docs/external-evaluator.md`. In short:
//!
//! ```text
//! > {"hello":{"protocol":1}}
//! < {"hello":{"protocol":1,"components":{NAME:{"kind":"text","seed":".."}},"examples":{"train":N,"val":N,"test":N},"propose":false,"concurrency":K}}
//! > {"id":7,"evaluate":{"candidate":{NAME:".."},"example":"train/12","seed":1}}
//! < {"id":7,"score":0.5,"feedback":[{"component":NAME,"text":".."}],"cost":{"calls":3}}
//! ```
//!
//! **Supervision.** One task owns the process. Up to K requests are in flight; answers may come in any order. A crash,
//! or silence beyond the time-out, fails the requests in flight ([`meta_traits::ErrorKind::Transient`]) and nothing
//! else: the process is started again when the next request comes, after a pause that doubles with each restart that
//! brought no good answer (50 ms to 10 s). After `max_restarts` such restarts in a row every request fails at once
//! ([`meta_traits::ErrorKind::Permanent`]). What the process writes to stderr goes to the log file, and so does every
//! breach of the protocol. Dropping [`External`] kills the process and, on Unix, its process group.

use std::fmt;

use meta_traits::{
    Batching, BoxFuture, Components, Cost, Draw, ErrorKind, Evaluator, Instances, Observation, Outcome,
    Query, Scored, Stream, Trial,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use self::hello::hello_of;
use self::job::{Answered, Body, Failure, Job};
use self::log::Log;
use self::process::Process;
use self::supervisor::Supervisor;
use crate::EvaluationError;

mod answer;
mod hello;
mod job;
mod line;
mod log;
mod process;
mod spec;
mod supervisor;

#[cfg(unix)]
pub(crate) use process::kill_group;

pub use hello::{ExampleCounts, Hello};
pub use spec::ExternalSpec;

/// Seeds stay below 2^53, so that JSON readers which keep numbers as doubles read them exactly.
const SEED_MASK: u64 = (1 << 53) - 1;

/// A running evaluator program.
///
/// Needs a tokio runtime with time and IO; the process lives as long as this value.
///
/// ```no_run
/// # async fn example() -> Result<(), evaluation::EvaluationError> {
/// use evaluation::{External, ExternalSpec};
/// let evaluator = External::spawn(ExternalSpec::new(["python3", "evaluator.py"])).await?;
/// println!("{} components", evaluator.hello().components.len());
/// # Ok(())
/// # }
/// ```
pub struct External {
    hello: Hello,
    concurrency: usize,
    jobs: mpsc::UnboundedSender<Job>,
    task: JoinHandle<()>,
}

impl fmt::Debug for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("External").field("hello", &self.hello).finish_non_exhaustive()
    }
}

impl Drop for External {
    fn drop(&mut self) {
        // The task owns the process, which is killed when it is dropped.
        self.task.abort();
    }
}

impl External {
    /// Starts the program and waits for its hello.
    ///
    /// # Errors
    /// [`EvaluationError::Command`] when it cannot be started, [`EvaluationError::Log`] when the log cannot be
    /// opened, [`EvaluationError::Hello`] when no good hello comes in time.
    pub async fn spawn(spec: ExternalSpec) -> Result<Self, EvaluationError> {
        spec.check()?;
        let log = Log::open(spec.stderr_log.as_deref())?;
        let mut process = Process::start(&spec, &log)?;
        let hello = hello_of(&mut process, &spec).await?;
        let concurrency = spec.concurrency.unwrap_or(hello.concurrency).max(1);
        let (jobs, inbox) = mpsc::unbounded_channel();
        let supervisor = Supervisor::new(spec, hello.clone(), concurrency, log, process, inbox);
        let task = tokio::spawn(supervisor.run());
        Ok(Self { hello, concurrency, jobs, task })
    }

    /// What the program said about itself.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Requests in flight at once: what the specification sets, else what the program said.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Has the program write a new text for the component of `query`, and says what that cost.
    ///
    /// The evidence goes out as `feedback`, one item a score: `{"example": "train/3", "score": 0.5, "text": ".."}`,
    /// where the text holds the notes about the component, one a line, and is empty without any. Of `seed` the lower
    /// 53 bits are sent.
    ///
    /// # Errors
    /// [`EvaluationError::Request`]: the program does not propose (`Config`), or the request failed as evaluations do.
    pub async fn propose(&self, query: &Query, seed: u64) -> Result<(String, Cost), EvaluationError> {
        if !self.hello.propose {
            let message = "the program's hello says \"propose\": false. Choose another proposer".to_owned();
            return Err(EvaluationError::Request { kind: ErrorKind::Config, message });
        }
        let body = Body::propose(query, seed & SEED_MASK);
        let (result, cost) = self.submit(body).await.unwrap_or_else(|_| gone());
        match result {
            Ok(answer) => Ok((answer.text, cost)),
            Err(Failure { kind, message }) => {
                let message = format!("proposal for component '{}': {message}", query.component);
                Err(EvaluationError::Request { kind, message })
            }
        }
    }

    fn submit(&self, body: Body) -> oneshot::Receiver<Answered> {
        let (reply, answer) = oneshot::channel();
        // A refused job drops its sender, which the receiver sees.
        let _ = self.jobs.send(Job::new(body, reply));
        answer
    }

    /// Why `trial` cannot be sent at all, or its draws.
    fn draws<'t>(&self, trial: &'t Trial<Components>) -> Result<&'t [Draw], Failure> {
        let invalid = |message: String| Failure { kind: ErrorKind::InvalidInput, message };
        let Instances::Draws(draws) = &trial.on else {
            return Err(invalid("the trial names no draws; number the repeats before evaluating".into()));
        };
        if draws.is_empty() {
            return Err(invalid("the trial names no example".into()));
        }
        if let Some(draw) = draws.iter().find(|d| d.example.index >= self.hello.examples.of(d.example.split))
        {
            let held = self.hello.examples.of(draw.example.split);
            let split = draw.example.split.name();
            return Err(invalid(format!(
                "there is no example {}; the evaluator holds {held} in {split}",
                draw.example
            )));
        }
        let same = trial.candidate.len() == self.hello.components.len()
            && self.hello.components.names().all(|name| trial.candidate.get(name).is_some());
        if !same {
            let known: Vec<&str> = self.hello.components.names().collect();
            return Err(invalid(format!(
                "the candidate must hold exactly the components {}",
                known.join(", ")
            )));
        }
        Ok(draws)
    }
}

impl Evaluator<Components> for External {
    /// Sends every draw of `trial`, waits for all, and sums the cost; one failed draw fails the trial.
    ///
    /// `seed` of a draw is the key of `rng.child(split, index).child("repeat", repeat)` below 2^53: it depends on the
    /// draw, not on the block it comes in. Each draw that was sent counts as one evaluation. Dropping the future
    /// forgets the answers; requests already sent still occupy the program.
    fn evaluate<'a>(&'a self, trial: &'a Trial<Components>, rng: Stream) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let draws = match self.draws(trial) {
                Ok(draws) => draws,
                Err(Failure { kind, message }) => {
                    return Outcome::Failed {
                        kind,
                        message: format!("evaluator: {message}"),
                        cost: Cost::ZERO,
                    };
                }
            };
            let sent: Vec<_> = draws
                .iter()
                .map(|draw| {
                    let of_example = rng.child(draw.example.split.name(), u64::from(draw.example.index));
                    let seed = of_example.child("repeat", u64::from(draw.repeat)).key() & SEED_MASK;
                    self.submit(Body::evaluate(&trial.candidate, draw.example, seed))
                })
                .collect();
            let (mut scores, mut total, mut failed) = (Vec::with_capacity(draws.len()), Cost::ZERO, None);
            for (draw, answer) in draws.iter().zip(sent) {
                let (result, cost) = answer.await.unwrap_or_else(|_| gone());
                total += cost;
                match result {
                    Ok(answer) => {
                        let mut scored = Scored::new(*draw, answer.score);
                        if trial.trace {
                            scored.notes = answer.notes;
                        }
                        scores.push(scored);
                    }
                    Err(failure) => {
                        failed.get_or_insert((draw.example, failure));
                    }
                }
            }
            match failed {
                None => Outcome::Complete(Observation::of_scores(scores, total)),
                Some((example, Failure { kind, message })) => Outcome::Failed {
                    kind,
                    message: format!("evaluator: example {example}: {message}"),
                    cost: total,
                },
            }
        })
    }

    fn batching(&self) -> Batching {
        Batching { block: 1, concurrent: self.concurrency }
    }
}

/// The answer of a supervisor that is no more.
fn gone() -> Answered {
    let message = "the evaluator's supervisor has ended with its runtime".to_owned();
    (Err(Failure { kind: ErrorKind::Cancelled, message }), Cost::ZERO)
}
