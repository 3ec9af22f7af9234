use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::key::{CacheKey, FORMAT};

/// Answers as files, each in whole or not at all.
#[derive(Debug)]
pub(super) struct AnswerFiles {
    dir: PathBuf,
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
        Self { dir }
    }

    /// The kept answer, if its file is there and sound.
    pub(super) fn load<A: Serialize + DeserializeOwned>(&self, key: &CacheKey) -> Option<A> {
        let bytes = fs::read(self.path(key)).ok()?;
        let entry: Entry<A> = serde_json::from_slice(&bytes).ok()?;
        let sound = entry.format == FORMAT
            && entry.key == key.as_str()
            && sum(&entry.answer).is_ok_and(|sum| sum == entry.sum);
        sound.then_some(entry.answer)
    }

    /// Writes an answer, replacing whatever is there. An answer that would not come back the same is not written.
    pub(super) fn save<A: Serialize + DeserializeOwned>(&self, key: &CacheKey, answer: &A) -> io::Result<()> {
        static WRITES: AtomicU64 = AtomicU64::new(0);
        let entry = Entry { format: FORMAT, key: key.as_str().to_owned(), sum: sum(answer)?, answer };
        let bytes = serde_json::to_vec(&entry)?;
        serde_json::from_slice::<Entry<A>>(&bytes)?;
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(folder)?;
        let write = WRITES.fetch_add(1, Ordering::Relaxed);
        let part = folder.join(format!(".part-{}-{write}", process::id()));
        let written = fs::File::create_new(&part)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| fs::rename(&part, &path));
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        let (folder, file) = key.as_str().split_at(2);
        self.dir.join(folder).join(format!("{file}.json"))
    }
}

fn sum<A: Serialize>(answer: &A) -> io::Result<String> {
    Ok(blake3::hash(&serde_json::to_vec(answer)?).to_hex().to_string())
}
