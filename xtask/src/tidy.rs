//! The checks, one module each: functions from tracked files to faults.

mod adr;
mod docs;
mod figures;
mod foreign;
mod layering;
mod size;
mod tree;
mod words;

use std::fmt;
use std::path::Path;

use tree::Tree;

/// Something that is not as the rules of CONTRIBUTING.md want it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    path: String,
    line: usize,
    check: &'static str,
    message: String,
}

impl Fault {
    fn new(path: &str, line: usize, check: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.to_string(), line, check, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}", self.path, self.line, self.check, self.message)
    }
}

/// Checks the workspace this program was built in.
///
/// # Errors
/// A message when the files or cargo's metadata cannot be read.
pub(crate) fn workspace() -> Result<Vec<Fault>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("the xtask package lies in no workspace; run it inside the repository")?;
    let tree = Tree::read(root)?;
    let mut faults = check(&tree);
    faults.extend(layering::check(&layering::metadata(root)?)?);
    faults.sort();
    Ok(faults)
}

/// Every check that needs nothing but the files.
fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for check in [size::check, words::check, docs::check, figures::check, adr::check, foreign::check] {
        faults.extend(check(tree));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let faults = workspace().unwrap();
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "{} faults:\n{}", lines.len(), lines.join("\n"));
    }

    #[test]
    fn faults_read_like_compiler_messages() {
        let fault = Fault::new("a/b.rs", 3, "size", "too long");
        assert_eq!(fault.to_string(), "a/b.rs:3: [size] too long");
    }
}
