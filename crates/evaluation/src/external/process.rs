use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::line::{self, Line};
use super::log::Log;
use super::spec::ExternalSpec;
use crate::EvaluationError;
use crate::error::one_line;

/// Lines read ahead of the supervisor.
const READ_AHEAD: usize = 64;
/// How long a program that closed its stdout may take to exit before it is killed.
const EXIT_GRACE: Duration = Duration::from_millis(500);

/// A child process with three tasks for its pipes, so that no full pipe can block the supervisor.
///
/// Dropping it kills the process, and on Unix its process group: programs that wrappers started die with them.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    id: Option<u32>,
    to_stdin: mpsc::UnboundedSender<Vec<u8>>,
    lines: mpsc::Receiver<Line>,
    stderr: JoinHandle<()>,
    last_words: Arc<Mutex<Tail>>,
    others: [JoinHandle<()>; 2],
}

impl Process {
    /// Starts the program of `spec`.
    pub(super) fn start(spec: &ExternalSpec, log: &Log) -> Result<Self, EvaluationError> {
        let failed =
            |message: String| EvaluationError::Command { command: spec.program().to_owned(), message };
        let mut command = Command::new(spec.program());
        command.args(spec.command.get(1..).unwrap_or_default()).envs(&spec.env).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(cwd) = &spec.cwd {
            command.current_dir(cwd);
        }
        // A group of its own: Ctrl-C at the terminal stops the run in order instead of killing evaluations in flight.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| {
            failed(match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "there is no such program. Check evaluator.command and PATH".to_owned()
                }
                std::io::ErrorKind::PermissionDenied => {
                    "it may not be executed. Check its permissions".to_owned()
                }
                _ => error.to_string(),
            })
        })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(failed("its pipes could not be opened".into()));
        };
        let (to_stdin, outbox) = mpsc::unbounded_channel();
        let (inbox, lines) = mpsc::channel(READ_AHEAD);
        let last_words = Arc::default();
        Ok(Self {
            id: child.id(),
            child,
            to_stdin,
            lines,
            stderr: tokio::spawn(drain(stderr, log.clone(), Arc::clone(&last_words))),
            last_words,
            others: [tokio::spawn(write(stdin, outbox)), tokio::spawn(read(stdout, inbox))],
        })
    }

    /// Queues `bytes` for stdin; those that cannot be delivered are dropped, and the end of stdout tells why.
    pub(super) fn send(&self, bytes: Vec<u8>) {
        let _ = self.to_stdin.send(bytes);
    }

    /// The next line of stdout, or `None` once it is closed. Cancel safe.
    pub(super) async fn next_line(&mut self) -> Option<Line> {
        self.lines.recv().await
    }

    /// A line that has come already.
    pub(super) fn waiting_line(&mut self) -> Option<Line> {
        self.lines.try_recv().ok()
    }

    /// How the program ended, once its stdout is closed, and its last words. Waits a moment for both.
    pub(super) async fn farewell(&mut self) -> String {
        let ended = match timeout(EXIT_GRACE, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string().replace("exit status:", "exit code"),
            _ => "its stdout is closed, but it did not exit".to_owned(),
        };
        // What it wrote last is in the pipe; a grandchild may hold the pipe open for ever.
        let _ = timeout(EXIT_GRACE, &mut self.stderr).await;
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner).last_line();
        if words.is_empty() { ended } else { format!("{ended}; last on stderr: {words}") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stderr.abort();
        self.others.iter().for_each(JoinHandle::abort);
        let _ = self.child.start_kill();
        #[cfg(unix)]
        if let Some(id) = self.id {
            kill_group(id);
        }
    }
}

/// Kills what is left of the process group of `id`. The shell does it: there is no safe call for it in std or tokio.
#[cfg(unix)]
pub(crate) fn kill_group(id: u32) {
    let mut kill = std::process::Command::new("sh");
    kill.args(["-c", "kill -s KILL -- \"-$1\"", "sh", &id.to_string()]);
    let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

async fn write(mut stdin: ChildStdin, mut outbox: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = outbox.recv().await {
        if stdin.write_all(&bytes).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn read(stdout: ChildStdout, inbox: mpsc::Sender<Line>) {
    let mut reader = BufReader::with_capacity(64 << 10, stdout);
    while let Some(line) = line::next(&mut reader, line::CAP).await {
        if inbox.send(line).await.is_err() {
            return;
        }
    }
}

async fn drain(mut stderr: ChildStderr, log: Log, last_words: Arc<Mutex<Tail>>) {
    let mut buffer = vec![0; 8 << 10];
    while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
        log.append(&buffer[..n]);
        last_words.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..n]);
    }
}

/// The last bytes of a stream.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    const KEPT: usize = 1 << 10;

    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let surplus = self.0.len().saturating_sub(Self::KEPT);
        self.0.drain(..surplus);
    }

    fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        one_line(text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default(), 200)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_last_line() {
        let mut tail = Tail::default();
        assert_eq!(tail.last_line(), "");
        tail.push(&vec![b'x'; 5000]);
        tail.push(b"\nKeyError: 'answer'\n\n");
        assert_eq!(tail.last_line(), "KeyError: 'answer'");
        assert!(tail.0.len() <= Tail::KEPT);
    }
}
