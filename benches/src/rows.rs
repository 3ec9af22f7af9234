use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes what a bench found to `directory`: `rows.jsonl`, one raw row a line, and `command.txt`, the command that
/// makes them again.
///
/// # Errors
/// The system's reason, naming the file.
pub fn write_rows<R: Serialize>(directory: &Path, program: &str, rows: &[R]) -> anyhow::Result<()> {
    let write = |name: &str, text: String| {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut lines = String::new();
    for row in rows {
        lines.push_str(&serde_json::to_string(row)?);
        lines.push('\n');
    }
    write("rows.jsonl", lines)?;
    write("command.txt", command(program, std::env::args().skip(1)))
}

/// Reads raw rows that [`write_rows`] wrote: those of all files, in order.
///
/// # Errors
/// The system's reason, or what is wrong with a row, naming the file.
pub fn read_rows<R: DeserializeOwned>(files: &[PathBuf]) -> anyhow::Result<Vec<R>> {
    let mut rows = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        for line in text.lines() {
            rows.push(serde_json::from_str(line).with_context(|| format!("{}: no row", path.display()))?);
        }
    }
    Ok(rows)
}

/// The command line without `--out` and its value: where rows go takes no part in what they are.
fn command(program: &str, args: impl Iterator<Item = String>) -> String {
    let mut line = format!("cargo run --release -p metaorch-benches --bin {program} --");
    let mut skip = false;
    for arg in args {
        if std::mem::take(&mut skip) || arg.starts_with("--out=") {
            continue;
        }
        if arg == "--out" {
            skip = true;
            continue;
        }
        line.push(' ');
        line.push_str(&arg);
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_leaves_out_where_rows_go() {
        let args = ["--seeds", "0..4", "--out", "/x/y", "--json", "--out=/z"].map(str::to_owned);
        let expected = "cargo run --release -p metaorch-benches --bin cab -- --seeds 0..4 --json\n";
        assert_eq!(command("cab", args.into_iter()), expected);
    }

    #[test]
    fn rows_are_one_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let nested = directory.path().join("a/b");
        write_rows(&nested, "cab", &[1, 2, 3]).unwrap();
        let rows = [nested.join("rows.jsonl"), nested.join("rows.jsonl")];
        assert_eq!(read_rows::<u8>(&rows).unwrap(), [1, 2, 3, 1, 2, 3]);
        assert!(read_rows::<bool>(&rows).unwrap_err().to_string().contains("rows.jsonl"));
        assert_eq!(fs::read_to_string(nested.join("rows.jsonl")).unwrap(), "1\n2\n3\n");
        assert!(fs::read_to_string(nested.join("command.txt")).unwrap().ends_with('\n'));
    }
}
