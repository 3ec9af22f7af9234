use meta_traits::{HandOn, Stream};

use super::super::bbob::Blend;
use super::{Kind, Solver};

/// Precisions are floored here.
pub const FLOOR: f64 = 1e-8;

/// What to run next, and from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// Index into [`Kind::ALL`].
    pub arm: usize,
    /// What it starts from when another arm ran before.
    pub hand_on: HandOn,
}

impl Action {
    /// The arm with its own state.
    pub fn alone(arm: usize) -> Self {
        Self { arm, hand_on: HandOn::Resume }
    }

    /// The arm with the incumbent added to its own state.
    pub fn injected(arm: usize) -> Self {
        Self { arm, hand_on: HandOn::Inject }
    }
}

/// One run on one problem: optimisers take turns on one budget.
pub struct Run<'a> {
    problem: &'a Blend,
    rng: Stream,
    solvers: Vec<Option<Solver>>,
    last: Option<usize>,
    best: Option<(Vec<f64>, f64)>,
    values: Vec<f64>,
}

impl<'a> Run<'a> {
    /// Nothing evaluated yet; optimiser `k` draws from the child `k` of `rng`, whatever the others do.
    pub fn new(problem: &'a Blend, rng: Stream) -> Self {
        let solvers = Kind::ALL.iter().map(|_| None).collect();
        Self { problem, rng, solvers, last: None, best: None, values: Vec::new() }
    }

    /// Runs `action` for so many evaluations.
    ///
    /// # Panics
    /// When the arm is none of [`Kind::ALL`].
    pub fn step(&mut self, action: Action, evaluations: usize) {
        let Action { arm, hand_on } = action;
        let solver = self.solvers[arm].get_or_insert_with(|| {
            Solver::new(Kind::ALL[arm], self.problem.dim(), self.rng.child("solver", arm as u64))
        });
        if self.last.is_some_and(|last| last != arm)
            && let Some((x, f)) = &self.best
        {
            solver.hand_on(hand_on, x, *f);
        }
        self.last = Some(arm);
        for _ in 0..evaluations {
            let x = solver.ask();
            let near = x.iter().all(|v| v.abs() <= 1e6);
            let f = if near { self.problem.value(&x) } else { 1e12 };
            let f = if f.is_finite() { f } else { 1e12 };
            solver.tell(f);
            self.values.push(f);
            if self.best.as_ref().is_none_or(|(_, best)| f < *best) {
                self.best = Some((x, f));
            }
        }
    }

    /// Every value seen, in order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// log10 of the distance of the best value from the optimum, at least -8; 12 before the first evaluation.
    pub fn score(&self) -> f64 {
        let best = self.best.as_ref().map_or(1e12, |(_, f)| f - self.problem.f_opt());
        best.max(FLOOR).log10()
    }
}
