use meta_traits::Stream;

use crate::baseline::{cumulative, truncated};
use crate::{Domain, INACTIVE, SearchSpace};

/// Points that keep their full weight.
const RECENT: usize = 25;
/// The weight of the uniform prior, in points.
const PRIOR: f64 = 1.0;

/// A density over the space: a mixture with one product kernel a point, and a uniform prior.
pub(super) struct Parzen {
    weights: Vec<f64>,
    kernels: Vec<Axis>,
}

/// The kernels of one parameter, one a point and the prior last.
enum Axis {
    /// Normal kernels (mean, sd) cut to [0, 1], and their masses there; the density of a discrete value is the mass of
    /// its bin.
    Line { kernels: Vec<(f64, f64)>, masses: Vec<f64>, domain: Domain },
    /// Probabilities of each choice.
    Choice(Vec<Vec<f64>>),
}

impl Parzen {
    pub(super) fn new(space: &SearchSpace, points: &[&[f64]]) -> Self {
        let n = points.len();
        // Older points fade from 1/n to 1, as if by a straight line.
        let fade = |i: usize| {
            let old = n.saturating_sub(RECENT);
            if i >= old || old < 2 {
                1.0
            } else {
                let (first, step) = (1.0 / n as f64, i as f64 / (old - 1) as f64);
                first + (1.0 - first) * step
            }
        };
        let mut weights: Vec<f64> = (0..n).map(fade).chain([PRIOR]).collect();
        let total: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= total;
        }
        let axis = |d: usize| {
            let values: Vec<f64> = points.iter().map(|p| p[d]).collect();
            let domain = &space.parameters()[d].domain;
            if domain.is_categorical() { choices(domain, &values) } else { line(domain, &values) }
        };
        Self { weights, kernels: (0..space.len()).map(axis).collect() }
    }

    /// A latent point; parameters that turn out inactive are drawn all the same.
    pub(super) fn sample(&self, space: &SearchSpace, rng: &mut Stream) -> Vec<f64> {
        let point = rng.weighted(&self.weights).unwrap_or(self.weights.len() - 1);
        let one = |(axis, parameter): (&Axis, &crate::Parameter)| match axis {
            Axis::Line { kernels, .. } => {
                let (mean, sd) = kernels[point];
                truncated(mean, sd, rng)
            }
            Axis::Choice(kernels) => {
                let index = rng.weighted(&kernels[point]).unwrap_or(0);
                parameter.domain.place_of_index(index).unwrap_or(0.5)
            }
        };
        self.kernels.iter().zip(space.parameters()).map(one).collect()
    }

    /// The logarithm of the density at features; inactive parameters say nothing.
    pub(super) fn ln_density(&self, features: &[f64]) -> f64 {
        let mut terms: Vec<f64> = self.weights.iter().map(|w| w.ln()).collect();
        for (axis, feature) in self.kernels.iter().zip(features).filter(|(_, f)| **f != INACTIVE) {
            axis.add_ln(*feature, &mut terms);
        }
        let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + terms.iter().map(|t| (t - most).exp()).sum::<f64>().ln()
    }
}

impl Axis {
    fn add_ln(&self, feature: f64, terms: &mut [f64]) {
        match self {
            Self::Line { kernels, masses, domain } => {
                let bin = bin(domain, feature);
                for ((term, (mean, sd)), whole) in terms.iter_mut().zip(kernels).zip(masses) {
                    let below = |u: f64| cumulative((u - mean) / sd);
                    let part = match bin {
                        Some((from, to)) => below(to) - below(from),
                        None => {
                            (-0.5 * ((feature - mean) / sd).powi(2)).exp() / (sd * 2.506_628_274_631_000_2)
                        }
                    };
                    *term += (part / whole).max(1e-300).ln();
                }
            }
            Self::Choice(kernels) => {
                for (term, probabilities) in terms.iter_mut().zip(kernels) {
                    let index =
                        ((feature * probabilities.len() as f64) as usize).min(probabilities.len() - 1);
                    *term += probabilities[index].ln();
                }
            }
        }
    }
}

/// Where a discrete value begins and ends on [0, 1]; `None` for a continuum.
fn bin(domain: &Domain, feature: f64) -> Option<(f64, f64)> {
    let n = domain.cardinality()?;
    if let (Domain::LogInt { low, high }, Some(index)) = (domain, domain.index_at(feature)) {
        let (from, to) = ((*low as f64 - 0.5).ln(), (*high as f64 + 0.5).ln());
        let value = *low as f64 + index as f64;
        let edge = |v: f64| (v.ln() - from) / (to - from);
        return Some((edge(value - 0.5), edge(value + 0.5)));
    }
    let half = 0.5 / n as f64;
    Some((feature - half, feature + half))
}

fn choices(domain: &Domain, values: &[f64]) -> Axis {
    let n = domain.cardinality().unwrap_or(1);
    let kernels = values.len() as f64 + 1.0;
    let row = |value: &f64| {
        let mut row = vec![PRIOR / kernels; n];
        if let Some(index) = domain.index_at(*value).filter(|_| *value != INACTIVE) {
            row[index] += 1.0;
        }
        let total: f64 = row.iter().sum();
        row.iter().map(|p| p / total).collect()
    };
    Axis::Choice(values.iter().map(row).chain([vec![1.0 / n as f64; n]]).collect())
}

/// Each kernel is as wide as the greater gap to its neighbours, within bounds; the outermost look inwards only.
fn line(domain: &Domain, values: &[f64]) -> Axis {
    let mut order: Vec<usize> = (0..values.len()).filter(|i| values[*i] != INACTIVE).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let least = 1.0 / (values.len() as f64 + 2.0).min(100.0);
    let mut kernels = vec![(0.5, 1.0); values.len() + 1];
    for (rank, &i) in order.iter().enumerate() {
        let at = |rank: usize| values[order[rank]];
        let below = (rank > 0).then(|| values[i] - at(rank - 1));
        let above = (rank + 1 < order.len()).then(|| at(rank + 1) - values[i]);
        let width = match (below, above) {
            (Some(below), Some(above)) => below.max(above),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => values[i].max(1.0 - values[i]),
        };
        kernels[i] = (values[i], width.clamp(least, 1.0));
    }
    let mass = |(mean, sd): &(f64, f64)| cumulative((1.0 - mean) / sd) - cumulative(-mean / sd);
    let masses = kernels.iter().map(mass).collect();
    Axis::Line { kernels, masses, domain: domain.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameter;

    fn space() -> SearchSpace {
        SearchSpace::new(vec![
            Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 }),
            Parameter::new("k", Domain::LogInt { low: 1, high: 16 }),
            Parameter::new("c", Domain::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] }),
        ])
        .unwrap()
    }

    #[test]
    fn densities_integrate_to_one() {
        let space = space();
        let points: Vec<Vec<f64>> =
            [[0.1, 0.9, 0.5], [0.15, 0.2, 0.1], [0.8, 0.2, 0.1]].map(|p| space.features(&p)).to_vec();
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let density = Parzen::new(&space, &points);
        let mut total = 0.0;
        for x in 0..400 {
            for k in 0..16 {
                for c in 0..3 {
                    let place = |i: usize, index| space.parameters()[i].domain.place_of_index(index).unwrap();
                    let features = [(f64::from(x) + 0.5) / 400.0, place(1, k), place(2, c)];
                    total += density.ln_density(&features).exp() / 400.0;
                }
            }
        }
        assert!((total - 1.0).abs() < 1e-4, "{total}");
    }

    #[test]
    fn samples_gather_where_the_points_are() {
        let space = space();
        let points = vec![space.features(&[0.2, 0.5, 0.9]); 20];
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let density = Parzen::new(&space, &points);
        let mut rng = Stream::root(1);
        let near = (0..500).filter(|_| {
            let latent = density.sample(&space, &mut rng);
            (latent[0] - 0.2).abs() < 0.15 && latent[2] > 0.66
        });
        assert!(near.count() > 350);
    }
}
