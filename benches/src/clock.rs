use std::fs;

/// Seconds that all threads of this process have run; `None` where the system does not say.
pub fn processor_seconds() -> Option<f64> {
    processor_seconds_of(std::process::id())
}

/// Seconds that all threads of a process have run, from the scheduler's own nanosecond counts.
pub(crate) fn processor_seconds_of(process: u32) -> Option<f64> {
    let mut total = 0_u64;
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
        let counts = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        total += counts.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    Some(total as f64 / 1e9)
}
