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
use meta_traits::{HandOn, Stream};
pub use run::{Action, FLOOR, Run};

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

impl Solver {
    /// A fresh optimiser; every draw comes from `rng`.
    pub fn new(kind: Kind, dim: usize, rng: Stream) -> Self {
        let port = Port::default();
        let body = body(kind, dim, rng.child("start", 0), port.clone(), None);
        Self { kind, port, body, rng, dim, starts: 1 }
    }

    /// The next point to evaluate.
    pub fn ask(&mut self) -> Vec<f64> {
        loop {
            if let Some(x) = self.port.resume(&mut self.body) {
                return x;
            }
            self.restart(None);
        }
    }

    /// The value at the point last asked for; values that are not finite count as very large.
    pub fn tell(&mut self, value: f64) {
        self.port.answer(if value.is_finite() { value } else { 1e12 });
    }

    /// Says how to go on when another optimiser found `x` of value `f` meanwhile.
    ///
    /// Resuming changes nothing. A warm start begins anew around `x`. Injection keeps the state and adds `x` when it
    /// is better than what this start has seen; a local search, which has but one point, begins anew from it then.
    pub fn hand_on(&mut self, how: HandOn, x: &[f64], f: f64) {
        let better = f < self.port.best();
        let local = matches!(self.kind, Kind::NelderMead | Kind::Lbfgsb);
        match how {
            _ if self.kind == Kind::Random => {}
            HandOn::WarmStart => self.restart(Some((x.to_vec(), f))),
            HandOn::Inject if better && local => self.restart(Some((x.to_vec(), f))),
            HandOn::Inject if better => self.port.inject(x.to_vec(), f),
            _ => {}
        }
    }

    fn restart(&mut self, from: Option<(Vec<f64>, f64)>) {
        self.port = Port::default();
        let rng = self.rng.child("start", self.starts);
        self.starts += 1;
        self.body = body(self.kind, self.dim, rng, self.port.clone(), from);
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
