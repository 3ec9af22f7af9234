use serde::{Deserialize, Serialize};

/// Where the states seen in training lie: a mean, a covariance, and the Mahalanobis distance that holds a share of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Region {
    mean: Vec<f64>,
    /// Lower Cholesky factor of the covariance with a ridge, row by row.
    factor: Vec<Vec<f64>>,
    limit: f64,
}

/// Added to every variance, so that features that never vary in training may vary a little.
const RIDGE: f64 = 1e-3;

impl Region {
    /// The region that holds `share` of the states; `None` without states.
    pub(super) fn of(states: &[Vec<f64>], share: f64) -> Option<Self> {
        let n = states.len() as f64;
        let width = states.first()?.len();
        let mean: Vec<f64> = (0..width).map(|i| states.iter().map(|s| s[i]).sum::<f64>() / n).collect();
        let mut factor = vec![vec![0.0; width]; width];
        for state in states {
            let centred: Vec<f64> = state.iter().zip(&mean).map(|(s, m)| s - m).collect();
            for (i, row) in factor.iter_mut().enumerate() {
                row.iter_mut().zip(&centred).take(i + 1).for_each(|(f, c)| *f += centred[i] * c / n);
            }
        }
        for j in 0..width {
            factor[j][j] += RIDGE;
            for k in 0..j {
                let lead = factor[j][k];
                (j..width).for_each(|i| factor[i][j] -= factor[i][k] * lead);
            }
            let pivot = factor[j][j].max(RIDGE * 1e-3).sqrt();
            (j..width).for_each(|i| factor[i][j] /= pivot);
            factor[j][j] = pivot;
        }
        let mut region = Self { mean, factor, limit: f64::INFINITY };
        let mut distances: Vec<f64> = states.iter().map(|s| region.distance(s)).collect();
        distances.sort_by(f64::total_cmp);
        let place = ((share * n).ceil() as usize).clamp(1, distances.len());
        region.limit = distances[place - 1];
        Some(region)
    }

    /// The Mahalanobis distance of a state; infinite when it has another length.
    pub(super) fn distance(&self, state: &[f64]) -> f64 {
        if state.len() != self.mean.len() {
            return f64::INFINITY;
        }
        let mut z = Vec::with_capacity(state.len());
        for (i, row) in self.factor.iter().enumerate() {
            let known: f64 = row.iter().zip(&z).map(|(f, z): (&f64, &f64)| f * z).sum();
            z.push((state[i] - self.mean[i] - known) / row[i]);
        }
        z.iter().map(|z| z * z).sum::<f64>().sqrt()
    }

    /// The largest distance inside.
    pub(super) fn limit(&self) -> f64 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meta_traits::Stream;

    #[test]
    fn the_region_holds_its_share_and_no_stranger() {
        let mut rng = Stream::root(3);
        let mut draw = || {
            let (a, b) = (rng.unit(), rng.unit());
            vec![a, a + 0.1 * b, 0.5]
        };
        let states: Vec<Vec<f64>> = (0..2000).map(|_| draw()).collect();
        let region = Region::of(&states, 0.95).unwrap();
        let inside = (0..2000).filter(|_| region.distance(&draw()) <= region.limit()).count();
        assert!((1850..1950).contains(&inside), "{inside}");
        assert!(region.distance(&[0.9, 0.1, 0.5]) > region.limit());
        assert!(region.distance(&[0.5, 0.55, 0.9]) > region.limit());
        assert!(region.distance(&[0.5]).is_infinite());
        assert!(Region::of(&[], 0.95).is_none());
    }
}
