//! A key runs through every path of the program, and must stand in no byte that is written or printed.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inference::mock::{Fault, MockOptions, MockServer};

use crate::faults::{answers, write_hosted_task};
use crate::metaorch;

const CANARY: &str = "sk-canary-5e1f0a9c7b3d";

/// Every file below `dir` with its bytes.
fn files(dir: &Path, out: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}

/// How many bytes were looked at.
fn assert_clean(what: &str, home: &Path, output: &Output) -> usize {
    assert!(!holds(&output.stdout), "{what}: standard output holds the key");
    assert!(!holds(&output.stderr), "{what}: standard error holds the key");
    let mut all = Vec::new();
    files(home, &mut all);
    for (name, bytes) in &all {
        assert!(!holds(bytes), "{what}: {name} holds the key");
    }
    output.stdout.len() + output.stderr.len() + all.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
}

/// The program with the key in its environment, asked for logs and backtraces. It writes no log of its own today: what
/// libraries would tell a subscriber is not seen here.
fn command(home: &Path, args: &[&str]) -> Output {
    metaorch(home)
        .args(args)
        .env("CANARY_KEY", CANARY)
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap()
}

#[test]
fn the_key_is_in_no_byte_that_is_written_or_printed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // Whoever is redirected to this listener tells it everything it sends.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in other.incoming().flatten() {
            let mut stream = stream;
            let mut bytes = vec![0; 4096];
            let n = stream.read(&mut bytes).unwrap_or(0);
            log.lock().unwrap().extend_from_slice(&bytes[..n]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        }
    });
    let start = |faults, mix: &[Fault]| {
        let options = MockOptions {
            seed: 1,
            faults,
            mix: mix.to_vec(),
            retry_after: Duration::from_millis(20),
            redirect_to: format!("http://{address}/v1/chat/completions?key"),
            answers: answers(),
            ..MockOptions::default()
        };
        runtime.block_on(MockServer::start(options)).unwrap()
    };
    let task = |server: &MockServer| {
        let home = tempfile::tempdir().unwrap();
        write_hosted_task(home.path(), &server.url(), 45);
        let path = home.path().join("hosted.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("key_env: ''", "key_env: CANARY_KEY")).unwrap();
        home
    };
    let mut looked_at = 0;
    // A whole run with every passing fault, and every command on what it left.
    let server = start(0.3, Fault::PASSING);
    let home = task(&server);
    for args in [
        &["check", "hosted.yaml"][..],
        &["plan", "hosted.yaml", "--json"],
        &["run", "hosted.yaml", "--json"],
        &["run", "hosted.yaml"],
        &["status", "runs/colours-1"],
        &["eval", "runs/colours-1"],
        &["resume", "runs/colours-1", "--json"],
    ] {
        let output = command(home.path(), args);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{args:?}: {output:?}");
        looked_at += assert_clean(&args.join(" "), home.path(), &output);
    }
    // The key was really sent: the server would not have been asked otherwise.
    assert!(server.account().answered.requests > 0);
    // Every fault alone and always: what is printed then are errors.
    for fault in Fault::ALL {
        let server = start(1.0, &[*fault]);
        let home = task(&server);
        let path = home.path().join("hosted.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("retries: 40", "retries: 1").replace("timeout_s: 3", "timeout_s: 0.3"))
            .unwrap();
        let output = command(home.path(), &["check", "hosted.yaml"]);
        assert!(!output.status.success(), "{fault}: {output:?}");
        looked_at += assert_clean(fault.name(), home.path(), &output);
    }
    // Keys and addresses that cannot be used, with the key in every place that a message might repeat.
    for (from, to) in [
        ("base_url: 'http://", &format!("base_url: 'http://user:{CANARY}@")[..]),
        ("base_url: 'http://", &format!("base_url: 'ftp://{CANARY}.")),
    ] {
        let home = task(&server);
        let path = home.path().join("hosted.yaml");
        let text = fs::read_to_string(&path).unwrap().replace(from, to);
        fs::write(&path, text).unwrap();
        let output = command(home.path(), &["check", "hosted.yaml"]);
        fs::remove_file(&path).unwrap();
        assert!(!output.status.success());
        looked_at += assert_clean(to, home.path(), &output);
    }
    let home = task(&server);
    let output = metaorch(home.path())
        .args(["check", "hosted.yaml"])
        .env("CANARY_KEY", format!("{CANARY} {CANARY}"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    looked_at += assert_clean("an unusable key", home.path(), &output);
    assert!(looked_at > 10_000, "{looked_at} bytes are no run");
    let heard = heard.lock().unwrap();
    assert!(
        !holds(&heard) && heard.is_empty(),
        "a redirect was followed: {}",
        String::from_utf8_lossy(&heard)
    );
}
