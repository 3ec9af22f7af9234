//! Where the acquisition is highest: many points tried, the best ones improved along gradients and lattices in turn.

use meta_traits::Stream;

use super::lbfgs::{Limits, minimize};
use crate::{Domain, SearchSpace};

/// What is maximised, over latent points.
pub(crate) trait Landscape {
    /// The score at `features`, higher is better; NaN where none is to be had.
    fn value(&mut self, features: &[f64]) -> f64;
    /// The score, and its derivatives added to `gradient`, which is all zeros.
    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64;
    /// Where the `i`-th coordinate of latent points lies, in [0, 1]; scores outside are not numbers.
    fn range(&self, _: usize) -> (f64, f64) {
        (0.0, 1.0)
    }
}

/// How hard to search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Points spread over the whole space.
    pub(crate) spread: usize,
    /// Points near good ones.
    pub(crate) near: usize,
    /// Points improved.
    pub(crate) starts: usize,
    /// Evaluations with gradient a start.
    pub(crate) evaluations: usize,
}

/// A latent point and its score.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) latent: Vec<f64>,
    pub(crate) value: f64,
}

/// Steps of the alternation between gradients and lattice.
const ROUNDS: usize = 4;

/// The best point found; `None` only when no score was a number.
///
/// `good` are latent points to look around, best first; `reach` is a typical distance per parameter over which the score
/// changes. All random numbers come from `rng`.
pub(crate) fn search(
    space: &SearchSpace,
    landscape: &mut dyn Landscape,
    good: &[Vec<f64>],
    reach: &[f64],
    effort: Effort,
    rng: &mut Stream,
) -> Option<Found> {
    let (mut spread, near) = candidates(space, good, reach, effort, rng);
    for (i, (low, high)) in (0..space.len()).map(|i| (i, landscape.range(i))) {
        for latent in &mut spread {
            latent[i] = low + (high - low) * latent[i];
        }
    }
    let mut scored = |latents: Vec<Vec<f64>>| -> Vec<Found> {
        let found = |latent: Vec<f64>| Found { value: score(space, landscape, &latent), latent };
        latents.into_iter().map(found).collect()
    };
    let (spread, near) = (scored(spread), scored(near));
    let mut starts = best_of(spread, effort.starts.div_ceil(2));
    starts.extend(best_of(near, effort.starts / 2));
    let improved = starts.into_iter().map(|start| improve(space, landscape, start, effort.evaluations));
    improved.max_by(|a, b| a.value.total_cmp(&b.value)).filter(|found| found.value > f64::NEG_INFINITY)
}

/// Points spread over the space, and others near good ones, the best of which is the first.
pub(crate) fn candidates(
    space: &SearchSpace,
    good: &[Vec<f64>],
    reach: &[f64],
    effort: Effort,
    rng: &mut Stream,
) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let spread = kronecker(space, effort.spread, rng);
    let mut near: Vec<Vec<f64>> = good.iter().take(1).cloned().collect();
    for i in 0..effort.near {
        let Some(centre) = good.get(i % good.len().max(1)) else { break };
        near.push(perturb(space, centre, reach, rng));
    }
    (spread, near)
}

/// The `n` best that are not copies of each other.
fn best_of(mut found: Vec<Found>, n: usize) -> Vec<Found> {
    found.retain(|f| f.value > f64::NEG_INFINITY);
    found.sort_by(|a, b| b.value.total_cmp(&a.value));
    found.dedup_by(|a, b| a.latent == b.latent);
    found.truncate(n);
    found
}

/// NaN and forbidden points score minus infinity.
pub(crate) fn score(space: &SearchSpace, landscape: &mut dyn Landscape, latent: &[f64]) -> f64 {
    if space.has_rules() && !space.allows(&space.decode(latent)) {
        return f64::NEG_INFINITY;
    }
    let value = landscape.value(&space.features(latent));
    if value.is_nan() { f64::NEG_INFINITY } else { value }
}

/// Points of a shifted lattice of irrational slopes (Roberts' sequence): evenly spread in any dimension.
fn kronecker(space: &SearchSpace, n: usize, rng: &mut Stream) -> Vec<Vec<f64>> {
    let d = space.len();
    // The positive root of x^(d+1) = x + 1.
    let mut root: f64 = 1.5;
    for _ in 0..60 {
        root = libm::pow(1.0 + root, 1.0 / (d as f64 + 1.0));
    }
    let slopes: Vec<f64> = (1..=d).map(|i| libm::pow(root, -(i as f64))).collect();
    let shifts: Vec<f64> = (0..d).map(|_| rng.unit()).collect();
    (0..n)
        .map(|i| {
            let place = |(shift, slope): (&f64, &f64)| (shift + (i + 1) as f64 * slope).fract();
            let latent: Vec<f64> = shifts.iter().zip(&slopes).map(place).collect();
            let legal = !space.has_rules() || space.allows(&space.decode(&latent));
            if legal { latent } else { space.sample_latent(rng) }
        })
        .collect()
}

/// A point near `centre`: some coordinates (all in few dimensions, about ten in many) move by a normal step whose size is
/// drawn between a thousandth of the reach and all of it; discrete ones take a random value now and then.
fn perturb(space: &SearchSpace, centre: &[f64], reach: &[f64], rng: &mut Stream) -> Vec<f64> {
    let d = space.len() as f64;
    let share = if rng.chance(0.5) { 1.0 } else { (10.0 / d).min(0.5).max(1.0 / d) };
    let size = libm::pow(10.0, -3.0 * rng.unit());
    let mut latent = centre.to_vec();
    for (i, parameter) in space.parameters().iter().enumerate() {
        if !rng.chance(share) {
            continue;
        }
        match parameter.domain.cardinality() {
            Some(n) if parameter.domain.is_categorical() || n < 4 => {
                if rng.chance(0.3) {
                    latent[i] = rng.unit();
                }
            }
            Some(n) => {
                let step = normal(rng) * (size * reach[i]).max(1.0 / n as f64);
                latent[i] = (latent[i] + step).clamp(0.0, 1.0);
            }
            None => latent[i] = (latent[i] + normal(rng) * size * reach[i]).clamp(0.0, 1.0),
        }
    }
    latent
}

/// A standard normal number (Box & Muller).
fn normal(rng: &mut Stream) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - rng.unit()));
    radius * libm::cos(std::f64::consts::TAU * rng.unit())
}

/// Gradients on the continua and steps on the lattice, in turn until neither gains.
pub(crate) fn improve(
    space: &SearchSpace,
    landscape: &mut dyn Landscape,
    start: Found,
    evaluations: usize,
) -> Found {
    let mut found = start;
    let discrete = space.parameters().iter().any(|p| p.domain.cardinality().is_some());
    for _ in 0..ROUNDS {
        let before = found.value;
        climb(space, landscape, &mut found, evaluations);
        if !(discrete && step_on_lattice(space, landscape, &mut found)) || found.value <= before {
            break;
        }
    }
    found
}

/// Projected L-BFGS on the continuous coordinates; the others stay.
fn climb(space: &SearchSpace, landscape: &mut dyn Landscape, found: &mut Found, evaluations: usize) {
    let base = space.features(&found.latent);
    let moves = |i: usize, domain: &Domain| domain.cardinality().is_none() && base[i] >= 0.0;
    let active: Vec<usize> = (0..space.len()).filter(|i| moves(*i, &space.parameters()[*i].domain)).collect();
    if active.is_empty() {
        return;
    }
    let (low, high): (Vec<f64>, Vec<f64>) = active.iter().map(|i| landscape.range(*i)).unzip();
    let mut features = base.clone();
    let mut gradient = vec![0.0; space.len()];
    let mut latent = found.latent.clone();
    let negative = |x: &[f64], g: &mut [f64]| {
        for (i, x) in active.iter().zip(x) {
            features[*i] = *x;
            latent[*i] = *x;
        }
        if space.has_rules() && !space.allows(&space.decode(&latent)) {
            return f64::INFINITY;
        }
        gradient.fill(0.0);
        let value = landscape.gradient(&features, &mut gradient);
        g.iter_mut().zip(&active).for_each(|(g, i)| *g = -gradient[*i]);
        -value
    };
    let start: Vec<f64> = active.iter().map(|i| found.latent[*i]).collect();
    let limits = Limits { evaluations, gain: 1e-9, gradient: 1e-10, first_step: 0.03 };
    let (x, value) = minimize(negative, &start, &low, &high, limits);
    if -value > found.value {
        active.iter().zip(&x).for_each(|(i, x)| found.latent[*i] = *x);
        found.value = -value;
    }
}

/// The best point that differs in one discrete parameter, as long as it is better: any other choice, or 1, 2, 4, ... levels
/// up or down. Whether anything moved.
fn step_on_lattice(space: &SearchSpace, landscape: &mut dyn Landscape, found: &mut Found) -> bool {
    let mut moved = false;
    for _ in 0..2 * space.len() {
        let features = space.features(&found.latent);
        let mut best: Option<Found> = None;
        for (i, parameter) in space.parameters().iter().enumerate() {
            let Some(n) = parameter.domain.cardinality().filter(|_| features[i] >= 0.0) else { continue };
            let Some(here) = parameter.domain.index_at(features[i]) else { continue };
            for other in others(&parameter.domain, here, n) {
                let Some(place) = parameter.domain.place_of_index(other) else { continue };
                let mut latent = found.latent.clone();
                latent[i] = place;
                let value = score(space, landscape, &latent);
                if value > best.as_ref().map_or(found.value, |b| b.value) {
                    best = Some(Found { latent, value });
                }
            }
        }
        let Some(better) = best else { break };
        *found = better;
        moved = true;
    }
    moved
}

fn others(domain: &Domain, here: usize, n: usize) -> Vec<usize> {
    if domain.is_categorical() {
        return (0..n).filter(|other| *other != here).collect();
    }
    let steps = (0..usize::BITS).map(|k| 1_usize << k).take_while(|step| *step < n);
    steps.flat_map(|s| here.checked_sub(s).into_iter().chain(Some(here + s).filter(|up| *up < n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameter;

    /// A bowl around a point, with a term that ties a number to a level.
    struct Bowl;

    impl Landscape for Bowl {
        fn value(&mut self, f: &[f64]) -> f64 {
            -(f[0] - 0.3).powi(2) - (f[1] - 0.7).powi(2) - 0.1 * (f[0] - f[2]).powi(2)
        }
        fn gradient(&mut self, f: &[f64], g: &mut [f64]) -> f64 {
            g[0] = -2.0 * (f[0] - 0.3) - 0.2 * (f[0] - f[2]);
            g[1] = -2.0 * (f[1] - 0.7);
            self.value(f)
        }
    }

    #[test]
    fn mixed_maxima_are_found_on_the_lattice() {
        let unit = Domain::Float { low: 0.0, high: 1.0 };
        let space = SearchSpace::new(vec![
            Parameter::new("a", unit.clone()),
            Parameter::new("b", unit),
            Parameter::new("n", Domain::Int { low: 0, high: 99 }),
        ])
        .unwrap();
        let effort = Effort { spread: 16, near: 8, starts: 2, evaluations: 40 };
        let found =
            search(&space, &mut Bowl, &[vec![0.9; 3]], &[0.1; 3], effort, &mut Stream::root(1)).unwrap();
        assert!(found.value > -1e-3, "{found:?}");
        assert!((found.latent[1] - 0.7).abs() < 1e-4, "{found:?}");
    }
}
