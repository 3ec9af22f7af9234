/// Rows of a factor that are made at once.
const PANEL: usize = 4;
/// Running sums of a product.
const LANES: usize = 4;

/// The lower triangle of a symmetric matrix, or of a factor, row after row; it grows by rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lower {
    values: Vec<f64>,
    size: usize,
}

impl Lower {
    /// Number of rows.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Row `i` up to and including the diagonal.
    pub(crate) fn row(&self, i: usize) -> &[f64] {
        let start = i * (i + 1) / 2;
        &self.values[start..=start + i]
    }

    /// Adds a row with one value more than the last.
    pub(crate) fn push(&mut self, row: &[f64]) {
        debug_assert_eq!(row.len(), self.size + 1);
        self.values.extend_from_slice(row);
        self.size += 1;
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.size = 0;
    }

    /// The product with a vector, of the symmetric matrix whose triangle this is.
    #[cfg(test)]
    pub(super) fn times(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.size];
        for i in 0..self.size {
            let row = self.row(i);
            out[i] += dot(row, &x[..=i]);
            let xi = x[i];
            for (o, v) in out[..i].iter_mut().zip(row) {
                *o += v * xi;
            }
        }
        out
    }

    /// The factor L of `self + diag(extra)` = L L^T. A pivot that rounding makes smaller than 1e-10 counts as 1e-10.
    ///
    /// Four rows at a time share what is read of the rows before them. Every entry is the same, bit for bit, as when
    /// its row is added by [`Lower::extend`]. O(n^3).
    pub(crate) fn factor(&self, extra: &[f64]) -> Self {
        let mut out = Self { values: Vec::with_capacity(self.values.len()), size: 0 };
        while out.size + PANEL <= self.size {
            let first = out.size;
            let mut rows: [Vec<f64>; PANEL] = std::array::from_fn(|r| Vec::with_capacity(first + r + 1));
            for j in 0..first {
                let other = out.row(j);
                let sums = dots(rows.each_ref().map(Vec::as_slice), &other[..j]);
                for (r, row) in rows.iter_mut().enumerate() {
                    row.push((self.row(first + r)[j] - sums[r]) / other[j]);
                }
            }
            for (r, mut row) in rows.into_iter().enumerate() {
                out.complete(&mut row, self.row(first + r), extra[first + r]);
            }
        }
        for (i, more) in extra.iter().enumerate().take(self.size).skip(out.size) {
            out.extend(self.row(i), *more);
        }
        out
    }

    /// Adds one row to a factor: that of the matrix row `from` with `extra` added to its diagonal. O(n^2).
    pub(super) fn extend(&mut self, from: &[f64], extra: f64) {
        let mut row = Vec::with_capacity(self.size + 1);
        self.complete(&mut row, from, extra);
    }

    /// Goes on with a row of the factor from where it stands, and adds it.
    fn complete(&mut self, row: &mut Vec<f64>, from: &[f64], extra: f64) {
        for j in row.len()..self.size {
            let other = self.row(j);
            let sum = dot(row, &other[..j]);
            row.push((from[j] - sum) / other[j]);
        }
        let pivot = from[self.size] + extra - dot(row, row);
        row.push(pivot.max(1e-10).sqrt());
        self.push(row);
    }

    /// Solves L x = b for a factor. O(n^2).
    pub(super) fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut x = Vec::with_capacity(self.size);
        for i in 0..self.size {
            let row = self.row(i);
            x.push((b[i] - dot(&row[..i], &x)) / row[i]);
        }
        x
    }

    /// Solves L L^T x = b for a factor. O(n^2).
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.forward(b);
        for i in (0..self.size).rev() {
            let row = self.row(i);
            x[i] /= row[i];
            let xi = x[i];
            for (o, v) in x[..i].iter_mut().zip(row) {
                *o -= v * xi;
            }
        }
        x
    }

    /// The inverse of L L^T for a factor. O(n^3).
    pub(crate) fn inverse(&self) -> Self {
        let n = self.size;
        // Columns of L^-1, each from its diagonal down.
        let mut columns: Vec<Vec<f64>> = Vec::with_capacity(n);
        for j in 0..n {
            let mut column = Vec::with_capacity(n - j);
            column.push(1.0 / self.row(j)[j]);
            for i in j + 1..n {
                let row = self.row(i);
                let sum = dot(&row[j..i], &column);
                column.push(-sum / row[i]);
            }
            columns.push(column);
        }
        let mut out = Self { values: Vec::with_capacity(self.values.len()), size: 0 };
        for i in 0..n {
            let row: Vec<f64> = (0..=i).map(|j| dot(&columns[i], &columns[j][i - j..])).collect();
            out.push(&row);
        }
        out
    }
}

/// The sum of products over the shorter of the two, in four running sums: the order of additions is fixed, and the
/// compiler can use wide registers.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let [sum] = dots([a], b);
    sum
}

/// [`dot`] of each of some vectors with the same one.
fn dots<const R: usize>(a: [&[f64]; R], b: &[f64]) -> [f64; R] {
    let n = a.iter().map(|a| a.len()).fold(b.len(), usize::min);
    let a = a.map(|a| a[..n].as_chunks::<LANES>());
    let (wide, rest) = b[..n].as_chunks::<LANES>();
    let mut sums = [[0.0; LANES]; R];
    for (i, y) in wide.iter().enumerate() {
        for r in 0..R {
            let x = &a[r].0[i];
            for k in 0..LANES {
                sums[r][k] += x[k] * y[k];
            }
        }
    }
    std::array::from_fn(|r| {
        let tail: f64 = a[r].1.iter().zip(rest).map(|(x, y)| x * y).sum();
        sums[r].iter().sum::<f64>() + tail
    })
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    #[test]
    fn factor_solve_and_inverse_agree_with_the_product() {
        let n = 23;
        let mut rng = Stream::root(5);
        let base: Vec<Vec<f64>> = (0..n).map(|_| (0..n).map(|_| rng.unit() - 0.5).collect()).collect();
        let mut matrix = Lower::default();
        for i in 0..n {
            let row: Vec<f64> = (0..=i).map(|j| dot(&base[i], &base[j])).collect();
            matrix.push(&row);
        }
        let extra = vec![0.3; n];
        let factor = matrix.factor(&extra);
        let mut grown = Lower::default();
        (0..n).for_each(|i| grown.extend(matrix.row(i), 0.3));
        assert_eq!(grown.values, factor.values);
        let x: Vec<f64> = (0..n).map(|_| rng.unit()).collect();
        let shifted: Vec<f64> = matrix.times(&x).iter().zip(&x).map(|(p, x)| p + 0.3 * x).collect();
        let solved = factor.solve(&shifted);
        assert!(solved.iter().zip(&x).all(|(s, x)| (s - x).abs() < 1e-9));
        let inverted = factor.inverse().times(&shifted);
        assert!(inverted.iter().zip(&x).all(|(s, x)| (s - x).abs() < 1e-9));
    }
}
