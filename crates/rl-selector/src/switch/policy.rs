use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::conformal::{percentile, quantile};
use super::guided::Guided;
use super::region::Region;
use crate::bandit::{Bandit, Rule};
use crate::simulator::{Episode, Replay, Simulation, TrainingConfig, leave_problems_out};
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
    /// Folds the problems are dealt into for calibration; at least 2 are made.
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

/// How far off policies were on runs they had not learnt from.
#[derive(Debug, Default)]
struct Calibration {
    /// For each problem the largest shortfall of the advantage in deviations, of the policy and of the schedule.
    worst: BTreeMap<String, [f64; 2]>,
    /// For each span of the budget, return less expectation.
    residuals: Vec<Vec<f64>>,
    /// Sums of the scores of policy, schedule and bandit over so many runs.
    sums: [f64; 3],
    runs: usize,
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
    /// Learns on the cases of these indices against a bandit that knows nothing at the start of each run.
    ///
    /// Calibration is cross-fitted: the problems are dealt into `held_out` folds, and how far off a policy is on a fold
    /// comes from one that learnt without it. The policy returned has learnt on all cases. `None` without cases.
    pub fn train<R: Rule>(
        replay: &Replay,
        cases: &[usize],
        bandit: &Bandit<R>,
        config: &SafetyConfig,
        rng: &Stream,
    ) -> Option<Self> {
        let known: Vec<usize> = cases.iter().copied().filter(|case| *case < replay.cases().len()).collect();
        let chosen: Vec<_> = known.iter().map(|case| replay.cases()[*case].clone()).collect();
        let mut found = Calibration { residuals: vec![Vec::new(); SPANS], ..Calibration::default() };
        for (number, fold) in leave_problems_out(&chosen, config.held_out.max(2)).iter().enumerate() {
            let take = |places: &[usize]| -> Vec<usize> { places.iter().map(|i| known[*i]).collect() };
            let rng = rng.child("fold", number as u64);
            if let Some(policy) = Self::fit(replay, &take(&fold.train), bandit, config, &rng) {
                policy.check(replay, &take(&fold.test), bandit, &mut found);
            }
        }
        let mut policy = Self::fit(replay, &known, bandit, config, &rng.child("whole", 0))?;
        let [own, schedule, alone] = found.sums.map(|sum| sum / found.runs.max(1) as f64);
        policy.validation = Validation { problems: found.worst.len(), policy: own, schedule, bandit: alone };
        for (i, deviations) in policy.deviations.iter_mut().enumerate() {
            let scores: Vec<f64> = found.worst.values().map(|w| w[i]).collect();
            *deviations = quantile(&scores, config.alpha).max(0.0);
        }
        policy.residuals =
            found.residuals.iter().map(|r| [percentile(r, 0.05), percentile(r, 0.95)]).collect();
        Some(policy)
    }

    /// Learns policy, schedule and region; nothing is calibrated yet.
    fn fit<R: Rule>(
        replay: &Replay,
        cases: &[usize],
        bandit: &Bandit<R>,
        config: &SafetyConfig,
        rng: &Stream,
    ) -> Option<Self> {
        let schedule = Schedule::greedy(replay, cases);
        let start = |i: usize| -> Box<dyn Simulation + '_> {
            Box::new(Guided::new(Episode::new(replay, cases[i]), bandit.clone(), &schedule))
        };
        let (learned, rows) =
            Learned::train_with_rows(cases.len(), start, &config.training, &config.forest, rng)?;
        let region = Region::of(&rows.states, config.known)?;
        Some(Self {
            arms: replay.arms(),
            learned,
            region,
            deviations: [f64::INFINITY; 2],
            validation: Validation { problems: 0, policy: 0.0, schedule: 0.0, bandit: 0.0 },
            residuals: vec![[0.0; 2]; SPANS],
            schedule,
        })
    }

    /// Plays runs that were held out and notes how far off the expectations are.
    fn check<R: Rule>(&self, replay: &Replay, held: &[usize], bandit: &Bandit<R>, found: &mut Calibration) {
        for case in held {
            let mut run = Guided::new(Episode::new(replay, *case), bandit.clone(), &self.schedule);
            found.sums[1] += run.by_schedule();
            found.sums[2] += run.by_bandit();
            let problem = replay.cases()[*case].problem.clone();
            let worst = found.worst.entry(problem).or_insert([f64::NEG_INFINITY; 2]);
            let mut visited = Vec::new();
            while !run.done() {
                let (best, timed) = self.judge(&run.history().features());
                if run.history().used() > 0 {
                    let ends = run.commit();
                    let by_bandit = ends[self.arms];
                    let actual = [by_bandit - ends[best.arm], by_bandit - ends[self.arms + 1]];
                    for (i, expected) in [best, timed].into_iter().enumerate() {
                        // The bound as judged lies one deviation below the mean.
                        let deviation = expected.advantage - expected.lower;
                        worst[i] = worst[i].max((expected.advantage - actual[i]) / deviation);
                    }
                    visited.push((span(run.history()), best.gain, run.score()));
                }
                run.step(best.arm);
            }
            found.sums[0] += run.score();
            found.runs += 1;
            for (span, expected, before) in visited {
                found.residuals[span].push(before - run.score() - expected);
            }
        }
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
