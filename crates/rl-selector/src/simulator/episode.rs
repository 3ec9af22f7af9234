use super::{Case, Replay, Simulation};
use crate::History;

/// A run in progress over stored traces.
#[derive(Clone, Debug)]
pub struct Episode<'a> {
    replay: &'a Replay,
    case: &'a Case,
    spent: Vec<usize>,
    best: Vec<f64>,
    history: History,
}

impl<'a> Episode<'a> {
    /// The start of a run on a case.
    ///
    /// # Panics
    /// When there is no such case.
    pub fn new(replay: &'a Replay, case: usize) -> Self {
        let arms = replay.arms();
        Self {
            replay,
            case: &replay.cases()[case],
            spent: vec![0; arms],
            best: Vec::new(),
            history: History::new(arms, replay.budget()),
        }
    }

    /// The best loss after each evaluation so far.
    pub fn best_so_far(&self) -> &[f64] {
        &self.best
    }

    fn left(&self) -> usize {
        self.replay.budget() - self.best.len()
    }

    fn incumbent(&self) -> f64 {
        self.best.last().copied().unwrap_or(f64::INFINITY)
    }
}

impl Simulation for Episode<'_> {
    fn actions(&self) -> usize {
        self.spent.len()
    }

    fn history(&self) -> &History {
        &self.history
    }

    fn done(&self) -> bool {
        self.left() == 0
    }

    fn score(&self) -> f64 {
        self.case.yardstick.score(self.incumbent())
    }

    fn step(&mut self, action: usize) -> f64 {
        let block = self.replay.block().min(self.left());
        let from = self.spent[action];
        let losses = &self.case.traces[action][from..from + block];
        self.spent[action] += block;
        let mut best = self.incumbent();
        for loss in losses {
            best = if *loss < best { *loss } else { best };
            self.best.push(best);
        }
        self.history.observe(action, losses)
    }

    fn commit(&self) -> Vec<f64> {
        let finish = |(trace, from): (&Vec<f64>, &usize)| {
            let rest = &trace[*from..*from + self.left()];
            self.case.yardstick.score(rest.iter().fold(self.incumbent(), |a, b| if *b < a { *b } else { a }))
        };
        self.case.traces.iter().zip(&self.spent).map(finish).collect()
    }

    fn fork(&self) -> Box<dyn Simulation + '_> {
        Box::new(self.clone())
    }
}
