use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::Serialize;

use super::baseline::Baseline;
use super::evolve::{OFF, ON};
use super::instance::Family;
use super::run::{Row, Run};

/// Which of the scores of a run are compared: those after 100 evaluations.
const AT: usize = 2;
/// Bootstrap samples, and the positions of the 2.5 and 97.5 % points among them.
const SAMPLES: usize = 2000;
const POINTS: [usize; 2] = [50, 1949];

/// What the evolutionary search came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Its mean regret at 100 evaluations over that of the best search without a model.
    pub regret_ratio: f64,
    /// 95 % interval of it, by instances within families.
    pub ci: [f64; 2],
    /// The families.
    pub family: BTreeMap<Family, OfFamily>,
    /// What the predictor is good for.
    pub predictor: Ablation,
}

/// The search on one family.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OfFamily {
    /// Mean regret at 100 evaluations.
    pub regret: f64,
    /// True score of the recommendation at 100 evaluations less that of the best single generator, on the instance where
    /// this is lowest (mean over its runs).
    pub best_single_gap: f64,
}

/// The search with its predictor against the same search without.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ablation {
    /// Evaluations until the recommendation closes half the gap (the last evaluation where it never does), on over off.
    pub evaluations_ratio: f64,
    /// 95 % interval of it.
    pub ci: [f64; 2],
    /// Share of first evaluations of workflows inside the 90 % intervals predicted.
    pub coverage_90: f64,
}

/// More than the summary says: regrets of all searches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// Mean regret of each search at 20, 50, 100 and the last evaluation.
    pub regrets: BTreeMap<&'static str, [f64; 4]>,
    /// Mean evaluations of each search until half the gap is closed.
    pub evaluations: BTreeMap<&'static str, f64>,
    /// Mean gap of each family, the share of its instances with 0.03 and more, and of its runs whose recommendation at 100
    /// evaluations is more than 0.01 below the best single generator.
    pub gaps: BTreeMap<Family, [f64; 3]>,
    /// Share of first evaluations of workflows inside the 90 % intervals predicted, by family.
    pub coverage_90: BTreeMap<Family, f64>,
}

impl Summary {
    /// The summary of rows; `searched` with the predictor or without.
    pub fn of(rows: &[Row], predictor: bool) -> Self {
        let name = if predictor { ON } else { OFF };
        let rows: Vec<&Row> = rows.iter().collect();
        let family = |of: Family| {
            let rows: Vec<&&Row> = rows.iter().filter(|r| r.family == of).collect();
            let lowest = rows.iter().map(|r| r.best - r.base - regret(r, name, AT));
            let of_rows = OfFamily {
                regret: mean(rows.iter().map(|r| regret(r, name, AT))),
                best_single_gap: lowest.fold(f64::INFINITY, f64::min),
            };
            (of, of_rows)
        };
        let families = Family::ALL.into_iter().filter(|f| rows.iter().any(|r| r.family == *f));
        let ratio = |rows: &[&Row]| {
            let of = |name| mean(rows.iter().map(|r| regret(r, name, AT)));
            of(name) / Baseline::ALL.into_iter().map(|b| of(b.name())).fold(f64::INFINITY, f64::min)
        };
        let evaluations = |rows: &[&Row]| {
            let of = |name| mean(rows.iter().map(|r| half(r, name)));
            of(ON) / of(OFF)
        };
        Self {
            regret_ratio: ratio(&rows),
            ci: interval(&rows, ratio),
            family: families.map(family).collect(),
            predictor: Ablation {
                evaluations_ratio: evaluations(&rows),
                ci: interval(&rows, evaluations),
                coverage_90: coverage(&rows),
            },
        }
    }
}

impl Detail {
    /// The details of rows.
    pub fn of(rows: &[Row], predictor: bool) -> Self {
        let name = if predictor { ON } else { OFF };
        let searches = || Baseline::ALL.map(Baseline::name).into_iter().chain([ON, OFF]);
        let at = |search, at| mean(rows.iter().map(|r| regret(r, search, at)));
        let share = |rows: &[&Row], of: &dyn Fn(&Row) -> f64| mean(rows.iter().map(|r| of(r)));
        let gaps = |of: Family| {
            let rows: Vec<&Row> = rows.iter().filter(|r| r.family == of).collect();
            let bad =
                |r: &Row| mean(runs(r, name).map(|run| f64::from(u8::from(run.scores[AT] < r.base - 0.01))));
            let wide = |r: &Row| f64::from(u8::from(r.best - r.base >= 0.03));
            (of, [share(&rows, &|r| r.best - r.base), share(&rows, &wide), share(&rows, &bad)])
        };
        let held = |of: Family| (of, coverage(&rows.iter().filter(|r| r.family == of).collect::<Vec<_>>()));
        Self {
            regrets: searches().map(|s| (s, [0, 1, 2, 3].map(|i| at(s, i)))).collect(),
            evaluations: searches().map(|s| (s, mean(rows.iter().map(|r| half(r, s))))).collect(),
            gaps: Family::ALL.into_iter().map(gaps).collect(),
            coverage_90: Family::ALL.into_iter().map(held).collect(),
        }
    }
}

fn runs<'a>(row: &'a Row, search: &'a str) -> impl Iterator<Item = &'a Run> {
    row.runs.iter().filter(move |r| r.search == search)
}

/// Best known score less that of the recommendation, mean over the runs of a search.
fn regret(row: &Row, search: &str, at: usize) -> f64 {
    mean(runs(row, search).map(|run| row.best - run.scores[at]))
}

/// Evaluations until half the gap is closed, mean over the runs of a search.
fn half(row: &Row, search: &str) -> f64 {
    mean(runs(row, search).map(|run| run.half as f64))
}

/// Share of outcomes inside the intervals that the search with its predictor gave.
fn coverage(rows: &[&Row]) -> f64 {
    let of_search = rows.iter().flat_map(|r| runs(r, ON));
    let (n, covered) = of_search.filter_map(|r| r.intervals).fold((0, 0), |(n, c), [m, d]| (n + m, c + d));
    covered as f64 / n.max(1) as f64
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    sum / f64::max(n, 1.0)
}

/// The 95 % percentile interval of a statistic, by bootstrap samples of instances within families.
fn interval(rows: &[&Row], statistic: impl Fn(&[&Row]) -> f64) -> [f64; 2] {
    let mut rng = Stream::root(1).child("bootstrap", 0);
    let of = |f: &Family| rows.iter().copied().filter(|r| r.family == *f).collect::<Vec<_>>();
    let families: Vec<Vec<&Row>> = Family::ALL.iter().map(of).collect();
    let mut found: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let mut sample = Vec::with_capacity(rows.len());
            for of in &families {
                sample.extend((0..of.len()).map(|_| of[rng.below(of.len())]));
            }
            statistic(&sample)
        })
        .collect();
    found.sort_by(f64::total_cmp);
    POINTS.map(|p| found[p])
}
