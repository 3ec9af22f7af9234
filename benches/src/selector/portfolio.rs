//! Six optimisers that can be paused after any evaluation, resumed, and handed an incumbent.
//!
//! Each is written as straight code that awaits values; a run polls it once an evaluation. The settings are those of
//! the protocol of `rl-selector`: box [-5, 5], restarts from fresh points when a local search ends.

mod cma;
mod coroutine;
mod differential;
mod lbfgsb;
mod line_search;
mod nelder_mead;
mod particles;
mod run;

use std::pin::Pin;

use coroutine::Port;
use meta_traits::Stream;
pub use run::{Action, FLOOR, Run, Tape};

/// Lower and upper bound of every variable.
pub const BOX: (f64, f64) = (-5.0, 5.0);

/// The optimisers, in the order of their arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Uniform in the box.
    Random,
    /// Nelder & Mead 1965, with restarts.
    NelderMead,
    /// L-BFGS-B (Byrd, Lu, Nocedal, Zhu 1995) with forward differences, with restarts.
    Lbfgsb,
    /// CMA-ES (Hansen 2016) with growing populations.
    CmaEs,
    /// rand/1/bin (Storn & Price 1997).
    DifferentialEvolution,
    /// Global best, constricted (Clerc & Kennedy 2002).
    ParticleSwarm,
}

impl Kind {
    /// Every optimiser, in the order of the arms.
    pub const ALL: [Self; 6] = [
        Self::Random,
        Self::NelderMead,
        Self::Lbfgsb,
        Self::CmaEs,
        Self::DifferentialEvolution,
        Self::ParticleSwarm,
    ];

    /// A short name.
    pub fn name(self) -> &'static str {
        ["random", "nelder-mead", "l-bfgs-b", "cma-es", "de", "pso"][self as usize]
    }
}

/// A paused optimiser.
pub struct Solver {
    kind: Kind,
    port: Port,
    body: Pin<Box<dyn Future<Output = ()>>>,
    rng: Stream,
    dim: usize,
    starts: u64,
}

/// What an optimiser did with what was handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing: it goes on as if nothing had been handed on.
    Nothing,
    /// It has to begin anew from the incumbent; [`Solver::from`] makes it.
    Anew,
    /// It keeps its state and has the incumbent beside it.
    Added,
}

impl Solver {
    /// A fresh optimiser; every draw comes from `rng`.
    pub fn new(kind: Kind, dim: usize, rng: Stream) -> Self {
        Self::begin(kind, dim, rng, None)
    }

    /// An optimiser that begins from `x` of value `f`, the `number`th time this one does.
    pub fn from(kind: Kind, dim: usize, rng: &Stream, number: u64, (x, f): (Vec<f64>, f64)) -> Self {
        Self::begin(kind, dim, rng.child("given", number), Some((x, f)))
    }

    fn begin(kind: Kind, dim: usize, rng: Stream, from: Option<(Vec<f64>, f64)>) -> Self {
        let port = Port::default();
        let body = body(kind, dim, rng.child("start", 0), port.clone(), from);
        Self { kind, port, body, rng, dim, starts: 1 }
    }

    /// The next point to evaluate.
    pub fn ask(&mut self) -> Vec<f64> {
        loop {
            if let Some(x) = self.port.resume(&mut self.body) {
                return x;
            }
            self.port = Port::default();
            let rng = self.rng.child("start", self.starts);
            self.starts += 1;
            self.body = body(self.kind, self.dim, rng, self.port.clone(), None);
        }
    }

    /// The value at the point last asked for; values that are not finite count as very large.
    pub fn tell(&mut self, value: f64) {
        self.port.answer(if value.is_finite() { value } else { 1e12 });
    }

    /// Adds `x` of value `f`, which another optimiser found, when it is better than what this start has seen. A local
    /// search has but one point, so it has to begin anew from it.
    pub fn inject(&mut self, x: &[f64], f: f64) -> Taken {
        if self.kind == Kind::Random || f >= self.port.best() {
            return Taken::Nothing;
        }
        if matches!(self.kind, Kind::NelderMead | Kind::Lbfgsb) {
            return Taken::Anew;
        }
        self.port.inject(x.to_vec(), f);
        Taken::Added
    }
}

fn body(
    kind: Kind,
    dim: usize,
    mut rng: Stream,
    port: Port,
    from: Option<(Vec<f64>, f64)>,
) -> Pin<Box<dyn Future<Output = ()>>> {
    let warm = from.is_some();
    let start = match &from {
        Some((x, _)) => x.clone(),
        None => uniform(dim, -4.0, 4.0, &mut rng),
    };
    match kind {
        Kind::Random => Box::pin(async move {
            loop {
                port.value(&uniform(dim, BOX.0, BOX.1, &mut rng)).await;
            }
        }),
        Kind::NelderMead => Box::pin(nelder_mead::minimise(port, start, if warm { 0.5 } else { 1.0 })),
        Kind::Lbfgsb => Box::pin(lbfgsb::minimise(port, start)),
        Kind::CmaEs => Box::pin(cma::minimise(port, from.map(|(x, _)| x), dim, rng)),
        Kind::DifferentialEvolution => Box::pin(differential::minimise(port, from, dim, rng)),
        Kind::ParticleSwarm => Box::pin(particles::minimise(port, from, dim, rng)),
    }
}

fn uniform(dim: usize, low: f64, high: f64, rng: &mut Stream) -> Vec<f64> {
    (0..dim).map(|_| low + (high - low) * rng.unit()).collect()
}
