//! Exact replay against a run by hand, labels against what they promise, and learning on a world with a known answer.

use meta_traits::conformance::{SelectorCheck, check_selector};
use meta_traits::{HandOn, Level, Selector as _, Stream};
use proptest::prelude::*;
use rl_selector::bandit::{Bandit, SlidingWindowUcb};
use rl_selector::simulator::{
    Case, Episode, Replay, Simulation, SimulatorError, TrainingConfig, Yardstick, leave_instances_out,
    leave_problems_out,
};
use rl_selector::{ForestConfig, History, Learned, LearnedSelector, Schedule};

use crate::bandits::contexts;

pub(crate) fn case(problem: usize, instance: u64, traces: Vec<Vec<f64>>) -> Case {
    Case { problem: format!("p{problem}"), instance, yardstick: Yardstick::Loss, traces }
}

/// Problems on which the arm that is ahead after its first block is the one that wins, and arms 0 and 1 win in turn.
pub(crate) fn telling(count: usize, seed: u64) -> Replay {
    let cases = (0..count).map(|i| {
        let mut rng = Stream::root(seed).child("case", i as u64);
        let winner = i % 2;
        let trace = |arm: usize| -> Vec<f64> {
            let speed = if arm == winner { 0.1 } else { 0.02 };
            let mut rng = rng.child("arm", arm as u64);
            (0..60).map(|t| 10.0 - speed * f64::from(t) + 0.02 * rng.unit()).collect()
        };
        let traces = (0..3).map(trace).collect();
        let _ = rng.bits();
        case(i % 12, i as u64, traces)
    });
    Replay::new(60, 4, cases.collect()).unwrap()
}

#[test]
fn unsound_traces_are_refused() {
    let good = || case(0, 1, vec![vec![1.0; 4]; 2]);
    assert_eq!(Replay::new(0, 1, vec![]), Err(SimulatorError::Budget { budget: 0, block: 1 }));
    assert_eq!(Replay::new(4, 0, vec![]), Err(SimulatorError::Budget { budget: 4, block: 0 }));
    let fewer = case(0, 1, vec![vec![1.0; 4]]);
    assert!(matches!(Replay::new(4, 1, vec![good(), fewer]), Err(SimulatorError::Arms { case: 1, .. })));
    assert!(matches!(Replay::new(5, 1, vec![good()]), Err(SimulatorError::Short { found: 4, .. })));
    let replay = Replay::new(4, 2, vec![good()]).unwrap();
    let json = serde_json::to_string(&replay).unwrap();
    assert_eq!(serde_json::from_str::<Replay>(&json).unwrap(), replay);
    assert!(serde_json::from_str::<Replay>(&json.replace("\"budget\":4", "\"budget\":9")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn replay_is_what_a_run_by_hand_gives(seed in 0_u64..1000, order in prop::collection::vec(0_usize..3, 7)) {
        let mut rng = Stream::root(seed);
        let traces: Vec<Vec<f64>> = (0..3).map(|_| (0..20).map(|_| rng.unit()).collect()).collect();
        let replay = Replay::new(20, 3, vec![case(0, 1, traces.clone())]).unwrap();
        let mut episode = Episode::new(&replay, 0);
        let (mut spent, mut used, mut best) = ([0; 3], 0, f64::INFINITY);
        for arm in order {
            let promised = episode.commit();
            let mut alone = episode.clone();
            while !alone.done() {
                alone.step(arm);
            }
            prop_assert_eq!(alone.score().to_bits(), promised[arm].to_bits());
            let block = 3.min(20 - used);
            episode.step(arm);
            for _ in 0..block {
                best = best.min(traces[arm][spent[arm]]);
                spent[arm] += 1;
                used += 1;
            }
            prop_assert_eq!(episode.score().to_bits(), best.to_bits());
            prop_assert_eq!(episode.history().used(), used);
        }
        prop_assert!(episode.done());
    }

    #[test]
    fn folds_partition_the_cases(problems in 1_usize..9, each in 1_u64..4, folds in 0_usize..7) {
        let cases: Vec<Case> =
            (0..problems).flat_map(|p| (0..each).map(move |i| case(p, i, vec![vec![0.0]]))).collect();
        for split in [leave_problems_out(&cases, folds), leave_instances_out(&cases, folds)] {
            let mut tested: Vec<usize> = split.iter().flat_map(|f| f.test.clone()).collect();
            tested.sort_unstable();
            prop_assert_eq!(tested, (0..cases.len()).collect::<Vec<_>>());
            for fold in &split {
                prop_assert_eq!(fold.train.len() + fold.test.len(), cases.len());
                prop_assert!(fold.train.iter().all(|i| !fold.test.contains(i)));
            }
        }
        for fold in leave_problems_out(&cases, folds.max(2)).iter().filter(|f| !f.train.is_empty()) {
            let named = |list: &[usize]| list.iter().map(|i| cases[*i].problem.clone()).collect::<Vec<_>>();
            let test = named(&fold.test);
            prop_assert!(named(&fold.train).iter().all(|p| !test.contains(p)));
        }
    }
}

#[test]
fn any_selector_can_be_scored() {
    let replay = telling(4, 1);
    let mut bandit = Bandit::new(SlidingWindowUcb::default(), 3, Stream::root(1));
    let played = replay.play(1, &mut bandit);
    assert_eq!((played.best.len(), played.arms.len()), (60, 15));
    assert!(played.best.windows(2).all(|w| w[1] <= w[0]));
    assert_eq!(played.best.last().copied(), Some(played.score));
}

#[test]
fn what_is_learnt_beats_every_single_arm_and_the_schedule_on_new_problems() {
    let (train, test) = (telling(48, 1), telling(24, 2));
    let start = |i| -> Box<dyn Simulation + '_> { Box::new(Episode::new(&train, i)) };
    let (training, forest) = (TrainingConfig::default(), ForestConfig { leaf: 4, ..ForestConfig::default() });
    let policy = Learned::train(48, start, &training, &forest, &Stream::root(7)).unwrap();
    let again = Learned::train(48, start, &training, &forest, &Stream::root(7)).unwrap();
    assert_eq!(policy, again);
    let mean = |score: &dyn Fn(usize) -> f64| (0..24).map(score).sum::<f64>() / 24.0;
    let learnt = mean(&|i| test.play(i, &mut LearnedSelector::new(&policy)).score);
    let single = (0..3).map(|arm| mean(&|i| test.alone(i)[arm])).fold(f64::INFINITY, f64::min);
    let all: Vec<usize> = (0..48).collect();
    let schedule = Schedule::greedy(&train, &all);
    let scheduled = mean(&|i| test.play(i, &mut rl_selector::Scheduled::new(schedule.clone())).score);
    assert!(learnt < single && learnt < scheduled, "{learnt} {single} {scheduled}");
    check_selector(&SelectorCheck::new(|_| LearnedSelector::new(&policy), 3, contexts()));
    let mut masked = LearnedSelector::new(&policy);
    let features = History::new(3, 60).features();
    assert_eq!(masked.select(&features, &[false, false, true]).unwrap().arm, 2);
    assert!(masked.select(&features, &[false; 3]).is_none());
}

/// Two arms of which the second is of use only when it begins from what the first has found.
#[derive(Clone)]
struct Relay {
    history: History,
    loss: f64,
}

impl Simulation for Relay {
    fn actions(&self) -> usize {
        3
    }
    fn action(&self, action: usize) -> (usize, HandOn) {
        [(0, HandOn::Resume), (1, HandOn::Resume), (1, HandOn::WarmStart)][action]
    }
    fn history(&self) -> &History {
        &self.history
    }
    fn done(&self) -> bool {
        self.history.used() >= self.history.budget()
    }
    fn score(&self) -> f64 {
        self.loss.log10()
    }
    fn step(&mut self, action: usize) -> f64 {
        let found = self.history.used() >= 8;
        let rate = [0.9, 1.0, if found { 0.1 } else { 1.0 }][action];
        let losses: Vec<f64> = (0..4).map(|i| self.loss * (1.5 - 0.5 * f64::from(i) / 3.0) * rate).collect();
        self.loss *= rate;
        self.history.observe(self.action(action).0, &losses)
    }
    fn commit(&self) -> Vec<f64> {
        let finish = |action| {
            let mut copy = self.clone();
            while !copy.done() {
                copy.step(action);
            }
            copy.loss.log10()
        };
        (0..3).map(finish).collect()
    }
    fn fork(&self) -> Box<dyn Simulation + '_> {
        Box::new(self.clone())
    }
}

#[test]
fn what_an_arm_starts_from_is_learnt_with_the_arm() {
    let begin = || Relay { history: History::new(2, 40), loss: 1.0 };
    let training = TrainingConfig { first: Some(0), kept: 1.0, ..TrainingConfig::default() };
    let forest = ForestConfig { leaf: 3, ..ForestConfig::default() };
    let start = |_| -> Box<dyn Simulation> { Box::new(begin()) };
    let policy = Learned::train(20, start, &training, &forest, &Stream::root(3)).unwrap();
    let mut selector = LearnedSelector::new(&policy);
    let mut run = begin();
    let mut choose = |run: &Relay, allowed: [bool; 2]| {
        let choice = selector.select(&run.history.features(), &allowed).unwrap();
        assert_eq!(choice.level, Level::Learned);
        (choice.arm, choice.hand_on)
    };
    for _ in 0..3 {
        run.step(0);
    }
    assert_eq!(choose(&run, [true, true]), (1, HandOn::WarmStart));
    assert_eq!(choose(&run, [true, false]), (0, HandOn::Resume));
}
