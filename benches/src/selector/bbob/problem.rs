use super::core::{Core, Peaks};
use super::instance::{conditioned, conditioning, normal, optimal_value, optimum, rotation, uniform};
use super::step::Step;

/// One function of the suite in one instance.
///
/// ```
/// use metaorch_benches::selector::bbob::Problem;
/// let sphere = Problem::new(1, 1, 5).unwrap();
/// assert_eq!(sphere.value(sphere.x_opt()), sphere.f_opt());
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    steps: Vec<Step>,
    core: Core,
    /// Weight of the squared distance outside of [-5, 5].
    penalty: f64,
    x_opt: Vec<f64>,
    f_opt: f64,
}

impl Problem {
    /// Function 1 to 24, instance 1 and above, dimension 2 and above; `None` outside of that.
    pub fn new(function: u8, instance: u32, dim: usize) -> Option<Self> {
        if !(1..=24).contains(&function) || instance == 0 || !(2..=40).contains(&dim) {
            return None;
        }
        let number = match function {
            4 => 3,
            18 => 17,
            other => i64::from(other),
        };
        Some(build(function, number + 10_000 * i64::from(instance), dim))
    }

    /// The value at `x`, at least [`Self::f_opt`] up to rounding; NaN when `x` has one.
    ///
    /// # Panics
    /// When `x` has another dimension.
    pub fn value(&self, x: &[f64]) -> f64 {
        assert_eq!(x.len(), self.x_opt.len(), "the point and the problem differ in dimension");
        let mut z = x.to_vec();
        for step in &self.steps {
            step.apply(&mut z);
        }
        let outside: f64 = x.iter().map(|v| (v.abs() - 5.0).max(0.0).powi(2)).sum();
        self.core.value(&z) + self.penalty * outside + self.f_opt
    }

    /// A point of least value.
    pub fn x_opt(&self) -> &[f64] {
        &self.x_opt
    }

    /// The least value.
    pub fn f_opt(&self) -> f64 {
        self.f_opt
    }

    /// The number of variables.
    pub fn dim(&self) -> usize {
        self.x_opt.len()
    }
}

fn build(function: u8, seed: i64, dim: usize) -> Problem {
    use Step::{Asymmetric, Chain, Condition, Linear, Oscillate, Scale, Sign, Skew, Subtract};
    let r = rotation(dim, seed + 1_000_000);
    let q = rotation(dim, seed);
    let widen = (dim as f64).sqrt() / 8.0;
    let widen = widen.max(1.0);
    let mut x_opt = optimum(dim, if function == 12 { seed + 1_000_000 } else { seed });
    let from_rotation = |half: f64| -> Vec<f64> {
        (0..dim).map(|j| q.iter().map(|row| row[j]).sum::<f64>() * half / widen).collect()
    };
    let widened: Vec<Vec<f64>> = q.iter().map(|row| row.iter().map(|v| widen * v).collect()).collect();
    match function {
        4 => x_opt.iter_mut().step_by(2).for_each(|v| *v = v.abs()),
        5 => x_opt = x_opt.into_iter().map(|v| 5.0_f64.copysign(v)).collect(),
        8 => x_opt = x_opt.into_iter().map(|v| 0.75 * v).collect(),
        9 | 19 => x_opt = from_rotation(0.5),
        20 => {
            let side = |u: f64| if u < 0.5 { -0.5 } else { 0.5 };
            x_opt = uniform(dim, seed).into_iter().map(|u| side(u) * 4.209_687_463_7).collect();
        }
        24 => x_opt = normal(dim, seed).into_iter().map(|g| 1.25_f64.copysign(g)).collect(),
        _ => {}
    }
    let centre = || Subtract(x_opt.clone());
    let twice = |sign: f64| Subtract(x_opt.iter().map(|v| sign * 2.0 * v.abs()).collect());
    let rotate = || Linear(r.clone());
    let mix = |alpha: f64| Linear(conditioned(&r, alpha, &q));
    let stretch = |alpha: f64| {
        let row = |(i, row): (usize, &Vec<f64>)| {
            row.iter().map(|v| conditioning(alpha, i, dim) * v).collect::<Vec<f64>>()
        };
        Linear(q.iter().enumerate().map(row).collect())
    };
    let (steps, core) = match function {
        1 => (vec![centre()], Core::Sphere),
        2 => (vec![centre(), Oscillate], Core::Ellipsoid),
        3 => (vec![centre(), Oscillate, Asymmetric(0.2), Condition(10.0)], Core::Rastrigin),
        4 => (vec![centre(), Oscillate, Skew], Core::Rastrigin),
        5 => (vec![], Core::LinearSlope { corner: x_opt.clone() }),
        6 => (vec![centre(), mix(10.0)], Core::AttractiveSector { optimum: x_opt.clone() }),
        7 => (vec![centre(), stretch(10.0)], Core::StepEllipsoid { rotation: r.clone() }),
        8 => (vec![centre(), Scale(widen), Subtract(vec![-1.0; dim])], Core::Rosenbrock),
        9 => (vec![Linear(widened), Subtract(vec![-0.5; dim])], Core::Rosenbrock),
        10 => (vec![centre(), rotate(), Oscillate], Core::Ellipsoid),
        11 => (vec![centre(), rotate(), Oscillate], Core::Discus),
        12 => (vec![centre(), rotate(), Asymmetric(0.5), rotate()], Core::BentCigar),
        13 => (vec![centre(), mix(10.0)], Core::SharpRidge),
        14 => (vec![centre(), rotate()], Core::DifferentPowers),
        15 => (vec![centre(), rotate(), Oscillate, Asymmetric(0.2), mix(10.0)], Core::Rastrigin),
        16 => (vec![centre(), rotate(), Oscillate, mix(0.01)], Core::Weierstrass),
        17 => (vec![centre(), rotate(), Asymmetric(0.5), stretch(10.0)], Core::Schaffer),
        18 => (vec![centre(), rotate(), Asymmetric(0.5), stretch(1000.0)], Core::Schaffer),
        19 => (vec![Linear(widened), Subtract(vec![-0.5; dim])], Core::GriewankRosenbrock),
        20 => {
            let kept = uniform(dim, seed).into_iter().map(|u| u >= 0.5).collect();
            let chain = Chain(x_opt.clone());
            let steps = vec![Sign(kept), Scale(2.0), chain, twice(1.0), Condition(10.0), twice(-1.0)];
            ([steps, vec![Scale(100.0)]].concat(), Core::Schwefel)
        }
        21 => (vec![], Core::Gallagher(peaks(101, seed, dim, &mut x_opt))),
        22 => (vec![], Core::Gallagher(peaks(21, seed, dim, &mut x_opt))),
        23 => (vec![centre(), mix(100.0)], Core::Katsuura),
        _ => {
            let signs = x_opt.iter().map(|v| v.signum()).collect();
            (vec![], Core::Lunacek { signs, first: r.clone(), second: q.clone() })
        }
    };
    let penalty = match function {
        4 => 100.0,
        7 | 21 | 22 | 23 => 1.0,
        16 => 10.0 / dim as f64,
        17 | 18 => 10.0,
        24 => 1e4,
        _ => 0.0,
    };
    Problem { steps, core, penalty, x_opt, f_opt: optimal_value(seed) }
}

/// The peaks of f21 and f22; the first is the optimum.
fn peaks(count: usize, seed: i64, dim: usize, x_opt: &mut Vec<f64>) -> Peaks {
    let (width, half, sharpest) =
        if count == 101 { (10.0, 5.0, 1000_f64.sqrt()) } else { (9.8, 4.9, 1000.0) };
    let rotation = rotation(dim, seed);
    let order = |n: usize, seed: i64| {
        let draws = uniform(n, seed);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| draws[*a].total_cmp(&draws[*b]));
        order
    };
    let ranks = order(count - 1, seed);
    let places = uniform(dim * count, seed);
    let each = (0..count)
        .zip((seed..).step_by(1000))
        .map(|(peak, seed)| {
            let share = |part: usize| part as f64 / (count as f64 - 2.0);
            let (condition, height) = match peak {
                0 => (sharpest, 10.0),
                _ => (1000_f64.powf(share(ranks[peak - 1])), share(peak - 1) * 8.0 + 1.1),
            };
            let scale = |rank: usize| condition.powf(rank as f64 / (dim as f64 - 1.0) - 0.5);
            let scales = order(dim, seed).into_iter().map(scale).collect();
            let shrink = if peak == 0 { 0.8 } else { 1.0 };
            let place: Vec<f64> =
                (0..dim).map(|k| shrink * (width * places[peak * dim + k] - half)).collect();
            let turn = |row: &Vec<f64>| row.iter().zip(&place).map(|(m, x)| m * x).sum();
            let centre = rotation.iter().map(turn).collect();
            if peak == 0 {
                *x_opt = place;
            }
            (centre, scales, height)
        })
        .collect();
    Peaks { rotation, each }
}
