//! A model server that fails on demand: for tests, and for trying out what a run does when its endpoint misbehaves.
//!
//! It speaks OpenAI chat completions, plain and as a stream of server-sent events, on the loopback alone. Answers
//! follow from the seed and the prompt, faults from a script or from chance, and what a provider would have billed is
//! counted.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Usage;

mod answer;
mod fault;
mod http;
mod serve;

pub use answer::Answers;
pub use fault::Fault;

/// What a [`MockServer`] answers, and how it fails.
#[derive(Clone, Debug)]
pub struct MockOptions {
    /// Port on the loopback; 0 for a free one.
    pub port: u16,
    /// Seed of answers and faults.
    pub seed: u64,
    /// What the first requests meet, in order of arrival; `None` is a sound answer.
    pub script: Vec<Option<Fault>>,
    /// Share of requests that meet a fault, once the script is over. What a request meets follows from the seed, the
    /// prompt and how often it was asked, not from what else is asked meanwhile.
    pub faults: f64,
    /// The faults that chance picks from.
    pub mix: Vec<Fault>,
    /// The advice of 429 with `Retry-After`.
    pub retry_after: Duration,
    /// Where redirects lead.
    pub redirect_to: String,
    /// The answers: those of the first entry that fits; without one, a few made-up words.
    pub answers: Vec<Answers>,
}

impl Default for MockOptions {
    /// A free port, seed 0, no faults, 1 s of advice, made-up words.
    fn default() -> Self {
        Self {
            port: 0,
            seed: 0,
            script: Vec::new(),
            faults: 0.0,
            mix: Fault::PASSING.to_vec(),
            retry_after: Duration::from_secs(1),
            redirect_to: "http://127.0.0.1:9/v1/chat/completions".to_owned(),
            answers: Vec::new(),
        }
    }
}

/// Sums over requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// Requests.
    pub requests: u64,
    /// Tokens read, cached ones included.
    pub tokens_in: u64,
    /// Tokens read from the prefix cache that it pretends to have.
    pub tokens_cached: u64,
    /// Tokens written.
    pub tokens_out: u64,
}

impl Billed {
    fn add(&mut self, usage: &Usage) {
        self.requests += 1;
        self.tokens_in += usage.tokens_in;
        self.tokens_cached += usage.tokens_cached;
        self.tokens_out += usage.tokens_out;
    }
}

/// What a [`MockServer`] was asked and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Requests of every kind.
    pub requests: u64,
    /// Sound answers that were delivered.
    pub answered: Billed,
    /// Answers that were worked out, and then spoiled by a fault or not fetched: billed by a provider all the same.
    pub lost: Billed,
    /// How often each fault struck, by name.
    pub faults: BTreeMap<String, u64>,
}

/// A model server on the loopback; it ends when dropped.
///
/// `GET /account` tells its [`Account`] as JSON.
///
/// # Determinism
/// Equal seeds, prompts and models get equal answers and usage, whatever else is asked.
///
/// ```
/// use inference::mock::{Fault, MockOptions, MockServer};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let script = vec![Some(Fault::Unavailable), None];
/// let server = MockServer::start(MockOptions { script, ..MockOptions::default() }).await?;
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// assert_eq!(server.account().requests, 0);
/// # Ok::<(), std::io::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    options: MockOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    account: Account,
    faults: f64,
    /// Chat requests so far, and how often each prompt came.
    chats: usize,
    seen: BTreeMap<String, u64>,
}

impl MockServer {
    /// Starts a server on a Tokio runtime with input and output.
    ///
    /// # Errors
    /// The system's, where the port is taken.
    pub async fn start(options: MockOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let state = Mutex::new(State { faults: options.faults, ..State::default() });
        let shared = Arc::new(Shared { options, state });
        let own = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            loop {
                // A connection that broke before it was taken is the client's affair.
                if let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve::serve(stream, Arc::clone(&own)));
                }
            }
        });
        Ok(Self { address, shared, task })
    }

    /// The base URL, with `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Begins anew at the same address: an empty account, the script from its start, and `faults` for the share of
    /// requests that meet one.
    pub fn begin_anew(&self, faults: f64) {
        *self.shared.locked() = State { faults, ..State::default() };
    }

    /// What was asked and done so far.
    pub fn account(&self) -> Account {
        self.shared.locked().account.clone()
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next request meets, whose prompt has the name `prompt`.
    fn fate(&self, prompt: &str) -> Option<Fault> {
        let mut state = self.locked();
        let n = state.chats;
        state.chats += 1;
        let seen = state.seen.entry(prompt.to_owned()).or_default();
        let mut chance = Stream::root(self.options.seed).child("fault", 0).child(prompt, *seen);
        *seen += 1;
        let fault = match self.options.script.get(n) {
            Some(scripted) => *scripted,
            None if chance.chance(state.faults) => chance.pick(&self.options.mix).copied(),
            None => None,
        };
        if let Some(fault) = fault {
            *state.account.faults.entry(fault.name().to_owned()).or_default() += 1;
        }
        fault
    }

    fn bill(&self, usage: &Usage, delivered: bool) {
        let account = &mut self.locked().account;
        if delivered { account.answered.add(usage) } else { account.lost.add(usage) }
    }
}
