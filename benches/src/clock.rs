use rustix::time::{ClockId, clock_gettime};

/// Seconds that all threads of this process have run, to the nanosecond; `None` where the system does not say.
pub fn processor_seconds() -> Option<f64> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9;
    (seconds > 0.0).then_some(seconds)
}

/// Seconds that all threads of a process have run, from the scheduler's own nanosecond counts.
#[cfg(feature = "systems")]
pub(crate) fn processor_seconds_of(process: u32) -> Option<f64> {
    let mut total = 0_u64;
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
        let counts = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        total += counts.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    Some(total as f64 / 1e9)
}
