//! A trial as a run of a program.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bayes_hyperopt::SearchSpace;
use meta_traits::{ErrorKind, Outcome};
use orchestrator_core::config::{ConfigError, nearest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::Settings;
use super::answer::{Reading, failed, line, one_line};
use super::study::Trial;

/// Bytes at the end of a program's output that are kept: enough for any last line.
const KEPT: usize = 64 << 10;

/// How a trial's parameters reach the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    /// `--name value` for each, after the arguments.
    Flags,
    /// `{name}` in the arguments.
    Places,
    /// A JSON object on stdin.
    Stdin,
}

/// The program that tries a trial's parameters.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    arguments: Vec<String>,
    hand: Hand,
    maximize: bool,
    objectives: usize,
    names: Vec<String>,
    timeout: Option<Duration>,
    fidelities: bool,
    logs: PathBuf,
}

impl Program {
    /// The program of `settings`; what it writes to stderr goes to a file a trial in `logs`.
    ///
    /// # Errors
    /// When there is no such program, or its arguments leave a parameter out.
    pub(crate) fn new(settings: &Settings, logs: PathBuf) -> Result<Self, ConfigError> {
        let arguments = settings.command.clone();
        let program = arguments.first().cloned().unwrap_or_default();
        let fault = |message: String| Err(ConfigError::Inconsistent { message });
        if !exists(&program) {
            return fault(format!("command: there is no program '{program}'. Check its name and PATH"));
        }
        let missing = missing(&settings.space, &arguments[1..]);
        let fidelities = settings.algorithm.uses_fidelities() || !settings.fidelities.is_empty();
        let hand = if settings.stdin {
            Hand::Stdin
        } else if missing.len() == settings.space.len() {
            Hand::Flags
        } else if let Some(name) = missing.first() {
            let given = arguments.iter().flat_map(|a| places(a));
            let like = nearest(name, given).map(|near| format!("; did you mean it by {{{near}}}?"));
            let advice = like.unwrap_or_else(|| format!(". Add {{{name}}}, or use no places at all"));
            return fault(format!("command: no argument has a place for parameter '{name}'{advice}"));
        } else {
            Hand::Places
        };
        let names = settings.space.parameters().iter().map(|p| p.name.clone()).collect();
        let (maximize, objectives, timeout) = (settings.maximize, settings.objectives, settings.timeout);
        Ok(Self { arguments, hand, maximize, objectives, names, timeout, fidelities, logs })
    }

    /// The arguments for `trial`. One with a place for a parameter that is not active is left out.
    fn arguments(&self, trial: &Trial) -> Vec<String> {
        let mut out = Vec::new();
        for argument in &self.arguments[1..] {
            match self.hand {
                Hand::Places => out.extend(filled(argument, trial, &self.names)),
                Hand::Flags | Hand::Stdin => out.push(argument.clone()),
            }
        }
        if self.hand == Hand::Flags {
            for (name, value) in trial.parameters.iter() {
                out.extend([format!("--{name}"), value.to_string()]);
            }
            if self.fidelities {
                out.extend(["--fidelity".to_owned(), trial.fidelity.get().to_string()]);
            }
        }
        out
    }

    /// Runs the program for `trial`. Dropping the future kills it and what it started.
    pub(super) async fn run(&self, trial: &Trial) -> Outcome {
        let fault = |message: String| failed(ErrorKind::Permanent, message);
        let log = self.logs.join(format!("{:04}.log", trial.id));
        let stderr = match fs::create_dir_all(&self.logs).and_then(|()| File::create(&log)) {
            Ok(file) => file,
            Err(e) => return fault(format!("{}: {e}", log.display())),
        };
        let mut command = Command::new(&self.arguments[0]);
        command.args(self.arguments(trial)).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        command.env("METAORCH_TRIAL", trial.id.to_string());
        command.env("METAORCH_FIDELITY", trial.fidelity.get().to_string());
        command.stdin(if self.hand == Hand::Stdin { Stdio::piped() } else { Stdio::null() });
        // A group of its own, so that a trial can be killed with all that it started.
        #[cfg(unix)]
        command.process_group(0);
        let mut running = match command.spawn() {
            Ok(child) => Running(child),
            Err(e) => return fault(format!("the program does not start: {e}")),
        };
        let work = self.talk(&mut running.0, trial, &log);
        let Some(timeout) = self.timeout else { return work.await };
        tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| {
            fault(format!(
                "no end within {} s; killed. Raise --timeout if that is too little",
                timeout.as_secs_f64()
            ))
        })
    }

    async fn talk(&self, child: &mut Child, trial: &Trial, log: &Path) -> Outcome {
        if let Some(mut stdin) = child.stdin.take() {
            let fidelity = trial.fidelity.get();
            let message =
                serde_json::json!({"trial": trial.id, "fidelity": fidelity, "parameters": trial.parameters});
            // A program that reads nothing may have closed its end already.
            let _ = stdin.write_all(format!("{message}\n").as_bytes()).await;
        }
        let mut kept = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            let mut buffer = vec![0; 16 << 10];
            while let Ok(n @ 1..) = stdout.read(&mut buffer).await {
                kept.extend_from_slice(&buffer[..n]);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        }
        match child.wait().await {
            Ok(status) if status.success() => {
                let text = String::from_utf8_lossy(&kept);
                let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
                let (maximize, objectives) = (self.maximize, self.objectives);
                line(last, Reading { fidelity: trial.fidelity, maximize, objectives })
            }
            Ok(status) => {
                let words = fs::read(log).unwrap_or_default();
                let words = String::from_utf8_lossy(&words[words.len().saturating_sub(KEPT)..]).into_owned();
                let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
                let last = if last.is_empty() {
                    String::new()
                } else {
                    format!("; last on stderr: {}", one_line(last))
                };
                let status = status.to_string().replace("exit status:", "exit code");
                failed(ErrorKind::Permanent, format!("{status}{last}"))
            }
            Err(e) => failed(ErrorKind::Permanent, format!("its end cannot be waited for: {e}")),
        }
    }
}

/// A running program; dropping it kills its process group.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0.id() {
            // The shell does it: there is no safe call for it in std or tokio.
            let mut kill = std::process::Command::new("sh");
            kill.args(["-c", "kill -s KILL -- \"-$1\"", "sh", &id.to_string()]);
            let _ = kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

/// Whether there is such a file, or one of this name on PATH.
fn exists(program: &str) -> bool {
    let path = Path::new(program);
    if program.is_empty() || path.components().count() > 1 {
        return path.is_file();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// The names between braces in an argument.
fn places(argument: &str) -> impl Iterator<Item = &str> {
    argument.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// Parameters of `space` without a place in `arguments`, in order.
fn missing<'s>(space: &'s SearchSpace, arguments: &[String]) -> Vec<&'s str> {
    let names = space.parameters().iter().map(|p| p.name.as_str());
    names.filter(|name| !arguments.iter().any(|a| places(a).any(|place| place == *name))).collect()
}

/// The argument with its places filled, or nothing where it names a parameter that is not active.
fn filled(argument: &str, trial: &Trial, names: &[String]) -> Option<String> {
    let mut out = String::with_capacity(argument.len());
    let mut rest = argument;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let value = behind.split_once('}').and_then(|(name, after)| {
            Some((
                after,
                match name {
                    name if names.iter().any(|n| n == name) => {
                        trial.parameters.get(name).map(ToString::to_string)
                    }
                    "trial" => Some(trial.id.to_string()),
                    "fidelity" => Some(trial.fidelity.get().to_string()),
                    _ => return None,
                },
            ))
        });
        // Braces around anything else are the program's own.
        let Some((after, value)) = value else {
            out.push('{');
            rest = behind;
            continue;
        };
        out.push_str(&value?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use bayes_hyperopt::Value;
    use meta_traits::Fidelity;

    use super::*;

    #[test]
    fn places_are_filled_and_braces_left_alone() {
        let parameters = [("lr", Value::from(0.5)), ("kind", Value::from("a b"))].into_iter().collect();
        let trial = Trial { id: 7, parameters, fidelity: Fidelity::FULL, outcome: None };
        let names = ["lr", "kind", "momentum"].map(String::from);
        for (argument, expected) in [
            ("{other}", Some("{other}")),
            ("--lr={lr}", Some("--lr=0.5")),
            ("{kind}/{trial}/{fidelity}", Some("a b/7/1")),
            ("--momentum={momentum}", None),
            ("{\"json\": {}}", Some("{\"json\": {}}")),
            ("{", Some("{")),
            ("plain", Some("plain")),
        ] {
            assert_eq!(filled(argument, &trial, &names).as_deref(), expected, "{argument}");
        }
    }
}
