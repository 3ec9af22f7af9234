use pulp::Arch;

use super::dense::padded;
use super::posterior::Gp;
use crate::kernel::{Kernel, Scratch};

/// Share of the signal's variance below which what is left of a point's own counts as none: rounding leaves as much.
const ROUNDING: f64 = 1e-10;

/// The posterior at several points together: what draws of the function need.
pub(crate) struct Joint {
    means: Vec<f64>,
    /// A factor of the covariance: what each point has of the independent parts.
    parts: Vec<Vec<f64>>,
}

impl Joint {
    /// The posterior of `gp` at `points`, features each; `None` without points. O(m n^2 + m^3).
    ///
    /// The covariance is factored by the largest variance left (pivoted Cholesky, Higham 1990), until rounding is all that is
    /// left. Jitter on the diagonal would be drawn as noise of its own at every point, and so lower the least of many.
    pub(crate) fn new(gp: &Gp, points: &[Vec<f64>]) -> Option<Self> {
        let m = points.len();
        let dimensions = points.first()?.len();
        let mut columns = vec![vec![0.0; padded(m)]; dimensions];
        for (i, point) in points.iter().enumerate() {
            columns.iter_mut().zip(gp.layout.bent(point)).for_each(|(column, x)| column[i] = x);
        }
        let kernel = Kernel::new(&gp.layout, gp.shape, &gp.theta);
        let (mut means, mut explained) = (Vec::with_capacity(m), Vec::with_capacity(m));
        let mut predictor = gp.predictor();
        let mut covariance = vec![vec![0.0; m]; m];
        let (mut row, mut scratch) = (vec![0.0; padded(m)], Scratch::default());
        for (i, point) in points.iter().enumerate() {
            means.push(predictor.marginal(point).mean);
            explained.push(predictor.whitened().to_vec());
            Arch::new()
                .dispatch(|| kernel.row(&gp.layout.bent(point), &columns, (0, m), &mut row, &mut scratch));
            for j in 0..=i {
                let shared: f64 = explained[i].iter().zip(&explained[j]).map(|(a, b)| a * b).sum();
                let value = gp.variance * (row[j] - shared);
                covariance[i][j] = value;
                covariance[j][i] = value;
            }
        }
        Some(Self { means, parts: factored(&covariance, ROUNDING * gp.variance) })
    }

    /// The values of one draw, made of as many standard normals as there are points.
    pub(crate) fn draw(&self, normals: &[f64]) -> Vec<f64> {
        self.means.iter().zip(&self.parts).map(|(mean, parts)| mean + dot(parts, normals)).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Rows whose products are the covariance's entries, up to `floor` on the diagonal.
fn factored(covariance: &[Vec<f64>], floor: f64) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); covariance.len()];
    // What is left of each variance, of the points that were not chosen yet.
    let mut left: Vec<(usize, f64)> = covariance.iter().enumerate().map(|(i, row)| (i, row[i])).collect();
    loop {
        let most = left.iter().enumerate().max_by(|(i, a), (j, b)| a.1.total_cmp(&b.1).then(j.cmp(i)));
        let Some((at, (pivot, variance))) = most.map(|(at, entry)| (at, *entry)) else { return rows };
        if variance.is_nan() || variance <= floor {
            return rows;
        }
        left.remove(at);
        let (own, before) = (variance.sqrt(), rows[pivot].clone());
        rows[pivot].push(own);
        for (i, rest) in &mut left {
            let part = (covariance[*i][pivot] - dot(&rows[*i], &before)) / own;
            rows[*i].push(part);
            *rest -= part * part;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_gives_the_covariance_back() {
        // Four points of which two are one, and one is known.
        let covariance =
            [[4.0, 2.0, 2.0, 0.0], [2.0, 3.0, 3.0, 0.0], [2.0, 3.0, 3.0, 0.0], [0.0; 4]].map(|r| r.to_vec());
        let rows = factored(&covariance, 1e-12);
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                assert!((dot(a, b) - covariance[i][j]).abs() < 1e-12, "{rows:?}");
            }
        }
        assert!(rows.iter().all(|row| row.len() <= 2), "the rank is two: {rows:?}");
        assert!(factored(&[vec![-1e-9]], 1e-12)[0].is_empty(), "rounding below 0 is no variance");
    }
}
