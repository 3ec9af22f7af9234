use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The text files of the repository: path with forward slashes, text.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads what git tracks or would track under `root`; without git, all but build output and hidden folders.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let paths = listed_by_git(root).map_or_else(|| walked(root), Ok)?;
        let mut files = BTreeMap::new();
        for path in paths {
            let Ok(bytes) = std::fs::read(root.join(&path)) else { continue };
            if let Ok(text) = String::from_utf8(bytes) {
                files.insert(path, text);
            }
        }
        if files.contains_key("Cargo.toml") {
            Ok(Self { files })
        } else {
            Err(format!("{} holds no Cargo.toml", root.display()))
        }
    }

    /// Paths and texts, sorted by path.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose name ends in `ending`.
    pub(super) fn ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.ends_with(ending))
    }

    /// Whether there is such a file, text or not below a folder of text files.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// A tree of these files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(p, t)| ((*p).to_string(), (*t).to_string())).collect() }
    }
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    let text = String::from_utf8(listing.stdout).ok()?;
    let paths: Vec<String> = text.split('\0').filter(|p| !p.is_empty()).map(String::from).collect();
    (listing.status.success() && !paths.is_empty()).then_some(paths)
}

fn walked(root: &Path) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let place = root.join(&folder);
        let entries = std::fs::read_dir(&place).map_err(|e| format!("{}: {e}", place.display()))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && name != "target" && !name.starts_with('.') => folders.push(path),
                Ok(kind) if kind.is_file() => paths.push(path),
                _ => {}
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_the_walk_agree_on_this_package() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let walked: std::collections::BTreeSet<String> = walked(root).unwrap().into_iter().collect();
        for path in ["Cargo.toml", "src/main.rs", "src/tidy/tree.rs"] {
            assert!(walked.contains(path), "{path}");
        }
        if let Some(listed) = listed_by_git(root) {
            assert!(listed.iter().all(|path| walked.contains(path) || !root.join(path).exists()));
        }
    }
}
