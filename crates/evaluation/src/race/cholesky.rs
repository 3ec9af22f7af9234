/// The lower triangle L of a symmetric positive definite matrix, A = L L^T, row by row without the upper part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cholesky {
    n: usize,
    lower: Vec<f64>,
}

/// The place of element (i, j), j <= i, in packed rows.
pub(super) fn packed(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

impl Cholesky {
    /// Factors the packed lower triangle of an n x n matrix. Pivots are kept above 1e-9. O(n^3).
    pub(super) fn new(n: usize, mut a: Vec<f64>) -> Self {
        for i in 0..n {
            let (above, row) = a.split_at_mut(packed(i, 0));
            let row = &mut row[..=i];
            for j in 0..i {
                let other = &above[packed(j, 0)..=packed(j, j)];
                let dot: f64 = row[..j].iter().zip(other).map(|(x, y)| x * y).sum();
                row[j] = (row[j] - dot) / other[j];
            }
            let squares: f64 = row[..i].iter().map(|x| x * x).sum();
            row[i] = (row[i] - squares).max(1e-9).sqrt();
        }
        Self { n, lower: a }
    }

    pub(super) fn len(&self) -> usize {
        self.n
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.lower[packed(i, 0)..=packed(i, i)]
    }

    /// L^-1 b, in place. O(n^2).
    pub(super) fn forward(&self, b: &mut [f64]) {
        for i in 0..self.n {
            let row = self.row(i);
            let dot: f64 = row[..i].iter().zip(&*b).map(|(x, y)| x * y).sum();
            b[i] = (b[i] - dot) / row[i];
        }
    }

    /// L^-T b, in place. O(n^2).
    pub(super) fn backward(&self, b: &mut [f64]) {
        for i in (0..self.n).rev() {
            let row = self.row(i);
            b[i] /= row[i];
            let at = b[i];
            for (x, l) in b.iter_mut().zip(&row[..i]) {
                *x -= at * l;
            }
        }
    }

    /// x^T A^-1 x for the x that holds `weights` at their places; a place may come twice. O(n^2).
    pub(super) fn spread(&self, weights: impl IntoIterator<Item = (usize, f64)>) -> f64 {
        let mut x = vec![0.0; self.n];
        for (i, w) in weights {
            x[i] += w;
        }
        self.forward(&mut x);
        x.iter().map(|v| v * v).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_it_factored() {
        // A = M M^T + I for a fixed M.
        let n = 6;
        let m = |i: usize, j: usize| ((i * 7 + j * 3) % 5) as f64 - 2.0;
        let a = |i: usize, j: usize| {
            (0..n).map(|k| m(i, k) * m(j, k)).sum::<f64>() + if i == j { 1.0 } else { 0.0 }
        };
        let lower = (0..n).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| a(i, j)).collect();
        let factor = Cholesky::new(n, lower);
        let truth: Vec<f64> = (0..n).map(|i| i as f64 - 2.5).collect();
        let mut x: Vec<f64> = (0..n).map(|i| (0..n).map(|j| a(i, j) * truth[j]).sum()).collect();
        factor.forward(&mut x);
        factor.backward(&mut x);
        assert!(x.iter().zip(&truth).all(|(x, t)| (x - t).abs() < 1e-9), "{x:?}");
        let mut e = vec![0.0; n];
        e[2] = 1.0;
        e[4] = -1.0;
        let mut solved = e.clone();
        factor.forward(&mut solved);
        factor.backward(&mut solved);
        let expected: f64 = solved.iter().zip(&e).map(|(x, y)| x * y).sum();
        assert!((factor.spread([(2, 1.0), (4, -1.0)]) - expected).abs() < 1e-12);
    }
}
