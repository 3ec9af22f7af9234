use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use meta_traits::Outcome;

use super::study::{Study, Trial};
use crate::progress::print_json;

/// Shows how a search goes: a bar on a terminal, a JSON line a trial elsewhere.
pub(crate) struct Show {
    pub(crate) json: bool,
    bar: ProgressBar,
}

impl Show {
    /// `json` forces JSON lines; so does an output that is no terminal.
    pub(crate) fn new(json: bool, study: &Study) -> Self {
        let json = json || !std::io::stdout().is_terminal();
        let bar = ProgressBar::hidden();
        if !json {
            bar.set_length(study.settings.evals.unwrap_or(0));
            bar.set_draw_target(ProgressDrawTarget::stdout());
            if let Ok(style) =
                ProgressStyle::with_template("[{bar:24}] {pos}/{len} trials  {elapsed}  left {eta}\n{msg}")
            {
                bar.set_style(style.progress_chars("##-"));
            }
            bar.set_position(study.trials().filter(|t| t.outcome.is_some()).count() as u64);
        }
        Self { json, bar }
    }

    /// A trial was told.
    pub(crate) fn told(&mut self, study: &Study, trial: &Trial) {
        let best = study.best();
        if self.json {
            print_json(&serde_json::json!({
                "event": "trial", "trial": trial.id, "parameters": trial.parameters,
                "fidelity": trial.fidelity.get(), "value": trial.loss().map(|(loss, _)| reported(study, loss)),
                "failed": failure(trial), "best": best.map(|b| b.id),
            }));
            return;
        }
        self.bar.inc(1);
        if let Some(reason) = failure(trial) {
            self.bar.suspend(|| println!("  trial {} failed: {reason}", trial.id));
        }
        if let Some((best, (loss, _))) = best.and_then(|best| Some((best, best.loss()?))) {
            self.bar.set_message(format!("best {} at trial {}", reported(study, loss), best.id));
        }
    }

    /// Ends the display.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// The loss as the program reported it.
pub(crate) fn reported(study: &Study, loss: f64) -> f64 {
    if study.settings.maximize { -loss } else { loss }
}

/// Why a trial gave no usable loss.
pub(crate) fn failure(trial: &Trial) -> Option<String> {
    match trial.outcome.as_ref()? {
        Outcome::Failed { message, .. } => Some(message.clone()),
        Outcome::Complete(seen) if !seen.is_sound() => Some("a constraint is violated".to_owned()),
        _ => None,
    }
}
