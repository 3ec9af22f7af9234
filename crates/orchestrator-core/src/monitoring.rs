//! What a run tells while it goes on and when it ends, as its settings ask for.

mod mlflow;
mod prometheus;

use std::time::Duration;

use crate::checkpoint::Every;
use crate::config::meta::MetaOrchestratorConfig;
use crate::result::RunResult;

pub(crate) use self::mlflow::write_mlflow;
pub use self::prometheus::Metrics;

/// Where no settings say otherwise.
const CHECKPOINT_EVERY: Every = Every::Events(1000);

/// What is told and kept beside the record.
///
/// ```
/// use std::time::Duration;
/// use orchestrator_core::checkpoint::Every;
/// use orchestrator_core::config::meta::ConfigProfiles;
/// use orchestrator_core::monitoring::Monitoring;
/// let research = Monitoring::of(Some(&ConfigProfiles::get_profile("research").unwrap()), 100);
/// assert_eq!(research.export, Some(Duration::from_secs(60)));
/// assert_eq!(research.checkpoint, Some(Every::Calls(50 * 100)));
/// let minimal = Monitoring::of(Some(&ConfigProfiles::get_profile("minimal").unwrap()), 100);
/// assert!(!minimal.decisions && !minimal.trajectory && !minimal.components);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitoring {
    /// Whether decisions are told (`detailed_logging`).
    pub decisions: bool,
    /// Whether the result holds the recommendations over time, not only the last (`performance_tracking`).
    pub trajectory: bool,
    /// Whether it holds what each algorithm and pillar brought (`component_metrics`).
    pub components: bool,
    /// The time between two exports of metrics, if there are any (`export_metrics`, `metrics_export_interval`).
    pub export: Option<Duration>,
    /// How far checkpoints lie apart, if any are kept (`checkpoint_enabled`, `checkpoint_interval`).
    pub checkpoint: Option<Every>,
    /// Bytes of memory above which the run pauses (`memory_limit_mb`).
    pub memory: Option<u64>,
}

impl Monitoring {
    /// What the settings ask for where the orchestrator is enabled, with `val` validation examples a compute unit; else
    /// everything but exports.
    pub fn of(meta: Option<&MetaOrchestratorConfig>, val: usize) -> Self {
        let Some(meta) = meta.filter(|meta| meta.enabled) else {
            return Self {
                decisions: true,
                trajectory: true,
                components: true,
                export: None,
                checkpoint: Some(CHECKPOINT_EVERY),
                memory: None,
            };
        };
        let interval = meta.metrics_export_interval;
        Self {
            decisions: meta.detailed_logging,
            trajectory: meta.performance_tracking,
            components: meta.component_metrics,
            export: meta.export_metrics.then(|| Duration::from_secs(interval)),
            checkpoint: meta.checkpoint_enabled.then(|| Every::Calls(meta.checkpoint_interval * val as u64)),
            memory: meta.memory_limit_mb.map(|mb| mb << 20),
        }
    }

    /// Takes from a result what nobody asked for.
    pub(crate) fn trim(&self, result: &mut RunResult) {
        if !self.trajectory {
            result.performance_trajectory = result.performance_trajectory.pop().into_iter().collect();
        }
        if !self.components {
            result.component_metrics.clear();
            result.shares.clear();
        }
    }

    /// Whether so many bytes are too many.
    pub(crate) fn is_full(&self, resident: u64) -> bool {
        self.memory.is_some_and(|limit| resident > limit)
    }
}

/// Bytes of memory that this process holds; 0 where the system does not say.
pub(crate) fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages: u64 = pages.and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    // Linux on all common machines; where pages are larger, the figure is too small and the limit too lax.
    pages * 4096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_decide_only_where_the_orchestrator_is_enabled() {
        let mut meta =
            MetaOrchestratorConfig { memory_limit_mb: Some(512), ..MetaOrchestratorConfig::default() };
        assert_eq!(Monitoring::of(Some(&meta), 10), Monitoring::of(None, 10));
        meta.enabled = true;
        let of = Monitoring::of(Some(&meta), 10);
        assert!(!of.is_full(512 << 20) && of.is_full((512 << 20) + 1));
        assert_eq!((of.checkpoint, of.export), (None, None), "both are off by default");
        assert!(resident() > 1 << 20 || !cfg!(target_os = "linux"));
    }
}
