/// The lower triangle of a symmetric matrix, or of a factor, row after row; it grows by rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Lower {
    values: Vec<f64>,
    size: usize,
}

impl Lower {
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Row `i` up to and including the diagonal.
    pub(super) fn row(&self, i: usize) -> &[f64] {
        let start = i * (i + 1) / 2;
        &self.values[start..=start + i]
    }

    /// Adds a row with one value more than the last.
    pub(super) fn push(&mut self, row: &[f64]) {
        debug_assert_eq!(row.len(), self.size + 1);
        self.values.extend_from_slice(row);
        self.size += 1;
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.size = 0;
    }

    /// The product with a vector, of the symmetric matrix whose triangle this is.
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
    /// O(n^3).
    pub(super) fn factor(&self, extra: &[f64]) -> Self {
        let mut out = Self { values: Vec::with_capacity(self.values.len()), size: 0 };
        for i in 0..self.size {
            let from = self.row(i);
            let mut row = Vec::with_capacity(i + 1);
            for j in 0..i {
                let other = out.row(j);
                let left = from[j] - dot(&row, &other[..j]);
                row.push(left / other[j]);
            }
            let pivot = from[i] + extra[i] - dot(&row, &row);
            row.push(pivot.max(1e-10).sqrt());
            out.push(&row);
        }
        out
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
    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
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
    pub(super) fn inverse(&self) -> Self {
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

/// The sum of products over the shorter of the two, in eight running sums: the order of additions is fixed, and the
/// compiler can use wide registers.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let (a, b) = (&a[..n], &b[..n]);
    let mut sums = [0.0; 8];
    let (wide_a, rest_a) = a.as_chunks::<8>();
    let (wide_b, rest_b) = b.as_chunks::<8>();
    for (x, y) in wide_a.iter().zip(wide_b) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + rest
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
        let x: Vec<f64> = (0..n).map(|_| rng.unit()).collect();
        let shifted: Vec<f64> = matrix.times(&x).iter().zip(&x).map(|(p, x)| p + 0.3 * x).collect();
        let solved = factor.solve(&shifted);
        assert!(solved.iter().zip(&x).all(|(s, x)| (s - x).abs() < 1e-9));
        let inverted = factor.inverse().times(&shifted);
        assert!(inverted.iter().zip(&x).all(|(s, x)| (s - x).abs() < 1e-9));
    }
}
