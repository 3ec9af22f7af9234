//! What each setting of [`CoordinationConfig`] makes of the parts of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::plan::circle;
use crate::regularise::{Domains, Regulariser, RegulariserSettings};
use crate::resolve::{Claim, OnParameter, Resolution, resolve};
use crate::{Admission, CoordinationConfig, Patience, Retry, Update};

/// The longest wait before a second attempt, as a part of the timeout.
const FIRST_WAIT: f64 = 1.0 / 30.0;
/// The shortest that a learnt timeout becomes, as a part of the setting.
const LEAST_TIMEOUT: f64 = 1.0 / 30.0;

/// The other settings act where their parts begin: `resource_allocation_strategy`, `complexity_management` and
/// `max_coordination_cycles` in [`Governor::new`](crate::Governor::new).
///
/// ```
/// use std::time::Duration;
/// use coordination::CoordinationConfig;
/// let config = CoordinationConfig { timeout_seconds: 60.0, retry_attempts: 5, ..CoordinationConfig::default() };
/// assert_eq!(config.timeout(), Duration::from_secs(60));
/// assert_eq!((config.retry().attempts, config.retry().base), (5, Duration::from_secs(2)));
/// ```
impl CoordinationConfig {
    /// Admission of at most so many components at a time (`max_parallel_components`); of one without `async_execution`.
    ///
    /// Past the timeout nobody is overtaken.
    pub fn admission(&self, parallel: u32) -> Admission {
        let parallel = if self.async_execution { parallel } else { 1 };
        Admission::new(parallel).with_bound(self.timeout())
    }

    /// How long an update may run: `timeout_seconds`. A number that is no time counts as 0.
    pub fn timeout(&self) -> Duration {
        Duration::try_from_secs_f64(self.timeout_seconds).unwrap_or_default()
    }

    /// A timeout that is learnt, never above `timeout_seconds`: what `adaptive_timeout` asks for.
    pub fn patience(&self) -> Patience {
        Patience::new(self.timeout().mul_f64(LEAST_TIMEOUT), self.timeout())
    }

    /// When what failed is tried again: `retry_attempts` in all.
    pub fn retry(&self) -> Retry {
        let base = self.timeout().mul_f64(FIRST_WAIT);
        Retry { attempts: self.retry_attempts, base, cap: self.timeout() }
    }

    /// An update as it is to be submitted: with the timeout unless it has a shorter one of its own, and without its priority
    /// if there is no `priority_scheduling`.
    #[must_use]
    pub fn prepare(&self, mut update: Update) -> Update {
        let timeout = self.timeout();
        update.timeout = Some(update.timeout.map_or(timeout, |own| own.min(timeout)));
        if !self.priority_scheduling {
            update.priority = 0;
        }
        update
    }

    /// Settles what a round asks for; without `conflict_resolution_enabled` it stands as it is asked for. Admission keeps
    /// conflicting updates apart in time either way.
    pub fn resolve(&self, claims: &[Claim], on_parameter: OnParameter) -> Resolution {
        if self.conflict_resolution_enabled {
            return resolve(claims, on_parameter);
        }
        Resolution { claims: claims.to_vec(), before: BTreeSet::new(), settled: Vec::new() }
    }

    /// A circle in a graph of who waits for whom, its first node repeated at the end; not looked for without
    /// `deadlock_detection`. For whoever waits outside of [`Admission`], where there can be circles.
    pub fn deadlock<T: Copy + Ord>(&self, waits: &BTreeMap<T, Vec<T>>) -> Option<Vec<T>> {
        if self.deadlock_detection { circle(waits) } else { None }
    }

    /// Watches learners that learn across these domains; asks nothing of them without `regularization_enabled`.
    pub fn regulariser(&self, domains: Domains) -> Regulariser {
        if self.regularization_enabled {
            return Regulariser::new(domains, RegulariserSettings::default());
        }
        Regulariser::off()
    }
}
