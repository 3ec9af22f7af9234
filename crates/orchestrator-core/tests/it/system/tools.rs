use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use meta_traits::{Classify, ErrorKind};
use orchestrator_core::system::{SystemError, ToolFault};

use super::{run, system, system_in};

fn shell(script: &str, more: &str) -> String {
    format!("modules: {{t: {{kind: tool, command: [sh, -c, '{script}'], input: '{{{{ input }}}}'{more}}}}}")
}

#[track_caller]
fn fault(yaml: &str, input: &str) -> ToolFault {
    match run(&system(yaml), input).unwrap_err().error {
        SystemError::Tool { module, fault } => {
            assert_eq!(module, "t");
            fault
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_program_gets_text_and_gives_text() {
    assert_eq!(run(&system(&shell("tr a-z A-Z", "")), "größe a\nb").unwrap().output, "GRößE A\nB");
    let big = "word ".repeat(100_000);
    assert_eq!(run(&system(&shell("echo done", "")), big.as_str()).unwrap().output, "done");
    assert_eq!(run(&system(&shell("wc -c", "")), big.as_str()).unwrap().output.trim(), "500000");
}

#[test]
fn it_runs_in_the_folder_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("here.txt"), "found").unwrap();
    let system = system_in(folder.path(), &shell("cat here.txt", ""));
    assert_eq!(run(&system, "x").unwrap().output, "found");
}

#[test]
fn every_way_to_fail_has_its_own_error() {
    let exit = fault(&shell("echo why >&2; exit 3", ""), "x");
    assert!(exit.to_string().contains("'sh' ended with exit status: 3: why"), "{exit}");
    assert_eq!(exit.kind(), ErrorKind::Permanent);
    let crash = fault(&shell("kill -9 $$", ""), "x");
    assert!(crash.to_string().contains("signal: 9"), "{crash}");
    let late = fault(&shell("sleep 20", ", timeout_s: 0.1"), "x");
    assert!(matches!(late, ToolFault::Timeout { .. }), "{late}");
    assert!(late.retryable());
    let garbage = fault(&shell("printf \"ab\\\\377\"", ""), "x");
    assert!(matches!(garbage, ToolFault::NotText { at: 2, .. }), "{garbage}");
    let long = fault(&shell("yes", ", max_bytes: 100"), "x");
    assert!(matches!(long, ToolFault::TooLong { limit: 100, .. }), "{long}");
    let missing = "modules: {t: {kind: tool, command: [no-such-program-here], input: x}}";
    let missing = fault(missing, "x");
    assert!(missing.to_string().starts_with("cannot start 'no-such-program-here'"), "{missing}");
    assert_eq!(missing.kind(), ErrorKind::Config);
}

/// Answers one request with `response` and gives back what it read.
fn serve(response: &'static [u8]) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/tool", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut read, mut chunk) = (Vec::new(), [0_u8; 1024]);
        loop {
            let n = stream.read(&mut chunk).unwrap();
            read.extend_from_slice(&chunk[..n]);
            let text = String::from_utf8_lossy(&read);
            if n == 0 || text.ends_with("\r\n\r\nhello") {
                break;
            }
        }
        stream.write_all(response).unwrap();
        String::from_utf8(read).unwrap()
    });
    (address, server)
}

fn posting(url: &str) -> String {
    format!("modules: {{t: {{kind: tool, url: '{url}', input: '{{{{ input }}}}', timeout_s: 5}}}}")
}

#[test]
fn an_address_gets_a_post_and_gives_text() {
    let (url, server) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nworld\n");
    assert_eq!(run(&system(&posting(&url)), "hello").unwrap().output, "world");
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /tool HTTP/1.1\r\n"), "{request}");
}

#[test]
fn an_address_that_refuses_or_is_not_there_is_named() {
    let (url, server) =
        serve(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnope");
    let refused = fault(&posting(&url), "hello");
    assert!(refused.to_string().contains("400 Bad Request: nope"), "{refused}");
    assert_eq!(refused.kind(), ErrorKind::Permanent);
    server.join().unwrap();
    let gone = fault(&posting(&url), "hello");
    assert_eq!(gone.kind(), ErrorKind::Transient);
    assert!(gone.to_string().starts_with("POST to 127.0.0.1:"), "{gone}");
}
