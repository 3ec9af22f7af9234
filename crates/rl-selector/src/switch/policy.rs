use meta_traits::{Level, Selector as _, Stream};
use serde::{Deserialize, Serialize};

use super::SafeSwitch;
use super::calibration::{Margin, Returns, SPANS};
use super::deep::Deep;
use super::guided::Guided;
use super::region::Region;
use super::trust::{Found, Trust, span};
use crate::bandit::{Bandit, Rule};
use crate::simulator::{Episode, Replay, Simulation, TrainingConfig, leave_problems_out};
use crate::{DqnConfig, ForestConfig, Learned, Schedule};

/// Everything that may decide, in order of trust.
const LEVELS: [Level; 5] = [Level::Bandit, Level::Schedule, Level::Learned, Level::NeuralLinear, Level::Dqn];
/// Blocks of a held-out run between two states that expectations are checked in.
const CHECKED: usize = 3;

/// How a [`SafePolicy`] is made.
#[derive(Clone, Debug, PartialEq)]
pub struct SafetyConfig {
    /// Error rate of the bound on the advantage over the bandit, by problem; that of return intervals as well.
    pub alpha: f64,
    /// Share of training states inside the region that counts as known.
    pub known: f64,
    /// Folds the problems are dealt into for calibration; at least 2 are made.
    pub held_out: usize,
    /// How states are gathered.
    pub training: TrainingConfig,
    /// How the forest is grown.
    pub forest: ForestConfig,
    /// The network whose heads, and whose trunk under a linear head, are two further levels; none by default. Its widths of
    /// state and action are set to those of the problem.
    pub network: Option<DqnConfig>,
    /// Gradient steps of the network.
    pub steps: usize,
}

impl Default for SafetyConfig {
    fn default() -> Self {
        let (training, forest) = (TrainingConfig::default(), ForestConfig::default());
        Self { alpha: 0.1, known: 0.95, held_out: 3, training, forest, network: None, steps: 4000 }
    }
}

/// What was learnt, with what is known of its trustworthiness: calibrated on problems held out of learning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SafePolicy {
    arms: usize,
    learned: Learned,
    deep: Option<Deep>,
    schedule: Schedule,
    region: Region,
    trust: Vec<Trust>,
    /// For each span of the budget by how much a return under the switch may lie below and above what the level that
    /// decides expects.
    #[serde(default)]
    intervals: Vec<[f64; 2]>,
    problems: usize,
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
    /// Of the linear head on the trunk of the network.
    pub linear: Option<f64>,
    /// Of the network.
    pub network: Option<f64>,
}

/// What is expected of a level's choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expectation {
    pub(super) level: Level,
    /// The arm; of no meaning for the bandit and the schedule, which know their own.
    pub(super) arm: usize,
    /// Expected gain until the end of the run.
    pub(super) gain: f64,
    /// Expected advantage over the bandit, and its deviation over the ensemble.
    advantage: f64,
    deviation: f64,
    /// The lower bound of the advantage.
    pub(super) lower: f64,
}

impl SafePolicy {
    /// Learns on the cases of these indices against a bandit that knows nothing at the start of each run.
    ///
    /// Calibration is cross-fitted: the problems are dealt into `held_out` folds, and how far off a level is on a fold
    /// comes from what learnt without it; return intervals come from the switch itself at work there. The policy returned
    /// has learnt on all cases. `None` without cases.
    pub fn train<R: Rule>(
        replay: &Replay,
        cases: &[usize],
        bandit: &Bandit<R>,
        config: &SafetyConfig,
        rng: &Stream,
    ) -> Option<Self> {
        let known: Vec<usize> = cases.iter().copied().filter(|case| *case < replay.cases().len()).collect();
        let chosen: Vec<_> = known.iter().map(|case| replay.cases()[*case].clone()).collect();
        let mut found: Vec<Found> = LEVELS.iter().map(|level| Found::of(*level)).collect();
        let mut fitted: Vec<(Self, Vec<usize>)> = Vec::new();
        for (number, fold) in leave_problems_out(&chosen, config.held_out.max(2)).iter().enumerate() {
            let take = |places: &[usize]| -> Vec<usize> { places.iter().map(|i| known[*i]).collect() };
            let rng = rng.child("fold", number as u64);
            if let Some(policy) = Self::fit(replay, &take(&fold.train), bandit, config, &rng) {
                for found in &mut found {
                    policy.check(replay, &take(&fold.test), bandit, found);
                }
                fitted.push((policy, take(&fold.test)));
            }
        }
        let trust: Vec<Trust> = found.iter().filter(|f| f.runs > 0).map(|f| f.trust(config.alpha)).collect();
        let mut returns = Returns::default();
        for (mut part, held) in fitted {
            part.trust.clone_from(&trust);
            part.promise(replay, &held, bandit, &mut returns);
        }
        let mut policy = Self::fit(replay, &known, bandit, config, &rng.child("whole", 0))?;
        let mut problems: Vec<&str> = chosen.iter().map(|case| case.problem.as_str()).collect();
        problems.sort_unstable();
        problems.dedup();
        policy.problems = problems.len();
        (policy.trust, policy.intervals) = (trust, returns.intervals(config.alpha));
        Some(policy)
    }

    /// Learns policy, network, schedule and region; nothing is calibrated yet.
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
        let network = config.network.as_ref();
        let deep = network.and_then(|net| Deep::fit(&rows, net, config.steps, &rng.child("network", 0)));
        let (trust, intervals) = (Vec::new(), Vec::new());
        Some(Self { arms: replay.arms(), learned, deep, schedule, region, trust, intervals, problems: 0 })
    }

    /// Lets a level play runs that were held out and notes how far off its expectations are.
    fn check<R: Rule>(&self, replay: &Replay, held: &[usize], bandit: &Bandit<R>, found: &mut Found) {
        let all = vec![true; self.arms];
        for case in held {
            let problem = &replay.cases()[*case].problem;
            let mut run = Guided::new(Episode::new(replay, *case), bandit.clone(), &self.schedule);
            let mut block = 0;
            while !run.done() {
                let features = run.history().features();
                let Some(expected) = self.expect(found.level, &features, &all) else { return };
                let arm = match found.level {
                    Level::Bandit => run.advised(),
                    Level::Schedule => run.scheduled(),
                    _ => expected.arm,
                };
                if block % CHECKED == 1 && found.level != Level::Bandit {
                    let ends = run.commit();
                    let output = if found.level == Level::Schedule { self.arms + 1 } else { arm };
                    let judged = [expected.advantage, expected.deviation, ends[self.arms] - ends[output]];
                    found.calibration.advantage(problem, span(run.history()), judged);
                }
                run.step(arm);
                block += 1;
            }
            found.sum += run.score();
            found.runs += 1;
        }
    }

    /// Lets the switch play runs that were held out, and notes how far the returns are from what it expected.
    fn promise<R: Rule>(&self, replay: &Replay, held: &[usize], bandit: &Bandit<R>, returns: &mut Returns) {
        let all = vec![true; self.arms];
        for case in held {
            let mut switch = SafeSwitch::new(bandit.clone(), Some(self));
            let mut run = Episode::new(replay, *case);
            let mut visited = Vec::new();
            while !run.done() {
                let features = run.history().features();
                let Some(choice) = switch.select(&features, &all) else { break };
                if run.history().best().is_some()
                    && let Some(expected) = self.expect(choice.level, &features, &all)
                {
                    visited.push((span(run.history()), expected.gain, run.score()));
                }
                let reward = run.step(choice.arm);
                let next = run.history().features();
                if switch.reward(choice.id, reward, Some(&next)).is_err() {
                    break;
                }
            }
            let problem = &replay.cases()[*case].problem;
            for (span, expected, before) in visited {
                returns.add(problem, span, before - run.score() - expected);
            }
        }
    }

    /// For each member of a level's ensemble the worth of every way to go on; `None` when there is no such level.
    fn members(&self, level: Level, features: &[f64]) -> Option<Vec<Vec<f64>>> {
        match level {
            Level::Bandit | Level::Schedule | Level::Learned => Some(self.learned.members(features)),
            Level::NeuralLinear => self.deep.as_ref().map(|deep| deep.linear(features)),
            Level::Dqn => self.deep.as_ref().map(|deep| deep.heads(features)),
            _ => None,
        }
    }

    /// What a level promises, without a bound. `None` when there is no such level or no allowed arm.
    fn expect(&self, level: Level, features: &[f64], allowed: &[bool]) -> Option<Expectation> {
        let members = self.members(level, features)?;
        let n = members.len().max(1) as f64;
        let mean = |output: usize| members.iter().map(|m| m[output]).sum::<f64>() / n;
        let open = |arm: &usize| allowed.get(*arm) == Some(&true);
        let (output, arm) = match level {
            Level::Bandit => (self.arms, 0),
            Level::Schedule => (self.arms + 1, 0),
            _ => {
                let own = (level == Level::Learned).then(|| self.learned.best(features)).filter(open);
                let highest = (0..self.arms)
                    .filter(open)
                    .reduce(|best, arm| if mean(arm) > mean(best) { arm } else { best })?;
                let arm = own.unwrap_or(highest);
                (arm, arm)
            }
        };
        let advantage = mean(output) - mean(self.arms);
        let square = |m: &Vec<f64>| (m[output] - m[self.arms] - advantage).powi(2);
        let deviation = (members.iter().map(square).sum::<f64>() / n).sqrt();
        let lower = f64::NEG_INFINITY;
        Some(Expectation { level, arm, gain: mean(output), advantage, deviation, lower })
    }

    /// What a level promises, with its calibrated bound.
    pub(super) fn bounded(&self, level: Level, features: &[f64], allowed: &[bool]) -> Option<Expectation> {
        let expected = self.expect(level, features, allowed)?;
        let margin = self.trust(level).map_or(Margin::UNKNOWN, |trust| trust.margin);
        Some(Expectation { lower: margin.lower(expected.advantage, expected.deviation), ..expected })
    }

    /// The levels above the bandit that proved themselves on the problems held out, in order of trust: each beat the
    /// bandit there, and each but the schedule beat the schedule.
    pub(super) fn proven_levels(&self) -> impl Iterator<Item = Level> + '_ {
        let score = move |level| self.trust(level).map_or(f64::INFINITY, |trust| trust.score);
        let (bandit, schedule) = (score(Level::Bandit), score(Level::Schedule));
        LEVELS[1..].iter().copied().filter(move |level| {
            score(*level) < bandit && (*level == Level::Schedule || score(*level) < schedule)
        })
    }

    fn trust(&self, level: Level) -> Option<&Trust> {
        self.trust.iter().find(|trust| trust.level == level)
    }

    /// Distance of a state from those of training, and the largest that counts as known.
    pub(super) fn distance(&self, features: &[f64]) -> (f64, f64) {
        (self.region.distance(features), self.region.limit())
    }

    /// The interval of the return when a level decides from here on, when this share of the budget is used.
    pub(super) fn interval(&self, level: Level, features: &[f64]) -> (f64, f64) {
        let all = vec![true; self.arms];
        let unknown = (0.0, f64::INFINITY);
        let Some(expected) = self.expect(level, features, &all) else { return unknown };
        let used = features.first().copied().unwrap_or(0.0);
        let span = ((used * SPANS as f64) as usize).min(SPANS - 1);
        let Some([low, high]) = self.intervals.get(span) else { return unknown };
        ((expected.gain + low).max(0.0), (expected.gain + high).max(0.0))
    }

    /// How everything that may decide did on the problems held out.
    pub fn validation(&self) -> Validation {
        let score = |level| self.trust(level).map(|trust| trust.score);
        let known = |level| score(level).unwrap_or(f64::INFINITY);
        Validation {
            problems: self.problems,
            policy: known(Level::Learned),
            schedule: known(Level::Schedule),
            bandit: known(Level::Bandit),
            linear: score(Level::NeuralLinear),
            network: score(Level::Dqn),
        }
    }

    /// Whether anything learnt beat the bandit, and anything that looks at states the schedule too, on the problems held
    /// out: nothing learnt acts otherwise.
    pub fn proven(&self) -> bool {
        self.proven_levels().next().is_some()
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
