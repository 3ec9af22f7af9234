use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{History, Sampler};
use crate::baseline::truncated;
use crate::{Domain, SearchSpace};

/// The share of points that count as good.
const GOOD: f64 = 0.15;
/// The share of points drawn at random.
const RANDOM: f64 = 1.0 / 3.0;
/// Candidates drawn a point.
const CANDIDATES: usize = 64;
/// How much wider than the density the kernels are that candidates are drawn from.
const WIDEN: f64 = 3.0;
/// The least kernel width.
const LEAST: f64 = 1e-3;

/// The densities of BOHB (Falkner, Klein & Hutter 2018): the best 15 % of the points of the highest level that has enough
/// of them against the rest.
///
/// Of 64 candidates drawn around good points with kernels 3 times as wide, the one with the greatest ratio of densities
/// is taken; a third of the points is uniform, and all are until some level has d + 3 points. Widths follow the normal
/// reference rule, at least 0.001.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kde;

impl Sampler for Kde {
    const HYPERBAND: &'static str = "bayes-hyperopt/bohb";
    const ASHA: &'static str = "bayes-hyperopt/asha-kde";

    fn sample(&self, space: &SearchSpace, history: &History, rng: &mut Stream) -> Vec<f64> {
        let least = space.len() + 1;
        let enough = |level: &usize| history.at(*level).len() >= least + 2;
        let Some(level) = (0..history.levels()).rev().find(enough) else { return space.sample_latent(rng) };
        if rng.chance(RANDOM) {
            return space.sample_latent(rng);
        }
        let mut rows: Vec<(f64, u64, &[f64])> = history
            .at(level)
            .iter()
            .map(|seen| (seen.loss.unwrap_or(f64::INFINITY), seen.id, seen.latent.as_slice()))
            .collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let points: Vec<&[f64]> = rows.iter().map(|(_, _, latent)| *latent).collect();
        let good = least.max((GOOD * points.len() as f64) as usize);
        let bad = least.max(points.len().saturating_sub(good));
        let (good, bad) =
            (Density::new(space, &points[..good]), Density::new(space, &points[points.len() - bad..]));
        let mut best = (f64::NEG_INFINITY, space.sample_latent(rng));
        for _ in 0..CANDIDATES {
            let latent = good.near_one(rng);
            let ratio = good.ln_at(&latent) - bad.ln_at(&latent);
            if ratio > best.0 && (!space.has_rules() || space.allows(&space.decode(&latent))) {
                best = (ratio, latent);
            }
        }
        best.1
    }
}

/// A product-kernel density estimate.
struct Density<'a> {
    points: &'a [&'a [f64]],
    widths: Vec<f64>,
    domains: Vec<&'a Domain>,
}

impl<'a> Density<'a> {
    fn new(space: &'a SearchSpace, points: &'a [&'a [f64]]) -> Self {
        let (n, d) = (points.len() as f64, space.len());
        let domains: Vec<&Domain> = space.parameters().iter().map(|p| &p.domain).collect();
        let width = |i: usize| {
            // Choices count by their index, as in the paper's program.
            let value = |p: &&[f64]| match choices(domains[i]) {
                Some(_) => domains[i].index_at(p[i]).unwrap_or(0) as f64,
                None => p[i],
            };
            let mean = points.iter().map(value).sum::<f64>() / n;
            let variance = points.iter().map(|p| (value(p) - mean).powi(2)).sum::<f64>() / n;
            let width = 1.06 * variance.sqrt() * n.powf(-1.0 / (4.0 + d as f64));
            // A choice is never less likely than each of the others.
            let most = choices(domains[i]).map_or(f64::INFINITY, |k| ((k - 1) as f64 / k as f64).max(LEAST));
            width.clamp(LEAST, most)
        };
        let widths = (0..d).map(width).collect();
        Self { points, widths, domains }
    }

    fn near_one(&self, rng: &mut Stream) -> Vec<f64> {
        let centre = self.points[rng.below(self.points.len())];
        let axes = centre.iter().zip(&self.widths).zip(&self.domains);
        axes.map(|((centre, width), domain)| match choices(domain) {
            Some(_) if rng.chance(1.0 - width) => *centre,
            Some(k) => domain.place_of_index(rng.below(k)).unwrap_or(*centre),
            None => truncated(*centre, WIDEN * width, rng),
        })
        .collect()
    }

    fn ln_at(&self, latent: &[f64]) -> f64 {
        let term = |point: &&[f64]| -> f64 {
            let axes = point.iter().zip(latent).zip(self.widths.iter().zip(&self.domains));
            axes.map(|((p, x), (width, domain))| match choices(domain) {
                Some(_) if domain.index_at(*p) == domain.index_at(*x) => (1.0 - width).ln(),
                Some(k) => (width / (k - 1) as f64).ln(),
                None => -0.5 * ((p - x) / width).powi(2) - width.ln(),
            })
            .sum()
        };
        let terms: Vec<f64> = self.points.iter().map(term).collect();
        let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Far from every point all terms vanish; the floor keeps the ratio a number.
        let sum = terms.iter().map(|t| (t - most).exp()).sum::<f64>();
        (most + (sum / terms.len() as f64).ln()).max(-700.0)
    }
}

/// Number of unordered choices, where there are at least two.
fn choices(domain: &Domain) -> Option<usize> {
    domain.cardinality().filter(|k| domain.is_categorical() && *k > 1)
}
