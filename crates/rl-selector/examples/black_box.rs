//! Minimises black boxes by switching among solvers: `cargo run --release -p rl-selector --no-default-features --example
//! black_box`.
//!
//! The traces of three small solvers on known functions teach a policy which solver suits which course of a run. On a
//! function it has never seen the policy acts where it is better than a bandit with confidence, and says so.

use meta_traits::{Selector as _, Stream};
use rl_selector::bandit::{Bandit, Progress};
use rl_selector::simulator::{Case, Replay, SimulatorError, Yardstick};
use rl_selector::{History, SafePolicy, SafeSwitch, SafetyConfig};

const BUDGET: usize = 400;
const BLOCK: usize = 10;

fn main() -> Result<(), SimulatorError> {
    let known: Vec<Case> = (0..60).map(record).collect();
    let replay = Replay::new(BUDGET, BLOCK, known)?;
    let cases: Vec<usize> = (0..replay.cases().len()).collect();
    let bandit = Bandit::new(Progress::default(), 3, Stream::root(1));
    let config = SafetyConfig { alpha: 0.3, ..SafetyConfig::default() };
    let Some(policy) = SafePolicy::train(&replay, &cases, &bandit, &config, &Stream::root(2)) else {
        return Ok(());
    };
    println!("{:?}", policy.validation());
    for number in 60..64 {
        let problem = Problem::draw(number);
        let mut switch = SafeSwitch::new(bandit.clone(), Some(&policy));
        println!("{}: {:.2e}", problem.name(), solve(&problem, &mut switch));
        println!("  last decision: {}", switch.why().map(ToString::to_string).unwrap_or_default());
    }
    Ok(())
}

/// A run in which the selector decides every block.
fn solve(problem: &Problem, switch: &mut SafeSwitch<'_, Progress>) -> f64 {
    let mut solvers = solvers(problem.number);
    let mut history = History::new(solvers.len(), BUDGET);
    while history.used() < BUDGET {
        let Some(choice) = switch.select(&history.features(), &[true; 3]) else { break };
        let losses: Vec<f64> = (0..BLOCK).map(|_| solvers[choice.arm].step(problem)).collect();
        let reward = history.observe(choice.arm, &losses);
        let next = history.features();
        let next = (history.used() < BUDGET).then_some(next.as_slice());
        switch.reward(choice.id, reward, next).expect("the choice was just made");
    }
    history.best().unwrap_or(f64::INFINITY)
}

/// What each solver sees alone.
fn record(number: u64) -> Case {
    let problem = Problem::draw(number);
    let trace = |mut solver: Solver| -> Vec<f64> { (0..BUDGET).map(|_| solver.step(&problem)).collect() };
    Case {
        problem: problem.name(),
        instance: number,
        yardstick: Yardstick::LogGap { optimum: 0.0, floor: 1e-10 },
        traces: solvers(number).into_iter().map(trace).collect(),
    }
}

/// A bowl, a narrow valley or an egg box around a hidden optimum.
struct Problem {
    number: u64,
    optimum: [f64; 3],
    weights: [f64; 3],
    ripple: f64,
}

impl Problem {
    fn draw(number: u64) -> Self {
        let mut rng = Stream::root(number).child("problem", 0);
        let optimum = std::array::from_fn(|_| 4.0 * rng.unit() - 2.0);
        let steep = [1.0, 10.0, 100.0, 1000.0][(number / 2 % 4) as usize];
        Self {
            number,
            optimum,
            weights: [1.0, steep, steep * steep],
            ripple: (number % 2) as f64 * 3.0 * (1.0 + (number / 8 % 3) as f64),
        }
    }

    fn name(&self) -> String {
        format!("weights {:?}, ripple {}", self.weights, self.ripple)
    }

    fn value(&self, x: &[f64; 3]) -> f64 {
        let mut sum = 0.0;
        for ((x, o), w) in x.iter().zip(&self.optimum).zip(&self.weights) {
            let z = x - o;
            sum += w * z * z + self.ripple * (1.0 - (std::f64::consts::TAU * z).cos());
        }
        sum
    }
}

/// A search that draws around its centre: uniformly, with a step length that adapts, or in small and large steps by turns.
struct Solver {
    kind: usize,
    rng: Stream,
    centre: [f64; 3],
    best: f64,
    step: f64,
    axis: usize,
}

fn solvers(number: u64) -> Vec<Solver> {
    let solver = |kind: usize| Solver {
        kind,
        rng: Stream::root(number).child("solver", kind as u64),
        centre: [0.0; 3],
        best: f64::INFINITY,
        step: 1.0,
        axis: 0,
    };
    (0..3).map(solver).collect()
}

impl Solver {
    /// One evaluation.
    fn step(&mut self, problem: &Problem) -> f64 {
        let mut x = self.centre;
        let mut draw = |size: f64| size * (self.rng.unit() + self.rng.unit() + self.rng.unit() - 1.5);
        match self.kind {
            // Far and near, everywhere.
            0 => {
                let size = 4.0 * 10_f64.powf(-(self.axis as f64) / 2.0);
                for v in &mut x {
                    *v += draw(size);
                }
            }
            // All variables at once.
            1 => {
                for v in &mut x {
                    *v += draw(2.0 * self.step);
                }
            }
            // One variable at a time.
            _ => x[self.axis % 3] += draw(2.0 * self.step),
        }
        let value = problem.value(&x);
        let better = value < self.best;
        if better {
            (self.best, self.centre) = (value, x);
        }
        self.step *= if better { 1.6 } else { 0.88 };
        self.step = self.step.clamp(1e-7, 4.0);
        self.axis = (self.axis + 1) % 6;
        value
    }
}
