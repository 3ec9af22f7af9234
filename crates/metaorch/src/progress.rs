//! What a user sees while a run goes on.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use meta_traits::{Budget, Unit};
use orchestrator_core::run::{Observer, Progress};

/// Shows a run's progress: a bar on a terminal, JSON lines elsewhere.
pub(crate) struct Show {
    json: bool,
    colour: bool,
    bar: ProgressBar,
    best: String,
}

impl Show {
    /// `json` forces JSON lines; so does an output that is no terminal. `NO_COLOR` is honoured.
    pub(crate) fn new(json: bool, budget: &Budget) -> Self {
        let json = json || !std::io::stdout().is_terminal();
        let colour = !json && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let bar = if json {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(budget.limit(Unit::Evaluations).unwrap_or(0))
        };
        if !json {
            bar.set_draw_target(ProgressDrawTarget::stdout());
            let template = "[{bar:24}] {pos}/{len} calls  {elapsed}  left {eta}\n{msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("##-"));
            }
            bar.enable_steady_tick(Duration::from_millis(500));
        }
        Self { json, colour, bar, best: String::from("scoring the seed") }
    }

    /// Whether output is JSON lines.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people; not printed in JSON mode.
    pub(crate) fn say(&self, text: &str) {
        if !self.json {
            self.bar.suspend(|| println!("{text}"));
        }
    }

    /// Ends the display.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn bold(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn draw(&self, progress: &Progress) {
        match progress {
            Progress::Started { replayed: 0 } => {}
            Progress::Started { replayed } => self.say(&format!("resumed after {replayed} recorded events")),
            Progress::Uncertain { what, cap } => self.say(&format!(
                "{what}: may have been paid for before the kill (at most {} calls, {} tokens); issued again",
                cap.of(Unit::ModelCalls),
                cap.of(Unit::Tokens)
            )),
            Progress::Trial { evaluations, .. } => self.bar.set_position(*evaluations),
            Progress::Decision { text } => self.say(&format!("  {text}")),
            Progress::Stopped { reason, evaluations } => {
                self.say(&format!("search over after {evaluations} calls: {reason:?}"));
                self.bar.set_message("scoring seed and best on the test split");
            }
            Progress::Reporting { done, of } => {
                self.bar.set_length(*of as u64);
                self.bar.set_position(*done as u64);
            }
            _ => {}
        }
    }
}

impl Observer for Show {
    fn observe(&mut self, progress: &Progress) {
        if self.json {
            // The reporting counter is for eyes; a line an example would drown everything else.
            if !matches!(progress, Progress::Reporting { .. }) {
                print_json(progress);
            }
            return;
        }
        if let Progress::Best { score, error, .. } = progress {
            let plus_minus = error.map(|e| format!(" +-{:.3}", 1.96 * e)).unwrap_or_default();
            self.best = format!("best {}{plus_minus}", self.bold(&format!("{score:.3}")));
            self.bar.set_message(self.best.clone());
        }
        self.draw(progress);
    }
}

/// What went wrong, on one line; in JSON mode also as an object.
pub(crate) fn print_error(json: bool, kind: meta_traits::ErrorKind, error: &dyn std::fmt::Display) {
    if json {
        print_json(&serde_json::json!({"event": "error", "kind": kind, "message": error.to_string()}));
    }
    eprintln!("error: {error}");
}

/// One JSON object on a line of its own.
pub(crate) fn print_json(value: &impl serde::Serialize) {
    let mut out = std::io::stdout().lock();
    // A reader that went away is no reason to stop a run that is being recorded.
    let _ = serde_json::to_writer(&mut out, value).map(|()| writeln!(out));
}
