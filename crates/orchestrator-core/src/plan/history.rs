use std::path::Path;
use std::time::Duration;

use meta_traits::{Budget, Cost};
use serde::Deserialize;

use crate::compose::Resolved;
use crate::store::RunDirectory;

/// What a finished run of the same task used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PastRun {
    /// Its limits.
    pub budget: Budget,
    /// What search, proposer and final scoring used.
    pub spent: Cost,
    /// How long it took.
    pub took: Duration,
}

/// As many runs are looked at, the latest ones.
const LATEST: usize = 5;

/// The part of a result that counts here.
#[derive(Deserialize)]
struct Ended {
    spent: Cost,
    optimization_time: Duration,
    uncertain: Cost,
}

impl PastRun {
    /// A run within `budget` that used `spent` and took so long.
    pub fn new(budget: Budget, spent: Cost, took: Duration) -> Self {
        Self { budget, spent, took }
    }

    /// The finished runs under `root` whose system, models, data, metric and optimizer are those of `resolved`; only
    /// seed and limits may differ. At most five, the newest first. What cannot be read is passed over.
    pub fn find(root: &Path, resolved: &Resolved) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
        let mut found: Vec<(std::time::SystemTime, std::path::PathBuf, Self)> = Vec::new();
        for path in entries.filter_map(|e| Some(e.ok()?.path())) {
            let result = path.join("result.json");
            let Some(made) = std::fs::metadata(&result).and_then(|m| m.modified()).ok() else { continue };
            if let Some(run) = read(&path, &result, resolved) {
                found.push((made, path, run));
            }
        }
        found.sort_by(|a, b| (b.0, &b.1).cmp(&(a.0, &a.1)));
        found.into_iter().take(LATEST).map(|(_, _, run)| run).collect()
    }
}

fn read(path: &Path, result: &Path, resolved: &Resolved) -> Option<PastRun> {
    let past = Resolved::from_yaml(&RunDirectory::config(path).ok()?).ok()?;
    if past.task() != resolved.task() {
        return None;
    }
    let ended: Ended = serde_json::from_slice(&std::fs::read(result).ok()?).ok()?;
    // A killed and resumed run spent more than it knows.
    if ended.uncertain != Cost::ZERO {
        return None;
    }
    let budget = past.config.limits().ok()?;
    Some(PastRun { budget, spent: ended.spent, took: ended.optimization_time })
}
