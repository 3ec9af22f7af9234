//! Triangular matrices: factor, invert, append, multiply.
//!
//! nalgebra's own Cholesky is not blocked and its products choose instructions by CPU; these loops keep eight columns
//! in flight, run in the widest vectors the machine has, and give the same bits on all of them.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into the dispatched closure is compiled for its CPU"
)]

use nalgebra::DMatrix;
use pulp::Arch;

use crate::kernel::lanes::{LANES, dot};

/// Columns handled together.
const PANEL: usize = 16;

/// Rows of storage for `n` rows: a whole number of lanes.
pub(crate) fn padded(n: usize) -> usize {
    n.div_ceil(LANES) * LANES
}

/// A zero matrix of `n` columns whose columns are padded to whole lanes.
pub(crate) fn zeros(n: usize) -> DMatrix<f64> {
    DMatrix::zeros(padded(n), n)
}

/// `c -= sum_k a_k b_k` over eight columns, from row `from` (a whole number of lanes) on.
#[inline(always)]
fn update(c: &mut [f64], columns: &[f64], rows: usize, from: usize, b: &[f64; LANES]) {
    let c = &mut c[from..rows];
    let a: [&[f64]; LANES] = std::array::from_fn(|k| &columns[k * rows + from..(k + 1) * rows]);
    for (i, c) in c.chunks_exact_mut(LANES).enumerate() {
        let mut sum = [0.0; LANES];
        sum.copy_from_slice(c);
        for k in 0..LANES {
            let a = &a[k][i * LANES..(i + 1) * LANES];
            for l in 0..LANES {
                sum[l] -= a[l] * b[k];
            }
        }
        c.copy_from_slice(&sum);
    }
}

/// `c -= a b` from row `from` on.
#[inline(always)]
fn update_one(c: &mut [f64], a: &[f64], from: usize, b: f64) {
    for (c, a) in c[from..].iter_mut().zip(&a[from..]) {
        *c -= a * b;
    }
}

/// Replaces the lower triangle by its Cholesky factor, the strict upper one by zeros; false when a pivot is not positive.
///
/// O(n^3 / 3). `a` has padded columns (see [`zeros`]).
pub(crate) fn cholesky(a: &mut DMatrix<f64>) -> bool {
    let (rows, n) = a.shape();
    let data = a.as_mut_slice();
    Arch::new().dispatch(
        #[inline(always)]
        || factor(data, rows, n),
    )
}

#[inline(always)]
fn factor(data: &mut [f64], rows: usize, n: usize) -> bool {
    for first in (0..n).step_by(PANEL) {
        let last = (first + PANEL).min(n);
        let (done, open) = data.split_at_mut(first * rows);
        for k in (0..first).step_by(LANES) {
            let columns = &done[k * rows..(k + LANES) * rows];
            for j in first..last {
                let b: [f64; LANES] = std::array::from_fn(|l| columns[l * rows + j]);
                update(&mut open[(j - first) * rows..(j - first + 1) * rows], columns, rows, first, &b);
            }
        }
        for j in first..last {
            let (before, here) = open.split_at_mut((j - first) * rows);
            let here = &mut here[..rows];
            for k in 0..j - first {
                let column = &before[k * rows..(k + 1) * rows];
                update_one(here, column, j / LANES * LANES, column[j]);
            }
            here[..j].fill(0.0);
            let pivot = here[j];
            if !(pivot > 0.0 && pivot.is_finite()) {
                return false;
            }
            let root = pivot.sqrt();
            here[j] = root;
            for x in &mut here[j + 1..n] {
                *x /= root;
            }
            here[n..].fill(0.0);
        }
    }
    true
}

/// The inverse of a lower triangular matrix. O(n^3 / 6).
pub(crate) fn invert_lower(l: &DMatrix<f64>, out: &mut DMatrix<f64>) {
    let (rows, n) = l.shape();
    let (l, out) = (l.as_slice(), out.as_mut_slice());
    Arch::new().dispatch(
        #[inline(always)]
        || {
            out.fill(0.0);
            for j in 0..n {
                out[j * rows + j] = 1.0;
            }
            for k in (0..n).step_by(LANES) {
                let end = (k + LANES).min(n);
                for j in 0..end {
                    let column = &mut out[j * rows..(j + 1) * rows];
                    for i in k.max(j)..end {
                        let x = column[i] / l[i * rows + i];
                        column[i] = x;
                        for below in i + 1..end {
                            column[below] -= l[i * rows + below] * x;
                        }
                    }
                    if end < rows && end == k + LANES {
                        let b: [f64; LANES] = std::array::from_fn(|c| column[k + c]);
                        update(column, &l[k * rows..end * rows], rows, end, &b);
                    }
                }
            }
        },
    );
}

/// `m^T m` for a lower triangular `m`, both triangles. O(n^3 / 6).
pub(crate) fn gram(m: &DMatrix<f64>, out: &mut DMatrix<f64>) {
    let (rows, n) = m.shape();
    let (m, out) = (m.as_slice(), out.as_mut_slice());
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for j in 0..n {
                let start = j / LANES * LANES;
                for i in 0..=j {
                    let value =
                        dot(&m[j * rows + start..(j + 1) * rows], &m[i * rows + start..(i + 1) * rows]);
                    out[j * rows + i] = value;
                    out[i * rows + j] = value;
                }
            }
        },
    );
}

/// `out = m x` for a lower triangular `m`; `out` is padded.
#[inline(always)]
pub(crate) fn multiply(m: &DMatrix<f64>, x: &[f64], out: &mut [f64]) {
    let (rows, n) = m.shape();
    let m = m.as_slice();
    out[..rows].fill(0.0);
    let whole = n - n % LANES;
    for k in (0..whole).step_by(LANES) {
        let b: [f64; LANES] = std::array::from_fn(|l| -x[k + l]);
        update(&mut out[..rows], &m[k * rows..(k + LANES) * rows], rows, k, &b);
    }
    for k in whole..n {
        update_one(&mut out[..rows], &m[k * rows..(k + 1) * rows], whole, -x[k]);
    }
}

/// `out = m^T x` for a lower triangular `m` and a padded `x`.
#[inline(always)]
pub(crate) fn multiply_transposed(m: &DMatrix<f64>, x: &[f64], out: &mut [f64]) {
    let (rows, n) = m.shape();
    let m = m.as_slice();
    for j in 0..n {
        let start = j / LANES * LANES;
        out[j] = dot(&m[j * rows + start..(j + 1) * rows], &x[start..rows]);
    }
    out[n..].fill(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use meta_traits::Stream;

    /// Against nalgebra's own routines, at sizes around every block edge.
    #[test]
    fn agrees_with_nalgebra() {
        for n in [1, 2, 7, 8, 9, 15, 16, 17, 31, 40, 65, 100] {
            let mut rng = Stream::root(n as u64);
            let b = DMatrix::from_fn(n, n, |_, _| rng.unit() - 0.5);
            let a = &b * b.transpose() + DMatrix::identity(n, n) * 0.1;
            let mut own = zeros(n);
            own.view_mut((0, 0), (n, n)).copy_from(&a);
            assert!(cholesky(&mut own));
            let reference = a.clone().cholesky().unwrap();
            assert!((own.view((0, 0), (n, n)) - reference.l()).abs().max() < 1e-12, "factor at {n}");
            let (mut inverse, mut whole) = (zeros(n), zeros(n));
            invert_lower(&own, &mut inverse);
            gram(&inverse, &mut whole);
            let error = (whole.view((0, 0), (n, n)) - reference.inverse()).abs().max();
            assert!(error < 1e-9, "inverse at {n}: {error}");
            let mut x = vec![0.0; padded(n)];
            x[..n].iter_mut().for_each(|x| *x = rng.unit());
            let (mut forth, mut back) = (vec![0.0; padded(n)], vec![0.0; padded(n)]);
            multiply(&own, &x, &mut forth);
            multiply_transposed(&inverse, &forth, &mut back);
            let expected = inverse.view((0, 0), (n, n)).transpose()
                * (own.view((0, 0), (n, n)) * DMatrix::from_column_slice(n, 1, &x[..n]));
            for i in 0..n {
                assert!((back[i] - expected[i]).abs() < 1e-9, "product at {n}");
            }
        }
    }

    #[test]
    fn what_is_not_positive_is_refused() {
        let mut a = zeros(3);
        a[(0, 0)] = 1.0;
        a[(1, 0)] = 2.0;
        a[(1, 1)] = 1.0;
        a[(2, 2)] = 1.0;
        assert!(!cholesky(&mut a));
        let mut nan = zeros(1);
        nan[(0, 0)] = f64::NAN;
        assert!(!cholesky(&mut nan));
    }
}
