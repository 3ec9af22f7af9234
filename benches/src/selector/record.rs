//! Runs of the portfolio on the functions: traces of each member alone, and live runs with hand-on.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use meta_traits::{HandOn, Stream};
use rl_selector::History;
use rl_selector::simulator::{Case, Replay, Simulation, SimulatorError, Yardstick};

use super::bbob::{Blend, Problem};
use super::portfolio::{Action, FLOOR, Kind, Run, Tape};
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

    /// A run at its beginning, with the tapes of this very setting or none.
    pub fn run<'a>(&'a self, tapes: &'a [Tape]) -> Run<'a> {
        Run::new(&self.problem, self.rng(), tapes)
    }

    /// What every member does alone.
    pub fn tapes(&self) -> Vec<Tape> {
        (0..Kind::ALL.len()).map(|arm| Run::tape(&self.problem, self.rng(), arm, BUDGET)).collect()
    }

    /// How far values lie above the optimum.
    pub fn gaps(&self, values: &[f64]) -> Vec<f64> {
        values.iter().map(|value| value - self.f_opt()).collect()
    }

    /// The least value of the problem.
    pub fn f_opt(&self) -> f64 {
        self.problem.f_opt()
    }

    fn yardstick(&self) -> Yardstick {
        Yardstick::LogGap { optimum: self.problem.f_opt(), floor: FLOOR }
    }

    /// The traces of every member alone.
    fn case(&self, tapes: &[Tape]) -> Case {
        Case {
            problem: format!("f{}", self.function),
            instance: self.instance,
            yardstick: self.yardstick(),
            traces: tapes.iter().map(|tape| tape.values().to_vec()).collect(),
        }
    }
}

/// Records what every member does alone in every setting.
pub fn tapes(settings: &[Setting], threads: NonZeroUsize) -> Vec<Vec<Tape>> {
    in_parallel(settings, threads, Setting::tapes)
}

/// The traces of every member alone in every setting.
///
/// # Errors
/// Never for tapes of these settings; the type says what a replay may refuse.
pub fn replay(settings: &[Setting], tapes: &[Vec<Tape>]) -> Result<Replay, SimulatorError> {
    Replay::new(BUDGET, BLOCK, settings.iter().zip(tapes).map(|(s, tapes)| s.case(tapes)).collect())
}

/// Records the traces of every member alone in every setting.
///
/// # Errors
/// Never for settings of this module; the type says what a replay may refuse.
pub fn record(settings: &[Setting], threads: NonZeroUsize) -> Result<Replay, SimulatorError> {
    replay(settings, &tapes(settings, threads))
}

/// A way to go on: an action, and perhaps another one for the second half of what is left.
///
/// A policy chooses among ways anew at every block, so that a way is a schedule it may still leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// What runs now.
    pub now: Action,
    /// What takes over halfway.
    pub then: Option<Action>,
}

/// The ways to go on when the incumbent may be handed on: every member resumed, in the order of the arms; some begun from
/// the incumbent or with it added; and one search followed by another from what it found.
pub fn ways() -> Vec<Way> {
    use Kind::{CmaEs, DifferentialEvolution, Lbfgsb, NelderMead, ParticleSwarm};
    let resumed = |kind: Kind| Action::alone(kind as usize);
    let warm = |kind: Kind| Action::warm(kind as usize);
    let added = |kind: Kind| Action::injected(kind as usize);
    let whole = |now: Action| Way { now, then: None };
    let halved = |now: Action, then: Action| Way { now, then: Some(then) };
    let mut ways: Vec<Way> = Kind::ALL.iter().map(|kind| whole(resumed(*kind))).collect();
    ways.extend(
        [warm(NelderMead), warm(Lbfgsb), warm(CmaEs), added(CmaEs), added(DifferentialEvolution)].map(whole),
    );
    ways.extend([
        halved(resumed(Lbfgsb), warm(NelderMead)),
        halved(resumed(CmaEs), warm(NelderMead)),
        halved(resumed(CmaEs), warm(Lbfgsb)),
        halved(resumed(DifferentialEvolution), warm(NelderMead)),
        halved(resumed(DifferentialEvolution), warm(Lbfgsb)),
        halved(resumed(ParticleSwarm), warm(NelderMead)),
        halved(resumed(NelderMead), warm(Lbfgsb)),
        halved(warm(Lbfgsb), warm(NelderMead)),
        halved(warm(NelderMead), warm(Lbfgsb)),
    ]);
    ways
}

/// What the ways to go on bring, by run and actions taken: folds that share runs need not find it out again.
#[derive(Debug, Default)]
pub struct Memo(Mutex<BTreeMap<Path, Vec<f64>>>);

/// A run, and the actions taken in it.
type Path = (usize, Vec<u8>);

impl Memo {
    fn get(&self, key: &Path, find: impl FnOnce() -> Vec<f64>) -> Vec<f64> {
        // A panic elsewhere leaves whole entries behind.
        let open = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open().get(key) {
            return known.clone();
        }
        let found = find();
        open().insert(key.clone(), found.clone());
        found
    }
}

/// A live run: what optimisers do depends on what was handed on. Its actions are ways to go on, of which it takes a block.
pub struct Live<'a> {
    ways: &'a [Way],
    memo: &'a Memo,
    /// Which run, and the ways taken so far.
    taken: (usize, Vec<u8>),
    run: Run<'a>,
    history: History,
}

impl<'a> Live<'a> {
    /// A run at its beginning, with these ways to choose among; `tapes` as for [`Setting::run`], `number` names it in
    /// `memo`.
    pub fn new(
        setting: &'a Setting,
        tapes: &'a [Tape],
        ways: &'a [Way],
        memo: &'a Memo,
        number: usize,
    ) -> Self {
        let (run, history) = (setting.run(tapes), History::new(Kind::ALL.len(), BUDGET));
        Self { ways, memo, taken: (number, Vec::new()), run, history }
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

    fn left(&self) -> usize {
        BUDGET - self.run.values().len()
    }
}

impl Simulation for Live<'_> {
    fn actions(&self) -> usize {
        self.ways.len()
    }

    fn action(&self, action: usize) -> (usize, HandOn) {
        (self.ways[action].now.arm, self.ways[action].now.hand_on)
    }

    fn name(&self) -> Option<u64> {
        Some(self.taken.0 as u64)
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
        let now = self.ways[action].now;
        self.run.step(now, block);
        self.taken.1.push(action as u8);
        self.history.observe(now.arm, &self.run.values()[from..])
    }

    fn commit(&self) -> Vec<f64> {
        let finish = |way: &Way| {
            let mut run = self.run.fork();
            let blocks = self.left().div_ceil(BLOCK);
            let first = match way.then {
                Some(_) => (blocks.div_ceil(2) * BLOCK).min(self.left()),
                None => self.left(),
            };
            run.step(way.now, first);
            if let Some(then) = way.then {
                run.step(then, self.left() - first);
            }
            run.score()
        };
        self.memo.get(&self.taken, || self.ways.iter().map(finish).collect())
    }

    fn fork(&self) -> Box<dyn Simulation + '_> {
        Box::new(Self {
            taken: self.taken.clone(),
            run: self.run.fork(),
            history: self.history.clone(),
            ..*self
        })
    }
}
