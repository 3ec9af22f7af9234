//! A box around the best point that grows with success and shrinks without it (TuRBO-1, Eriksson et al. 2019).
//!
//! With many inputs a model knows little of most of the space, and the acquisition is highest in its corners. The box keeps
//! the search where the model has something to say. Its size follows from the losses in their order, so there is nothing
//! to remember.

use super::subset::Data;

/// Inputs above which every suggestion is made in the box.
const MANY: usize = 20;
/// Evaluations a parameter without improvement after which every fourth is made there.
const STAGNATION: usize = 5;
const FIRST: f64 = 0.8;
const LEAST: f64 = 1.0 / 128.0;
const MOST: f64 = 1.6;
/// Improvements in a row that double the box.
const SUCCESSES: usize = 3;
/// The least share of the best loss that counts as an improvement.
const IMPROVEMENT: f64 = 1e-3;

/// Side of the box, and how many of the last losses did not improve on the best before.
fn walk(losses: &[f64], dimensions: usize) -> (f64, usize) {
    let patience = dimensions.max(4);
    let (mut length, mut best) = (FIRST, f64::INFINITY);
    let (mut successes, mut failures, mut idle) = (0, 0, 0);
    for loss in losses {
        if *loss < best - IMPROVEMENT * best.abs().min(f64::MAX) || best == f64::INFINITY {
            (successes, failures, idle) = (successes + 1, 0, 0);
        } else {
            (successes, failures, idle) = (0, failures + 1, idle + 1);
        }
        best = best.min(*loss);
        if successes == SUCCESSES {
            (length, successes) = ((2.0 * length).min(MOST), 0);
        } else if failures == patience {
            (length, failures) = (0.5 * length, 0);
        }
        if length < LEAST {
            length = FIRST;
        }
    }
    (length, idle)
}

/// Whether every suggestion is made in the box.
pub(super) fn is_always(data: &Data) -> bool {
    data.columns.len() > MANY
}

/// Whether suggestion `turn` is made in the box.
pub(super) fn is_due(data: &Data, turn: u64) -> bool {
    let dimensions = data.columns.len();
    is_always(data) || turn.is_multiple_of(4) && walk(&data.losses, dimensions).1 >= STAGNATION * dimensions
}

/// A box in the unit cube; infinite along choices.
#[derive(Clone, Debug)]
pub(crate) struct TrustBox {
    centre: Vec<f64>,
    pub(super) half: Vec<f64>,
}

impl TrustBox {
    /// Around the best of `data`, longer along longer lengthscales; `inverse` are 1 / lengthscale.
    pub(super) fn new(data: &Data, inverse: &[f64], is_choice: impl Fn(usize) -> bool) -> Self {
        let (length, _) = walk(&data.losses, data.columns.len());
        let logs: f64 = inverse.iter().map(|i| libm::log(*i)).sum();
        let mean = libm::exp(logs / inverse.len() as f64);
        let side = |d: usize| if is_choice(d) { f64::INFINITY } else { 0.5 * length * mean / inverse[d] };
        let best = data.order().first().copied().unwrap_or(0);
        Self { centre: data.point(best), half: (0..inverse.len()).map(side).collect() }
    }

    /// Around a point; `half` are half of its sides.
    pub(super) fn around(centre: Vec<f64>, half: Vec<f64>) -> Self {
        Self { centre, half }
    }

    /// The part of the unit interval that it leaves to input `i`.
    pub(super) fn range(&self, i: usize) -> (f64, f64) {
        if self.centre[i] < 0.0 {
            return (0.0, 1.0);
        }
        ((self.centre[i] - self.half[i]).max(0.0), (self.centre[i] + self.half[i]).min(1.0))
    }

    pub(super) fn contains(&self, features: &[f64]) -> bool {
        let near = |((x, c), half): ((&f64, &f64), &f64)| (x - c).abs() <= *half || (*x < 0.0) != (*c < 0.0);
        features.iter().zip(&self.centre).zip(&self.half).all(near)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_grows_with_success_and_shrinks_without() {
        assert_eq!(walk(&[3.0, 2.0, 1.0], 2), (1.6, 0));
        assert_eq!(walk(&[1.0, 2.0, 2.0, 2.0, 2.0], 2), (0.4, 4));
        let long = vec![1.0; 200];
        let (length, idle) = walk(&long, 2);
        assert!((LEAST..=MOST).contains(&length) && idle == 199);
    }

    #[test]
    fn it_surrounds_the_best_point() {
        let data = Data { columns: vec![vec![0.2, 0.8], vec![0.5, 0.5]], losses: vec![1.0, 0.0] };
        let area = TrustBox::new(&data, &[10.0, 1.0], |_| false);
        assert!(area.contains(&[0.8, 0.5]) && !area.contains(&[0.2, 0.5]) && area.contains(&[0.8, 0.0]));
    }
}
