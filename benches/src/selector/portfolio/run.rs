use meta_traits::{HandOn, Stream};

use super::super::bbob::Blend;
use super::{Kind, Solver, Taken};

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

    /// The arm begun anew from the incumbent.
    pub fn warm(arm: usize) -> Self {
        Self { arm, hand_on: HandOn::WarmStart }
    }
}

/// What an optimiser does alone: its values, and the points that were better than all before.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    values: Vec<f64>,
    records: Vec<(usize, Vec<f64>)>,
}

impl Tape {
    /// The values in order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    fn point(&self, at: usize) -> Option<&Vec<f64>> {
        let place = self.records.binary_search_by_key(&at, |(at, _)| *at).ok()?;
        Some(&self.records[place].1)
    }
}

/// One run on one problem: optimisers take turns on one budget.
///
/// With tapes of what each optimiser does alone nothing is computed again while it only resumes; a copy remembers what
/// an optimiser was told and brings it back when it is needed.
pub struct Run<'a> {
    problem: &'a Blend,
    rng: Stream,
    tapes: &'a [Tape],
    members: Vec<Member>,
    last: Option<usize>,
    best: Option<(Vec<f64>, f64)>,
    values: Vec<f64>,
}

/// One optimiser of a run: what it has been told since it last began, and itself when it is awake.
#[derive(Default)]
struct Member {
    /// How often it began from an incumbent, and the last such.
    given: u64,
    from: Option<(Vec<f64>, f64)>,
    /// Values read off its tape since a beginning without incumbent; what it was told afterwards.
    played: usize,
    told: Vec<Told>,
    solver: Option<Solver>,
}

#[derive(Clone)]
enum Told {
    Value(f64),
    Added(Vec<f64>, f64),
}

impl Member {
    /// Nothing was ever handed on, and all it did is on its tape.
    fn on_tape(&self) -> bool {
        self.from.is_none() && self.told.is_empty() && self.solver.is_none()
    }

    fn asleep(&self) -> Self {
        let (given, from) = (self.given, self.from.clone());
        Self { given, from, played: self.played, told: self.told.clone(), solver: None }
    }

    fn begin_from(&mut self, incumbent: (Vec<f64>, f64)) {
        *self = Self { given: self.given + 1, from: Some(incumbent), ..Self::default() };
    }

    fn awake(&mut self, kind: Kind, dim: usize, rng: &Stream, tape: Option<&Tape>) -> &mut Solver {
        let Self { given, from, played, told, solver } = self;
        solver.get_or_insert_with(|| {
            let mut solver = match from {
                Some(incumbent) => Solver::from(kind, dim, rng, *given, incumbent.clone()),
                None => Solver::new(kind, dim, rng.clone()),
            };
            for value in tape.map_or(&[][..], |tape| &tape.values[..*played]) {
                solver.ask();
                solver.tell(*value);
            }
            for told in told {
                match told {
                    Told::Value(value) => {
                        solver.ask();
                        solver.tell(*value);
                    }
                    Told::Added(x, f) => {
                        solver.inject(x, *f);
                    }
                }
            }
            solver
        })
    }
}

impl<'a> Run<'a> {
    /// Nothing evaluated yet; optimiser `k` draws from the child `k` of `rng`, whatever the others do. `tapes` holds what
    /// each does alone in this very run, or nothing.
    pub fn new(problem: &'a Blend, rng: Stream, tapes: &'a [Tape]) -> Self {
        let members = Kind::ALL.iter().map(|_| Member::default()).collect();
        Self { problem, rng, tapes, members, last: None, best: None, values: Vec::new() }
    }

    /// A copy that goes its own way.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            rng: self.rng.clone(),
            members: self.members.iter().map(Member::asleep).collect(),
            best: self.best.clone(),
            values: self.values.clone(),
            ..*self
        }
    }

    /// Runs `action` for so many evaluations.
    ///
    /// Resuming changes nothing. A warm start begins anew around the incumbent. Injection keeps the state and adds the
    /// incumbent when it is better than what this start has seen; a local search begins anew from it then.
    ///
    /// # Panics
    /// When the arm is none of [`Kind::ALL`].
    pub fn step(&mut self, action: Action, evaluations: usize) {
        let Action { arm, hand_on } = action;
        let (kind, dim) = (Kind::ALL[arm], self.problem.dim());
        let rng = self.rng.child("solver", arm as u64);
        let tape = self.tapes.get(arm);
        let member = &mut self.members[arm];
        if self.last.is_some_and(|last| last != arm)
            && kind != Kind::Random
            && let Some(best) = &self.best
        {
            match hand_on {
                HandOn::WarmStart => member.begin_from(best.clone()),
                HandOn::Inject => match member.awake(kind, dim, &rng, tape).inject(&best.0, best.1) {
                    Taken::Anew => member.begin_from(best.clone()),
                    Taken::Added => member.told.push(Told::Added(best.0.clone(), best.1)),
                    Taken::Nothing => {}
                },
                _ => {}
            }
        }
        self.last = Some(arm);
        let mut left = evaluations;
        if member.on_tape()
            && let Some(tape) = tape
        {
            let end = (member.played + left).min(tape.values.len());
            for at in member.played..end {
                let f = tape.values[at];
                self.values.push(f);
                // What is better than the incumbent is better than all this optimiser saw before.
                if self.best.as_ref().is_none_or(|(_, best)| f < *best)
                    && let Some(x) = tape.point(at)
                {
                    self.best = Some((x.clone(), f));
                }
            }
            left -= end - member.played;
            member.played = end;
        }
        if left == 0 {
            return;
        }
        member.awake(kind, dim, &rng, tape);
        let Member { solver: Some(solver), told, .. } = member else { return };
        for _ in 0..left {
            let x = solver.ask();
            let near = x.iter().all(|v| v.abs() <= 1e6);
            let f = if near { self.problem.value(&x) } else { 1e12 };
            let f = if f.is_finite() { f } else { 1e12 };
            solver.tell(f);
            told.push(Told::Value(f));
            self.values.push(f);
            if self.best.as_ref().is_none_or(|(_, best)| f < *best) {
                self.best = Some((x, f));
            }
        }
    }

    /// What one optimiser does alone for so many evaluations.
    pub fn tape(problem: &'a Blend, rng: Stream, arm: usize, evaluations: usize) -> Tape {
        let mut run = Self::new(problem, rng, &[]);
        let mut records: Vec<(usize, Vec<f64>)> = Vec::new();
        for at in 0..evaluations {
            let before = run.best.as_ref().map(|(_, f)| *f);
            run.step(Action::alone(arm), 1);
            if let Some((x, f)) = &run.best
                && before.is_none_or(|before| *f < before)
            {
                records.push((at, x.clone()));
            }
        }
        Tape { values: run.values, records }
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
