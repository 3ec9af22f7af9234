use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::conformal::{percentile, quantile};
use super::guided::Guided;
use super::region::Region;
use crate::bandit::{Bandit, Rule};
use crate::simulator::{Episode, Replay, Simulation as _, TrainingConfig, leave_problems_out};
use crate::{ForestConfig, Learned, Schedule};

/// Spans of the budget that have return intervals of their own.
const SPANS: usize = 5;
/// The least deviation a bound is built on, in units of the score.
const LEAST: f64 = 1e-3;

/// How a [`SafePolicy`] is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SafetyConfig {
    /// Error rate of the bound on the advantage over the bandit, by problem.
    pub alpha: f64,
    /// Share of training states inside the region that counts as known.
    pub known: f64,
    /// One in so many problems is held out for calibration.
    pub held_out: usize,
    /// How states are gathered.
    pub training: TrainingConfig,
    /// How the forest is grown.
    pub forest: ForestConfig,
}

impl Default for SafetyConfig {
    fn default() -> Self {
        let (training, forest) = (TrainingConfig::default(), ForestConfig::default());
        Self { alpha: 0.1, known: 0.95, held_out: 3, training, forest }
    }
}

/// A learnt policy and schedule with what is known of their trustworthiness: calibrated on problems held out of learning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SafePolicy {
    arms: usize,
    learned: Learned,
    schedule: Schedule,
    region: Region,
    /// Deviations below the mean that bound the advantage of the policy and of the schedule.
    deviations: [f64; 2],
    validation: Validation,
    /// For each span of the budget the 5 % and 95 % points of return less expectation.
    residuals: Vec<[f64; 2]>,
}

/// Mean scores on the problems held out of learning; lower is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Validation {
    /// Problems held out.
    pub problems: usize,
    /// Of the learnt policy acting always.
    pub policy: f64,
    /// Of the schedule.
    pub schedule: f64,
    /// Of the bandit.
    pub bandit: f64,
}

/// What is expected of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expectation {
    pub(super) arm: usize,
    /// Expected gain, and expected advantage over the bandit with its lower bound.
    pub(super) gain: f64,
    pub(super) advantage: f64,
    pub(super) lower: f64,
}

impl SafePolicy {
    /// Learns on the cases of these indices against a bandit that knows nothing at the start of each run, and calibrates
    /// on every `held_out`-th problem among them. `None` without cases to learn from.
    pub fn train<R: Rule>(
        replay: &Replay,
        cases: &[usize],
        bandit: &Bandit<R>,
        config: &SafetyConfig,
        rng: &Stream,
    ) -> Option<Self> {
        let chosen: Vec<_> = cases.iter().filter_map(|case| replay.cases().get(*case).cloned()).collect();
        let fold = leave_problems_out(&chosen, config.held_out.max(2)).into_iter().next()?;
        let (fit, held): (Vec<usize>, Vec<usize>) =
            (fold.train.iter().map(|i| cases[*i]).collect(), fold.test.iter().map(|i| cases[*i]).collect());
        let schedule = Schedule::greedy(replay, &fit);
        let start = |case| Guided::new(Episode::new(replay, case), bandit.clone(), &schedule);
        let (learned, rows) = Learned::train_with_rows(
            fit.len(),
            |i| Box::new(start(fit[i])),
            &config.training,
            &config.forest,
            rng,
        )?;
        let region = Region::of(&rows.states, config.known)?;
        let mut policy = Self {
            arms: replay.arms(),
            learned,
            schedule: schedule.clone(),
            region,
            deviations: [f64::INFINITY; 2],
            validation: Validation { problems: 0, policy: 0.0, schedule: 0.0, bandit: 0.0 },
            residuals: vec![[0.0; 2]; SPANS],
        };
        policy.calibrate(replay, &held, config.alpha, start);
        Some(policy)
    }

    /// Plays the held-out runs and measures how far off the expectations are.
    fn calibrate<'a, R: Rule>(
        &mut self,
        replay: &Replay,
        held: &[usize],
        alpha: f64,
        start: impl Fn(usize) -> Guided<'a, R>,
    ) {
        let mut worst: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
        let mut residuals = vec![Vec::new(); SPANS];
        let mut means = [0.0; 3];
        for case in held {
            let mut run = start(*case);
            means[1] += run.by_schedule();
            means[2] += run.by_bandit();
            let entry = worst.entry(&replay.cases()[*case].problem).or_insert([f64::NEG_INFINITY; 2]);
            let mut visited = Vec::new();
            while !run.done() {
                let features = run.history().features();
                let (best, timed) = self.judge(&features);
                if run.history().used() > 0 {
                    let ends = run.commit();
                    let by_bandit = ends[self.arms];
                    let actual = [by_bandit - ends[best.arm], by_bandit - ends[self.arms + 1]];
                    let expected = [best, timed];
                    for i in 0..2 {
                        // The bound is the mean less q deviations: with q = 1 it lies one deviation below.
                        let deviation = expected[i].advantage - expected[i].lower;
                        entry[i] = entry[i].max((expected[i].advantage - actual[i]) / deviation);
                    }
                    visited.push((span(run.history()), best.gain, run.score()));
                }
                run.step(best.arm);
            }
            means[0] += run.score();
            for (span, expected, before) in visited {
                residuals[span].push(before - run.score() - expected);
            }
        }
        let n = held.len().max(1) as f64;
        let [policy, schedule, bandit] = means.map(|sum| sum / n);
        self.validation = Validation { problems: worst.len(), policy, schedule, bandit };
        for i in 0..2 {
            let scores: Vec<f64> = worst.values().map(|w| w[i]).collect();
            self.deviations[i] = quantile(&scores, alpha).max(0.0);
        }
        self.residuals = residuals.iter().map(|r| [percentile(r, 0.05), percentile(r, 0.95)]).collect();
    }

    /// What the policy's best action and the schedule promise, with bounds one deviation below the mean.
    fn judge(&self, features: &[f64]) -> (Expectation, Expectation) {
        let members = self.learned.members(features);
        let gains = self.learned.gains(features);
        let arm = self.learned.best(features);
        let expect = |output: usize, arm: usize| {
            let advantages: Vec<f64> = members.iter().map(|m| m[output] - m[self.arms]).collect();
            let n = advantages.len().max(1) as f64;
            let mean = advantages.iter().sum::<f64>() / n;
            let variance = advantages.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>() / n;
            let deviation = variance.sqrt().max(LEAST);
            Expectation { arm, gain: gains[output].0, advantage: mean, lower: mean - deviation }
        };
        (expect(arm, arm), expect(self.arms + 1, 0))
    }

    /// The policy's best action and the schedule, with their calibrated bounds.
    pub(super) fn bounded(&self, features: &[f64]) -> (Expectation, Expectation) {
        let widen = |e: Expectation, q: f64| {
            let deviation = e.advantage - e.lower;
            Expectation { lower: e.advantage - q * deviation, ..e }
        };
        let (best, timed) = self.judge(features);
        (widen(best, self.deviations[0]), widen(timed, self.deviations[1]))
    }

    /// Distance of a state from those of training, and the largest that counts as known.
    pub(super) fn distance(&self, features: &[f64]) -> (f64, f64) {
        (self.region.distance(features), self.region.limit())
    }

    /// The 90 % interval of the return of an expected gain, when this share of the budget is used.
    pub(super) fn interval(&self, gain: f64, used: f64) -> (f64, f64) {
        let span = ((used * SPANS as f64) as usize).min(SPANS - 1);
        let [low, high] = self.residuals[span];
        ((gain + low).max(0.0), (gain + high).max(0.0))
    }

    /// How the policy, the schedule and the bandit did on the problems held out.
    pub fn validation(&self) -> Validation {
        self.validation
    }

    /// Whether the policy beat bandit and schedule on the problems held out: it never acts otherwise.
    pub fn proven(&self) -> bool {
        let v = self.validation;
        v.problems > 0 && v.policy < v.bandit && v.policy < v.schedule
    }

    /// The learnt policy.
    pub fn learned(&self) -> &Learned {
        &self.learned
    }

    /// The learnt schedule.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Arms of the problems it was learnt on.
    pub fn arms(&self) -> usize {
        self.arms
    }
}

fn span(history: &crate::History) -> usize {
    (history.used() * SPANS / history.budget()).min(SPANS - 1)
}
