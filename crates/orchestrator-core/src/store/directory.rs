use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coordination::journal::{FileStorage, Journal, MemoryStorage};
use meta_traits::{Budget, Components, Cost};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoints, Every, write_atomically};
use crate::compose::Spending;
use crate::experience::ExperienceStore;
use crate::run::{RunError, RunState};
use crate::store::ledger_csv;

/// A run directory held by this process.
///
/// The lock goes with the value; a killed process leaves none behind.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    _lock: File,
    opened: Instant,
    earlier: Duration,
    noted: Duration,
}

#[derive(Serialize, Deserialize)]
struct Session {
    seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct Uncertain {
    what: String,
    cap: Cost,
}

#[derive(Serialize)]
struct Best<'a> {
    validation_score: f64,
    evaluations: u64,
    components: &'a Components,
}

impl RunDirectory {
    /// Makes `root/name-N` with the first free N, and writes the resolved configuration.
    ///
    /// # Errors
    /// [`RunError::Io`] naming the path.
    pub fn create(root: &Path, name: &str, config: &str) -> Result<Self, RunError> {
        let io = |path: &Path, source| RunError::Io { path: path.display().to_string(), source };
        fs::create_dir_all(root).map_err(|e| io(root, e))?;
        for n in 1_u32.. {
            let path = root.join(format!("{name}-{n}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    write_atomically(&path.join("config.resolved.yaml"), config.as_bytes())?;
                    return Self::open(&path);
                }
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(io(&path, e)),
            }
        }
        Err(io(root, std::io::ErrorKind::AlreadyExists.into()))
    }

    /// Opens an existing run directory for this process alone.
    ///
    /// # Errors
    /// [`RunError::NotARun`] when there is no run; [`RunError::Locked`] when another process holds it.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        if !path.join("config.resolved.yaml").is_file() {
            return Err(RunError::NotARun { path: path.display().to_string() });
        }
        let lock_path = path.join("LOCK");
        let io = |source| RunError::Io { path: lock_path.display().to_string(), source };
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(RunError::Locked { path: path.display().to_string() });
            }
            Err(fs::TryLockError::Error(e)) => return Err(io(e)),
        }
        let mut directory = Self {
            path: path.to_owned(),
            _lock: lock,
            opened: Instant::now(),
            earlier: Duration::ZERO,
            noted: Duration::ZERO,
        };
        let sessions: Vec<Session> = directory.lines("timing.jsonl");
        directory.earlier = Duration::from_secs_f64(sessions.iter().map(|s| s.seconds.clamp(0.0, 1e9)).sum());
        // A request to pause is served once.
        let _ = fs::remove_file(directory.path.join("STOP"));
        Ok(directory)
    }

    /// Removes the directory if nothing happened in it: no event, and no word of an evaluator.
    pub fn discard_if_unused(self) {
        let empty = |name: &str| fs::metadata(self.path.join(name)).map_or(true, |m| m.len() == 0);
        if empty("events.jsonl") && empty("evaluator.log") {
            // What cannot be removed stays; it does no harm.
            let _ = fs::remove_dir_all(&self.path);
        }
    }

    /// What the log of the run at `path` says, and how many events it holds. The run may be under way.
    ///
    /// # Errors
    /// [`RunError`] when the log cannot be read or is damaged.
    pub fn state_of(path: &Path, budget: Budget) -> Result<(RunState, usize), RunError> {
        let path = path.join("events.jsonl");
        let bytes =
            fs::read(&path).map_err(|source| RunError::Io { path: path.display().to_string(), source })?;
        // A copy in memory: a line that is being written right now looks torn, and must not be cut off.
        let (_, recovered) = Journal::open(MemoryStorage::of(bytes))?;
        let state = RunState::of_log(budget, recovered.records.iter().map(String::as_str))?;
        Ok((state, recovered.records.len()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved configuration of the run at `path`.
    ///
    /// # Errors
    /// [`RunError::NotARun`] when there is none.
    pub fn config(path: &Path) -> Result<String, RunError> {
        fs::read_to_string(path.join("config.resolved.yaml"))
            .map_err(|_| RunError::NotARun { path: path.display().to_string() })
    }

    /// Storage of the event log.
    ///
    /// # Errors
    /// [`RunError::Io`] naming the file.
    pub fn events(&self) -> Result<FileStorage, RunError> {
        let path = self.path.join("events.jsonl");
        FileStorage::open(&path).map_err(|source| RunError::Io { path: path.display().to_string(), source })
    }

    /// The run's checkpoints.
    pub fn checkpoints(&self, every: Every) -> Checkpoints {
        Checkpoints::new(&self.path.join("checkpoints"), every)
    }

    /// Where model answers are kept.
    pub fn cache(&self) -> PathBuf {
        self.path.join("cache")
    }

    /// What earlier runs taught this one, as it was when the run began.
    pub fn experience(&self) -> ExperienceStore {
        ExperienceStore::new(self.path.join("experience.jsonl"))
    }

    /// Where an outside evaluator's standard error goes.
    pub fn evaluator_log(&self) -> PathBuf {
        self.path.join("evaluator.log")
    }

    /// Whether somebody touched the file `STOP`.
    pub fn stop_requested(path: &Path) -> bool {
        path.join("STOP").exists()
    }

    /// Time spent on the run, earlier sessions included.
    pub fn elapsed(&self) -> Duration {
        self.earlier + self.opened.elapsed()
    }

    /// When this session's clock started, and what earlier sessions used.
    pub fn clock(&self) -> (Instant, Duration) {
        (self.opened, self.earlier)
    }

    /// Notes the time since the last note, so that a kill loses no more than that.
    ///
    /// # Errors
    /// [`RunError::Io`] naming the file.
    pub fn note_time(&mut self) -> Result<(), RunError> {
        let now = self.opened.elapsed();
        let since = now.saturating_sub(self.noted);
        self.append("timing.jsonl", &Session { seconds: since.as_secs_f64() })?;
        self.noted = now;
        Ok(())
    }

    /// Writes `metrics.prom`, for Prometheus' textfile collector.
    ///
    /// # Errors
    /// [`RunError::Io`] naming the file.
    pub fn write_metrics(&self, text: &str) -> Result<(), RunError> {
        write_atomically(&self.path.join("metrics.prom"), text.as_bytes())
    }

    /// Writes the model calls of this process beside the record, and how long they took in a file of its own. A process
    /// that is killed leaves none.
    ///
    /// # Errors
    /// [`RunError::Io`] naming the file.
    pub fn note_calls(&self, spending: &Spending) -> Result<(), RunError> {
        let models = spending.models();
        if models.is_empty() {
            return Ok(());
        }
        let session = 1 + self.lines::<Session>("timing.jsonl").len();
        let ledger = spending.ledger();
        write_atomically(&self.path.join(format!("calls-{session}.csv")), ledger.csv().as_bytes())?;
        write_atomically(&self.path.join(format!("latency-{session}.csv")), ledger.latency_csv().as_bytes())?;
        let summary = serde_json::json!({"models": models, "endpoints": spending.endpoints()});
        self.append("models.jsonl", &summary)
    }

    /// Notes spending that may have happened without a record.
    ///
    /// # Errors
    /// [`RunError::Io`] naming the file.
    pub fn note_uncertain(&self, what: &str, cap: Cost) -> Result<(), RunError> {
        self.append("uncertain.jsonl", &Uncertain { what: what.to_owned(), cap })
    }

    /// Writes what follows from the log: candidates, the best system, the ledger.
    ///
    /// # Errors
    /// [`RunError::Io`] naming the file.
    pub fn write_state(&self, state: &RunState) -> Result<(), RunError> {
        for (index, components) in state.candidates().iter().enumerate() {
            let path = self.path.join("candidates").join(format!("{index:04}.yaml"));
            if !path.exists() {
                write_atomically(&path, yaml(&**components)?.as_bytes())?;
            }
        }
        if let Some(point) = state.trajectory().last()
            && let Some(components) = state.candidate(point.candidate)
        {
            let best = Best { validation_score: point.score, evaluations: point.evaluations, components };
            write_atomically(&self.path.join("best.yaml"), yaml(&best)?.as_bytes())?;
        }
        let uncertain: Vec<Uncertain> = self.lines("uncertain.jsonl");
        let uncertain: Vec<_> = uncertain.into_iter().map(|u| (u.what, u.cap)).collect();
        write_atomically(&self.path.join("ledger.csv"), ledger_csv(state, &uncertain).as_bytes())
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// [`RunError::Io`] naming the file.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|e| RunError::Log { message: format!("{name} cannot be written: {e}") })?;
        text.push('\n');
        write_atomically(&self.path.join(name), text.as_bytes())
    }

    fn append(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let path = self.path.join(name);
        let io = |source| RunError::Io { path: path.display().to_string(), source };
        let mut line = serde_json::to_vec(value)
            .map_err(|e| RunError::Log { message: format!("{name} cannot be written: {e}") })?;
        line.push(b'\n');
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut f| f.write_all(&line))
            .map_err(io)
    }

    /// The readable lines of a side file; what a kill left unfinished is passed over.
    fn lines<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Vec<T> {
        let text = fs::read_to_string(self.path.join(name)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn yaml(value: &impl Serialize) -> Result<String, RunError> {
    serde_saphyr::to_string(value)
        .map_err(|e| RunError::Log { message: format!("YAML cannot be written: {e}") })
}
