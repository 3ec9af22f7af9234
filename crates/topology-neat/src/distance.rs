use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::NetworkGenome;

/// The weights of the compatibility distance (Stanley & Miikkulainen 2002, equation 1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compatibility {
    /// c1 = c2: what an edge that only one has counts; default 1.
    pub disjoint: f64,
    /// c3: what a unit of mean difference of shared weights counts; default 0.4.
    pub weight: f64,
    /// Genomes of fewer edges than this are not normalised by their size; default 20.
    pub small: usize,
}

impl Default for Compatibility {
    fn default() -> Self {
        Self { disjoint: 1.0, weight: 0.4, small: 20 }
    }
}

/// How far two genomes are apart: edges that only one has, over the size of the larger unless both are small, and the
/// mean absolute difference of shared weights. An edge that is enabled in one alone counts as one that only one has:
/// the networks differ in it. Merges two sorted lists: O(edges).
///
/// Content ids have no age, so excess and disjoint edges are one group.
pub fn distance(a: &NetworkGenome, b: &NetworkGenome, by: &Compatibility) -> f64 {
    let (x, y) = (a.edges(), b.edges());
    let (mut i, mut j, mut alone, mut shared, mut apart) = (0, 0, 0_usize, 0_usize, 0.0);
    while i < x.len() || j < y.len() {
        let order = match (x.get(i), y.get(j)) {
            (Some(p), Some(q)) => p.id.cmp(&q.id),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        match order {
            Ordering::Less => {
                alone += 1;
                i += 1;
            }
            Ordering::Greater => {
                alone += 1;
                j += 1;
            }
            Ordering::Equal => {
                alone += usize::from(x[i].enabled != y[j].enabled);
                shared += 1;
                apart += (x[i].payload - y[j].payload).abs();
                i += 1;
                j += 1;
            }
        }
    }
    let size = x.len().max(y.len());
    let size = if size < by.small { 1 } else { size };
    by.disjoint * alone as f64 / size as f64 + by.weight * apart / shared.max(1) as f64
}
