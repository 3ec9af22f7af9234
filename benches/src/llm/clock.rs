use std::fs;
use std::time::Instant;

use crate::clock::processor_seconds_of;

/// Times work by the clock and by the processor time of one process.
pub(super) struct Clock {
    process: Option<u32>,
    start: Instant,
    used: Option<f64>,
}

impl Clock {
    /// Starts to time; `None` leaves processor time out.
    pub(super) fn start(process: Option<u32>) -> Self {
        Self { process, start: Instant::now(), used: process.and_then(processor_seconds_of) }
    }

    /// Seconds since the start, by the clock and by the processor.
    pub(super) fn stop(&self) -> (f64, Option<f64>) {
        let wall = self.start.elapsed().as_secs_f64();
        let used = self.process.and_then(processor_seconds_of);
        (wall, self.used.zip(used).map(|(before, after)| after - before))
    }
}

/// Most memory this process has held, in millions of bytes; `None` where the system does not say.
pub fn peak_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib * 1024.0 / 1e6)
}

/// The process on this machine that listens on TCP port `port`.
pub(super) fn listener(port: u16) -> Option<u32> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let end = format!(":{port:04X}");
    let inode = table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(1)?.ends_with(&end) && *fields.get(3)? == "0A").then(|| fields.get(9).copied())?
    })?;
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        if files.flatten().any(|f| fs::read_link(f.path()).is_ok_and(|to| to.to_str() == Some(&socket))) {
            return Some(id);
        }
    }
    None
}
