//! How long one suggestion takes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;
use bayes_hyperopt::{BayesOptimizer, HyperOptConfig};
use meta_traits::{Optimizer as _, Space as _, Stream};
use serde::Serialize;
use serde_json::Value;

use super::{Function, point, space};
use crate::processor_seconds;

const SIZES: [u64; 6] = [50, 100, 200, 500, 1000, 10_000];

/// Where the peers are measured, seen from the root of the repository.
const SCRIPT: &str = "benches/peers/bayes.py";

/// Times of one cold suggestion, in processor time of this process where the system tells it.
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

/// Runs the peers' script with `python`, from the root of the repository, and gives what it printed.
///
/// # Errors
/// When it cannot be started or ends with a failure.
pub fn ask_peers(python: &Path, repeats: u64) -> anyhow::Result<String> {
    let mut command = Command::new(python);
    command.args([SCRIPT, "latency", "--peers", "botorch,botorch_rust,egobox,optuna_gp"]);
    let sizes = SIZES.iter().filter(|n| **n <= 500).map(ToString::to_string).collect::<Vec<_>>().join(",");
    command.args(["--sizes", &sizes, "--repeats", &repeats.max(1).to_string()]);
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.with_context(|| format!("{} cannot be started", python.display()))?;
    anyhow::ensure!(output.status.success(), "{SCRIPT} ended with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
    let (start, busy) = (Instant::now(), processor_seconds());
    let asked = search.ask();
    let (wall, after) = (start.elapsed().as_secs_f64(), processor_seconds());
    std::hint::black_box(asked);
    let seconds = busy.zip(after).map_or(wall, |(before, after)| after - before);
    Ok(seconds * 1e3)
}

fn ratios(text: &str, peer: &str, own: &BTreeMap<String, f64>) -> anyhow::Result<BTreeMap<String, f64>> {
    let line =
        text.lines().rfind(|line| line.trim_start().starts_with('{')).context("the peers' file is empty")?;
    let found: Value = serde_json::from_str(line).context("the last line of the peers' file is not JSON")?;
    let theirs = |n: &String| found["ms"][peer][n].as_f64();
    Ok(own.iter().filter_map(|(n, ms)| theirs(n).map(|peer| (n.clone(), ms / peer))).collect())
}
