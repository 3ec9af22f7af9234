use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bound::{Bound, TOUCH};
use super::key::{CacheKey, FORMAT};

/// Answers as files, each in whole or not at all.
#[derive(Debug)]
pub(super) struct AnswerFiles {
    dir: PathBuf,
    pub(super) bound: Option<Bound>,
}

/// A file's content. `sum` is the BLAKE3 hash of the answer's JSON.
#[derive(Serialize, Deserialize)]
struct Entry<A> {
    format: u32,
    key: String,
    sum: String,
    answer: A,
}

impl AnswerFiles {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, bound: None }
    }

    /// The kept answer, if its file is there and sound.
    pub(super) fn load<A: Serialize + DeserializeOwned>(&self, key: &CacheKey) -> Option<A> {
        let mut file = fs::File::open(self.path(key)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let entry: Entry<A> = serde_json::from_slice(&bytes).ok()?;
        let sound = entry.format == FORMAT
            && entry.key == key.as_str()
            && sum(&entry.answer).is_ok_and(|sum| sum == entry.sum);
        if sound && self.bound.is_some() {
            touch(&file);
        }
        sound.then_some(entry.answer)
    }

    /// Writes an answer, replacing whatever is there, and says how many others had to go for it. An answer that would
    /// not come back the same is not written, nor one that is too large for the bound.
    pub(super) fn save<A: Serialize + DeserializeOwned>(
        &self,
        key: &CacheKey,
        answer: &A,
    ) -> io::Result<u64> {
        static WRITES: AtomicU64 = AtomicU64::new(0);
        let entry = Entry { format: FORMAT, key: key.as_str().to_owned(), sum: sum(answer)?, answer };
        let bytes = serde_json::to_vec(&entry)?;
        serde_json::from_slice::<Entry<A>>(&bytes)?;
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(folder)?;
        let gone = match &self.bound {
            Some(bound) => bound
                .make_room(folder, bytes.len() as u64)
                .ok_or_else(|| io::Error::other("too large for the cache"))?,
            None => 0,
        };
        let write = WRITES.fetch_add(1, Ordering::Relaxed);
        let part = folder.join(format!(".part-{}-{write}", process::id()));
        let written = fs::File::create_new(&part)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| fs::rename(&part, &path));
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written.map(|()| gone)
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        let (folder, file) = key.as_str().split_at(2);
        self.dir.join(folder).join(format!("{file}.json"))
    }
}

/// Notes that a file was used. Where that fails, the file merely looks older than it is.
fn touch(file: &fs::File) {
    let now = SystemTime::now();
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    if modified.is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > TOUCH)) {
        let _ = file.set_modified(now);
    }
}

fn sum<A: Serialize>(answer: &A) -> io::Result<String> {
    Ok(blake3::hash(&serde_json::to_vec(answer)?).to_hex().to_string())
}
