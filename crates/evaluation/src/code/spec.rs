use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::metric::wrong;

/// What keeps code from doing harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sandboxing {
    /// `bubblewrap`: no network, no files but the system's, limited in every resource.
    #[default]
    Bubblewrap,
    /// Nothing but limits of time and output: the code can do whatever this user can.
    None,
}

/// Settings of code execution.
///
/// A reply passes a test when the program made of both ends with exit code 0 and, where the template holds `{token}`,
/// the token on the last line it writes: code that ends the program before the tests does not pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CodeSpec {
    /// Program and arguments, run in a folder that holds the file; `[python3, main.py]` by default.
    pub command: Vec<String>,
    /// The name of the file; `main.py` by default.
    pub file: String,
    /// What is written to the file: `{code}` stands for the code of the reply, `{test}` for a test, `{token}` for a
    /// text that only a finished program writes. By default Python that runs the code, then the test, then prints the
    /// token.
    pub template: String,
    /// Whether the score is the share of tests that pass; by default all must.
    pub partial: bool,
    /// Seconds a test may take, 0.1 to 600; 10 by default.
    pub wall_s: f64,
    /// Seconds of processor time, 1 to 600; 10 by default.
    pub cpu_s: u32,
    /// MiB of memory for each process, 16 to 65536; 512 by default.
    pub memory_mb: u32,
    /// Processes and threads at once, 1 to 1024; 16 by default.
    pub processes: u32,
    /// MiB of files it may write in each of its folders (its own, `/tmp`, `/dev/shm`), 1 to 4096; 16 by default.
    pub files_mb: u32,
    /// KiB it may write to its output, 1 to 16384; 256 by default.
    pub output_kb: u32,
    /// Folders beside those of the system that it may read, such as one of a virtual environment.
    pub readable: Vec<PathBuf>,
    /// What keeps it from doing harm.
    pub sandbox: Sandboxing,
}

impl Default for CodeSpec {
    fn default() -> Self {
        Self {
            command: ["python3", "main.py"].map(str::to_owned).to_vec(),
            file: "main.py".into(),
            template: "{code}\n\n{test}\n\nprint(\"\\n{token}\")\n".into(),
            partial: false,
            wall_s: 10.0,
            cpu_s: 10,
            memory_mb: 512,
            processes: 16,
            files_mb: 16,
            output_kb: 256,
            readable: Vec::new(),
            sandbox: Sandboxing::default(),
        }
    }
}

impl CodeSpec {
    pub(crate) fn fault(&self) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let file = !self.file.is_empty()
            && self.file.len() <= 64
            && !self.file.starts_with(['.', '-'])
            && self.file.chars().all(plain);
        let mib =
            |name, value: u32, most| wrong((1..=most).contains(&value), name, value, &format!("1 to {most}"));
        let command = self.command.first().is_some_and(|program| !program.is_empty());
        wrong(command, "command", "[]", "a program and its arguments")
            .or_else(|| {
                wrong(file, "file", &self.file, "1 to 64 letters, digits, - _ . (no dot or dash first)")
            })
            .or_else(|| {
                wrong(
                    self.template.contains("{code}"),
                    "template",
                    "a text without {code}",
                    "a text with {code}",
                )
            })
            .or_else(|| wrong((0.1..=600.0).contains(&self.wall_s), "wall_s", self.wall_s, "0.1 to 600"))
            .or_else(|| mib("cpu_s", self.cpu_s, 600))
            .or_else(|| {
                wrong((16..=65_536).contains(&self.memory_mb), "memory_mb", self.memory_mb, "16 to 65536")
            })
            .or_else(|| mib("processes", self.processes, 1024))
            .or_else(|| mib("files_mb", self.files_mb, 4096))
            .or_else(|| mib("output_kb", self.output_kb, 16_384))
            .or_else(|| {
                let relative = self.readable.iter().find(|folder| !folder.is_absolute())?;
                wrong(false, "readable", relative.display(), "absolute paths of folders")
            })
    }
}
