//! What a run comes to.

mod changes;

use std::collections::BTreeMap;
use std::time::Duration;

use evaluation::stats::{Bootstrap, balanced_accuracy, majority_baseline, paired_permutation};
use evaluation::{EvaluationError, RowsDigest};
use meta_traits::{Components, Cost, StopReason, Stream};
use serde::{Deserialize, Serialize};

pub use self::changes::Change;
pub(crate) use self::changes::changes;
use crate::run::{Credit, Point, RunState};

/// A mean on the test split with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean score.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Seed and best system on examples the search never touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Examples scored.
    pub examples: usize,
    /// The seed's score.
    pub seed: Estimate,
    /// The best system's score.
    pub best: Estimate,
    /// Best less seed, example by example.
    pub difference: Estimate,
    /// Two-sided p-value of the paired sign-flip permutation test.
    pub p_value: f64,
    /// What puts scores on labels into proportion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelReport>,
}

/// Baseline and balanced scores of a task whose answers are labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelReport {
    /// The most frequent label of the training split.
    pub majority_label: String,
    /// What always answering it scores, with Wilson's 95 % interval.
    pub majority: Estimate,
    /// The seed's score averaged over labels.
    pub seed_balanced: f64,
    /// The best system's score averaged over labels.
    pub best_balanced: f64,
}

/// What a task whose answers are labels expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTask {
    /// The most frequent label of the training split.
    pub majority: String,
    /// The label of each test example, in order.
    pub expected: Vec<String>,
}

impl HeldOut {
    /// Compares scores of the same examples in the same order: bootstrap intervals (BCa, 10,000 resamples) and the
    /// paired permutation test (10,000 patterns).
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] for fewer than two examples or lists of unequal length.
    pub fn compare(seed: &[f32], best: &[f32], rng: &Stream) -> Result<Self, EvaluationError> {
        let wide = |scores: &[f32]| scores.iter().map(|s| f64::from(*s)).collect::<Vec<f64>>();
        let (seed, best) = (wide(seed), wide(best));
        let difference: Vec<f64> = best.iter().zip(&seed).map(|(b, s)| b - s).collect();
        let test = paired_permutation(&best, &seed, 10_000, &rng.child("permutation", 0))?;
        let estimate = |values: &[f64], part| -> Result<Estimate, EvaluationError> {
            let interval = Bootstrap::default().mean_interval(values, &rng.child("bootstrap", part))?;
            Ok(Estimate { mean: interval.estimate, low: interval.low, high: interval.high })
        };
        Ok(Self {
            examples: seed.len(),
            seed: estimate(&seed, 0)?,
            best: estimate(&best, 1)?,
            difference: estimate(&difference, 2)?,
            p_value: test.p,
            labels: None,
        })
    }

    /// The same with what `task` makes of the same scores.
    ///
    /// # Errors
    /// [`EvaluationError::Undefined`] when there are more scores than labels.
    pub fn with_labels(
        mut self,
        seed: &[f32],
        best: &[f32],
        task: &LabelTask,
    ) -> Result<Self, EvaluationError> {
        let expected: Vec<&str> = task.expected.iter().take(seed.len()).map(String::as_str).collect();
        let majority = majority_baseline([task.majority.as_str()], expected.iter().copied(), 0.95)?.share;
        let balanced = |scores: &[f32]| {
            let scores: Vec<f64> = scores.iter().map(|s| f64::from(*s)).collect();
            balanced_accuracy(&expected, &scores)
        };
        self.labels = Some(LabelReport {
            majority_label: task.majority.clone(),
            majority: Estimate { mean: majority.estimate, low: majority.low, high: majority.high },
            seed_balanced: balanced(seed)?,
            best_balanced: balanced(best)?,
        });
        Ok(self)
    }

    /// Whether the difference would be surprising, at 5 %, if the two were equally good.
    pub fn is_significant(&self) -> bool {
        self.p_value < 0.05
    }

    /// The comparison in a sentence that claims no more than was measured.
    pub fn in_words(&self) -> String {
        let e = |e: &Estimate| format!("{:.3} [{:.3}, {:.3}]", e.mean, e.low, e.high);
        let verdict = match (self.is_significant(), self.difference.mean > 0.0) {
            (true, true) => "better",
            (true, false) => "worse",
            (false, _) => "the difference is not significant",
        };
        let labels = self.labels.as_ref().map_or_else(String::new, |l| {
            format!(
                "; balanced {:.3} vs {:.3}; always '{}' scores {}",
                l.best_balanced,
                l.seed_balanced,
                l.majority_label,
                e(&l.majority)
            )
        });
        format!(
            "test {} vs seed {}, difference {:+.3} [{:+.3}, {:+.3}], p = {:.4}, n = {}: {verdict}{labels}",
            e(&self.best),
            e(&self.seed),
            self.difference.mean,
            self.difference.low,
            self.difference.high,
            self.p_value,
            self.examples
        )
    }
}

/// What an algorithm did and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComponentMetrics {
    /// Share of the total improvement on the validation split that it found, in [0, 1].
    pub performance_contribution: f64,
    /// Share of the metric calls it was given, in [0, 1].
    pub resource_usage: f64,
    /// Improvement for a metric call.
    pub efficiency: f64,
}

/// A pillar's part of the metric calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PillarShare {
    /// What it was meant to spend in the end, in [0, 1].
    pub intended: f64,
    /// What it spent, in [0, 1].
    pub spent: f64,
}

fn shares(credits: &[Credit], calls: f64) -> BTreeMap<String, PillarShare> {
    let mut shares: BTreeMap<String, PillarShare> = BTreeMap::new();
    for credit in credits {
        let Some(intended) = credit.intended else { continue };
        let share = shares.entry(credit.pillar.clone()).or_default();
        share.intended = intended;
        share.spent += credit.calls as f64 / calls;
    }
    shares
}

/// A finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The texts of the best system by validation score.
    pub best_system: Components,
    /// Its validation score. It was selected for that score: quote the held-out one.
    pub best_score: f64,
    /// The seed's validation score.
    pub seed_score: f64,
    /// Improvement over the seed's validation score, relative to it; absolute where the seed scored 0.
    pub total_improvement: f64,
    /// Metric calls of the search.
    pub total_rollouts: u64,
    /// Proposals written.
    pub generations: u64,
    /// Time, earlier sessions included.
    pub optimization_time: Duration,
    /// The recommendations over time.
    pub performance_trajectory: Vec<Point>,
    /// Which algorithm worked, and for how many metric calls, in order.
    pub algorithm_history: Vec<(String, u64)>,
    /// What each algorithm did.
    pub component_metrics: BTreeMap<String, ComponentMetrics>,
    /// Of every pillar the share of the metric calls that it was meant to have and the one it had, where the budget is
    /// divided.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, PillarShare>,
    /// Steps of the recommendation in which the structure changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topology_changes: Vec<Change>,
    /// Steps in which a prompt changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompt_changes: Vec<Change>,
    /// Steps in which a number or other setting changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hyperopt_gains: Vec<Change>,
    /// Why the search ended.
    pub stop: StopReason,
    /// Everything the search and the report used.
    pub spent: Cost,
    /// The most that killed sessions may have paid for without a record; not part of `spent`.
    pub uncertain: Cost,
    /// Scores on the test split, where there is one.
    pub held_out: Option<HeldOut>,
    /// Length and hash of every split.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, RowsDigest>,
}

impl RunResult {
    /// What the log says. `credits` and `history` divide the search among its algorithms; where they are empty, all of it is
    /// `algorithm`'s. `None` while the seed has no score.
    pub fn of(
        state: &RunState,
        algorithm: &str,
        stop: StopReason,
        credits: &[Credit],
        history: Vec<(String, u64)>,
    ) -> Option<Self> {
        let (first, last) = (state.trajectory().first()?, state.trajectory().last()?);
        let (seed_score, best_score) = (first.score, last.score);
        let gain = best_score - seed_score;
        let calls = state.evaluations();
        let whole = [Credit {
            algorithm: algorithm.to_owned(),
            pillar: String::new(),
            intended: None,
            proposals: state.rounds(),
            calls,
            gain: gain.max(0.0),
        }];
        let credits = if credits.is_empty() { &whole } else { credits };
        let (gains, spent) = (credits.iter().map(|c| c.gain).sum::<f64>(), calls.max(1) as f64);
        let metrics = |credit: &Credit| ComponentMetrics {
            performance_contribution: if gains > 0.0 { credit.gain / gains } else { 0.0 },
            resource_usage: credit.calls as f64 / spent,
            efficiency: credit.gain / credit.calls.max(1) as f64,
        };
        let history = if history.is_empty() { vec![(algorithm.to_owned(), calls)] } else { history };
        Some(Self {
            best_system: state.candidate(last.candidate)?.as_ref().clone(),
            best_score,
            seed_score,
            total_improvement: if seed_score > 0.0 { gain / seed_score } else { gain },
            total_rollouts: calls,
            generations: state.rounds(),
            optimization_time: Duration::ZERO,
            performance_trajectory: state.trajectory().to_vec(),
            algorithm_history: history,
            component_metrics: credits.iter().map(|c| (c.algorithm.clone(), metrics(c))).collect(),
            shares: shares(credits, spent),
            topology_changes: Vec::new(),
            prompt_changes: Vec::new(),
            hyperopt_gains: Vec::new(),
            stop,
            spent: state.spends().iter().map(|s| s.cost).sum(),
            uncertain: Cost::ZERO,
            held_out: None,
            data: BTreeMap::new(),
        })
    }
}
