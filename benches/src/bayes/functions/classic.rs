//! The seven functions that regret is reported on.
//!
//! Branin, Hartmann-6, Levy, Rosenbrock, Styblinski-Tang and Ackley as in Surjanovic & Bingham's Virtual Library of
//! Simulation Experiments; Ackley and Rosenbrock are shifted, so that no optimum lies in the middle or on a grid.

use std::f64::consts::{E, PI, TAU};

use super::{Function, Input, Noise};

/// The constants a, b, c, r, s, t of Branin's function.
#[derive(Clone, Copy)]
pub(crate) struct Branin {
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) c: f64,
    pub(crate) r: f64,
    pub(crate) s: f64,
    pub(crate) t: f64,
}

pub(crate) const BRANIN: Branin =
    Branin { a: 1.0, b: 5.1 / (4.0 * PI * PI), c: 5.0 / PI, r: 6.0, s: 10.0, t: 1.0 / (8.0 * PI) };
pub(crate) const BRANIN_FLOOR: f64 = 0.397_887_357_729_738_16;
pub(crate) const HARTMANN6_FLOOR: f64 = -3.322_368_011_415_515;
/// Weights of the four bumps.
pub(crate) const HARTMANN6: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
const WIDTHS: [[f64; 6]; 4] = [
    [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
    [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
    [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
    [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
];
const CENTRES: [[f64; 6]; 4] = [
    [1312.0, 1696.0, 5569.0, 124.0, 8283.0, 5886.0],
    [2329.0, 4135.0, 8307.0, 3736.0, 1004.0, 9991.0],
    [2348.0, 1451.0, 3522.0, 2883.0, 3047.0, 6650.0],
    [4047.0, 8828.0, 8732.0, 5743.0, 1091.0, 381.0],
];
const ACKLEY_CENTRE: [f64; 5] = [0.31, -0.42, 0.17, 0.55, -0.23];
const ROSENBROCK_SHIFT: [f64; 4] = [1.1, -1.7, 0.3, 2.2];
/// Least value of one coordinate of Styblinski-Tang.
const STYBLINSKI_TANG: f64 = -39.166_165_703_771_42;
const LETTERS: [Input; 2] = [Input::Choice(&["a0", "a1", "a2", "a3"]), Input::Choice(&["b0", "b1", "b2"])];

/// The seven functions that regret is reported on.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "branin2",
        inputs: &[Input::Float(-5.0, 10.0), Input::Float(0.0, 15.0)],
        minimum: BRANIN_FLOOR,
        noise: Noise::None,
        value: |x| branin(x, BRANIN),
    },
    Function {
        name: "hartmann6",
        inputs: &[Input::Float(0.0, 1.0); 6],
        minimum: HARTMANN6_FLOOR,
        noise: Noise::None,
        value: |x| hartmann6(x, HARTMANN6),
    },
    Function {
        name: "ackley5s",
        inputs: &[Input::Float(-32.768, 32.768); 5],
        minimum: 0.0,
        noise: Noise::None,
        value: |x| ackley(x.iter().zip(ACKLEY_CENTRE).map(|(x, c)| x - 32.768 * c)),
    },
    Function {
        name: "levy8",
        inputs: &[Input::Float(-10.0, 10.0); 8],
        minimum: 0.0,
        noise: Noise::None,
        value: levy,
    },
    Function {
        name: "rosenbrock4s",
        inputs: &[Input::Float(-5.0, 10.0); 4],
        minimum: 0.0,
        noise: Noise::None,
        value: |x| rosenbrock(&std::array::from_fn::<f64, 4, _>(|i| x[i] - ROSENBROCK_SHIFT[i])),
    },
    Function {
        name: "stybtang6",
        inputs: &[Input::Float(-5.0, 5.0); 6],
        minimum: STYBLINSKI_TANG * 6.0,
        noise: Noise::None,
        value: styblinski_tang,
    },
    Function {
        name: "mixed6",
        inputs: &[
            Input::Float(-5.0, 5.0),
            Input::Log(1e-5, 1.0),
            Input::LogInt(1, 64),
            Input::Int(1, 8),
            LETTERS[0],
            LETTERS[1],
        ],
        minimum: 0.0,
        noise: Noise::None,
        value: mixed,
    },
];

pub(crate) fn branin(x: &[f64], with: Branin) -> f64 {
    let Branin { a, b, c, r, s, t } = with;
    a * (x[1] - b * x[0] * x[0] + c * x[0] - r).powi(2) + s * (1.0 - t) * x[0].cos() + s
}

pub(crate) fn hartmann6(x: &[f64], weights: [f64; 4]) -> f64 {
    let bump = |i: usize| {
        let square = |j: usize| WIDTHS[i][j] * (x[j] - 1e-4 * CENTRES[i][j]).powi(2);
        weights[i] * (-(0..6).map(square).sum::<f64>()).exp()
    };
    -(0..4).map(bump).sum::<f64>()
}

pub(super) fn ackley(from_centre: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = from_centre.len() as f64;
    let (squares, waves) =
        from_centre.fold((0.0, 0.0), |(squares, waves), y| (squares + y * y, waves + (TAU * y).cos()));
    -20.0 * (-0.2 * (squares / n).sqrt()).exp() - (waves / n).exp() + 20.0 + E
}

fn levy(x: &[f64]) -> f64 {
    let w: Vec<f64> = x.iter().map(|x| 1.0 + (x - 1.0) / 4.0).collect();
    let (last, rest) = (w[w.len() - 1], &w[..w.len() - 1]);
    let term = |w: &f64| (w - 1.0).powi(2) * (1.0 + 10.0 * (PI * w + 1.0).sin().powi(2));
    (PI * w[0]).sin().powi(2)
        + rest.iter().map(term).sum::<f64>()
        + (last - 1.0).powi(2) * (1.0 + (TAU * last).sin().powi(2))
}

pub(super) fn rosenbrock(y: &[f64]) -> f64 {
    y.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum()
}

fn styblinski_tang(x: &[f64]) -> f64 {
    0.5 * x.iter().map(|x| x.powi(4) - 16.0 * x * x + 5.0 * x).sum::<f64>()
}

/// Float, log-float, log-integer, integer and two choices that shift the optimum of the first two. The optimum is 0,
/// at x = 1.3, lr = 10^-2.7, units = 23, layers = 5, a2, b1.
fn mixed(p: &[f64]) -> f64 {
    const A: [(f64, f64); 4] = [(1.2, 0.8), (0.6, -0.7), (0.0, 0.0), (0.9, 0.4)];
    const B: [(f64, f64); 3] = [(0.5, -1.5), (0.0, 0.0), (0.8, 2.0)];
    let ((a, a_shift), (b, b_shift)) = (A[p[4] as usize % 4], B[p[5] as usize % 3]);
    let dx = p[0] - 1.3 - b_shift;
    let dl = p[1].log10() + 2.7 - a_shift;
    let du = p[2].log2() - 23.0_f64.log2();
    let dn = p[3] - 5.0;
    a + b
        + 0.15 * dx * dx
        + 0.3 * (1.0 - (TAU * dx / 2.5).cos())
        + 0.6 * dl * dl
        + 0.3 * du * du
        + 0.08 * dn * dn
        + 0.1 * (dl * du).abs()
}
