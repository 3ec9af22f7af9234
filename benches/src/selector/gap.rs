//! How much of the gap between the single best solver and the oracle by function a selector closes.

mod learner;
mod sequence;

use std::num::NonZeroUsize;

use anyhow::Context as _;
use meta_traits::Stream;
use rl_selector::ForestConfig;
use rl_selector::bandit::{Bandit, Progress};
use rl_selector::simulator::{Episode, Replay, Simulation, TrainingConfig};
use serde::Serialize;

use learner::learn;
pub use learner::pretrain;
use sequence::{fixed_handed_on, fixed_in_replay};

use super::portfolio::{Kind, Tape};
use super::record::{Live, Memo, Setting, Way, replay, tapes, ways};
use super::targets;
use crate::{Range, in_parallel};

/// What is held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Functions: six folds, fold i tests on functions i, i+6, i+12, i+18.
    Lofo,
    /// Instances: every function is learnt, tests are on other instances.
    Lio,
}

/// What a switch does to the incumbent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Solvers share nothing.
    Replay,
    /// The selector chooses how the incumbent is handed on.
    Handon,
}

/// What learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Learner {
    /// A forest of extremely randomised trees.
    Forest,
    /// The deep selector's network with five bootstrapped heads, without hand-on.
    Network,
    /// Nothing: the weights that ship with `rl-selector` act.
    Pretrained,
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is held out.
    pub hold: Hold,
    /// What a switch does.
    pub regime: Regime,
    /// Instances tested on, two runs each.
    pub instances: Range,
    /// Instances learnt from.
    pub train_instances: Range,
    /// Blends of two functions learnt from, before those with a held-out function are left out.
    pub blends: u64,
    /// Seeds of learning.
    pub train_seeds: Range,
    /// How states are gathered.
    pub training: TrainingConfig,
    /// What learns.
    pub learner: Learner,
    /// Gradient steps of the network a round.
    pub steps: usize,
    /// How the forest is grown.
    pub forest: ForestConfig,
    /// Threads.
    pub threads: NonZeroUsize,
}

/// One run on held-out data.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Seed of learning.
    pub train_seed: u64,
    /// Function.
    pub function: u8,
    /// Instance.
    pub instance: u64,
    /// Run on that instance.
    pub repeat: u64,
    /// log10 precision of the learnt selector.
    pub score: f64,
    /// The same of the single best solver.
    pub sbs: f64,
    /// The solvers in the order used, with the number of blocks.
    pub order: String,
}

/// What is claimed.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Share of the gap closed, mean over training seeds.
    pub gap_closed: f64,
    /// Standard deviation over training seeds.
    pub gap_closed_sd: f64,
    /// The worst fold: by how many decades its mean is worse than that of the single best solver.
    pub worst_fold_decades: f64,
    /// Score of the single best solver.
    pub sbs: f64,
    /// Score of the best solver of each function.
    pub vbs: f64,
    /// Times fewer evaluations to targets than the fixed sequence.
    pub ert_vs_sequence: f64,
    /// Times fewer evaluations to targets than the single best solver.
    pub ert_vs_sbs: f64,
    /// Score of the bandit without prior.
    pub bandit_score: f64,
}

/// One played run: score, best values, choices.
#[derive(Clone, Debug)]
struct Outcome {
    score: f64,
    best: Vec<f64>,
    actions: Vec<usize>,
}

/// Learns, plays and compares.
///
/// # Errors
/// When no instance is given.
pub fn measure(plan: &Plan) -> anyhow::Result<(Vec<Row>, Summary)> {
    let settings = Setting::all(&plan.instances, 2);
    let mut lessons = Setting::all(&plan.train_instances, 1);
    lessons.extend(Setting::blends(&plan.train_instances, plan.blends, &Stream::root(0)));
    let (tested, learnt) = (tapes(&settings, plan.threads), tapes(&lessons, plan.threads));
    let (test, train) = (replay(&settings, &tested)?, replay(&lessons, &learnt)?);
    let ways = ways();
    let (regime, memos) = (plan.regime, [Memo::default(), Memo::default()]);
    let [memo, memo_of_lessons] = &memos;
    let on_test = Stage { regime, settings: &settings, tapes: &tested, replay: &test, ways: &ways, memo };
    let on_train =
        Stage { settings: &lessons, tapes: &learnt, replay: &train, memo: memo_of_lessons, ..on_test };
    let alone: Vec<Vec<f64>> = (0..settings.len()).map(|case| test.alone(case)).collect();
    let mean_of = |arm: usize, keep: &dyn Fn(&Setting) -> bool| {
        mean(settings.iter().zip(&alone).filter(|(s, _)| keep(s)).map(|(_, scores)| scores[arm]))
    };
    let arms = Kind::ALL.len();
    let overall: Vec<f64> = (0..arms).map(|arm| mean_of(arm, &|_| true)).collect();
    let best = (0..arms).min_by(|a, b| overall[*a].total_cmp(&overall[*b])).context("no arms")?;
    let sbs = overall[best];
    let by_function =
        |f: u8| (0..arms).map(|arm| mean_of(arm, &|s| s.function == f)).fold(f64::INFINITY, f64::min);
    let vbs = mean((1..=24).map(by_function));

    let folds = if plan.hold == Hold::Lofo { 6 } else { 1 };
    let jobs: Vec<(u64, u8)> =
        plan.train_seeds.iter().flat_map(|seed| (0..folds).map(move |fold| (seed, fold))).collect();
    let actions = if plan.regime == Regime::Replay { arms } else { ways.len() };
    let played = in_parallel(&jobs, plan.threads, |(seed, fold)| {
        let tested = |s: &Setting| plan.hold == Hold::Lio || s.touches(*fold);
        let learnt = |s: &Setting| plan.hold == Hold::Lio || !tested(s);
        let runs: Vec<usize> = (0..lessons.len()).filter(|i| learnt(&lessons[*i])).collect();
        // With hand-on, what folds have in common is found out once a seed, so they share what is drawn.
        let rng = match plan.regime {
            Regime::Replay => Stream::root(*seed).child("fold", u64::from(*fold)),
            Regime::Handon => Stream::root(*seed).child("handed-on", 0),
        };
        let start = |i: usize| on_train.begin(runs[i]);
        let pure = |i: &usize| lessons[*i].blended.is_none();
        let whole: Vec<Vec<f64>> = runs.iter().copied().filter(pure).map(|i| train.alone(i)).collect();
        let total = |arm: usize| whole.iter().map(|ends| ends[arm]).sum::<f64>();
        let first = (0..arms).min_by(|a, b| total(*a).total_cmp(&total(*b)));
        let mut plan = plan.clone();
        // With hand-on learning finds the best way over whole runs itself.
        plan.training.first = first.filter(|_| plan.regime == Regime::Replay);
        let policy = learn(&plan, actions, runs.len(), start, *seed, &rng)?;
        let outcomes: Vec<(usize, Outcome)> = (0..settings.len())
            .filter(|i| tested(&settings[*i]))
            .map(|i| (i, on_test.play(policy.as_ref(), i)))
            .collect();
        anyhow::Ok((*seed, *fold, outcomes))
    });
    let mut rows = Vec::new();
    let mut gaps_by_seed: Vec<f64> = Vec::new();
    let mut by_fold = vec![Vec::new(); usize::from(folds)];
    let mut traces: Vec<Vec<Vec<f64>>> = vec![Vec::new(); 24];
    for result in played {
        let (seed, fold, outcomes) = result?;
        for (i, outcome) in outcomes {
            let setting = &settings[i];
            by_fold[usize::from(fold)].push(outcome.score - alone[i][best]);
            traces[usize::from(setting.function - 1)].push(setting.gaps(&outcome.best));
            rows.push(Row {
                train_seed: seed,
                function: setting.function,
                instance: setting.instance,
                repeat: setting.repeat,
                score: outcome.score,
                sbs: alone[i][best],
                order: order(&outcome.actions),
            });
        }
    }
    for seed in plan.train_seeds.iter() {
        let score = mean(rows.iter().filter(|r| r.train_seed == seed).map(|r| r.score));
        gaps_by_seed.push((sbs - score) / (sbs - vbs));
    }
    let gap_closed = mean(gaps_by_seed.iter().copied());
    let spread = gaps_by_seed.iter().map(|g| (g - gap_closed).powi(2)).sum::<f64>();
    let Peers { sequence, single, bandit } = Peers::of(plan.regime, &settings, &test, best);
    let summary = Summary {
        gap_closed,
        gap_closed_sd: (spread / (gaps_by_seed.len().max(2) - 1) as f64).sqrt(),
        worst_fold_decades: by_fold.iter().map(|d| mean(d.iter().copied())).fold(f64::NEG_INFINITY, f64::max),
        sbs,
        vbs,
        ert_vs_sequence: targets::ratio(&traces, &sequence),
        ert_vs_sbs: targets::ratio(&traces, &single),
        bandit_score: mean(bandit.into_iter()),
    };
    Ok((rows, summary))
}

/// What a policy is compared with: by function the gaps of every run, and the bandit's scores.
struct Peers {
    sequence: Vec<Vec<Vec<f64>>>,
    single: Vec<Vec<Vec<f64>>>,
    bandit: Vec<f64>,
}

impl Peers {
    /// The fixed sequence, the arm `best` alone and the bandit on every run.
    fn of(regime: Regime, settings: &[Setting], test: &Replay, best: usize) -> Self {
        let runs = || vec![Vec::new(); 24];
        let mut peers = Self { sequence: runs(), single: runs(), bandit: Vec::new() };
        for (i, setting) in settings.iter().enumerate() {
            let function = usize::from(setting.function - 1);
            let fixed = match regime {
                Regime::Replay => fixed_in_replay(test, i),
                Regime::Handon => fixed_handed_on(setting),
            };
            peers.sequence[function].push(setting.gaps(&fixed));
            let mut whole = Episode::new(test, i);
            while !whole.done() {
                whole.step(best);
            }
            peers.single[function].push(setting.gaps(whole.best_so_far()));
            let mut selector = Bandit::new(Progress::default(), Kind::ALL.len(), Stream::root(i as u64));
            peers.bandit.push(test.play(i, &mut selector).score);
        }
        peers
    }
}

/// Where runs take place.
#[derive(Clone, Copy)]
struct Stage<'a> {
    regime: Regime,
    settings: &'a [Setting],
    tapes: &'a [Vec<Tape>],
    replay: &'a Replay,
    ways: &'a [Way],
    memo: &'a Memo,
}

impl<'a> Stage<'a> {
    fn live(&self, case: usize) -> Live<'a> {
        Live::new(&self.settings[case], &self.tapes[case], self.ways, self.memo, case)
    }

    fn begin(&self, case: usize) -> Box<dyn Simulation + 'a> {
        match self.regime {
            Regime::Replay => Box::new(Episode::new(self.replay, case)),
            Regime::Handon => Box::new(self.live(case)),
        }
    }

    fn play(&self, policy: &dyn Fn(&[f64]) -> usize, case: usize) -> Outcome {
        let mut taken = Vec::new();
        let mut go = |run: &mut dyn Simulation| {
            while !run.done() {
                let action = policy(&run.history().features());
                run.step(action);
                taken.push(action);
            }
            run.score()
        };
        let (score, best) = match self.regime {
            Regime::Replay => {
                let mut run = Episode::new(self.replay, case);
                (go(&mut run), run.best_so_far().to_vec())
            }
            Regime::Handon => {
                let mut run = self.live(case);
                (go(&mut run), run.best_so_far())
            }
        };
        Outcome { score, best, actions: taken }
    }
}

/// Choices in short: each with its number of repetitions.
fn order(actions: &[usize]) -> String {
    let parts = actions.chunk_by(|a, b| a == b).map(|run| format!("{}x{}", run[0], run.len()));
    parts.collect::<Vec<_>>().join(" ")
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
    if count > 0.0 { sum / count } else { f64::NAN }
}
