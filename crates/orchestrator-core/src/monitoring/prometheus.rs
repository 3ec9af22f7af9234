use std::fmt::Write as _;

use meta_traits::{Cost, Unit};

use crate::result::RunResult;
use crate::run::{Progress, RunState};

/// Counters and gauges of a run, in the text format that Prometheus reads.
///
/// ```
/// use meta_traits::Cost;
/// use orchestrator_core::monitoring::Metrics;
/// use orchestrator_core::run::Progress;
/// let mut metrics = Metrics::new("tickets");
/// let (evaluations, spent) = (8, Cost::tokens(8, 900, 24));
/// metrics.observe(&Progress::Trial { trial: 0, score: Some(0.5), examples: 8, evaluations, spent });
/// assert!(metrics.text().contains("metaorch_metric_calls_total{run=\"tickets\"} 8\n"));
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    run: String,
    calls: u64,
    spent: Cost,
    failed: u64,
    improvements: u64,
    best: Option<f64>,
    finished: Vec<(String, f64)>,
}

impl Metrics {
    /// Nothing yet, of a run called `run`.
    pub fn new(run: &str) -> Self {
        // Label values escape these three.
        let run = run.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        Self {
            run,
            calls: 0,
            spent: Cost::ZERO,
            failed: 0,
            improvements: 0,
            best: None,
            finished: Vec::new(),
        }
    }

    /// Takes notice of what happened.
    pub fn observe(&mut self, progress: &Progress) {
        match progress {
            Progress::Trial { score, examples, evaluations, spent, .. } => {
                self.failed += if score.is_none() { *examples as u64 } else { 0 };
                (self.calls, self.spent) = (*evaluations, *spent);
            }
            Progress::Best { score, .. } => {
                self.improvements += u64::from(self.best.is_some());
                self.best = Some(*score);
            }
            _ => {}
        }
    }

    /// Takes over what the record of a run holds, in place of what was observed.
    pub(crate) fn read(&mut self, state: &RunState) {
        let trajectory = state.trajectory();
        self.calls = state.evaluations();
        self.spent = state.spends().iter().map(|s| s.cost).sum();
        self.failed = state.failures().0;
        self.best = trajectory.last().map(|point| point.score);
        self.improvements = (trajectory.len() as u64).saturating_sub(1);
    }

    /// Takes notice of what the run came to.
    pub fn finish(&mut self, result: &RunResult) {
        self.spent = result.spent;
        let mut add = |name: &str, value: f64| self.finished.push((name.to_owned(), value));
        add("seed_score", result.seed_score);
        add("optimization_seconds", result.optimization_time.as_secs_f64());
        if let Some(held_out) = &result.held_out {
            add("held_out_seed_score", held_out.seed.mean);
            add("held_out_score", held_out.best.mean);
            add("held_out_p_value", held_out.p_value);
        }
    }

    /// Every metric with its name, kind and value, without the run.
    fn all(&self) -> Vec<(String, &'static str, f64)> {
        let counter = |name: &str, value: f64| (format!("{name}_total"), "counter", value);
        let tokens = self.spent.tokens_in;
        let mut all = vec![
            counter("metric_calls", self.calls as f64),
            counter("model_calls", self.spent.of(Unit::ModelCalls) as f64),
            counter("tokens_in", tokens as f64),
            counter("tokens_out", self.spent.tokens_out as f64),
            counter("cost_usd", self.spent.nano_usd as f64 * 1e-9),
            counter("metric_calls_failed", self.failed as f64),
            counter("improvements", self.improvements as f64),
        ];
        all.extend(self.best.map(|best| ("best_score".to_owned(), "gauge", best)));
        all.extend(self.finished.iter().map(|(name, value)| (name.clone(), "gauge", *value)));
        all
    }

    /// Names and values, as trackers of experiments take them.
    pub(crate) fn values(&self) -> Vec<(String, f64)> {
        self.all().into_iter().map(|(name, _, value)| (name, value)).collect()
    }

    /// The text format, version 0.0.4.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (name, kind, value) in self.all() {
            let run = &self.run;
            // Writing to a string cannot fail.
            let _ = write!(out, "# TYPE metaorch_{name} {kind}\nmetaorch_{name}{{run=\"{run}\"}} {value}\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_failures_counted() {
        let mut metrics = Metrics::new("a\"b\\c\nd");
        let spent = Cost::tokens(1, 2, 3).with_nano_usd(1_500_000_000);
        metrics.observe(&Progress::Trial { trial: 0, score: None, examples: 1, evaluations: 4, spent });
        for score in [0.25, 0.5] {
            metrics.observe(&Progress::Best { candidate: 0, score, error: None, evaluations: 4 });
        }
        let text = metrics.text();
        for line in [
            r#"metaorch_metric_calls_failed_total{run="a\"b\\c\nd"} 1"#,
            r#"metaorch_cost_usd_total{run="a\"b\\c\nd"} 1.5"#,
            r#"metaorch_improvements_total{run="a\"b\\c\nd"} 1"#,
            r#"metaorch_best_score{run="a\"b\\c\nd"} 0.5"#,
            "# TYPE metaorch_best_score gauge",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
        assert!(text.ends_with('\n'));
    }
}
