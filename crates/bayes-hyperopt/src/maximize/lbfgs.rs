//! Minimisation in a box with gradients: projected L-BFGS.
//!
//! argmin's L-BFGS knows no bounds, and its line searches do not return where the cost is not a number
//! (docs/adr/0007-own-lbfgs.md). This one keeps the box by projection (Bertsekas 1982: coordinates at a bound that the
//! gradient pushes outward are held), takes any non-finite value for a wall, and ends after a stated number of evaluations.

/// How long and how exactly to search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Evaluations of the function with its gradient.
    pub(crate) evaluations: usize,
    /// Stop when a step gains less than this share of 1 + |f|.
    pub(crate) gain: f64,
    /// Stop when no free coordinate of the gradient is larger.
    pub(crate) gradient: f64,
    /// Largest move of a coordinate in the first step.
    pub(crate) first_step: f64,
}

/// Pairs kept of steps and changes of the gradient.
const MEMORY: usize = 8;
/// Share of the promised decrease that a step must bring (Armijo).
const SUFFICIENT: f64 = 1e-4;

/// The best point seen and its value. Starts outside of the box are projected.
///
/// `f` fills the gradient and returns the value. The start is returned, with an infinite value, when no value is finite.
pub(crate) fn minimize(
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
    start: &[f64],
    low: &[f64],
    high: &[f64],
    limits: Limits,
) -> (Vec<f64>, f64) {
    let n = start.len();
    let mut x: Vec<f64> = start.iter().zip(low).zip(high).map(|((x, l), h)| x.clamp(*l, *h)).collect();
    let mut g = vec![0.0; n];
    let mut value = sound(f(&x, &mut g), &g);
    let mut evaluations = 1;
    if value == f64::INFINITY {
        return (x, value);
    }
    let mut pairs: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::with_capacity(MEMORY);
    let (mut trial, mut trial_g) = (x.clone(), g.clone());
    while evaluations < limits.evaluations {
        let free: Vec<bool> =
            (0..n).map(|i| !((x[i] <= low[i] && g[i] > 0.0) || (x[i] >= high[i] && g[i] < 0.0))).collect();
        let steepest = (0..n).filter(|i| free[*i]).map(|i| g[i].abs()).fold(0.0, f64::max);
        if steepest <= limits.gradient {
            break;
        }
        let mut direction = two_loop(&g, &free, &pairs);
        let mut slope: f64 = direction.iter().zip(&g).map(|(d, g)| d * g).sum();
        let mut step = 1.0;
        if slope >= -1e-14 * steepest || pairs.is_empty() {
            pairs.clear();
            direction = (0..n).map(|i| if free[i] { -g[i] } else { 0.0 }).collect();
            slope = direction.iter().zip(&g).map(|(d, g)| d * g).sum();
            step = limits.first_step / steepest;
        }
        let mut accepted = false;
        for _ in 0..20 {
            for i in 0..n {
                trial[i] = (x[i] + step * direction[i]).clamp(low[i], high[i]);
            }
            if trial == x || evaluations >= limits.evaluations {
                break;
            }
            let found = sound(f(&trial, &mut trial_g), &trial_g);
            evaluations += 1;
            let promised: f64 = (0..n).map(|i| g[i] * (trial[i] - x[i])).sum();
            if found <= value + SUFFICIENT * promised.min(0.0) && found < f64::INFINITY {
                accepted = true;
                let gain = value - found;
                let s: Vec<f64> = trial.iter().zip(&x).map(|(a, b)| a - b).collect();
                let y: Vec<f64> = trial_g.iter().zip(&g).map(|(a, b)| a - b).collect();
                let sy: f64 = s.iter().zip(&y).map(|(a, b)| a * b).sum();
                let yy: f64 = y.iter().map(|y| y * y).sum();
                if sy > 1e-12 * yy {
                    if pairs.len() == MEMORY {
                        pairs.remove(0);
                    }
                    pairs.push((s, y, 1.0 / sy));
                }
                std::mem::swap(&mut x, &mut trial);
                std::mem::swap(&mut g, &mut trial_g);
                value = found;
                if gain <= limits.gain * (1.0 + value.abs()) {
                    return (x, value);
                }
                break;
            }
            // The minimum of the parabola through value, slope and the value found, within a tenth and a half.
            let curve = found - value - step * slope;
            let guess =
                if found.is_finite() && curve > 0.0 { -0.5 * slope * step * step / curve } else { 0.0 };
            step = guess.clamp(0.1 * step, 0.5 * step);
        }
        if !accepted {
            if pairs.is_empty() {
                break;
            }
            pairs.clear();
        }
    }
    (x, value)
}

/// Infinite unless the value and every slope are finite.
fn sound(value: f64, gradient: &[f64]) -> f64 {
    if value.is_finite() && gradient.iter().all(|g| g.is_finite()) { value } else { f64::INFINITY }
}

/// -H g over the free coordinates (Nocedal 1980).
fn two_loop(g: &[f64], free: &[bool], pairs: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let mut q: Vec<f64> = g.iter().zip(free).map(|(g, free)| if *free { -g } else { 0.0 }).collect();
    let dot = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).zip(free).map(|((a, b), free)| if *free { a * b } else { 0.0 }).sum()
    };
    let mut kept = Vec::with_capacity(pairs.len());
    for (s, y, _) in pairs.iter().rev() {
        // With coordinates held, the curvature along the rest may differ in sign.
        let sy = dot(s, y);
        let a = if sy > 0.0 { dot(s, &q) / sy } else { f64::NAN };
        if a.is_finite() {
            q.iter_mut().zip(y).zip(free).for_each(|((q, y), free)| *q -= if *free { a * y } else { 0.0 });
        }
        kept.push((a, sy));
    }
    if let Some((s, y, _)) = pairs.last() {
        let (sy, yy) = (dot(s, y), dot(y, y));
        if sy > 0.0 && yy > 0.0 {
            for q in &mut q {
                *q *= sy / yy;
            }
        }
    }
    for ((s, y, _), (a, sy)) in pairs.iter().zip(kept.iter().rev()) {
        if a.is_finite() {
            let b = dot(y, &q) / sy;
            q.iter_mut()
                .zip(s)
                .zip(free)
                .for_each(|((q, s), free)| *q += if *free { (a - b) * s } else { 0.0 });
        }
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { evaluations: 400, gain: 1e-15, gradient: 1e-9, first_step: 0.1 };

    fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
        g.fill(0.0);
        let mut sum = 0.0;
        for i in 0..x.len() - 1 {
            let (a, b) = (1.0 - x[i], x[i + 1] - x[i] * x[i]);
            sum += a * a + 100.0 * b * b;
            g[i] -= 2.0 * a + 400.0 * b * x[i];
            g[i + 1] += 200.0 * b;
        }
        sum
    }

    #[test]
    fn solves_rosenbrock_free_and_at_a_bound() {
        let (x, value) = minimize(rosenbrock, &[-1.2; 6], &[-2.0; 6], &[2.0; 6], LIMITS);
        assert!(value < 1e-9 || (value - 3.974).abs() < 0.01, "{x:?} {value}");
        let (x, value) = minimize(rosenbrock, &[-1.0, 0.2], &[-2.0; 2], &[0.5, 2.0], LIMITS);
        assert!((x[0] - 0.5).abs() < 1e-9 && (value - 0.25).abs() < 1e-6, "{x:?} {value}");
    }

    #[test]
    fn walls_of_nan_end_the_search_and_nothing_else() {
        let walled = |x: &[f64], g: &mut [f64]| {
            let value = rosenbrock(x, g);
            if x.iter().any(|x| *x > 0.7) { f64::NAN } else { value }
        };
        let (x, value) = minimize(walled, &[-1.2, 0.6], &[-2.0; 2], &[2.0; 2], LIMITS);
        assert!(value < 400.0 && x.iter().all(|x| *x <= 0.7), "{x:?} {value}");
        let (_, value) = minimize(|_, _| f64::NAN, &[0.0], &[-1.0], &[1.0], LIMITS);
        assert!(value.is_infinite());
        let (x, _) = minimize(
            |_, g| {
                g.fill(0.0);
                1.0
            },
            &[3.0],
            &[-1.0],
            &[1.0],
            LIMITS,
        );
        assert_eq!(x, [1.0]);
    }
}
