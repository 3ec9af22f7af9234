//! The hosted client against llama.cpp's own server on loopback; skipped where the server or a model is not at hand.
//!
//! Needs `pip install xllamacpp==2026.10.11549` for the Python that `METAORCH_TEST_PYTHON` names (`python3` without
//! it), and the default model's file as for the tests of the embedded engine.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use inference::{
    BreakerPolicy, Generate, HostedClient, HostedOptions, InferenceError, LlmClient, Message, Prompt,
    Resilient, ResilientOptions, RetryPolicy, RetryShare, Role, Score, Scoring,
};
use meta_traits::Classify;

const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// A server that ends with the test.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a server, which is loading the model then.
    fn start() -> Option<Self> {
        let model = model()?;
        let python = std::env::var_os("METAORCH_TEST_PYTHON").unwrap_or_else(|| "python3".into());
        let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !quiet(Command::new(&python).args(["-c", "import xllamacpp"])).is_ok_and(|status| status.success())
        {
            eprintln!("skipped: no Python with xllamacpp; `pip install xllamacpp==2026.10.11549`");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/peers/llama-server.py");
        let child = Command::new(&python)
            .arg(script)
            .args(["--until-eof", "--port", &port.to_string(), "--model"])
            .arg(model)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, url: format!("http://127.0.0.1:{port}/v1") })
    }

    /// A client with so many tries a quarter of a second apart.
    fn client(&self, retries: u32, scoring: Scoring) -> Resilient<HostedClient> {
        let hosted = HostedOptions { scoring, ..HostedOptions::default() };
        let wait = Duration::from_millis(250);
        let retry = RetryPolicy { retries, first_wait: wait, longest_wait: wait, ..RetryPolicy::default() };
        let share = RetryShare { reserve: retries, ..RetryShare::default() };
        let breaker = BreakerPolicy { consecutive: 0, share: 2.0, ..BreakerPolicy::default() };
        let options = ResilientOptions { retry, share, breaker, ..ResilientOptions::default() };
        Resilient::new(HostedClient::new(&self.url, "smollm2", None, hosted).unwrap(), options)
    }
}

/// The default model's file, if this machine has it.
fn model() -> Option<PathBuf> {
    let cache = || {
        let root = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
        Some(root.join("metaorchestrator/models/b179c9523d0e").join(FILE))
    };
    let path = std::env::var_os("METAORCH_MODEL_PATH").map(PathBuf::from).or_else(cache)?;
    if !path.is_file() {
        eprintln!("skipped: no model file at {}", path.display());
        return None;
    }
    Some(path)
}

fn question(text: &str) -> Generate {
    let mut request =
        Generate::new(Prompt::Chat(vec![Message { role: Role::User, content: text.to_owned() }]));
    request.max_tokens = 24;
    request
}

#[tokio::test]
async fn a_real_server_is_spoken_to_from_loading_to_scores() {
    let Some(server) = Server::start() else { return };
    let question = question("What is the capital of France? Answer in one sentence.");

    // While the model loads, the server says 503, which is worth trying again.
    let impatient = server.client(0, Scoring::None);
    let early = loop {
        match impatient.generate(&question).await {
            Err(InferenceError::Unreachable { .. }) => {}
            other => break other,
        }
    };
    match early {
        Err(error @ InferenceError::Status { status: 503, .. }) => assert!(error.retryable(), "{error}"),
        other => panic!("the model cannot have been loaded yet: {other:?}"),
    }
    let client = server.client(480, Scoring::LlamaServer);
    let answer = client.generate(&question).await.unwrap();
    assert!(answer.text.contains("Paris"), "{answer:?}");
    assert!(answer.usage.tokens_in > 30 && (1..=24).contains(&answer.usage.tokens_out), "{answer:?}");

    // A stream brings the same text in pieces.
    let pieces = Mutex::new(Vec::new());
    let streamed =
        client.stream(&question, &|piece| pieces.lock().unwrap().push(piece.to_owned())).await.unwrap();
    let pieces = pieces.into_inner().unwrap();
    assert_eq!((&pieces.concat(), &streamed.text), (&answer.text, &answer.text));
    assert!(pieces.len() > 1, "{pieces:?}");
    assert_eq!(streamed.usage.tokens_out, answer.usage.tokens_out);

    // Written tokens come with their likelihood; a greedy one is the likeliest.
    let mut likely = question.clone();
    likely.log_probs = Some(3);
    let likely = client.generate(&likely).await.unwrap();
    assert_eq!(likely.text, answer.text);
    assert!(!likely.log_probs.is_empty(), "{likely:?}");
    for token in &likely.log_probs {
        assert!(token.log_prob <= 0.0 && token.top.len() == 3, "{token:?}");
        assert!(token.top.iter().all(|(_, log_prob)| *log_prob <= token.log_prob + 1e-6), "{token:?}");
    }

    // Whole labels: the server rounds activations to 8 bits, which moves a token by up to a few tenths of a nat.
    let labels = vec![" Paris".to_owned(), " London, of course".to_owned()];
    let score = Score::new(Prompt::Text("The capital of France is".to_owned()), labels);
    let scored = client.score(&score).await.unwrap();
    assert_eq!((scored.best(), scored.tokens.as_slice()), (Some(0), &[1, 4][..]), "{scored:?}");
    #[cfg(feature = "embedded")]
    {
        let own = inference::embedded::EmbeddedClient::open(model().unwrap()).unwrap();
        let own = own.score(&score).await.unwrap();
        for ((theirs, own), tokens) in scored.log_probs.iter().zip(&own.log_probs).zip(&own.tokens) {
            assert!((theirs - own).abs() < 0.5 * f64::from(*tokens), "{scored:?} {own}");
        }
    }
}
