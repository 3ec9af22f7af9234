use std::collections::BTreeSet;

use meta_traits::{Choice, ChoiceId, Level, RestoreError, Selector, Snapshot, TellError};
use serde::{Deserialize, Serialize};

use crate::simulator::Replay;

/// Numbers of blocks a greedy step may give an arm at once.
const AHEAD: [usize; 10] = [1, 2, 3, 5, 8, 12, 16, 20, 30, 40];

/// A static schedule: which arm each block of a run goes to, learnt from traces.
///
/// Greedy (Streeter & Golovin 2008): the step that lowers the mean score over the training runs most per block is taken
/// next. It needs no state, and is the baseline a learnt policy has to beat.
///
/// ```
/// use rl_selector::Schedule;
/// use rl_selector::simulator::{Case, Replay, Yardstick};
/// let case = Case {
///     problem: "p".into(),
///     instance: 1,
///     yardstick: Yardstick::Loss,
///     traces: vec![vec![2.0, 2.0, 2.0, 2.0], vec![9.0, 9.0, 1.0, 0.5]],
/// };
/// let replay = Replay::new(4, 1, vec![case])?;
/// assert_eq!(Schedule::greedy(&replay, &[0]).arms(), [0, 1, 1, 1]);
/// # Ok::<(), rl_selector::simulator::SimulatorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    arms: Vec<usize>,
}

impl Schedule {
    /// A schedule of these arms, one a block.
    pub fn new(arms: Vec<usize>) -> Self {
        Self { arms }
    }

    /// Learns on the cases of these indices; indices out of range are left out. Empty without cases.
    pub fn greedy(replay: &Replay, cases: &[usize]) -> Self {
        let (block, total) = (replay.block(), replay.budget() / replay.block());
        // best[case][arm][n]: the best loss of the first n blocks.
        let best: Vec<(usize, Vec<Vec<f64>>)> = cases
            .iter()
            .filter(|case| **case < replay.cases().len())
            .map(|case| {
                let lowest = |trace: &Vec<f64>| {
                    let mut low = f64::INFINITY;
                    let blocks = trace.chunks(block).take(total).map(|losses| {
                        low = losses.iter().fold(low, |a, b| if *b < a { *b } else { a });
                        low
                    });
                    [f64::INFINITY].into_iter().chain(blocks).collect()
                };
                (*case, replay.cases()[*case].traces.iter().map(lowest).collect())
            })
            .collect();
        let mut spent = vec![0; replay.arms()];
        let mut current = vec![f64::INFINITY; best.len()];
        let mut arms = Vec::new();
        while arms.len() < total && !best.is_empty() {
            let mean = |arm: usize, ahead: usize| {
                let score = |((case, traces), now): (&(usize, Vec<Vec<f64>>), &f64)| {
                    let reached = traces[arm][spent[arm] + ahead].min(*now);
                    replay.cases()[*case].yardstick.score(reached).min(12.0)
                };
                best.iter().zip(&current).map(score).sum::<f64>() / best.len() as f64
            };
            let now = mean(0, 0);
            let mut chosen = (f64::NEG_INFINITY, 0, 1);
            for arm in 0..spent.len() {
                for ahead in AHEAD.into_iter().filter(|ahead| arms.len() + ahead <= total) {
                    let rate = (now - mean(arm, ahead)) / ahead as f64;
                    if rate > chosen.0 {
                        chosen = (rate, arm, ahead);
                    }
                }
            }
            let (_, arm, ahead) = chosen;
            spent[arm] += ahead;
            arms.extend(std::iter::repeat_n(arm, ahead));
            for ((_, traces), now) in best.iter().zip(&mut current) {
                *now = now.min(traces[arm][spent[arm]]);
            }
        }
        Self { arms }
    }

    /// The arm of each block.
    pub fn arms(&self) -> &[usize] {
        &self.arms
    }
}

/// A schedule at work as a [`Selector`]; it begins anew after the last reward of an episode.
///
/// A masked arm is passed over: the next allowed arm of the schedule takes its place, or the first allowed arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    schedule: Schedule,
    next: u64,
    block: usize,
    pending: BTreeSet<u64>,
}

impl Scheduled {
    /// At the beginning of a run.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, next: 0, block: 0, pending: BTreeSet::new() }
    }

    /// The arm of the present block under a mask.
    pub(crate) fn arm(&self, allowed: &[bool]) -> Option<usize> {
        let open = |arm: &usize| allowed.get(*arm) == Some(&true);
        let rest = self.schedule.arms.get(self.block..).unwrap_or_default();
        let last = self.schedule.arms.last().copied();
        rest.iter().copied().find(open).or(last.filter(open)).or_else(|| allowed.iter().position(|a| *a))
    }

    /// Goes on to the next block, or to the beginning after the end of an episode.
    pub(crate) fn advance(&mut self, end: bool) {
        self.block = if end { 0 } else { self.block + 1 };
    }
}

impl Selector for Scheduled {
    type Context = [f64];

    fn select(&mut self, _: &[f64], allowed: &[bool]) -> Option<Choice> {
        let mut choice = Choice::new(ChoiceId(self.next), self.arm(allowed)?);
        choice.level = Level::Schedule;
        self.pending.insert(self.next);
        if self.pending.len() > 1024 {
            self.pending.pop_first();
        }
        self.next += 1;
        Some(choice)
    }

    fn reward(&mut self, of: ChoiceId, _: f64, next: Option<&[f64]>) -> Result<(), TellError> {
        if !self.pending.remove(&of.0) {
            return Err(TellError::UnknownChoice(of.0));
        }
        self.advance(next.is_none());
        Ok(())
    }
}

impl Snapshot for Scheduled {
    const SCHEMA: &'static str = "rl-selector/schedule";
    const VERSION: u32 = 1;
    type State = Self;

    fn snapshot(&self) -> Self {
        self.clone()
    }

    fn restore(&mut self, state: Self) -> Result<(), RestoreError> {
        if state.pending.iter().any(|id| *id >= state.next) {
            let why = "schedule: a choice that awaits its reward is none of its own";
            return Err(RestoreError::Body(why.to_owned()));
        }
        *self = state;
        Ok(())
    }
}
