use super::instance::{Matrix, conditioning};

/// One change of variables on the way from a point to the argument of the core function.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// `x - v`.
    Subtract(Vec<f64>),
    /// `M x`.
    Linear(Matrix),
    /// `s x`.
    Scale(f64),
    /// `x_i` times the entry of the conditioning diagonal.
    Condition(f64),
    /// Signs flipped where false.
    Sign(Vec<bool>),
    /// `T_osz`: small bumps that break smoothness but keep the order of values.
    Oscillate,
    /// `T_asy`: positive entries grow faster, more so in later dimensions.
    Asymmetric(f64),
    /// Conditioning 10, and a hundredfold for positive entries of even index (f4).
    Skew,
    /// Each entry takes a quarter of the distance of its neighbour from the optimum (f20).
    Chain(Vec<f64>),
}

impl Step {
    pub(super) fn apply(&self, x: &mut Vec<f64>) {
        let dim = x.len();
        match self {
            Self::Subtract(shift) => x.iter_mut().zip(shift).for_each(|(x, s)| *x -= s),
            Self::Linear(matrix) => {
                let product = |row: &Vec<f64>| row.iter().zip(x.iter()).map(|(m, x)| m * x).sum();
                *x = matrix.iter().map(product).collect();
            }
            Self::Scale(factor) => {
                for x in x {
                    *x *= factor;
                }
            }
            Self::Condition(alpha) => {
                for (i, x) in x.iter_mut().enumerate() {
                    *x *= conditioning(*alpha, i, dim);
                }
            }
            Self::Sign(kept) => {
                for (x, kept) in x.iter_mut().zip(kept) {
                    *x = if *kept { *x } else { -*x };
                }
            }
            Self::Oscillate => {
                for x in x {
                    *x = oscillate(*x);
                }
            }
            Self::Asymmetric(beta) => {
                for (i, x) in x.iter_mut().enumerate() {
                    if *x > 0.0 {
                        *x = x.powf(1.0 + beta * i as f64 / (dim as f64 - 1.0) * x.sqrt());
                    }
                }
            }
            Self::Skew => {
                for (i, x) in x.iter_mut().enumerate() {
                    let hundredfold = if *x > 0.0 && i % 2 == 0 { 10.0 } else { 1.0 };
                    *x *= conditioning(10.0, i, dim) * hundredfold;
                }
            }
            Self::Chain(optimum) => {
                for i in (1..dim).rev() {
                    x[i] += 0.25 * (x[i - 1] - 2.0 * optimum[i - 1].abs());
                }
            }
        }
    }
}

fn oscillate(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let h = x.abs().ln() / 0.1;
    let (c1, c2) = if x > 0.0 { (1.0, 0.79) } else { (0.55, 0.31) };
    x.signum() * (h + 0.49 * ((c1 * h).sin() + (c2 * h).sin())).exp().powf(0.1)
}

/// `T_osz` of an objective value.
pub(super) fn oscillate_value(y: f64) -> f64 {
    oscillate(y)
}
