use std::f64::consts::{PI, TAU};

use super::instance::{Matrix, conditioning};
use super::step::oscillate_value;

/// The function at the end of the changes of variables.
#[derive(Clone, Debug)]
pub(super) enum Core {
    Sphere,
    Ellipsoid,
    Rastrigin,
    LinearSlope { corner: Vec<f64> },
    AttractiveSector { optimum: Vec<f64> },
    StepEllipsoid { rotation: Matrix },
    Rosenbrock,
    Discus,
    BentCigar,
    SharpRidge,
    DifferentPowers,
    Weierstrass,
    Schaffer,
    GriewankRosenbrock,
    Schwefel,
    Gallagher(Peaks),
    Katsuura,
    Lunacek { signs: Vec<f64>, first: Matrix, second: Matrix },
}

/// The peaks of a Gallagher function, in rotated coordinates.
#[derive(Clone, Debug)]
pub(super) struct Peaks {
    pub(super) rotation: Matrix,
    /// Centre, scale of each axis, height.
    pub(super) each: Vec<(Vec<f64>, Vec<f64>, f64)>,
}

impl Core {
    pub(super) fn value(&self, x: &[f64]) -> f64 {
        let dim = x.len() as f64;
        let squares = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>();
        match self {
            Self::Sphere => squares(x),
            Self::Ellipsoid => ellipsoid(1e6, x),
            Self::Rastrigin => {
                let waves: f64 = x.iter().map(|v| (TAU * v).cos()).sum();
                10.0 * (dim - waves) + squares(x)
            }
            Self::LinearSlope { corner } => {
                let term = |(i, (x, corner)): (usize, (&f64, &f64))| {
                    let slope = conditioning(100.0, i, dim as usize) * corner.signum();
                    let inside = if x * corner < 25.0 { *x } else { *corner };
                    5.0 * slope.abs() - slope * inside
                };
                x.iter().zip(corner).enumerate().map(term).sum()
            }
            Self::AttractiveSector { optimum } => {
                let weight = |x: f64, o: f64| if x * o > 0.0 { 1e4 } else { 1.0 };
                let sum: f64 = x.iter().zip(optimum).map(|(x, o)| weight(*x, *o) * x * x).sum();
                oscillate_value(sum).powf(0.9)
            }
            Self::StepEllipsoid { rotation } => {
                let round = |v: f64| (v + 0.5).floor();
                let step = |v: &f64| if v.abs() > 0.5 { round(*v) } else { round(10.0 * v) / 10.0 };
                let stepped: Vec<f64> = x.iter().map(step).collect();
                let z: Vec<f64> = rotation.iter().map(|row| dot(row, &stepped)).collect();
                0.1 * ellipsoid(100.0, &z).max(x[0].abs() * 1e-4)
            }
            Self::Rosenbrock => {
                x.windows(2).map(|w| 100.0 * (w[0] * w[0] - w[1]).powi(2) + (w[0] - 1.0).powi(2)).sum()
            }
            Self::Discus => 1e6 * x[0] * x[0] + squares(&x[1..]),
            Self::BentCigar => x[0] * x[0] + 1e6 * squares(&x[1..]),
            Self::SharpRidge => x[0] * x[0] + 100.0 * squares(&x[1..]).sqrt(),
            Self::DifferentPowers => {
                let power = |(i, v): (usize, &f64)| v.abs().powf(2.0 + 4.0 * i as f64 / (dim - 1.0));
                x.iter().enumerate().map(power).sum::<f64>().sqrt()
            }
            Self::Weierstrass => {
                let wave = |v: f64| {
                    let term = |j: i32| (TAU * 3_f64.powi(j) * (v + 0.5)).cos() * 0.5_f64.powi(j);
                    (0..12).map(term).sum::<f64>()
                };
                10.0 * (x.iter().map(|v| wave(*v)).sum::<f64>() / dim - wave(0.0)).powi(3)
            }
            Self::Schaffer => {
                let term = |w: &[f64]| {
                    let s = w[0] * w[0] + w[1] * w[1];
                    s.powf(0.25) * (1.0 + (50.0 * s.powf(0.1)).sin().powi(2))
                };
                (x.windows(2).map(term).sum::<f64>() / (dim - 1.0)).powi(2)
            }
            Self::GriewankRosenbrock => {
                let term = |w: &[f64]| {
                    let s = 100.0 * (w[0] * w[0] - w[1]).powi(2) + (1.0 - w[0]).powi(2);
                    s / 4000.0 - s.cos()
                };
                10.0 + 10.0 * x.windows(2).map(term).sum::<f64>() / (dim - 1.0)
            }
            Self::Schwefel => {
                let outside: f64 = x.iter().map(|v| (v.abs() - 500.0).max(0.0).powi(2)).sum();
                let sum: f64 = x.iter().map(|v| v * v.abs().sqrt().sin()).sum();
                0.01 * (outside + 418.982_887_272_433_9 - sum / dim)
            }
            Self::Gallagher(peaks) => peaks.value(x),
            Self::Katsuura => {
                let fine = |v: f64| -> f64 {
                    (1..33).map(|j| 2_f64.powi(j)).map(|p| (p * v - (p * v + 0.5).floor()).abs() / p).sum()
                };
                let factor =
                    |(i, v): (usize, &f64)| (1.0 + (i as f64 + 1.0) * fine(*v)).powf(10.0 / dim.powf(1.2));
                10.0 / (dim * dim) * (x.iter().enumerate().map(factor).product::<f64>() - 1.0)
            }
            Self::Lunacek { signs, first, second } => lunacek(x, signs, first, second),
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn ellipsoid(condition: f64, x: &[f64]) -> f64 {
    let weight = |i: usize| condition.powf(i as f64 / (x.len() as f64 - 1.0));
    x.iter().enumerate().map(|(i, v)| weight(i) * v * v).sum()
}

impl Peaks {
    fn value(&self, x: &[f64]) -> f64 {
        let rotated: Vec<f64> = self.rotation.iter().map(|row| dot(row, x)).collect();
        let height = |(centre, scales, height): &(Vec<f64>, Vec<f64>, f64)| {
            let far: f64 =
                rotated.iter().zip(centre).zip(scales).map(|((x, c), s)| s * (x - c).powi(2)).sum();
            height * (-0.5 / x.len() as f64 * far).exp()
        };
        let best = self.each.iter().map(height).fold(0.0, f64::max);
        oscillate_value(10.0 - best).powi(2)
    }
}

/// Two funnels with Rastrigin waves (f24).
fn lunacek(x: &[f64], signs: &[f64], first: &Matrix, second: &Matrix) -> f64 {
    let dim = x.len() as f64;
    let near = 2.5;
    let s = 1.0 - 0.5 / ((dim + 20.0).sqrt() - 4.1);
    let far = -((near * near - 1.0) / s).sqrt();
    let hat: Vec<f64> = x.iter().zip(signs).map(|(x, s)| 2.0 * x * s).collect();
    let centred: Vec<f64> = hat.iter().map(|v| v - near).collect();
    let scaled: Vec<f64> = second
        .iter()
        .enumerate()
        .map(|(i, row)| conditioning(100.0, i, x.len()) * dot(row, &centred))
        .collect();
    let waves: f64 = first.iter().map(|row| (2.0 * PI * dot(row, &scaled)).cos()).sum();
    let funnel = |centre: f64| hat.iter().map(|v| (v - centre).powi(2)).sum::<f64>();
    funnel(near).min(dim + s * funnel(far)) + 10.0 * (dim - waves)
}
