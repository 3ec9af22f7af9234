//! The best system of a run over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::scripted::write_task;
use crate::{metaorch, run, stderr};

/// A server that is killed when the test ends.
struct Server(Child, String);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn start(home: &std::path::Path) -> Self {
        let mut command = metaorch(home);
        let command = command.args(["serve", "runs/colours-1", "--http", "127.0.0.1:0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self(child, said["address"].as_str().unwrap().to_owned())
    }

    /// Status and body.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

#[test]
fn the_best_system_answers_over_http() {
    let home = tempfile::tempdir().unwrap();
    write_task(home.path());
    let output = run(home.path(), &["run", "task.yaml", "--json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    let server = Server::start(home.path());
    assert_eq!(server.ask("GET", "/health", ""), (200, json!({"ok": true}).to_string()));
    let (status, body) = server.ask("POST", "/run", r#"{"input": "a reddish thing"}"#);
    let one: Value = serde_json::from_str(&body).unwrap();
    assert!(status == 200 && ["red", "blue"].contains(&one["output"].as_str().unwrap()), "{body}");
    // What a batch asks is answered in its order; an input without the declared field is an error of its own.
    let (status, body) = server.ask("POST", "/batch", r#"{"inputs": ["a", {"other": 1}, {"input": "b"}]}"#);
    let many: Value = serde_json::from_str(&body).unwrap();
    let results = many["results"].as_array().unwrap();
    assert_eq!((status, results.len()), (200, 3), "{body}");
    assert!(results[0]["output"].is_string() && results[2]["output"].is_string(), "{body}");
    assert!(results[1]["error"].as_str().unwrap().contains("no field 'input'"), "{body}");
    for (body, expected) in [("no json", "the body is no"), (r#"{"inptu": 1}"#, "inptu")] {
        let (status, said) = server.ask("POST", "/run", body);
        assert!(status == 400 && said.contains(expected), "{status} {said}");
    }
    let (status, _) = server.ask("POST", "/run", &format!(r#"{{"input": "{}"}}"#, "x".repeat(5 << 20)));
    assert_eq!(status, 413);
    let (_, text) = server.ask("GET", "/metrics", "");
    assert!(text.contains("metaorch_serve_inputs_total 4\n"), "{text}");
    assert!(text.contains("metaorch_serve_failures_total 1\n"), "{text}");
}
