use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Where a log's bytes live. Injected, so that tests can fill the disk and tear writes.
pub trait Storage {
    /// Everything stored.
    ///
    /// # Errors
    /// The system's reason.
    fn load(&mut self) -> io::Result<Vec<u8>>;

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// The system's reason; a part of the bytes may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts everything behind the first `length` bytes.
    ///
    /// # Errors
    /// The system's reason.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Makes everything durable.
    ///
    /// # Errors
    /// The system's reason.
    fn sync(&mut self) -> io::Result<()>;

    /// Puts `bytes` in the place of everything, at once and durably: after a crash there is either all of the old or all
    /// of the new.
    ///
    /// # Errors
    /// The system's reason; everything is as it was then. By default that it cannot be done.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _ = bytes;
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl<S: Storage + ?Sized> Storage for Box<S> {
    fn load(&mut self) -> io::Result<Vec<u8>> {
        (**self).load()
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).append(bytes)
    }
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        (**self).truncate(length)
    }
    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).replace(bytes)
    }
}

/// A log in a file.
#[derive(Debug)]
pub struct FileStorage {
    file: File,
    path: PathBuf,
}

impl FileStorage {
    /// Opens or creates the file at `path`.
    ///
    /// # Errors
    /// The system's reason.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        Ok(Self { file, path: path.to_owned() })
    }
}

impl Storage for FileStorage {
    fn load(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let mut new = File::create(&beside)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        // The new name is durable with its directory.
        let directory = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()?;
        *self = Self::open(&self.path)?;
        Ok(())
    }
}

/// A log in memory, which can be told to run out of room and to lose power.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    bytes: Vec<u8>,
    /// So many bytes were synced.
    durable: usize,
    room: Option<usize>,
}

impl MemoryStorage {
    /// Storage that holds `bytes`.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { durable: bytes.len(), bytes, room: None }
    }

    /// Lets every write fail that would make the log longer than `bytes`; what fits of it is written, as a full disk
    /// does.
    pub fn fail_after(&mut self, bytes: usize) {
        self.room = Some(bytes);
    }

    /// What a loss of power leaves: what was synced, and of the rest so many bytes.
    #[must_use]
    pub fn after_power_loss(&self, kept: usize) -> Self {
        let length = self.durable.saturating_add(kept).min(self.bytes.len());
        Self::of(self.bytes[..length].to_vec())
    }

    /// What is stored.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Storage for MemoryStorage {
    fn load(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.bytes.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.map_or(usize::MAX, |room| room.saturating_sub(self.bytes.len()));
        let fits = bytes.len().min(room);
        self.bytes.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        self.durable = self.durable.min(self.bytes.len());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.durable = self.bytes.len();
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.room.is_some_and(|room| bytes.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes = bytes.to_vec();
        self.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boxed_storage_does_what_the_one_inside_does() {
        let mut boxed: Box<dyn Storage> = Box::new(MemoryStorage::default());
        boxed.append(b"abc").unwrap();
        assert_eq!(boxed.load().unwrap(), b"abc");
        boxed.truncate(1).unwrap();
        boxed.append(b"d").unwrap();
        boxed.sync().unwrap();
        assert_eq!(boxed.load().unwrap(), b"ad");
        boxed.replace(b"new").unwrap();
        assert_eq!(boxed.load().unwrap(), b"new");
    }
}
