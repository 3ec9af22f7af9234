//! `check`: finds what is wrong before a run does.

use std::path::Path;

use meta_traits::{Draw, Fidelity, Instances, Outcome, Stream, Trial, TrialId};
use orchestrator_core::Error;
use orchestrator_core::compose::{self, Notice, Resolved};
use orchestrator_core::config::RunConfig;
use orchestrator_core::run::RunError;

use crate::args::Settings;
use crate::cmd::config::layers;
use crate::exit;
use crate::progress::print_json;

/// Reads everything, opens every model, and evaluates the seed on one training example.
pub(crate) async fn check(config: &Path, settings: &Settings, json: bool) -> Result<u8, Error> {
    let resolved = Resolved::new(RunConfig::from_file_under(config, layers(settings)?)?, config)?;
    let say = |n: &Notice| {
        if json {
            print_json(n);
        } else {
            println!("{n}");
        }
    };
    let session = compose::session(&resolved, None, &say).await?;
    let draw = Draw { example: session.train[0], repeat: 0 };
    let on = Instances::Draws(vec![draw]);
    let trial = Trial::new(TrialId(0), session.start.clone(), Fidelity::FULL, on).traced();
    let rng = Stream::root(session.seed).child("check", 0);
    let seen = match session.evaluator.evaluate(&trial, rng).await {
        Outcome::Complete(seen) => seen,
        Outcome::Failed { kind, message, cost } => {
            let first = format!("{message}, on {}", draw.example);
            let usd = cost.nano_usd as f64 * 1e-9;
            return Err(RunError::Evaluator { failed: 1, calls: 1, first, usd, kind }.into());
        }
        _ => return Err(RunError::Stuck.into()),
    };
    let score = seen.instances.first().map_or(f32::NAN, |s| s.score);
    if json {
        print_json(&serde_json::json!({
            "event": "check", "components": session.start.names().collect::<Vec<_>>(),
            "train": session.train.len(), "val": session.val.len(), "test": session.test.len(),
            "example": draw.example, "score": score, "cost": seen.cost,
        }));
    } else {
        println!(
            "data        {} train / {} val / {} test",
            session.train.len(),
            session.val.len(),
            session.test.len()
        );
        println!("components  {}", session.start.names().collect::<Vec<_>>().join(", "));
        println!(
            "dry call    {} scored {score}: {} model calls, {} tokens in, {} out",
            draw.example, seen.cost.calls, seen.cost.tokens_in, seen.cost.tokens_out
        );
        println!("ok");
    }
    Ok(exit::OK)
}
