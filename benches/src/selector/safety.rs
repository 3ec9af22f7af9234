//! Whether the safe switch holds back where its learning does not apply, and whether its return intervals cover.

use std::num::NonZeroUsize;

use anyhow::Context as _;
use meta_traits::{Selector as _, Stream};
use rl_selector::bandit::{Bandit, Progress};
use rl_selector::simulator::{Case, Episode, Replay, Simulation, Yardstick};
use rl_selector::{SafePolicy, SafeSwitch, SafetyConfig};
use serde::Serialize;

use super::portfolio::Kind;
use super::record::{BLOCK, BUDGET, Setting, record};
use crate::{Range, in_parallel};

/// What the switch meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum World {
    /// Held-out functions.
    HeldOut,
    /// Held-out functions whose arms have changed places: what was learnt of them misleads.
    Permuted,
    /// Runs of algorithms of another kind: noisy, heavy-tailed progress with arms of random quality.
    Foreign,
}

/// The switch and the bandit alone on one run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Seed of learning.
    pub seed: u64,
    /// What was met.
    pub world: World,
    /// Score of the switch.
    pub switch: f64,
    /// Score of the bandit alone.
    pub bandit: f64,
    /// Share of decisions that something learnt made.
    pub learnt_share: f64,
    /// Decisions on held-out functions, and those whose return the 90 % interval held.
    pub decisions: usize,
    /// See `decisions`.
    pub covered: usize,
}

/// What is claimed.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The worst mean loss of the switch against the bandit alone over permuted and foreign worlds, relative to the size of
    /// the bandit's mean score there.
    pub worst_relative_loss: f64,
    /// Share of returns inside their 90 % interval on held-out functions.
    pub coverage_90: f64,
}

/// Learns on `train_instances` and plays in all worlds.
///
/// # Errors
/// When no instance is given.
pub fn measure(
    seeds: &Range,
    train_instances: &Range,
    blends: u64,
    instances: &Range,
    config: &SafetyConfig,
    threads: NonZeroUsize,
) -> anyhow::Result<(Vec<Row>, Summary)> {
    let mut lessons = Setting::all(train_instances, 1);
    lessons.extend(Setting::blends(train_instances, blends, &Stream::root(0)));
    let train = record(&lessons, threads)?;
    let settings = Setting::all(instances, 1);
    let test = record(&settings, threads)?;
    let arms = Kind::ALL.len();
    let seeds: Vec<u64> = seeds.iter().collect();
    let played = in_parallel(&seeds, threads, |seed| {
        let fold = (seed % 6) as u8;
        let rng = Stream::root(*seed).child("safety", 0);
        let cases: Vec<usize> = (0..lessons.len()).filter(|i| !lessons[*i].touches(fold)).collect();
        let bandit = Bandit::new(Progress::default(), arms, rng.child("bandit", 0));
        let policy = SafePolicy::train(&train, &cases, &bandit, config, &rng.child("policy", 0))
            .context("nothing to learn from")?;
        let held: Vec<Case> = test
            .cases()
            .iter()
            .zip(&settings)
            .filter(|(_, s)| s.touches(fold))
            .map(|(c, _)| c.clone())
            .collect();
        let mut permuted = held.clone();
        for (i, case) in permuted.iter_mut().enumerate() {
            rng.child("permutation", i as u64).shuffle(&mut case.traces);
        }
        let foreign = (0..held.len()).map(|i| strange(arms, &rng.child("foreign", i as u64))).collect();
        let mut rows = Vec::new();
        for (world, cases) in [(World::HeldOut, held), (World::Permuted, permuted), (World::Foreign, foreign)]
        {
            let replay = Replay::new(BUDGET, BLOCK, cases)?;
            for case in 0..replay.cases().len() {
                rows.push(play(*seed, world, &replay, case, &policy, &bandit));
            }
        }
        anyhow::Ok(rows)
    });
    let mut rows = Vec::new();
    for of_seed in played {
        rows.extend(of_seed?);
    }
    let summary = Summary::of(&rows);
    Ok((rows, summary))
}

fn play(
    seed: u64,
    world: World,
    replay: &Replay,
    case: usize,
    policy: &SafePolicy,
    bandit: &Bandit<Progress>,
) -> Row {
    let mut switch = SafeSwitch::new(bandit.clone(), Some(policy));
    let mut episode = Episode::new(replay, case);
    let allowed = vec![true; replay.arms()];
    let (mut learnt, mut blocks, mut promised) = (0_u32, 0_u32, Vec::new());
    while !episode.done() {
        let context = episode.history().features();
        let Some(choice) = switch.select(&context, &allowed) else { break };
        learnt += u32::from(choice.level != meta_traits::Level::Bandit);
        if blocks > 0
            && let Some(interval) = switch.interval()
        {
            promised.push((episode.score(), interval));
        }
        blocks += 1;
        let reward = episode.step(choice.arm);
        let next = episode.history().features();
        let next = (!episode.done()).then_some(next.as_slice());
        let taken = switch.reward(choice.id, reward, next);
        debug_assert!(taken.is_ok(), "the switch takes the reward of its own choice");
    }
    let end = episode.score();
    let inside = |(before, (low, high)): &&(f64, (f64, f64))| {
        let gain = before - end;
        (*low - 1e-9..=*high + 1e-9).contains(&gain)
    };
    let known = world == World::HeldOut;
    Row {
        seed,
        world,
        switch: end,
        bandit: replay.play(case, &mut bandit.clone()).score,
        learnt_share: f64::from(learnt) / f64::from(blocks.max(1)),
        decisions: if known { promised.len() } else { 0 },
        covered: if known { promised.iter().filter(inside).count() } else { 0 },
    }
}

/// Losses of algorithms of another kind: each arm draws losses around a level that sinks at a rate of its own.
fn strange(arms: usize, rng: &Stream) -> Case {
    let trace = |arm: usize| {
        let mut rng = rng.child("arm", arm as u64);
        let (rate, noise) = (rng.unit().powi(3) * 4.0, 0.1 + rng.unit());
        let draw = |i: usize| {
            let level = -rate * i as f64 / BUDGET as f64;
            10_f64.powf(level + noise * (rng.unit() - 0.5))
        };
        (0..BUDGET).map(draw).collect()
    };
    Case {
        problem: "foreign".to_owned(),
        instance: rng.key(),
        yardstick: Yardstick::LogGap { optimum: 0.0, floor: 1e-8 },
        traces: (0..arms).map(trace).collect(),
    }
}

impl Summary {
    fn of(rows: &[Row]) -> Self {
        let loss = |world: World| {
            let own: Vec<&Row> = rows.iter().filter(|r| r.world == world).collect();
            let mean = |score: &dyn Fn(&Row) -> f64| {
                own.iter().map(|r| score(r)).sum::<f64>() / own.len().max(1) as f64
            };
            (mean(&|r| r.switch) - mean(&|r| r.bandit)) / mean(&|r| r.bandit).abs().max(0.1)
        };
        let (decisions, covered) =
            rows.iter().fold((0, 0), |(d, c), row| (d + row.decisions, c + row.covered));
        Self {
            worst_relative_loss: loss(World::Permuted).max(loss(World::Foreign)),
            coverage_90: covered as f64 / decisions.max(1) as f64,
        }
    }
}
