//! A run whose endpoint fails again and again must end as if nothing had happened, and pay for no call twice.
//!
//! `cargo xtask soak faults --n N --out DIR` runs the same loop N times and keeps its rows.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use inference::mock::{Account, Answers, Fault, MockOptions, MockServer};
use serde_json::Value;

use crate::scripted::{CONFIG, write_task};
use crate::{metaorch, stderr, stdout};

/// Nothing but the loopback listens here, and both the task's and the reflecting model are asked.
const MODELS: &str = "models:
  task: {provider: openai, model: MOCK, key_env: '', base_url: 'URL', timeout_s: 3, retries: 40, deadline_s: 600, usd_per_million_in: 1.0, usd_per_million_cached: 0.5, usd_per_million_out: 2.0}
  writer: {provider: openai, model: WRITER, key_env: '', base_url: 'URL', timeout_s: 3, retries: 40, deadline_s: 600, usd_per_million_in: 3.0, usd_per_million_out: 9.0}
optimizer: {proposer: {model: writer}}
";

/// The small system of the scripted tests, on the endpoint at `url`.
pub(crate) fn write_hosted_task(home: &Path, url: &str, calls: u32) {
    write_task(home);
    let config = CONFIG
        .replace("models:\n  task: {provider: scripted, model: red}\n", &MODELS.replace("URL", url))
        .replace("labels: [red, blue]\n", "labels: [red, blue]\n      choose: generate\n")
        .replace("{calls: 60}", &format!("{{calls: {calls}}}"));
    fs::write(home.join("hosted.yaml"), config).unwrap();
}

/// Prompts that keep the placeholders, and labels to everything else.
pub(crate) fn answers() -> Vec<Answers> {
    let entry = |contains: &str, answers: &[&str]| Answers {
        contains: contains.to_owned(),
        answers: answers.iter().map(|a| (*a).to_owned()).collect(),
    };
    let prompts = [
        "```\n{{ similar }}\nSay the colour of {{ input }}:\n```",
        "```\n{{ similar }}\nThing: {{ input }}\nIs it red or blue?\n```",
        "```\n{{ similar }}\nAnswer red or blue. {{ input }}\nAnswer:\n```",
    ];
    vec![entry("```", &prompts), entry("", &["red", "blue"])]
}

struct Ended {
    files: Vec<(String, Vec<u8>)>,
    models: Value,
    account: Account,
    took: Duration,
}

/// A server on a runtime of its own.
fn server(seed: u64) -> (tokio::runtime::Runtime, MockServer) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = MockOptions {
        seed,
        retry_after: Duration::from_millis(50),
        answers: answers(),
        ..MockOptions::default()
    };
    let server = runtime.block_on(MockServer::start(options)).unwrap();
    (runtime, server)
}

/// Runs the system in a fresh folder while the server fails on `faults` of the requests.
fn run(server: &MockServer, faults: f64, calls: u32) -> Ended {
    server.begin_anew(faults);
    let home = tempfile::tempdir().unwrap();
    write_hosted_task(home.path(), &server.url(), calls);
    let begun = Instant::now();
    let output = metaorch(home.path()).args(["run", "hosted.yaml", "--json"]).output().unwrap();
    let took = begun.elapsed();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{} {}", stderr(&output), stdout(&output));
    let models: Value = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["event"] == "models")
        .unwrap();
    let directory = home.path().join("runs/colours-1");
    let mut names: Vec<String> = vec!["events.jsonl".into(), "best.yaml".into(), "ledger.csv".into()];
    let candidates = fs::read_dir(directory.join("candidates")).unwrap();
    names.extend(candidates.map(|e| format!("candidates/{}", e.unwrap().file_name().to_string_lossy())));
    names.sort();
    let mut files: Vec<(String, Vec<u8>)> =
        names.into_iter().map(|name| (name.clone(), fs::read(directory.join(&name)).unwrap())).collect();
    let mut result: Value =
        serde_json::from_slice(&fs::read(directory.join("result.json")).unwrap()).unwrap();
    result["optimization_time"] = Value::Null;
    files.push(("result.json".into(), result.to_string().into_bytes()));
    Ended { files, models, account: server.account(), took }
}

fn sum(models: &Value, field: &str) -> u64 {
    models["models"].as_array().unwrap().iter().map(|model| model[field].as_u64().unwrap()).sum()
}

#[test]
fn a_run_with_faults_ends_as_a_clean_one() {
    let n: u64 = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let calls = 60;
    let mut rows = String::from(
        "trial,requests,faults,answered,lost,retries,uncertain,tokens_in,tokens_out,clean_s,faulty_s,equal\n",
    );
    for trial in 0..n {
        let (_runtime, server) = server(trial);
        let (clean, faulty) = (run(&server, 0.0, calls), run(&server, 0.3, calls));
        for ended in [&clean, &faulty] {
            // Every answered request was paid exactly once, and nothing else was.
            let (answered, models) = (ended.account.answered, &ended.models);
            assert_eq!(sum(models, "calls") - sum(models, "from_cache"), answered.requests, "{models}");
            assert_eq!(sum(models, "tokens_in"), answered.tokens_in);
            assert_eq!(sum(models, "tokens_cached"), answered.tokens_cached);
            assert_eq!(sum(models, "tokens_out"), answered.tokens_out);
            assert_eq!(sum(models, "failed") + sum(models, "abandoned"), 0, "{models}");
        }
        assert_eq!(clean.account.answered, faulty.account.answered);
        let faults: u64 = faulty.account.faults.values().sum();
        assert!(faults > 0 && clean.account.faults.is_empty());
        let stats = |field: &str| -> u64 {
            faulty.models["endpoints"].as_object().unwrap().values().map(|s| s[field].as_u64().unwrap()).sum()
        };
        assert_eq!(stats("attempts"), faulty.account.requests);
        assert_eq!(stats("retries"), faults);
        assert!(stats("uncertain") >= faulty.account.lost.requests);
        let equal = clean.files == faulty.files;
        let account = &faulty.account;
        writeln!(
            rows,
            "{trial},{},{faults},{},{},{},{},{},{},{:.2},{:.2},{equal}",
            account.requests,
            account.answered.requests,
            account.lost.requests,
            stats("retries"),
            stats("uncertain"),
            account.answered.tokens_in,
            account.answered.tokens_out,
            clean.took.as_secs_f64(),
            faulty.took.as_secs_f64()
        )
        .unwrap();
        for ((name, expected), (other, got)) in clean.files.iter().zip(&faulty.files) {
            assert_eq!(name, other);
            assert!(expected == got, "trial {trial}: {name} differs");
        }
        assert!(equal);
    }
    if let Ok(out) = std::env::var("METAORCH_SOAK_OUT") {
        fs::create_dir_all(&out).unwrap();
        fs::write(Path::new(&out).join("faults.csv"), rows).unwrap();
    }
}

#[test]
fn the_shipped_mock_server_answers_and_counts() {
    let home = tempfile::tempdir().unwrap();
    let args = ["mock-llm", "--seed", "7", "--faults", "1", "--only", "503", "--json"];
    let mut child = metaorch(home.path()).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let listening: Value = serde_json::from_str(&line).unwrap();
    let url = listening["url"].as_str().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{url}");
    let ask = |request: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let post = format!("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    assert!(ask(&post).starts_with("HTTP/1.1 503 "));
    let account = ask("GET /account HTTP/1.1\r\n\r\n");
    let account: Account = serde_json::from_str(account.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((account.requests, account.answered.requests), (2, 0));
    assert_eq!(account.faults[Fault::Unavailable.name()], 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let bad = crate::run(home.path(), &["mock-llm", "--only", "418"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(stderr(&bad).contains("429-retry-after"), "{}", stderr(&bad));
}
