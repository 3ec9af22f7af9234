use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process;
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use super::{ModelFile, OnProgress, Progress, Stage};
use crate::InferenceError;

/// The folder of one model in the cache.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    model: ModelFile,
}

/// What the folder holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No file.
    Missing,
    /// The pinned file.
    Sound,
    /// Another file, and how it differs.
    Damaged(String),
}

/// Held while the folder is written; no other process or thread writes meanwhile.
#[derive(Debug)]
pub(super) struct Lock {
    /// `None` where the file system has no locks: renaming alone keeps the file whole then.
    held: Option<File>,
}

impl Folder {
    pub(super) fn new(cache: &Path, model: &ModelFile) -> Self {
        let digits = model.sha256.get(..12).unwrap_or(&model.sha256);
        let dir = cache.join("metaorchestrator").join("models").join(digits);
        Self { dir, model: model.clone() }
    }

    /// The same folder for each of the model's files.
    pub(super) fn parts(&self) -> impl Iterator<Item = Self> {
        let dir = self.dir.clone();
        self.model.parts().map(move |model| Self { dir: dir.clone(), model })
    }

    /// The model or part of one that this folder is for.
    pub(super) fn model(&self) -> &ModelFile {
        &self.model
    }

    /// The state of all the model's files: the first that is not sound rules.
    pub(super) fn whole(&self) -> Result<State, InferenceError> {
        for part in self.parts() {
            match part.state()? {
                State::Sound => {}
                State::Damaged(how) => return Ok(State::Damaged(format!("{}: {how}", part.model.file))),
                State::Missing => return Ok(State::Missing),
            }
        }
        Ok(State::Sound)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.dir.join(&*self.model.file)
    }

    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Looks at one file; hashes it unless the marker says that this very file was hashed before.
    pub(super) fn state(&self) -> Result<State, InferenceError> {
        let path = self.file();
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Missing),
            Err(error) => return Err(io_error(&path, error)),
        };
        if !metadata.is_file() || metadata.len() != self.model.bytes {
            let (found, pinned) = (metadata.len(), self.model.bytes);
            return Ok(State::Damaged(format!("it holds {found} bytes instead of {pinned}")));
        }
        let marker = self.marker(&metadata);
        if marker.is_some() && fs::read_to_string(self.marker_path()).ok() == marker {
            return Ok(State::Sound);
        }
        let mut file = File::open(&path).map_err(|error| io_error(&path, error))?;
        let mut sink = Pinned::new(&self.model);
        let copied = sink.copy(&mut file, &mut io::sink(), |_| ());
        copied.map_err(|error| io_error(&path, error))?;
        match sink.verdict() {
            Ok(()) => {
                self.mark(&metadata);
                Ok(State::Sound)
            }
            Err(how) => Ok(State::Damaged(how)),
        }
    }

    /// Makes the folder and waits for its lock.
    pub(super) fn lock(&self) -> Result<Lock, InferenceError> {
        fs::create_dir_all(&self.dir).map_err(|error| io_error(&self.dir, error))?;
        let path = self.beside(".lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| io_error(&path, error))?;
        match file.lock() {
            Ok(()) => Ok(Lock { held: Some(file) }),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Lock { held: None }),
            Err(error) => Err(io_error(&path, error)),
        }
    }

    /// Writes the bytes of `source` as the model file, if they are the pinned ones. `origin` is where they come from.
    pub(super) fn install(
        &self,
        lock: &Lock,
        source: &mut dyn Read,
        origin: &Path,
        on: &OnProgress<'_>,
    ) -> Result<PathBuf, InferenceError> {
        if lock.held.is_some() {
            self.sweep();
        }
        let part = Part(self.beside(&format!(".part-{}", process::id())));
        let mut file = File::create(&part.0).map_err(|error| io_error(&part.0, error))?;
        let total = self.model.bytes;
        let mut pinned = Pinned::new(&self.model);
        let copied = pinned.copy(source, &mut file, |done| {
            on(Progress { stage: Stage::Unpacking, done, total });
        });
        copied.map_err(|error| io_error(&part.0, error))?;
        pinned.verdict().map_err(|how| self.not_pinned(origin, &how))?;
        self.adopt(&part.0, &file)
    }

    /// Makes a written and checked part the model file.
    pub(super) fn adopt(&self, part: &Path, file: &File) -> Result<PathBuf, InferenceError> {
        let path = self.file();
        file.sync_all().map_err(|error| io_error(part, error))?;
        fs::rename(part, &path).map_err(|error| io_error(&path, error))?;
        // Not every system can sync a folder; the file itself is on disk.
        let _ = File::open(&self.dir).and_then(|dir| dir.sync_all());
        if let Ok(metadata) = fs::metadata(&path) {
            self.mark(&metadata);
        }
        Ok(path)
    }

    pub(super) fn not_pinned(&self, origin: &Path, how: &str) -> InferenceError {
        let message = format!("not the pinned {}: {how}; nothing was installed", self.model.file);
        InferenceError::Model { path: origin.to_owned(), message }
    }

    /// Removes what processes that died have left. Only under the lock: a living one would hold it.
    fn sweep(&self) {
        let own = format!(".wheel-{}", process::id());
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(".part-") {
                let _ = fs::remove_file(entry.path());
            } else if name.starts_with(".wheel-") && name != own {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn marker_path(&self) -> PathBuf {
        self.beside(&format!(".{}.verified", self.model.file))
    }

    fn marker(&self, metadata: &Metadata) -> Option<String> {
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(format!("{} {} {}\n", metadata.len(), modified.as_nanos(), self.model.sha256))
    }

    /// A marker that cannot be written only costs the next start a hash.
    fn mark(&self, metadata: &Metadata) {
        if let Some(marker) = self.marker(metadata) {
            let _ = fs::write(self.marker_path(), marker);
        }
    }
}

/// A file that is removed unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Counts and hashes bytes and compares them with the pinned ones.
pub(super) struct Pinned<'a> {
    model: &'a ModelFile,
    hash: Sha256,
    bytes: u64,
}

impl<'a> Pinned<'a> {
    pub(super) fn new(model: &'a ModelFile) -> Self {
        Self { model, hash: Sha256::new(), bytes: 0 }
    }

    /// Copies at most one byte more than is pinned.
    pub(super) fn copy(
        &mut self,
        source: &mut dyn Read,
        target: &mut dyn io::Write,
        progress: impl Fn(u64),
    ) -> io::Result<()> {
        let mut source = source.take(self.model.bytes.saturating_add(1));
        let mut buffer = vec![0; 1 << 20];
        loop {
            let n = match source.read(&mut buffer) {
                Ok(0) => return target.flush(),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            target.write_all(&buffer[..n])?;
            self.hash.update(&buffer[..n]);
            self.bytes += n as u64;
            progress(self.bytes);
        }
    }

    /// How the bytes differ from the pinned ones: size first, then hash.
    pub(super) fn verdict(self) -> Result<(), String> {
        let pinned = self.model.bytes;
        if self.bytes > pinned {
            return Err(format!("it is longer than {pinned} bytes"));
        }
        if self.bytes < pinned {
            return Err(format!("it holds {} bytes instead of {pinned}", self.bytes));
        }
        let found =
            self.hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        if found == *self.model.sha256 {
            Ok(())
        } else {
            Err(format!("its sha256 is {found} instead of {}", self.model.sha256))
        }
    }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> InferenceError {
    InferenceError::Io { path: path.to_owned(), source }
}
