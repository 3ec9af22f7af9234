use std::collections::BTreeMap;

use serde::Serialize;

use super::instance::Family;
use super::run::Row;

/// Evaluations after which regrets are compared.
const AT: usize = 100;

/// What the searches came to on one family.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfFamily {
    /// Mean gap between the best known workflow and the best single generator.
    pub gap: f64,
    /// Share of instances with a gap of 0.03 and more.
    pub with_gap: f64,
    /// Mean regret at 100 evaluations of each search.
    pub regrets: BTreeMap<&'static str, f64>,
}

/// All rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Mean regret of each search at 20, 50 and 100 evaluations and at the last one.
    pub regrets: BTreeMap<&'static str, [f64; 4]>,
    /// The search without a model that has the lowest mean regret at 100 evaluations.
    pub best_baseline: &'static str,
    /// The families.
    pub family: BTreeMap<Family, OfFamily>,
    /// Instances.
    pub n: usize,
}

/// Best known score less that of the recommendation after `at` evaluations, mean over the runs of a search.
fn regret(row: &Row, search: &str, at: usize) -> f64 {
    let curves = row.runs.iter().filter(|r| r.search == search).map(|r| &r.curve);
    let values: Vec<f64> = curves.filter_map(|c| c.get(at - 1).or(c.last())).map(|s| row.best - s).collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    sum / f64::max(n, 1.0)
}

impl Summary {
    /// The summary of rows.
    pub fn of(rows: &[Row]) -> Self {
        let mut searches: Vec<&'static str> = Vec::new();
        for run in rows.iter().flat_map(|r| &r.runs) {
            if !searches.contains(&run.search) {
                searches.push(run.search);
            }
        }
        let at = |search, at| mean(rows.iter().map(|r| regret(r, search, at)));
        let regrets = |search| [at(search, 20), at(search, 50), at(search, AT), at(search, usize::MAX)];
        let baselines = super::Baseline::ALL.map(super::Baseline::name);
        let best = baselines.into_iter().min_by(|a, b| at(a, AT).total_cmp(&at(b, AT)));
        let mut family = BTreeMap::new();
        for of in Family::ALL {
            let rows: Vec<&Row> = rows.iter().filter(|r| r.family == of).collect();
            if rows.is_empty() {
                continue;
            }
            let gap = |r: &&Row| r.best - r.base;
            let regret_of = |s: &&'static str| (*s, mean(rows.iter().map(|r| regret(r, s, AT))));
            let found = OfFamily {
                gap: mean(rows.iter().map(gap)),
                with_gap: mean(rows.iter().map(|r| f64::from(u8::from(gap(r) >= 0.03)))),
                regrets: searches.iter().map(regret_of).collect(),
            };
            family.insert(of, found);
        }
        Self {
            regrets: searches.iter().map(|s| (*s, regrets(s))).collect(),
            best_baseline: best.unwrap_or_default(),
            family,
            n: rows.len(),
        }
    }
}
