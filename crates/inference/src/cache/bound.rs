use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Folders that the answers are spread over evenly, by their hash.
const FOLDERS: u64 = 256;
/// What a writer that was cut off leaves behind is thrown away after this time.
const STALE: Duration = Duration::from_hours(1);
/// An answer that is read counts as used now, written down at most this often.
pub(super) const TOUCH: Duration = Duration::from_mins(1);

/// Keeps a cache within a size: every folder within its 256th part, the answers used longest ago going first.
///
/// A folder is looked through before the first write to it, when it might be full, and whenever an eighth of its part
/// was written; so one process alone never exceeds the size, and each further process by an eighth at most. Files that
/// another process removes first are no trouble.
#[derive(Debug)]
pub(super) struct Bound {
    part: u64,
    folders: Mutex<BTreeMap<OsString, Seen>>,
}

/// A folder as it was last looked through, and what was written since.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    bytes: u64,
    written: u64,
}

impl Bound {
    pub(super) fn new(bytes: u64) -> Self {
        Self { part: bytes / FOLDERS, folders: Mutex::default() }
    }

    /// Makes room for `bytes` more in `folder`: how many answers went, or `None` where they can never fit.
    pub(super) fn make_room(&self, folder: &Path, bytes: u64) -> Option<u64> {
        if bytes > self.part {
            return None;
        }
        let name = folder.file_name().unwrap_or_default().to_owned();
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let known = folders.get(&name).copied();
        let unsure = known.is_none_or(|seen| {
            seen.bytes.saturating_add(bytes) > self.part || seen.written.saturating_add(bytes) > self.part / 8
        });
        let (mut seen, mut gone) = (known.unwrap_or_default(), 0);
        if unsure {
            (seen.bytes, gone) = shrink(folder, self.part - bytes, self.part / 8 * 7);
            seen.written = 0;
        }
        seen.bytes += bytes;
        seen.written += bytes;
        folders.insert(name, seen);
        Some(gone)
    }
}

/// The bytes of the files in `folder`; where they are above `most`, after the oldest were removed until they are at
/// most `target` (and `most`). Also how many were removed.
fn shrink(folder: &Path, most: u64, target: u64) -> (u64, u64) {
    let now = SystemTime::now();
    let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_file() {
            files.push((metadata.modified().unwrap_or(now), metadata.len(), entry.path()));
        }
    }
    let mut bytes: u64 = files.iter().map(|(_, len, _)| *len).sum();
    let stale = |time: SystemTime| now.duration_since(time).is_ok_and(|age| age > STALE);
    let is_part = |path: &Path| path.extension().is_none_or(|extension| extension != "json");
    files.retain(|(time, len, path)| {
        let leftover = is_part(path) && stale(*time);
        if leftover && fs::remove_file(path).is_ok() {
            bytes -= len;
        }
        !is_part(path)
    });
    if bytes <= most {
        return (bytes, 0);
    }
    // By name among equals, so that two processes choose alike.
    files.sort_unstable();
    let (target, mut gone) = (target.min(most), 0);
    for (_, len, path) in files {
        if bytes <= target {
            break;
        }
        match fs::remove_file(&path) {
            Ok(()) => gone += 1,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => continue,
        }
        bytes -= len;
    }
    (bytes, gone)
}
