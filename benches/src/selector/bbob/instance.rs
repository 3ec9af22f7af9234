//! What an instance number stands for: where the optimum lies, its value, and two rotations.

use std::f64::consts::TAU;

/// Square matrix, row by row.
pub(super) type Matrix = Vec<Vec<f64>>;

/// `n` uniform numbers of the minimal-standard generator of 2009 (Park & Miller), shuffled through a table of 32.
pub(super) fn uniform(n: usize, seed: i64) -> Vec<f64> {
    let advance = |state: i64| {
        let next = 16_807 * (state % 127_773) - 2836 * (state / 127_773);
        if next < 0 { next + 2_147_483_647 } else { next }
    };
    let mut state = seed.abs().max(1);
    let mut table = [0_i64; 32];
    for slot in (0..40).rev() {
        state = advance(state);
        if slot < 32 {
            table[slot] = state;
        }
    }
    let mut last = table[0];
    (0..n)
        .map(|_| {
            state = advance(state);
            let slot = (last / 67_108_865) as usize;
            last = std::mem::replace(&mut table[slot], state);
            if last == 0 { 1e-99 } else { last as f64 / 2.147_483_647e9 }
        })
        .collect()
}

/// `n` normal numbers (Box & Muller).
pub(super) fn normal(n: usize, seed: i64) -> Vec<f64> {
    let u = uniform(2 * n, seed);
    let draw = |i: usize| (-2.0 * u[i].ln()).sqrt() * (TAU * u[n + i]).cos();
    (0..n).map(|i| if draw(i) == 0.0 { 1e-99 } else { draw(i) }).collect()
}

/// A rotation: columns of normal numbers, made orthonormal one after the other.
pub(super) fn rotation(dim: usize, seed: i64) -> Matrix {
    let draws = normal(dim * dim, seed);
    let mut columns: Vec<Vec<f64>> = draws.chunks(dim).map(<[f64]>::to_vec).collect();
    for i in 0..dim {
        let (done, rest) = columns.split_at_mut(i);
        let column = &mut rest[0];
        for other in done {
            let along: f64 = column.iter().zip(other.iter()).map(|(a, b)| a * b).sum();
            column.iter_mut().zip(other.iter()).for_each(|(a, b)| *a -= along * b);
        }
        let length = column.iter().map(|v| v * v).sum::<f64>().sqrt();
        for entry in column {
            *entry /= length;
        }
    }
    (0..dim).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
}

/// Where the optimum lies, for most functions.
pub(super) fn optimum(dim: usize, seed: i64) -> Vec<f64> {
    let place = |u: f64| 8.0 * (1e4 * u).floor() / 1e4 - 4.0;
    uniform(dim, seed).into_iter().map(|u| if place(u) == 0.0 { -1e-5 } else { place(u) }).collect()
}

/// The value at the optimum, rounded to hundredths and kept within +-1000.
pub(super) fn optimal_value(seed: i64) -> f64 {
    let (above, below) = (normal(1, seed)[0], normal(1, seed + 1)[0]);
    ((1e4 * above / below + 0.5).floor() / 100.0).clamp(-1000.0, 1000.0)
}

/// `Q L^alpha R` style product: `left * diag(alpha^(i / (2 (dim - 1)))) * right`.
pub(super) fn conditioned(left: &Matrix, alpha: f64, right: &Matrix) -> Matrix {
    let dim = left.len();
    let entry = |i: usize, j: usize| {
        (0..dim).map(|k| left[i][k] * conditioning(alpha, k, dim) * right[k][j]).sum::<f64>()
    };
    (0..dim).map(|i| (0..dim).map(|j| entry(i, j)).collect()).collect()
}

/// Entry `i` of the diagonal of conditioning `alpha`.
pub(super) fn conditioning(alpha: f64, i: usize, dim: usize) -> f64 {
    alpha.sqrt().powf(i as f64 / (dim as f64 - 1.0))
}
