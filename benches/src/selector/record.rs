//! Runs of the portfolio on the functions: traces of each member alone, and live runs with hand-on.

use std::num::NonZeroUsize;

use meta_traits::{HandOn, Stream};
use rl_selector::History;
use rl_selector::simulator::{Case, Replay, Simulation, SimulatorError, Yardstick};

use super::bbob::{Blend, Problem};
use super::portfolio::{Action, FLOOR, Kind, Run};
use crate::{Range, in_parallel};

/// Variables, evaluations of a run, evaluations between decisions.
pub const DIM: usize = 5;
/// Evaluations of a run.
pub const BUDGET: usize = 200 * DIM;
/// Evaluations between decisions.
pub const BLOCK: usize = 20;

/// One function in one instance, with the number that seeds the draws of a run on it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// 1 to 24; of a blend the first.
    pub function: u8,
    /// The second function of a blend.
    pub blended: Option<u8>,
    /// The instance.
    pub instance: u64,
    /// Number of the run on it.
    pub repeat: u64,
    problem: Blend,
}

impl Setting {
    /// Every function on these instances, so many runs each; instances of 0 are left out.
    pub fn all(instances: &Range, repeats: u64) -> Vec<Self> {
        let mut all = Vec::new();
        for function in 1..=24 {
            for instance in instances.iter() {
                if let Some(problem) = Problem::new(function, instance as u32, DIM) {
                    for repeat in 0..repeats {
                        let problem = Blend::pure(problem.clone());
                        all.push(Self { function, blended: None, instance, repeat, problem });
                    }
                }
            }
        }
        all
    }

    /// So many blends of two different functions on these instances, drawn from `rng`. The linear slope, whose optimum lies
    /// in a corner, takes no part.
    pub fn blends(instances: &Range, count: u64, rng: &Stream) -> Vec<Self> {
        let instances: Vec<u64> = instances.iter().filter(|i| *i > 0).collect();
        let draw = |number: u64| {
            let mut rng = rng.child("blend", number);
            let mut functions: Vec<u8> = (1..=24).filter(|f| *f != 5).collect();
            rng.shuffle(&mut functions);
            let instance = *rng.pick(&instances)?;
            let problem = |function| Problem::new(function, instance as u32, DIM);
            let weight = 0.1 + 0.8 * rng.unit();
            let blend = Blend::of(problem(functions[0])?, problem(functions[1])?, weight)?;
            let blended = Some(functions[1]);
            Some(Self { function: functions[0], blended, instance, repeat: number, problem: blend })
        };
        (0..count).filter_map(draw).collect()
    }

    /// Whether one of the functions is among those of fold `fold` of six.
    pub fn touches(&self, fold: u8) -> bool {
        [Some(self.function), self.blended].into_iter().flatten().any(|f| (f - 1) % 6 == fold)
    }

    fn rng(&self) -> Stream {
        let root = Stream::root(u64::from(self.function)).child("instance", self.instance);
        root.child("repeat", self.repeat)
    }

    /// A run at its beginning.
    pub fn run(&self) -> Run<'_> {
        Run::new(&self.problem, self.rng())
    }

    /// The least value of the problem.
    pub fn f_opt(&self) -> f64 {
        self.problem.f_opt()
    }

    fn yardstick(&self) -> Yardstick {
        Yardstick::LogGap { optimum: self.problem.f_opt(), floor: FLOOR }
    }

    /// The traces of every member alone.
    fn case(&self) -> Case {
        let trace = |arm| {
            let mut run = self.run();
            run.step(Action::alone(arm), BUDGET);
            run.values().to_vec()
        };
        Case {
            problem: format!("f{}", self.function),
            instance: self.instance,
            yardstick: self.yardstick(),
            traces: (0..Kind::ALL.len()).map(trace).collect(),
        }
    }
}

/// Records the traces of every member alone in every setting.
///
/// # Errors
/// Never for settings of this module; the type says what a replay may refuse.
pub fn record(settings: &[Setting], threads: NonZeroUsize) -> Result<Replay, SimulatorError> {
    Replay::new(BUDGET, BLOCK, in_parallel(settings, threads, Setting::case))
}

/// What a selector chooses among when the incumbent may be handed on: every member resumed; local searches also from
/// the incumbent; populations also with the incumbent added.
pub fn hand_on_actions() -> Vec<Action> {
    let resumed = (0..Kind::ALL.len()).map(Action::alone);
    let warm = |kind: Kind| Action { arm: kind as usize, hand_on: HandOn::WarmStart };
    let added = |kind: Kind| Action::injected(kind as usize);
    let handed = [
        warm(Kind::NelderMead),
        warm(Kind::Lbfgsb),
        warm(Kind::CmaEs),
        added(Kind::CmaEs),
        added(Kind::DifferentialEvolution),
        added(Kind::ParticleSwarm),
    ];
    resumed.chain(handed).collect()
}

/// A live run: what optimisers do depends on what was handed on, so that a copy is made by doing it all again.
pub struct Live<'a> {
    setting: &'a Setting,
    actions: &'a [Action],
    taken: Vec<usize>,
    run: Run<'a>,
    history: History,
}

impl<'a> Live<'a> {
    /// A run at its beginning, with these actions to choose among.
    pub fn new(setting: &'a Setting, actions: &'a [Action]) -> Self {
        let history = History::new(Kind::ALL.len(), BUDGET);
        Self { setting, actions, taken: Vec::new(), run: setting.run(), history }
    }

    /// The best value after each evaluation.
    pub fn best_so_far(&self) -> Vec<f64> {
        let mut best = f64::INFINITY;
        let lowest = |value: &f64| {
            best = best.min(*value);
            best
        };
        self.run.values().iter().map(lowest).collect()
    }

    fn again(&self) -> Run<'a> {
        let mut run = self.setting.run();
        for action in &self.taken {
            run.step(self.actions[*action], BLOCK.min(BUDGET - run.values().len()));
        }
        run
    }

    fn left(&self) -> usize {
        BUDGET - self.run.values().len()
    }
}

impl Simulation for Live<'_> {
    fn actions(&self) -> usize {
        self.actions.len()
    }

    fn action(&self, action: usize) -> (usize, HandOn) {
        (self.actions[action].arm, self.actions[action].hand_on)
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn done(&self) -> bool {
        self.left() == 0
    }

    fn score(&self) -> f64 {
        self.run.score()
    }

    fn step(&mut self, action: usize) -> f64 {
        let (from, block) = (self.run.values().len(), BLOCK.min(self.left()));
        self.run.step(self.actions[action], block);
        self.taken.push(action);
        self.history.observe(self.actions[action].arm, &self.run.values()[from..])
    }

    fn commit(&self) -> Vec<f64> {
        let finish = |action: &Action| {
            let mut run = self.again();
            run.step(*action, self.left());
            run.score()
        };
        self.actions.iter().map(finish).collect()
    }

    fn fork(&self) -> Box<dyn Simulation + '_> {
        Box::new(Self {
            setting: self.setting,
            actions: self.actions,
            taken: self.taken.clone(),
            run: self.again(),
            history: self.history.clone(),
        })
    }
}
