use std::num::NonZeroUsize;

use anyhow::Context as _;
use meta_traits::Stream;
use rl_selector::simulator::{Episode, Simulation, TrainingConfig};
use rl_selector::{DoubleDqn, DqnConfig, Learned, Pretrained};

use super::super::portfolio::Kind;
use super::super::record::{Setting, record};
use super::{Hold, Learner, Plan, Regime};
use crate::Range;

/// What a policy chooses by the features of a run.
type Chooser = Box<dyn Fn(&[f64]) -> usize>;

/// Learns a policy on so many runs; what it chooses by the features of a run.
pub(super) fn learn<'a>(
    plan: &Plan,
    actions: usize,
    runs: usize,
    start: impl Fn(usize) -> Box<dyn Simulation + 'a>,
    seed: u64,
    rng: &Stream,
) -> anyhow::Result<Chooser> {
    match plan.learner {
        Learner::Forest => {
            let policy = Learned::train(runs, start, &plan.training, &plan.forest, rng);
            let policy = policy.context("nothing to learn from")?;
            Ok(Box::new(move |features| policy.best(features)))
        }
        Learner::Network => {
            let mut agent = DoubleDqn::new(DqnConfig::of_history(actions), seed)?;
            agent.pretrain(runs, start, &plan.training, plan.steps, rng)?;
            let (allowed, caution) = (vec![true; actions], plan.training.caution);
            Ok(Box::new(move |features| agent.cautious(features, &allowed, caution).unwrap_or(0)))
        }
        Learner::Pretrained => {
            anyhow::ensure!(
                plan.hold == Hold::Lio && plan.regime == Regime::Replay,
                "pretrained: the shipped weights know every function and no hand-on; use --split lio --regime replay"
            );
            let agent = Pretrained::BLACK_BOX.agent(seed)?;
            let (allowed, caution) = (vec![true; actions], plan.training.caution);
            Ok(Box::new(move |features| agent.cautious(features, &allowed, caution).unwrap_or(0)))
        }
    }
}

/// Learns without hand-on on every function of these instances; the network's weights as safetensors.
///
/// # Errors
/// When no instance is given.
pub fn pretrain(
    instances: &Range,
    blends: u64,
    training: &TrainingConfig,
    steps: usize,
    seed: u64,
    threads: NonZeroUsize,
) -> anyhow::Result<Vec<u8>> {
    let mut lessons = Setting::all(instances, 1);
    lessons.extend(Setting::blends(instances, blends, &Stream::root(0)));
    let replay = record(&lessons, threads)?;
    let mut agent = DoubleDqn::new(DqnConfig::of_history(Kind::ALL.len()), seed)?;
    let start = |i: usize| -> Box<dyn Simulation + '_> { Box::new(Episode::new(&replay, i)) };
    agent.pretrain(lessons.len(), start, training, steps, &Stream::root(seed).child("pretrain", 0))?;
    Ok(agent.weights()?)
}
