//! Knowledge between runs: what a run learned, in a local file that the user names.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoint::write_atomically;
use crate::run::RunError;

/// What a run of the joint search learned of the lines of its texts.
///
/// ```
/// use meta_traits::{Components, ExampleId, Split, Stream};
/// use orchestrator_core::algorithms::{Joint, joint::Options};
/// use orchestrator_core::experience::{Experience, Learned};
/// let seed: Components = [("answer", "role: clerk\nBe brief.")].into_iter().collect();
/// let examples = |split| (0..20).map(|i| ExampleId::new(split, i)).collect();
/// let line = |line: &str, effect| Learned { line: line.to_owned(), effect, variance: 0.1 };
/// let lines = vec![line("role: clerk", -0.2), line("role: expert", 0.9), line("Be brief.", 0.0)];
/// let earlier = Experience { results: 400, components: [("answer".to_owned(), lines)].into() };
/// let (train, val) = (examples(Split::Train), examples(Split::Val));
/// let search = Joint::new(&seed, train, val, Options::default(), Stream::root(1))?.with_experience(&[earlier]);
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experience {
    /// Results that it rests on.
    pub results: u64,
    /// By component, what was learned of its lines.
    pub components: BTreeMap<String, Vec<Learned>>,
}

/// What was learned of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    /// The line.
    pub line: String,
    /// Mean of its effect on the logit of its component's success.
    pub effect: f64,
    /// Variance of that.
    pub variance: f64,
}

/// A run in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastRun {
    /// Version of this form.
    pub version: u32,
    /// The name that the run's configuration has.
    pub name: String,
    /// Digest of what was run: the same run is kept once.
    pub run: String,
    /// Validation score of the best system.
    pub score: f64,
    /// What was learned.
    pub experience: Experience,
}

impl PastRun {
    /// The version written.
    pub const VERSION: u32 = 1;
}

/// A file of finished runs, a JSON object a line, oldest first. It may be read, cut and joined with others by hand.
///
/// ```
/// use orchestrator_core::experience::{Experience, ExperienceStore, PastRun};
/// let folder = tempfile::tempdir().unwrap();
/// let store = ExperienceStore::new(folder.path().join("experience.jsonl"));
/// let (name, run) = ("tickets".to_owned(), "d1".to_owned());
/// let past = PastRun { version: 1, name, run, score: 0.8, experience: Experience::default() };
/// store.add(&past)?;
/// store.add(&past)?;
/// assert_eq!(store.runs()?, [past]);
/// assert_eq!(store.prune(0)?, 1);
/// assert!(store.runs()?.is_empty());
/// # Ok::<(), orchestrator_core::run::RunError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperienceStore {
    path: PathBuf,
}

impl ExperienceStore {
    /// The file at `path`; it need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All runs, oldest first; none where there is no file.
    ///
    /// # Errors
    /// [`RunError::Io`] for a file that cannot be read, or the line that is no run of a version known here.
    pub fn runs(&self) -> Result<Vec<PastRun>, RunError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.fault(error)),
        };
        let run = |(number, line): (usize, &str)| {
            let wrong = |why: String| {
                let message = format!("line {} {why}. Remove it, or name another file", number + 1);
                self.fault(std::io::Error::new(ErrorKind::InvalidData, message))
            };
            let run: PastRun = serde_json::from_str(line).map_err(|e| wrong(format!("is no run: {e}")))?;
            if run.version == PastRun::VERSION {
                Ok(run)
            } else {
                Err(wrong(format!("has version {}; known is {}", run.version, PastRun::VERSION)))
            }
        };
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(run).collect()
    }

    /// Adds a run, unless it is there.
    ///
    /// # Errors
    /// [`RunError::Io`] for a file that cannot be read or written.
    pub fn add(&self, past: &PastRun) -> Result<(), RunError> {
        if self.runs()?.iter().any(|known| known.run == past.run) {
            return Ok(());
        }
        let mut line = serde_json::to_string(past).map_err(|e| self.fault(e.into()))?;
        line.push('\n');
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        // One write, so that runs that end at the same time do not mix.
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|e| self.fault(e))
    }

    /// Replaces the file by these runs.
    ///
    /// # Errors
    /// [`RunError::Io`] for a file that cannot be written.
    pub fn write(&self, runs: &[PastRun]) -> Result<(), RunError> {
        let mut text = String::new();
        for run in runs {
            text.push_str(&serde_json::to_string(run).map_err(|e| self.fault(e.into()))?);
            text.push('\n');
        }
        write_atomically(&self.path, text.as_bytes())
    }

    /// Keeps the latest `keep` runs; gives how many went.
    ///
    /// # Errors
    /// [`RunError::Io`] for a file that cannot be read or written.
    pub fn prune(&self, keep: usize) -> Result<usize, RunError> {
        let runs = self.runs()?;
        let gone = runs.len().saturating_sub(keep);
        if gone > 0 {
            self.write(&runs[gone..])?;
        }
        Ok(gone)
    }

    fn fault(&self, source: std::io::Error) -> RunError {
        RunError::Io { path: self.path.display().to_string(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_runs_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = ExperienceStore::new(folder.path().join("past.jsonl"));
        assert!(store.runs().unwrap().is_empty());
        let past = |run: &str, version| PastRun {
            version,
            name: "n".into(),
            run: run.into(),
            score: 0.5,
            experience: Experience::default(),
        };
        for run in ["a", "b", "c"] {
            store.add(&past(run, 1)).unwrap();
        }
        assert_eq!(store.prune(2).unwrap(), 1);
        assert_eq!(store.runs().unwrap().iter().map(|r| r.run.as_str()).collect::<Vec<_>>(), ["b", "c"]);
        let newer = serde_json::to_string(&past("d", 9)).unwrap();
        fs::write(store.path(), format!("\n{newer}\n")).unwrap();
        let error = store.runs().unwrap_err().to_string();
        assert!(error.contains("line 2 has version 9; known is 1"), "{error}");
        fs::write(store.path(), "{}").unwrap();
        let error = store.runs().unwrap_err().to_string();
        assert!(error.contains("past.jsonl") && error.contains("line 1 is no run"), "{error}");
    }
}
