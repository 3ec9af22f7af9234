//! `status`: reads the log of a run without disturbing it.

use std::path::Path;

use meta_traits::Unit;
use orchestrator_core::Error;
use orchestrator_core::compose::Resolved;
use orchestrator_core::store::RunDirectory;

use crate::exit;
use crate::progress::print_json;

/// Shows how far a run is.
pub(crate) fn status(run: &Path, json: bool) -> Result<u8, Error> {
    let resolved = Resolved::from_yaml(&RunDirectory::config(run)?)?;
    let budget = resolved.config.limits()?;
    let (state, events) = RunDirectory::state_of(run, budget)?;
    let (best, seed) = (state.trajectory().last(), state.trajectory().first());
    let (failed, _) = state.failures();
    if json {
        print_json(&serde_json::json!({
            "event": "status", "directory": run, "events": events,
            "evaluations": state.evaluations(), "budget": budget, "spent": state.spent(),
            "proposals": state.rounds(), "failed": failed, "candidates": state.candidates().len(),
            "seed_score": seed.map(|p| p.score), "best_score": best.map(|p| p.score), "stop": state.stop(),
        }));
        return Ok(exit::OK);
    }
    let of = budget.limit(Unit::Evaluations).map(|n| format!(" of {n}")).unwrap_or_default();
    println!("{}   {} events", run.display(), events);
    println!(
        "spent  {}{of} metric calls, {} model calls, {} tokens, ${:.4}; {failed} calls failed",
        state.evaluations(),
        state.spent().calls,
        state.spent().of(Unit::Tokens),
        state.spent().nano_usd as f64 * 1e-9
    );
    match (seed, best) {
        (Some(seed), Some(best)) => println!(
            "best   {:.3} (seed {:.3}), found after {} calls; {} proposals, {} candidates",
            best.score,
            seed.score,
            best.evaluations,
            state.rounds(),
            state.candidates().len()
        ),
        _ => println!("best   the seed has no score yet"),
    }
    match state.stop() {
        Some(reason) => println!("state  search over: {reason:?}"),
        None => println!("state  not finished; go on with: metaorch resume {}", run.display()),
    }
    Ok(exit::OK)
}
