//! Twenty functions on which a search must never be worse than drawing at random: what models of smooth functions are
//! misled by. Each line says what is hard about it.

use std::f64::consts::{PI, TAU};

use super::classic::{BRANIN, BRANIN_FLOOR, ackley, branin, rosenbrock};
use super::{Function, Input, Noise};

const UNIT: Input = Input::Float(0.0, 1.0);
const FIVE: Input = Input::Choice(&["v", "w", "x", "y", "z"]);

const fn plain(
    name: &'static str,
    inputs: &'static [Input],
    minimum: f64,
    value: fn(&[f64]) -> f64,
) -> Function {
    Function { name, inputs, minimum, noise: Noise::None, value }
}

const fn noisy(function: Function, noise: Noise) -> Function {
    Function { noise, ..function }
}

/// The twenty functions.
pub const FURTHER: &[Function] = &[
    // Nothing to learn: the spread of the values is 0.
    plain("constant", &[UNIT; 3], 1.0, |_| 1.0),
    // Most of the space has no value at all.
    plain("nan-half", &[UNIT; 3], 0.0, |x| if x[0] > 0.4 { f64::NAN } else { bowl(x, 0.3) }),
    // Never a value.
    plain("nan-always", &[UNIT; 2], 0.0, |_| f64::NAN),
    // Infinite beyond a wall, and the optimum stands at the wall.
    plain("wall", &[UNIT; 2], 0.0, |x| if x[0] + x[1] > 1.0 { f64::INFINITY } else { 1.0 - x[0] - x[1] }),
    // Evaluations fail outside of a ball around the optimum.
    plain("failing", &[UNIT; 4], 0.0, |x| if bowl(x, 0.6) > 0.35 { f64::NEG_INFINITY } else { bowl(x, 0.6) }),
    // Flat steps: most differences are 0.
    plain("steps", &[Input::Float(-5.12, 5.12); 5], -30.0, |x| x.iter().map(|x| x.floor().max(-6.0)).sum()),
    // Jumps at the squares of a board, a slope across them.
    plain("board", &[UNIT; 2], 0.0, |x| {
        let square = (8.0 * x[0]).floor() + (8.0 * x[1]).floor();
        square.rem_euclid(2.0) + bowl(x, 0.73)
    }),
    // A hole of 1 % of the width in a plain.
    plain("needle", &[UNIT; 2], 0.0, |x| if bowl(x, 0.37) < 1e-4 { 0.0 } else { 1.0 }),
    // The slope leads away from the optimum.
    plain("trap", &[UNIT; 3], 0.0, |x| {
        let mean = x.iter().sum::<f64>() / 3.0;
        if mean < 0.15 { mean / 0.15 * 0.5 } else { 0.5 + 0.5 * (1.0 - mean) / 0.85 }
    }),
    // Many deep wells far apart.
    plain("schwefel6", &[Input::Float(-500.0, 500.0); 6], 0.0, |x| {
        x.iter().map(|x| 418.982_887_272_433_9 - x * x.abs().sqrt().sin()).sum()
    }),
    // Many inputs.
    plain("sphere50", &[Input::Float(-5.0, 5.0); 50], 0.0, |x| x.iter().map(|x| (x - 1.0).powi(2)).sum()),
    // Many inputs, many wells.
    plain("ackley50", &[Input::Float(-32.768, 32.768); 50], 0.0, |x| ackley(x.iter().map(|x| x - 7.0))),
    // Many inputs in a curved valley.
    plain("rosenbrock20", &[Input::Float(-5.0, 10.0); 20], 0.0, rosenbrock),
    // Waves shorter than any spacing of points.
    plain("waves", &[UNIT; 3], -3.0, |x| x.iter().map(|x| (TAU * 37.0 * x).sin()).sum()),
    // Noise as large as the signal.
    noisy(plain("noisy-bowl", &[UNIT; 5], 0.0, |x| bowl(x, 0.6)), Noise::Normal(0.5)),
    // Noise on a function with three optima.
    noisy(
        plain("noisy-branin", &[Input::Float(-5.0, 10.0), Input::Float(0.0, 15.0)], BRANIN_FLOOR, |x| {
            branin(x, BRANIN)
        }),
        Noise::Normal(10.0),
    ),
    // Outliers without bound, some of them far below the minimum.
    noisy(plain("outliers", &[UNIT; 3], 0.0, |x| bowl(x, 0.3)), Noise::Cauchy(0.05)),
    // Choices only.
    plain("choices", &[FIVE; 6], 0.0, |x| {
        let wrong = |(i, x): (usize, &f64)| f64::from(u8::from((*x as usize) != (2 * i + 1) % 5));
        let pair = f64::from(u8::from(x[0] as usize != x[5] as usize));
        x.iter().enumerate().map(wrong).sum::<f64>() + pair
    }),
    // Twelve decades of input and of output.
    plain("decades", &[Input::Log(1e-12, 1.0); 2], 1e12, |x| {
        1e12 + 1e8 * ((x[0].log10() + 7.0).powi(2) + (x[1].log10() + 2.0).powi(2))
    }),
    // Integers with an optimum in a corner, and ties.
    plain("corner", &[Input::Int(0, 9); 8], 0.0, |x| {
        (x.iter().map(|x| 9.0 - x).sum::<f64>() / 4.0).floor() + (1.0 - (PI * x[0] / 9.0).cos().abs())
    }),
];

/// Mean square distance from the point with all coordinates `centre`.
fn bowl(x: &[f64], centre: f64) -> f64 {
    4.0 * x.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / x.len() as f64
}
