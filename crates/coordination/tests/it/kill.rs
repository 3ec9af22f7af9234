//! Kills of a process that writes a log: what it was told to be durable is there, and the rest is a prefix.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "processes and files are what is tested"
)]
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use coordination::journal::{FileStorage, Journal};
use meta_traits::Stream;

const LOG: &str = "METAORCH_KILLED_LOG";

/// The next number a log would hold. Record n is n and padding, or what stands for all up to n.
fn next_number(path: &Path) -> (Journal<FileStorage>, u64) {
    let (journal, recovered) = Journal::open(FileStorage::open(path).unwrap()).unwrap();
    let number =
        |record: &String| record.trim_start_matches('[').split([',', ']']).next().unwrap().parse().unwrap();
    let numbers: Vec<u64> = recovered.records.iter().map(number).collect();
    assert!(numbers.windows(2).all(|w| w[1] == w[0] + 1), "a gap: {numbers:?}");
    let next = numbers.last().map_or(0, |n| n + 1);
    (journal, next)
}

/// Writes and says what is durable, until it is killed. Run by the other test alone.
#[test]
fn writes_until_killed() {
    let Ok(path) = std::env::var(LOG) else { return };
    let (mut journal, first) = next_number(Path::new(&path));
    let mut rng = Stream::root(first);
    for number in first.. {
        let record = format!("[{number},\"{}\"]", "x".repeat(rng.below(3000)));
        if number > 0 && rng.chance(0.05) {
            journal.compact(record.as_bytes()).unwrap();
        } else {
            journal.append(record.as_bytes()).unwrap();
            journal.sync().unwrap();
        }
        println!("durable {number}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn killed_writers_lose_nothing_that_was_durable() {
    let kills: u64 = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut told = 0;
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::writes_until_killed", "--exact", "--nocapture"])
            .env(LOG, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut seen = String::new();
        let wanted = 1 + Stream::root(kill).below(25);
        while seen.matches("durable").count() < wanted && out.read_line(&mut seen).unwrap() > 0 {}
        child.kill().unwrap();
        child.wait().unwrap();
        out.read_to_string(&mut seen).unwrap();
        let last = seen.lines().filter_map(|l| l.strip_prefix("durable ")?.parse::<u64>().ok()).max();
        told = told.max(last.expect("it wrote something") + 1);
        let (_, next) = next_number(&path);
        // One record may have been durable before it was told.
        assert!(told <= next && next <= told + 1, "told {told}, found {next}");
    }
}
