use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::CodeSpec;
use super::sandbox::Sandbox;

/// How a program ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself.
    Exited { status: ExitStatus, stdout: String, stderr: String },
    /// It took longer than it may.
    TooSlow,
    /// It wrote more than it may.
    TooMuch,
}

/// Writes `program` to a file, runs it and waits for its end.
///
/// # Errors
/// When the sandbox, not the program, failed.
pub(super) async fn run(
    spec: &CodeSpec,
    sandbox: &Sandbox,
    program: &str,
    stdin: &str,
    token: &str,
) -> Result<End, String> {
    let folder = folder(&spec.file, program).map_err(|e| format!("its program cannot be written: {e}"))?;
    let command: Vec<OsString> = spec.command.iter().map(OsString::from).collect();
    let shut = sandbox.shut(spec, &folder.path().join(&spec.file), command, token);
    let mut command = Command::new(&shut.program);
    command.args(&shut.args).env_clear().envs(shut.env.iter().map(|(k, v)| (k, v))).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(folder) = &shut.folder {
        command.current_dir(folder);
    }
    #[cfg(unix)]
    {
        command.process_group(0);
        if let Some(user) = shut.user {
            command.uid(user).gid(user);
        }
    }
    let child =
        command.spawn().map_err(|e| format!("'{}' cannot be started: {e}", shut.program.display()))?;
    let mut group = Group::of(child);
    let limit = (spec.output_kb as usize) << 10;
    let talk = group.talk(stdin, limit, limit + shut.started.as_ref().map_or(0, |s| s.len() + 1));
    let end = match tokio::time::timeout(Duration::from_secs_f64(spec.wall_s), talk).await {
        Err(_) => End::TooSlow,
        Ok(end) => end.map_err(|e| format!("its pipes failed: {e}"))?,
    };
    drop(group);
    match (end, &shut.started) {
        (End::Exited { status, stdout, stderr }, Some(mark)) => {
            match stderr.strip_prefix(mark.as_str()).and_then(|rest| rest.strip_prefix('\n')) {
                Some(rest) => Ok(End::Exited { status, stdout, stderr: rest.to_owned() }),
                None => Err(format!("the sandbox failed: {}", crate::error::one_line(&stderr, 160))),
            }
        }
        (end, _) => Ok(end),
    }
}

/// A folder with the program in it, readable for the user that runs it.
fn folder(name: &str, program: &str) -> std::io::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("metaorch-code-").tempdir()?;
    std::fs::write(folder.path().join(name), program)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
        allow(folder.path(), 0o755)?;
        allow(&folder.path().join(name), 0o644)?;
    }
    Ok(folder)
}

/// A program and what it started: all of it is killed when this is dropped.
struct Group {
    child: Child,
    id: Option<u32>,
}

impl Group {
    fn of(child: Child) -> Self {
        Self { id: child.id(), child }
    }

    /// Writes its input, reads its outputs up to their limits, and waits.
    async fn talk(&mut self, stdin: &str, most_out: usize, most_err: usize) -> std::io::Result<End> {
        let pipe = self.child.stdin.take();
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        let write = async {
            if let Some(mut pipe) = pipe {
                // A program need not read its input; the broken pipe is no fault then.
                let _ = pipe.write_all(stdin.as_bytes()).await;
            }
            Ok::<_, std::io::Error>(Some(()))
        };
        let outputs = async {
            // The first that overflows ends both: the other may stay open for ever.
            let both = tokio::try_join!(read(out, most_out), read(err, most_err), write);
            both.map(|(out, err, _)| (out, err))
        };
        match outputs.await {
            Ok((stdout, stderr)) => {
                let status = self.child.wait().await?;
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                Ok(End::Exited { status, stdout: text(stdout), stderr: text(stderr) })
            }
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => Ok(End::TooMuch),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        #[cfg(unix)]
        if let Some(id) = self.id {
            crate::external::kill_group(id);
        }
    }
}

/// Reads to the end; more than `most` bytes are [`std::io::ErrorKind::FileTooLarge`].
async fn read(from: Option<impl AsyncRead + Unpin>, most: usize) -> std::io::Result<Vec<u8>> {
    let Some(from) = from else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > most { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}
