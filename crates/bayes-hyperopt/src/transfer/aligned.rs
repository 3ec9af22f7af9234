use crate::gp::{Gp, Predictor};
use crate::kernel::Layout;
use crate::maximize::lbfgs::{Limits, minimize};

/// Standard deviation of the shift that is believed in, as a share of a parameter's range, and the most that is sought.
const SPREAD: f64 = 0.1;
const MOST: f64 = 0.3;
/// The share of the variance of losses that no shift is believed to explain.
const LEFT: f64 = 1e-4;
const LIMITS: Limits = Limits { evaluations: 40, gain: 1e-6, gradient: 1e-4, first_step: 0.03 };

/// An old model moved to where it explains a new task best: the same function with its optimum elsewhere.
#[derive(Clone)]
pub(super) struct Aligned<'a> {
    gp: &'a Gp,
    shift: Vec<f64>,
}

impl<'a> Aligned<'a> {
    /// Moves `gp` so that its mean, times a positive slope, comes nearest to the losses at `points` (features), with a
    /// normal law on the shift of numbers that are always active. What has no slope upwards stays where it is.
    pub(super) fn new(gp: &'a Gp, layout: &Layout, points: &[Vec<f64>], losses: &[f64]) -> Self {
        let free = &layout.radial;
        let n = points.len() as f64;
        let average = losses.iter().sum::<f64>() / n;
        let total: f64 = losses.iter().map(|y| (y - average).powi(2)).sum();
        let none = Self { gp, shift: vec![0.0; layout.len()] };
        if !(total > 0.0 && total.is_finite()) || points.len() < 3 {
            return none;
        }
        let mut predictor = gp.predictor();
        let mut moved = none.shift.clone();
        let cost = |shift: &[f64], gradient: &mut [f64]| {
            free.iter().zip(shift).for_each(|(d, s)| moved[*d] = *s);
            let at = |x: &Vec<f64>| -> Vec<f64> { x.iter().zip(&moved).map(|(x, s)| x + s).collect() };
            let means: Vec<f64> = points.iter().map(|x| predictor.mean(&at(x))).collect();
            let middle = means.iter().sum::<f64>() / n;
            let square: f64 = means.iter().map(|m| (m - middle).powi(2)).sum();
            let product: f64 = means.iter().zip(losses).map(|(m, y)| (m - middle) * (y - average)).sum();
            let slope = if square > 0.0 { (product / square).max(0.0) } else { 0.0 };
            let left = (total - slope * product).max(0.0) + LEFT * total;
            gradient.iter_mut().zip(shift).for_each(|(g, s)| *g = s / (SPREAD * SPREAD));
            if slope > 0.0 {
                for ((x, m), y) in points.iter().zip(&means).zip(losses) {
                    // d left / d mean, the slope being at its best.
                    let residual = (y - average) - slope * (m - middle);
                    let mut by_point = vec![0.0; x.len()];
                    let x = at(x);
                    predictor.mean(&x);
                    predictor.add_mean_gradient(&x, -n * slope * residual / left, &mut by_point);
                    gradient.iter_mut().zip(free).for_each(|(g, d)| *g += by_point[*d]);
                }
            }
            let far: f64 = shift.iter().map(|s| s * s).sum();
            0.5 * n * libm::log(left / total) + 0.5 * far / (SPREAD * SPREAD)
        };
        let (low, high) = (vec![-MOST; free.len()], vec![MOST; free.len()]);
        let (shift, value) = minimize(cost, &vec![0.0; free.len()], &low, &high, LIMITS);
        let mut aligned = none;
        if value.is_finite() {
            free.iter().zip(shift).for_each(|(d, s)| aligned.shift[*d] = s);
        }
        aligned
    }

    /// Where the old model is asked about a point of the new task.
    pub(super) fn place(&self, features: &[f64]) -> Vec<f64> {
        features.iter().zip(&self.shift).map(|(x, s)| x + s).collect()
    }

    pub(super) fn predictor(&self) -> Predictor<'a> {
        self.gp.predictor()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::memory::Memory;
    use crate::optimizer::regime::Regime;
    use crate::optimizer::subset::Data;
    use crate::{Domain, KernelKind, Parameter, SearchSpace};

    fn bowl(x: &[f64], a: f64, b: f64) -> f64 {
        (x[0] - a).powi(2) + 2.0 * (x[1] - b).powi(2)
    }

    #[test]
    fn a_shift_is_found_whatever_the_scale_and_a_negated_task_stays() {
        let unit = |name| Parameter::new(name, Domain::Float { low: 0.0, high: 1.0 });
        let layout = Layout::new(&SearchSpace::new(vec![unit("a"), unit("b")]).unwrap());
        let mut data = Data::default();
        for i in 0..36 {
            let x = [f64::from(i % 6) / 5.0, f64::from(i / 6) / 5.0];
            data.push(&x, bowl(&x, 0.4, 0.6));
        }
        let gp = Memory::new(Regime::new(KernelKind::Rbf)).model(&layout, &data, 0).unwrap().gp;
        let points: Vec<Vec<f64>> =
            [[0.1, 0.2], [0.8, 0.3], [0.5, 0.5], [0.3, 0.9], [0.7, 0.8], [0.2, 0.5]].map(Vec::from).to_vec();
        let losses: Vec<f64> = points.iter().map(|x| 3.0 + 7.0 * bowl(x, 0.5, 0.55)).collect();
        let aligned = Aligned::new(&gp, &layout, &points, &losses);
        let place = aligned.place(&[0.5, 0.55]);
        assert!((place[0] - 0.4).abs() < 0.02 && (place[1] - 0.6).abs() < 0.02, "{place:?}");
        let negated: Vec<f64> = losses.iter().map(|y| -y).collect();
        let shift = Aligned::new(&gp, &layout, &points, &negated).shift;
        assert!(shift.iter().all(|s| s.abs() < 0.05), "{shift:?}");
        assert_eq!(Aligned::new(&gp, &layout, &points, &[1.0; 6]).shift, [0.0, 0.0]);
    }
}
