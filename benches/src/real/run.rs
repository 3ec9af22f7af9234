use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use meta_traits::{Components, Draw, ExampleId, Fidelity, Instances, Outcome, Stream, Trial, TrialId};
use orchestrator_core::compose::{self, Notice, Resolved};
use orchestrator_core::session::{Finish, Session};
use orchestrator_core::store::RunDirectory;
use serde::{Deserialize, Serialize};

use super::task::{Arm, Task};

/// Who writes new texts: the same in every arm.
const PROPOSER: &str = "structural";

/// What a run came to: a row of the program's last line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the task.
    pub task: String,
    /// Seed of the run.
    pub seed: u64,
    /// Name of the arm.
    pub optimizer: String,
    /// Who wrote new texts.
    pub proposer: String,
    /// Test score of the system that was brought.
    pub seed_test: f64,
    /// Test score of the system that was found.
    pub best_test: f64,
    /// 95 % interval of `best_test`.
    pub ci: [f64; 2],
    /// Metric calls of the search.
    pub calls: u64,
    /// Tokens that the search read and wrote.
    pub tokens: u64,
}

/// A row with what it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The row.
    #[serde(flatten)]
    pub row: Row,
    /// Scores of the found system on the test examples, in their order.
    pub scores: Vec<f32>,
    /// (metric calls, mean test score of what was recommended then on the first examples), every change of it.
    pub curve: Vec<(u64, f64)>,
    /// What was found.
    pub best: Components,
}

/// Runs an arm, or goes on with it, in a directory below `out`; a run that is finished there is read.
///
/// With `curve`, what was recommended on the way is scored on so many test examples: after the search, which sees
/// nothing of it.
///
/// # Errors
/// When the run fails.
pub async fn measure(
    task: &Task,
    arm: Arm,
    model: &str,
    calls: u64,
    seed: u64,
    curve: usize,
    out: &Path,
) -> anyhow::Result<Finished> {
    let name = format!("{}-{}-{seed}", task.name, arm.name().replace(':', "-"));
    let file = out.join(format!("{name}.json"));
    if let Ok(text) = fs::read_to_string(&file) {
        return serde_json::from_str(&text).with_context(|| format!("{}: no finished run", file.display()));
    }
    fs::create_dir_all(out)?;
    let resolved = Resolved { base: fs::canonicalize(out)?, config: task.config(arm, model, calls, seed)? };
    let path = out.join("runs").join(format!("{name}-1"));
    let mut directory = match RunDirectory::open(&path) {
        Ok(directory) => directory,
        Err(_) => RunDirectory::create(&out.join("runs"), &name, &resolved.to_yaml()?)?,
    };
    let quiet = |_: &Notice| {};
    let session = compose::session(&resolved, Some(&directory), &quiet).await?;
    let Finish::Done(result) = session.run(&mut directory, &mut (), &|| false).await? else {
        bail!("{name} was paused");
    };
    let Some(held_out) = &result.held_out else { bail!("{name} has no test score") };
    let scores = test_scores(&session, &result.best_system, session.test.len()).await?;
    let mut points = Vec::new();
    if curve > 0 {
        let (state, _) = RunDirectory::state_of(directory.path(), session.budget)?;
        let mut known: Vec<(u32, f64)> = Vec::new();
        for point in &result.performance_trajectory {
            let found = known.iter().find(|(candidate, _)| *candidate == point.candidate);
            let score = if let Some((_, score)) = found {
                *score
            } else {
                let Some(candidate) = state.candidate(point.candidate) else { continue };
                let score = mean(&test_scores(&session, candidate, curve).await?);
                known.push((point.candidate, score));
                score
            };
            points.push((point.evaluations, score));
        }
    }
    let row = Row {
        task: task.name.clone(),
        seed,
        optimizer: arm.name(),
        proposer: PROPOSER.to_owned(),
        seed_test: held_out.seed.mean,
        best_test: held_out.best.mean,
        ci: [held_out.best.low, held_out.best.high],
        calls: result.total_rollouts,
        tokens: result.spent.tokens_in + result.spent.tokens_out,
    };
    let finished = Finished { row, scores, curve: points, best: result.best_system.clone() };
    fs::write(&file, serde_json::to_string(&finished)?)?;
    Ok(finished)
}

fn mean(scores: &[f32]) -> f64 {
    scores.iter().map(|s| f64::from(*s)).sum::<f64>() / scores.len().max(1) as f64
}

/// Scores on the first `n` test examples; answers are in the run's cache where they were given before.
async fn test_scores(session: &Session, candidate: &Components, n: usize) -> anyhow::Result<Vec<f32>> {
    let on: Vec<ExampleId> = session.test.iter().copied().take(n).collect();
    let mut scores = Vec::with_capacity(on.len());
    for example in on {
        let on = Instances::Draws(vec![Draw { example, repeat: 0 }]);
        let trial = Trial::new(TrialId(0), candidate.clone(), Fidelity::FULL, on);
        match session.evaluator.evaluate(&trial, Stream::root(session.seed).child("test", 0)).await {
            Outcome::Complete(seen) => scores.extend(seen.instances.iter().map(|s| s.score)),
            other => bail!("a test example could not be scored: {other:?}"),
        }
    }
    Ok(scores)
}
