//! L-BFGS-B for few variables: the limited memory is kept as pairs, the matrix they stand for is formed whole.

use super::BOX;
use super::coroutine::Port;
use super::line_search::{LineSearch, Next};

/// Pairs of steps and gradient changes kept.
const MEMORY: usize = 10;
/// Step of the forward differences, least relative decrease, least projected gradient.
const DIFFERENCE: f64 = 1e-8;
const FLAT: f64 = 1e-15;
const LEVEL: f64 = 1e-10;
/// Evaluations a line search may take.
const TRIES: usize = 20;

type Matrix = Vec<Vec<f64>>;

/// Minimises in the box from the nearest point to `start`; ends at a stationary point or when no progress is made.
pub(super) async fn minimise(port: Port, start: Vec<f64>) {
    let mut x: Vec<f64> = start.iter().map(|v| v.clamp(BOX.0, BOX.1)).collect();
    let (mut f, mut g) = gradient(&port, &x).await;
    let mut pairs: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    let mut first = true;
    while projected(&x, &g) > LEVEL {
        let target = target(&x, &g, &pairs);
        let direction: Vec<f64> = target.iter().zip(&x).map(|(t, x)| t - x).collect();
        let slope = dot(&g, &direction);
        let longest = if first { 1.0 } else { longest(&x, &direction) };
        let found = if slope < 0.0 { search(&port, &x, f, slope, &direction, longest).await } else { None };
        let Some((step, value, new_g)) = found else {
            if pairs.is_empty() {
                return;
            }
            pairs.clear();
            continue;
        };
        first = false;
        let s: Vec<f64> = direction.iter().map(|d| step * d).collect();
        let y: Vec<f64> = new_g.iter().zip(&g).map(|(a, b)| a - b).collect();
        x = along(&x, &direction, step);
        let decrease = f - value;
        let scale = f.abs().max(value.abs()).max(1.0);
        (f, g) = (value, new_g);
        if decrease <= FLAT * scale {
            return;
        }
        if dot(&s, &y) > f64::EPSILON * -slope * step {
            if pairs.len() == MEMORY {
                pairs.remove(0);
            }
            pairs.push((s, y));
        }
    }
}

/// A point between `x` and `x + direction`, kept in the box against rounding.
fn along(x: &[f64], direction: &[f64], step: f64) -> Vec<f64> {
    x.iter().zip(direction).map(|(x, d)| (x + step * d).clamp(BOX.0, BOX.1)).collect()
}

async fn gradient(port: &Port, x: &[f64]) -> (f64, Vec<f64>) {
    let f = port.value(x).await;
    let mut g = Vec::with_capacity(x.len());
    for i in 0..x.len() {
        let mut near = x.to_vec();
        near[i] += if x[i] + DIFFERENCE > BOX.1 { -DIFFERENCE } else { DIFFERENCE };
        g.push((port.value(&near).await - f) / (near[i] - x[i]));
    }
    (f, g)
}

async fn search(
    port: &Port,
    x: &[f64],
    f: f64,
    slope: f64,
    direction: &[f64],
    longest: f64,
) -> Option<(f64, f64, Vec<f64>)> {
    let mut step = longest.min(1.0);
    let mut search = LineSearch::new(f, slope, step, longest);
    for _ in 0..TRIES {
        let (value, g) = gradient(port, &along(x, direction, step)).await;
        match search.tell(step, value, dot(&g, direction)) {
            Next::Done => return Some((step, value, g)),
            Next::Step(next) => step = next,
        }
        if !step.is_finite() {
            return None;
        }
    }
    None
}

/// Norm of the gradient after projection to the box.
fn projected(x: &[f64], g: &[f64]) -> f64 {
    x.iter().zip(g).map(|(x, g)| ((x - g).clamp(BOX.0, BOX.1) - x).abs()).fold(0.0, f64::max)
}

/// The longest step along `direction` that stays in the box.
fn longest(x: &[f64], direction: &[f64]) -> f64 {
    let room = |(x, d): (&f64, &f64)| match d {
        d if *d > 0.0 => (BOX.1 - x) / d,
        d if *d < 0.0 => (BOX.0 - x) / d,
        _ => 1e10,
    };
    x.iter().zip(direction).map(room).fold(1e10, f64::min).max(0.0)
}

/// The minimiser of the quadratic model: along the projected gradient first, then over the variables left free.
fn target(x: &[f64], g: &[f64], pairs: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let b = matrix(x.len(), pairs);
    let (cauchy, free) = cauchy(x, g, &b);
    if pairs.is_empty() || free.is_empty() {
        return cauchy;
    }
    let moved: Vec<f64> = cauchy.iter().zip(x).map(|(c, x)| c - x).collect();
    let residual: Vec<f64> = free.iter().map(|i| -(g[*i] + dot(&b[*i], &moved))).collect();
    let reduced: Matrix = free.iter().map(|i| free.iter().map(|j| b[*i][*j]).collect()).collect();
    let Some(step) = solve(reduced, residual) else { return cauchy };
    let mut target = cauchy.clone();
    for (i, s) in free.iter().zip(&step) {
        target[*i] = (cauchy[*i] + s).clamp(BOX.0, BOX.1);
    }
    let ahead: f64 = target.iter().zip(x).zip(g).map(|((t, x), g)| (t - x) * g).sum();
    if ahead <= 0.0 {
        return target;
    }
    let mut whole = vec![0.0; x.len()];
    free.iter().zip(&step).for_each(|(i, s)| whole[*i] = *s);
    let share = longest(&cauchy, &whole).min(1.0);
    along(&cauchy, &whole, share)
}

/// The first local minimiser of the model along the projected gradient, and the variables still free there.
fn cauchy(x: &[f64], g: &[f64], b: &Matrix) -> (Vec<f64>, Vec<usize>) {
    let dim = x.len();
    let limit = |i: usize| match g[i] {
        g if g < 0.0 => (x[i] - BOX.1) / g,
        g if g > 0.0 => (x[i] - BOX.0) / g,
        _ => f64::INFINITY,
    };
    let limits: Vec<f64> = (0..dim).map(limit).collect();
    let mut order: Vec<usize> = (0..dim).filter(|i| limits[*i] > 0.0).collect();
    order.sort_by(|a, b| limits[*a].total_cmp(&limits[*b]));
    let mut d: Vec<f64> = (0..dim).map(|i| if limits[i] > 0.0 { -g[i] } else { 0.0 }).collect();
    let mut z = vec![0.0; dim];
    let (mut at, mut taken) = (0.0, 0);
    loop {
        let bd: Vec<f64> = b.iter().map(|row| dot(row, &d)).collect();
        let (first, second) = (dot(g, &d) + dot(&bd, &z), dot(&bd, &d));
        let best = if second > 0.0 { (-first / second).max(0.0) } else { f64::INFINITY };
        let room = order.get(taken).map_or(f64::INFINITY, |i| limits[*i] - at);
        if best < room || room.is_infinite() {
            let best = if best.is_finite() { best } else { 0.0 };
            z.iter_mut().zip(&d).for_each(|(z, d)| *z += best * d);
            break;
        }
        z.iter_mut().zip(&d).for_each(|(z, d)| *z += room * d);
        let i = order[taken];
        z[i] = if d[i] > 0.0 { BOX.1 } else { BOX.0 } - x[i];
        (d[i], at) = (0.0, limits[i]);
        taken += 1;
        if taken == order.len() {
            break;
        }
    }
    let point = x.iter().zip(&z).map(|(x, z)| (x + z).clamp(BOX.0, BOX.1)).collect();
    order.drain(..taken);
    order.sort_unstable();
    (point, order)
}

/// The matrix that the pairs stand for: BFGS updates of a multiple of the identity.
fn matrix(dim: usize, pairs: &[(Vec<f64>, Vec<f64>)]) -> Matrix {
    let scale = pairs.last().map_or(1.0, |(s, y)| dot(y, y) / dot(s, y));
    let mut b: Matrix =
        (0..dim).map(|i| (0..dim).map(|j| if i == j { scale } else { 0.0 }).collect()).collect();
    for (s, y) in pairs {
        let bs: Vec<f64> = b.iter().map(|row| dot(row, s)).collect();
        let (sbs, sy) = (dot(&bs, s), dot(s, y));
        for i in 0..dim {
            for j in 0..dim {
                b[i][j] += y[i] * y[j] / sy - bs[i] * bs[j] / sbs;
            }
        }
    }
    b
}

/// Solves a positive definite system by Cholesky; `None` when it is not.
fn solve(mut a: Matrix, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for j in 0..n {
        for k in 0..j {
            for i in j..n {
                a[i][j] -= a[i][k] * a[j][k];
            }
        }
        let pivot = a[j][j];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        let root = pivot.sqrt();
        (j..n).for_each(|i| a[i][j] /= root);
    }
    for i in 0..n {
        b[i] = (b[i] - (0..i).map(|k| a[i][k] * b[k]).sum::<f64>()) / a[i][i];
    }
    for i in (0..n).rev() {
        b[i] = (b[i] - (i + 1..n).map(|k| a[k][i] * b[k]).sum::<f64>()) / a[i][i];
    }
    Some(b)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
