//! Tools: programs and addresses that turn text into text.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::ToolFault;
use super::template::{one_line, shorten};

/// Longest piece of standard error that is kept, in bytes.
const MAX_STDERR: usize = 4096;

/// What bounds one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) timeout: Duration,
    pub(super) max_bytes: usize,
}

/// Runs `command` in `folder`, writes `input` to it, and reads its answer. The program is killed on time-out and when
/// the future is dropped. One newline at the end of the answer is dropped.
pub(super) async fn call_program(
    command: &[String],
    folder: &Path,
    input: &str,
    limits: Limits,
) -> Result<String, ToolFault> {
    let program = command.first().cloned().unwrap_or_default();
    let start = |e: std::io::Error| ToolFault::Start { program: program.clone(), reason: e.to_string() };
    let pipe = |e: std::io::Error| ToolFault::Pipe { tool: program.clone(), reason: e.to_string() };
    let mut child = Command::new(&program)
        .args(command.get(1..).unwrap_or_default())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = async {
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program may answer without reading all of its input; the broken pipe is no fault then.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let answer = async {
            let out = read_up_to(stdout, limits.max_bytes, true).await.map_err(pipe)?;
            if out.len() > limits.max_bytes {
                return Err(ToolFault::TooLong { tool: program.clone(), limit: limits.max_bytes });
            }
            Ok(out)
        };
        let complaint = async { read_up_to(stderr, MAX_STDERR, false).await.map_err(pipe) };
        let write = async {
            write.await;
            Ok(())
        };
        let (out, err, ()) = tokio::try_join!(answer, complaint, write)?;
        let status = child.wait().await.map_err(pipe)?;
        Ok((out, err, status))
    };
    let (out, err, status) = tokio::time::timeout(limits.timeout, talk)
        .await
        .map_err(|_| ToolFault::Timeout { tool: program.clone(), after: limits.timeout })??;
    if !status.success() {
        let tail = one_line(&String::from_utf8_lossy(&err));
        let stderr = if tail.is_empty() { "nothing on standard error".into() } else { last(&tail, 300) };
        return Err(ToolFault::Exit { program, status: status.to_string(), stderr });
    }
    text(&program, out)
}

/// The answer as text, one newline at its end dropped.
pub(super) fn text(tool: &str, bytes: Vec<u8>) -> Result<String, ToolFault> {
    let mut text = String::from_utf8(bytes)
        .map_err(|e| ToolFault::NotText { tool: shorten(tool, 200), at: e.utf8_error().valid_up_to() })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// The last `limit` characters.
fn last(text: &str, limit: usize) -> String {
    let skip = text.chars().count().saturating_sub(limit);
    text.chars().skip(skip).collect()
}

/// Reads to the end, or until more than `limit` bytes came. With `stop` it stops there, else it reads on and keeps the
/// last `limit` bytes.
async fn read_up_to(
    from: Option<impl AsyncRead + Unpin>,
    limit: usize,
    stop: bool,
) -> std::io::Result<Vec<u8>> {
    let Some(mut from) = from else { return Ok(Vec::new()) };
    let (mut kept, mut chunk) = (Vec::new(), vec![0_u8; 8192]);
    loop {
        let n = from.read(&mut chunk).await?;
        if n == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(&chunk[..n]);
        if kept.len() > limit {
            if stop {
                return Ok(kept);
            }
            let surplus = kept.len() - limit;
            kept.drain(..surplus);
        }
    }
}
