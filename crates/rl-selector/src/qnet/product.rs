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
        debug_assert_eq!(a.cols, b.rows);
        debug_assert_eq!(c.len(), a.rows * b.cols);
        self.cpu.run(Product { a, b, c, left: &mut self.left, right: &mut self.right });
    }
}

struct Product<'a> {
    a: View<'a>,
    b: View<'a>,
    c: &'a mut [f32],
    left: &'a mut Vec<f32>,
    right: &'a mut Vec<f32>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, c, left, right } = self;
        let (depth, width) = (a.cols, 2 * S::F32_LANES);
        pack_left(a, left);
        right.clear();
        right.resize(depth * width, 0.0);
        for column in (0..b.cols).step_by(width) {
            pack_right(b, column, width, right);
            let (vectors, _) = S::as_simd_f32s(right);
            let (pairs, _) = vectors.as_chunks::<2>();
            let used = width.min(b.cols - column);
            for (left, c) in left.chunks_exact(ROWS * depth).zip(c.chunks_mut(ROWS * b.cols)) {
                let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
                for (x, y) in left.as_chunks::<ROWS>().0.iter().zip(pairs) {
                    for (sums, x) in sums.iter_mut().zip(x) {
                        let x = simd.splat_f32s(*x);
                        sums[0] = madd(simd, x, y[0], sums[0]);
                        sums[1] = madd(simd, x, y[1], sums[1]);
                    }
                }
                for (row, sums) in c.chunks_exact_mut(b.cols).zip(sums) {
                    add_row(simd, &mut row[column..column + used], sums);
                }
            }
        }
    }
}

/// Adds two vectors to as many numbers as `row` has.
#[inline(always)]
fn add_row<S: Simd>(simd: S, row: &mut [f32], sums: [S::f32s; 2]) {
    for (part, sum) in row.chunks_mut(S::F32_LANES).zip(sums) {
        if let ([whole], _) = S::as_mut_simd_f32s(part) {
            *whole = simd.add_f32s(*whole, sum);
        } else {
            let old = simd.partial_load_f32s(part);
            simd.partial_store_f32s(part, simd.add_f32s(old, sum));
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
        if a.row_stride == 1 {
            for (packed, column) in packed.chunks_exact_mut(ROWS).zip(a.data.chunks_exact(a.col_stride)) {
                packed[..rows].copy_from_slice(&column[first..first + rows]);
            }
        } else {
            for r in 0..rows {
                let row = &a.data[(first + r) * a.row_stride..][..a.cols];
                packed.iter_mut().skip(r).step_by(ROWS).zip(row).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// `width` columns from `column` on, row after row; columns beyond the last are zeros.
#[inline(always)]
fn pack_right(b: View<'_>, column: usize, width: usize, right: &mut [f32]) {
    let used = width.min(b.cols - column);
    if used < width {
        right.fill(0.0);
    }
    if b.col_stride == 1 {
        for (packed, row) in right.chunks_exact_mut(width).zip(b.data.chunks_exact(b.row_stride)) {
            packed[..used].copy_from_slice(&row[column..column + used]);
        }
    } else {
        for j in 0..used {
            let from = &b.data[(column + j) * b.col_stride..][..b.rows];
            right.iter_mut().skip(j).step_by(width).zip(from).for_each(|(to, from)| *to = *from);
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
        for (m, k, n) in
            [(1, 1, 1), (6, 4, 16), (7, 5, 17), (64, 13, 256), (13, 64, 33), (5, 256, 6), (12, 3, 40)]
        {
            let (left, right) = (random(m * k, &mut rng), random(k * n, &mut rng));
            for (flip_a, flip_b) in [(false, false), (false, true), (true, false), (true, true)] {
                let a = if flip_a { View::new(&left, k, m).transposed() } else { View::new(&left, m, k) };
                let b = if flip_b { View::new(&right, n, k).transposed() } else { View::new(&right, k, n) };
                let start = random(m * n, &mut rng);
                let mut c = start.clone();
                multiplier.add_product(a, b, &mut c);
                for ((found, start), expected) in c.iter().zip(&start).zip(plain(a, b)) {
                    let error = (f64::from(*found) - f64::from(*start) - expected).abs();
                    assert!(error < 1e-5, "{m} {k} {n} {flip_a} {flip_b}: {error}");
                }
            }
        }
    }
}
