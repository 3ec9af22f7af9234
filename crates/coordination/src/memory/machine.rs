/// Bytes of memory that this process holds (resident set size); `None` where the system does not say.
///
/// The crate's edge to the system for memory: everything else takes the reading as a value.
pub fn resident() -> Option<u64> {
    let status = edge::status()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[expect(clippy::disallowed_methods, reason = "the one reading of memory of the crate")]
mod edge {
    pub(super) fn status() -> Option<String> {
        std::fs::read_to_string("/proc/self/status").ok()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_shows() {
        let before = resident().unwrap();
        let taken = vec![1_u8; 32 << 20];
        let after = resident().unwrap();
        assert_eq!(taken.iter().map(|b| u64::from(*b)).sum::<u64>(), 32 << 20);
        assert!(before > 1 << 20 && after >= before + (28 << 20), "{before} {after}");
    }
}
