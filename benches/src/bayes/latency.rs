//! How long one suggestion takes.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context as _;
use bayes_hyperopt::{BayesOptimizer, HyperOptConfig};
use meta_traits::{Optimizer as _, Space as _, Stream};
use serde::Serialize;
use serde_json::Value;

use super::{Function, point, space};

const SIZES: [u64; 6] = [50, 100, 200, 500, 1000, 10_000];

/// Times of one cold suggestion.
#[derive(Clone, Debug, Serialize)]
pub struct LatencySummary {
    /// Milliseconds by number of trials told.
    pub ms: BTreeMap<String, f64>,
    /// Times over BoTorch's, by number of trials; absent without the peers' file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vs_botorch: Option<BTreeMap<String, f64>>,
    /// Times over botorch-rust's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vs_botorch_rust: Option<BTreeMap<String, f64>>,
    /// Slope of ln time against ln trials from 100 to 1,000.
    pub exponent: f64,
}

impl LatencySummary {
    /// Times suggestions on Hartmann's function; `peers` is what `peers/bayes.py latency` prints.
    ///
    /// # Errors
    /// When the peers' file cannot be read, or a search refuses its trials.
    pub fn measure(repeats: u64, peers: Option<&str>) -> anyhow::Result<Self> {
        let mut ms = BTreeMap::new();
        for n in SIZES {
            let repeats = if n > 1000 { 1 } else { repeats.max(1) };
            let times = (0..repeats).map(|r| suggestion(n, r)).collect::<anyhow::Result<Vec<_>>>()?;
            ms.insert(n.to_string(), times.into_iter().fold(f64::INFINITY, f64::min));
        }
        let exponent = (ms["1000"] / ms["100"]).log10();
        let ratios = |peer: &str| peers.map(|text| ratios(text, peer, &ms)).transpose();
        let (vs_botorch, vs_botorch_rust) = (ratios("botorch")?, ratios("botorch_rust")?);
        Ok(Self { ms, vs_botorch, vs_botorch_rust, exponent })
    }
}

/// Milliseconds from the question to the suggestion, for a search that was just told `n` random points.
fn suggestion(n: u64, repeat: u64) -> anyhow::Result<f64> {
    let function = Function::named("hartmann6").context("hartmann6 is missing")?;
    let space = space(function.inputs)?;
    let mut search = BayesOptimizer::new(space.clone(), HyperOptConfig::default(), repeat)?;
    let root = Stream::root(repeat).child("bench/latency", n);
    for i in 0..n {
        let mut rng = root.child("point", i);
        let candidate = space.sample(&mut rng);
        let outcome = function.observe(&point(function.inputs, &candidate)?, &mut rng);
        search.observe(candidate, outcome)?;
    }
    let start = Instant::now();
    let asked = search.ask();
    let time = start.elapsed();
    std::hint::black_box(asked);
    Ok(time.as_secs_f64() * 1e3)
}

fn ratios(text: &str, peer: &str, own: &BTreeMap<String, f64>) -> anyhow::Result<BTreeMap<String, f64>> {
    let line =
        text.lines().rfind(|line| line.trim_start().starts_with('{')).context("the peers' file is empty")?;
    let found: Value = serde_json::from_str(line).context("the last line of the peers' file is not JSON")?;
    let theirs = |n: &String| found["ms"][peer][n].as_f64();
    Ok(own.iter().filter_map(|(n, ms)| theirs(n).map(|peer| (n.clone(), ms / peer))).collect())
}
