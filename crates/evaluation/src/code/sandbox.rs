use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::{CodeSpec, Sandboxing};
use crate::EvaluationError;
use crate::error::one_line;

/// Folders of the system that programs need to run at all, read-only; those that are not there are left out.
const SYSTEM: [&str; 11] = [
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
];
/// What is searched for programs inside.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// The user and group `nobody`.
const NOBODY: u32 = 65_534;
/// Says on standard error that the sandbox stands, then becomes the program.
const START: &str = "printf '%s\\n' \"$1\" >&2; shift; exec \"$@\"";

/// How a program is shut in.
///
/// With `bubblewrap` it sees the system's folders read-only, its own folder, `/tmp` and `/dev/shm` in memory and
/// bounded in size, and nothing else of the disk; it has no network, no other process, no capability, no terminal and
/// a clean environment, runs as nobody (where this program is root, it gives that up first), and dies with its
/// supervisor. `prlimit` bounds memory, processor time, processes, file sizes and open files.
#[derive(Clone, Debug)]
pub(super) struct Sandbox {
    /// The programs `bwrap` and `prlimit`; `None` without a sandbox.
    tools: Option<(PathBuf, PathBuf)>,
    as_root: bool,
}

/// A program ready to be started.
#[derive(Debug)]
pub(super) struct Shut {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(&'static str, OsString)>,
    /// The user and group to become.
    pub(super) user: Option<u32>,
    /// The folder to start in; inside of a sandbox it has its own.
    pub(super) folder: Option<PathBuf>,
    /// What stands on the first line of standard error once the sandbox stands.
    pub(super) started: Option<String>,
}

impl Sandbox {
    /// Finds what `spec` asks for and tries it once.
    ///
    /// # Errors
    /// [`EvaluationError::Metric`] saying what is missing and what to install or allow.
    pub(super) fn open(spec: &CodeSpec) -> Result<Self, EvaluationError> {
        if spec.sandbox == Sandboxing::None {
            return Ok(Self { tools: None, as_root: false });
        }
        let missing = |tool: &str, package: &str| {
            refused(&format!(
                "there is no sandbox: the program {tool} was not found. Install the package {package}, or accept \
                 that code can do whatever you can with sandbox: none"
            ))
        };
        let bwrap = find("bwrap").ok_or_else(|| missing("bwrap", "bubblewrap (0.8 or newer)"))?;
        let prlimit = find("prlimit").ok_or_else(|| missing("prlimit", "util-linux"))?;
        let sandbox = Self { tools: Some((bwrap, prlimit)), as_root: is_root() };
        sandbox.try_out(spec)?;
        Ok(sandbox)
    }

    /// Looks for the user's program from inside.
    fn try_out(&self, spec: &CodeSpec) -> Result<(), EvaluationError> {
        let program = spec.command.first().cloned().unwrap_or_default();
        let look = ["sh", "-c", "command -v \"$1\" >/dev/null", "sh", &program].map(OsString::from);
        let shut = self.shut(spec, Path::new("/dev/null"), look.to_vec(), "started");
        let mut command = std::process::Command::new(&shut.program);
        command.args(&shut.args).env_clear().envs(shut.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        #[cfg(unix)]
        if let Some(user) = shut.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
            std::os::unix::process::CommandExt::gid(&mut command, user);
        }
        let output = command.output().map_err(|e| refused(&format!("bwrap cannot be started: {e}")))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !said.starts_with("started\n") {
            return Err(refused(&no_sandbox(&said)));
        }
        if output.status.success() {
            return Ok(());
        }
        Err(refused(&format!(
            "there is no program '{program}' in the sandbox, which sees /usr, /bin and /lib. Install it there, or \
             give its full path and list its folder under readable"
        )))
    }

    /// `command`, shut in, with `file` under the name that `spec` gives it.
    pub(super) fn shut(&self, spec: &CodeSpec, file: &Path, command: Vec<OsString>, token: &str) -> Shut {
        let mut env = vec![("PATH", OsString::from(PATH)), ("LANG", "C.UTF-8".into())];
        // The order of Python's sets depends on it.
        env.push(("PYTHONHASHSEED", "0".into()));
        let Some((bwrap, prlimit)) = &self.tools else {
            let folder = file.parent().map(Path::to_owned);
            env[0].1 = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
            let (program, args) =
                command.split_first().map(|(p, a)| (p.clone(), a.to_vec())).unwrap_or_default();
            return Shut { program, args, env, user: None, folder, started: None };
        };
        env.push(("HOME", "/code".into()));
        let size = (u64::from(spec.files_mb) << 20).to_string();
        let mut args: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| args.extend(words.iter().map(OsString::from));
        add(&["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]);
        add(&["--unshare-cgroup-try", "--disable-userns", "--die-with-parent", "--new-session"]);
        add(&["--uid", "65534", "--gid", "65534", "--hostname", "sandbox", "--cap-drop", "ALL"]);
        add(&["--ro-bind", "/usr", "/usr"]);
        for path in SYSTEM {
            add(&["--ro-bind-try", path, path]);
        }
        add(&["--proc", "/proc", "--dev", "/dev", "--size", &size, "--tmpfs", "/dev/shm"]);
        add(&["--size", &size, "--tmpfs", "/tmp", "--size", &size, "--tmpfs", "/code", "--ro-bind"]);
        args.push(file.into());
        args.push(format!("/code/{}", spec.file).into());
        for folder in &spec.readable {
            args.extend(["--ro-bind".into(), folder.into(), folder.into()]);
        }
        let mut add = |words: &[&str]| args.extend(words.iter().map(OsString::from));
        add(&["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/code", "--"]);
        add(&["sh", "-c", START, "sh", token]);
        args.push(prlimit.into());
        let bytes = u64::from(spec.memory_mb) << 20;
        args.extend(
            [
                format!("--as={bytes}"),
                format!("--cpu={}", spec.cpu_s),
                format!("--nproc={}", spec.processes),
                format!("--fsize={size}"),
                "--nofile=256".to_owned(),
                "--core=0".to_owned(),
                "--".to_owned(),
            ]
            .map(OsString::from),
        );
        args.extend(command);
        let user = self.as_root.then_some(NOBODY);
        Shut { program: bwrap.into(), args, env, user, folder: None, started: Some(token.to_owned()) }
    }
}

fn refused(message: &str) -> EvaluationError {
    EvaluationError::Metric { metric: super::NAME, message: message.to_owned() }
}

/// What to do where `bwrap` cannot make a sandbox.
fn no_sandbox(said: &str) -> String {
    let reason = one_line(said, 160);
    let advice = if said.contains("Unknown option") {
        "Install bubblewrap 0.8 or newer"
    } else {
        "User namespaces are switched off here: allow them (sysctl kernel.unprivileged_userns_clone=1 or \
         kernel.apparmor_restrict_unprivileged_userns=0; in a container, a security profile that permits them)"
    };
    format!(
        "the sandbox does not work here: {reason}. {advice}, or accept that code can do whatever you can with \
         sandbox: none"
    )
}

/// The program `name` in the folders of PATH.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Whether this process runs as root: the owner of its entry under `/proc`.
fn is_root() -> bool {
    #[cfg(unix)]
    return std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    #[cfg(not(unix))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        for (said, advice) in [
            ("bwrap: Unknown option --size\n", "0.8 or newer"),
            ("bwrap: setting up uid map: Permission denied\n", "apparmor_restrict_unprivileged_userns=0"),
        ] {
            let message = no_sandbox(said);
            assert!(message.contains(advice) && message.contains("sandbox: none"), "{message}");
            assert!(!message.contains('\n'));
        }
    }

    #[test]
    fn without_a_sandbox_the_command_is_as_given() {
        let spec = CodeSpec { sandbox: Sandboxing::None, ..CodeSpec::default() };
        let sandbox = Sandbox::open(&spec).unwrap();
        let shut =
            sandbox.shut(&spec, Path::new("/x/main.py"), vec!["python3".into(), "main.py".into()], "t");
        assert_eq!((shut.program, shut.args), ("python3".into(), vec!["main.py".into()]));
        assert_eq!((shut.folder, shut.started), (Some("/x".into()), None));
    }
}
