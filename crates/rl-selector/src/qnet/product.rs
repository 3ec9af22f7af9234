use pulp::{Simd, WithSimd};

use crate::cpu::{Cpu, madd};

/// Rows of the result computed at once: with two vectors a row, twelve sums fill the sixteen registers of AVX2.
const ROWS: usize = 6;

/// A matrix in memory of another: strides say where its elements lie.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> View<'a> {
    /// `rows` rows of `cols` numbers, one row after the other.
    pub(super) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        debug_assert_eq!(data.len(), rows * cols);
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The transpose; nothing moves.
    pub(super) fn transposed(self) -> Self {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        Self { data, rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride }
    }
}

/// Products of matrices on one thread, with the packed copies they work on.
///
/// Goto & van de Geijn 2008 without the outer loops: every matrix here fits the second-level cache. Each element is
/// one chain of multiply-adds in ascending order of the inner index.
#[derive(Clone, Debug)]
pub(super) struct Multiplier {
    cpu: Cpu,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Multiplier {
    pub(super) fn new() -> Self {
        Self { cpu: Cpu::detect(), left: Vec::new(), right: Vec::new() }
    }

    /// Adds `a b` to `c`, which has the rows of `a` and the columns of `b`, one row after the other.
    pub(super) fn add_product(&mut self, a: View<'_>, b: View<'_>, c: &mut [f32]) {
        self.run(a, b, c, true);
    }

    /// Puts `a b` in the place of `c`.
    pub(super) fn product(&mut self, a: View<'_>, b: View<'_>, c: &mut [f32]) {
        self.run(a, b, c, false);
    }

    fn run(&mut self, a: View<'_>, b: View<'_>, c: &mut [f32], keep: bool) {
        debug_assert_eq!(a.cols, b.rows);
        debug_assert_eq!(c.len(), a.rows * b.cols);
        self.cpu.run(Product { a, b, c, left: &mut self.left, right: &mut self.right, keep });
    }
}

struct Product<'a> {
    a: View<'a>,
    b: View<'a>,
    c: &'a mut [f32],
    left: &'a mut Vec<f32>,
    right: &'a mut Vec<f32>,
    keep: bool,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, c, left, right, keep } = self;
        let (depth, width) = (a.cols, 2 * S::F32_LANES);
        pack_left(a, left);
        right.clear();
        right.resize(depth * width, 0.0);
        for column in (0..b.cols).step_by(width) {
            pack_right::<S>(b, column, right);
            let (vectors, _) = S::as_simd_f32s(right);
            let (pairs, _) = vectors.as_chunks::<2>();
            let used = width.min(b.cols - column);
            for (left, c) in left.chunks_exact(ROWS * depth).zip(c.chunks_mut(ROWS * b.cols)) {
                let sums = tile(simd, left.as_chunks::<ROWS>().0, pairs);
                for (row, sums) in c.chunks_exact_mut(b.cols).zip(sums) {
                    put_row(simd, &mut row[column..column + used], sums, keep);
                }
            }
        }
    }
}

/// [`ROWS`] rows of two vectors: the sums over the inner index, which stay in registers throughout.
#[inline(always)]
fn tile<S: Simd>(simd: S, left: &[[f32; ROWS]], right: &[[S::f32s; 2]]) -> [[S::f32s; 2]; ROWS] {
    let zero = simd.splat_f32s(0.0);
    let [mut a0, mut a1, mut b0, mut b1, mut c0, mut c1] = [zero; 6];
    let [mut d0, mut d1, mut e0, mut e1, mut f0, mut f1] = [zero; 6];
    for ([a, b, c, d, e, f], [y0, y1]) in left.iter().zip(right) {
        let x = simd.splat_f32s(*a);
        (a0, a1) = (madd(simd, x, *y0, a0), madd(simd, x, *y1, a1));
        let x = simd.splat_f32s(*b);
        (b0, b1) = (madd(simd, x, *y0, b0), madd(simd, x, *y1, b1));
        let x = simd.splat_f32s(*c);
        (c0, c1) = (madd(simd, x, *y0, c0), madd(simd, x, *y1, c1));
        let x = simd.splat_f32s(*d);
        (d0, d1) = (madd(simd, x, *y0, d0), madd(simd, x, *y1, d1));
        let x = simd.splat_f32s(*e);
        (e0, e1) = (madd(simd, x, *y0, e0), madd(simd, x, *y1, e1));
        let x = simd.splat_f32s(*f);
        (f0, f1) = (madd(simd, x, *y0, f0), madd(simd, x, *y1, f1));
    }
    [[a0, a1], [b0, b1], [c0, c1], [d0, d1], [e0, e1], [f0, f1]]
}

/// Puts two vectors in the place of as many numbers as `row` has, or adds them.
#[inline(always)]
fn put_row<S: Simd>(simd: S, row: &mut [f32], sums: [S::f32s; 2], keep: bool) {
    for (part, sum) in row.chunks_mut(S::F32_LANES).zip(sums) {
        if let ([whole], _) = S::as_mut_simd_f32s(part) {
            *whole = if keep { simd.add_f32s(*whole, sum) } else { sum };
        } else {
            let old = simd.partial_load_f32s(part);
            simd.partial_store_f32s(part, if keep { simd.add_f32s(old, sum) } else { sum });
        }
    }
}

/// Bands of [`ROWS`] rows, column after column; the last band is filled up with zeros.
#[inline(always)]
fn pack_left(a: View<'_>, left: &mut Vec<f32>) {
    left.clear();
    left.resize(a.rows.div_ceil(ROWS) * ROWS * a.cols, 0.0);
    for (band, packed) in left.chunks_exact_mut(ROWS * a.cols).enumerate() {
        let first = band * ROWS;
        let rows = ROWS.min(a.rows - first);
        let (packed, _) = packed.as_chunks_mut::<ROWS>();
        if a.col_stride == 1 {
            for r in 0..rows {
                let row = &a.data[(first + r) * a.row_stride..][..a.cols];
                packed.iter_mut().zip(row).for_each(|(to, from)| to[r] = *from);
            }
            continue;
        }
        for (packed, column) in packed.iter_mut().zip(a.data.chunks_exact(a.col_stride)) {
            match column[first..].first_chunk::<ROWS>() {
                Some(whole) => *packed = *whole,
                None => packed[..rows].copy_from_slice(&column[first..first + rows]),
            }
        }
    }
}

/// Two vectors of columns from `column` on, row after row; columns beyond the last are zeros.
#[inline(always)]
fn pack_right<S: Simd>(b: View<'_>, column: usize, right: &mut [f32]) {
    let width = 2 * S::F32_LANES;
    let used = width.min(b.cols - column);
    if used < width {
        right.fill(0.0);
    }
    if b.col_stride != 1 {
        // Four rows of the source become four neighbours: one store instead of four.
        for j in (0..used).step_by(4) {
            let row = |r: usize| &b.data[(column + (j + r).min(used - 1)) * b.col_stride..][..b.rows];
            let rows = row(0).iter().zip(row(1)).zip(row(2)).zip(row(3));
            for (packed, (((x0, x1), x2), x3)) in right.chunks_exact_mut(width).zip(rows) {
                packed[j..j + 4].copy_from_slice(&[*x0, *x1, *x2, *x3]);
            }
        }
        if used < width {
            right.chunks_exact_mut(width).for_each(|packed| packed[used..].fill(0.0));
        }
    } else if used == width {
        let (pairs, _) = S::as_mut_simd_f32s(right);
        let (pairs, _) = pairs.as_chunks_mut::<2>();
        for (packed, row) in pairs.iter_mut().zip(b.data.chunks_exact(b.row_stride.max(b.cols))) {
            if let ([x, y], _) = S::as_simd_f32s(&row[column..column + width]) {
                *packed = [*x, *y];
            }
        }
    } else {
        for (packed, row) in right.chunks_exact_mut(width).zip(b.data.chunks_exact(b.row_stride.max(b.cols)))
        {
            packed[..used].copy_from_slice(&row[column..column + used]);
        }
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    fn random(n: usize, rng: &mut Stream) -> Vec<f32> {
        (0..n).map(|_| rng.unit() as f32 - 0.5).collect()
    }

    /// Element by element, in double precision.
    fn plain(a: View<'_>, b: View<'_>) -> Vec<f64> {
        let at = |v: View<'_>, i: usize, j: usize| f64::from(v.data[i * v.row_stride + j * v.col_stride]);
        let element = |i: usize, j: usize| (0..a.cols).map(|p| at(a, i, p) * at(b, p, j)).sum();
        (0..a.rows * b.cols).map(|e| element(e / b.cols, e % b.cols)).collect()
    }

    #[test]
    fn every_shape_and_orientation_is_the_plain_product() {
        let mut rng = Stream::root(1);
        let mut multiplier = Multiplier::new();
        for (m, k, n) in [
            (1, 1, 1),
            (5, 1, 7),
            (1, 9, 1),
            (6, 4, 16),
            (7, 5, 17),
            (64, 13, 256),
            (13, 64, 33),
            (5, 256, 6),
            (12, 3, 40),
        ] {
            let (left, right) = (random(m * k, &mut rng), random(k * n, &mut rng));
            for (flip_a, flip_b) in [(false, false), (false, true), (true, false), (true, true)] {
                let a = if flip_a { View::new(&left, k, m).transposed() } else { View::new(&left, m, k) };
                let b = if flip_b { View::new(&right, n, k).transposed() } else { View::new(&right, k, n) };
                let start = random(m * n, &mut rng);
                let mut c = start.clone();
                multiplier.add_product(a, b, &mut c);
                let mut fresh = start.clone();
                multiplier.product(a, b, &mut fresh);
                for (((found, fresh), start), expected) in c.iter().zip(&fresh).zip(&start).zip(plain(a, b)) {
                    assert!((f64::from(*fresh) - expected).abs() < 1e-5, "{m} {k} {n} {flip_a} {flip_b}");
                    let error = (f64::from(*found) - f64::from(*start) - expected).abs();
                    assert!(error < 1e-5, "{m} {k} {n} {flip_a} {flip_b}: {error}");
                }
            }
        }
    }
}
