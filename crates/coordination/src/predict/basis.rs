use serde::{Deserialize, Serialize};

/// Rows after which the scale of features is settled.
pub(super) const WARM_UP: usize = 32;
/// Features from which on products would cost more than they tell.
const MOST_WITH_PRODUCTS: usize = 12;
/// Standard deviations beyond which a feature counts as no further away.
const FAR: f64 = 8.0;

/// Means and spreads of features, and what a regression is given of them.
///
/// Features go through asinh first: counts of any size become logarithms, numbers of order one stay nearly as they are,
/// and power laws become lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Basis {
    means: Vec<f64>,
    spreads: Vec<f64>,
}

impl Basis {
    /// The scale of `rows`, each with `count` features.
    pub(super) fn of<'a>(count: usize, rows: &(impl Iterator<Item = &'a [f64]> + Clone)) -> Self {
        let n = rows.clone().count().max(1) as f64;
        let mean = |i: usize| rows.clone().map(|row| feature(row, i)).sum::<f64>() / n;
        let means: Vec<f64> = (0..count).map(mean).collect();
        let spread = |i: usize| {
            let variance = rows.clone().map(|row| (feature(row, i) - means[i]).powi(2)).sum::<f64>() / n;
            // What never changed has no scale of its own.
            if variance > 1e-12 { variance.sqrt() } else { 1.0 }
        };
        let spreads = (0..count).map(spread).collect();
        Self { means, spreads }
    }

    pub(super) fn is_sound(&self, count: usize) -> bool {
        self.means.len() == count && self.spreads.len() == count && self.spreads.iter().all(|s| *s > 0.0)
    }

    /// One, and the features in standard deviations from their means.
    pub(super) fn linear(&self, row: &[f64]) -> Vec<f64> {
        let scaled = |i: usize| ((feature(row, i) - self.means[i]) / self.spreads[i]).clamp(-FAR, FAR);
        std::iter::once(1.0).chain((0..self.means.len()).map(scaled)).collect()
    }

    /// The same with all products of two, squares among them.
    pub(super) fn quadratic(&self, row: &[f64]) -> Vec<f64> {
        let mut all = self.linear(row);
        let last = self.means.len();
        if last <= MOST_WITH_PRODUCTS {
            for i in 1..=last {
                for j in i..=last {
                    all.push(all[i] * all[j]);
                }
            }
        }
        all
    }

    /// How long those are.
    pub(super) fn lengths(count: usize) -> (usize, usize) {
        let products = if count <= MOST_WITH_PRODUCTS { count * (count + 1) / 2 } else { 0 };
        (1 + count, 1 + count + products)
    }
}

/// A feature that is missing or not finite counts as 0. Of the largest numbers asinh is infinite.
fn feature(row: &[f64], i: usize) -> f64 {
    row.get(i).copied().filter(|x| x.is_finite()).map_or(0.0, |x| x.clamp(-1e300, 1e300).asinh())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_rows_have_mean_nought_and_spread_one() {
        let rows: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i * i), 7.0]).collect();
        let basis = Basis::of(2, &rows.iter().map(Vec::as_slice));
        assert!(basis.is_sound(2) && !basis.is_sound(3));
        let scaled: Vec<Vec<f64>> = rows.iter().map(|row| basis.linear(row)).collect();
        let mean = scaled.iter().map(|s| s[1]).sum::<f64>() / 20.0;
        let square = scaled.iter().map(|s| s[1] * s[1]).sum::<f64>() / 20.0;
        assert!(mean.abs() < 1e-12 && (square - 1.0).abs() < 1e-12, "{mean} {square}");
        assert!(scaled.iter().all(|s| s[2].abs() < 1e-12), "a constant tells nothing");
    }

    #[test]
    fn products_are_of_all_pairs_and_lengths_are_known() {
        let basis = Basis::of(3, &std::iter::empty());
        let row = [1.0_f64.sinh(), 2.0_f64.sinh(), 3.0_f64.sinh()];
        let found = basis.quadratic(&row);
        let expected = [1.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        for count in [0, 1, 3, 12, 13, 40] {
            let basis = Basis::of(count, &std::iter::empty());
            let found = (basis.linear(&[]).len(), basis.quadratic(&[]).len());
            assert_eq!(found, Basis::lengths(count), "{count}");
        }
    }

    #[test]
    fn whatever_is_no_number_counts_as_nought_and_nothing_is_too_far() {
        let basis = Basis::of(2, &[[0.0, 1.0].as_slice(), &[2.0, 0.0]].into_iter());
        let nought = basis.linear(&[0.0, 0.0]);
        for row in [&[] as &[f64], &[f64::NAN], &[f64::INFINITY, f64::NEG_INFINITY], &[0.0, 0.0, 9.0]] {
            assert_eq!(basis.linear(row), nought);
        }
        let far = basis.quadratic(&[f64::MAX, f64::MIN]);
        assert!(far.iter().all(|x| x.abs() <= FAR * FAR), "{far:?}");
    }
}
