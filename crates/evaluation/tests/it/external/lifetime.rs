#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use super::{Program, evaluate, failed, score};

/// Whether a process runs; one that is dead and not yet collected does not.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some(None | Some('Z' | 'X')))
}

/// Ends as soon as `pid` does.
async fn ends(pid: &str) {
    let gone = async {
        while runs(pid) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the process still runs");
}

/// Writes its own id and that of a child, which ignores its stdin, to files.
const FAMILY: &str = "import subprocess\nchild = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\nopen('child', 'w').write(str(child.pid))\nopen('own', 'w').write(str(os.getpid()))\nhello()\n";

#[tokio::test]
async fn dropping_kills_the_program_and_what_it_started() {
    let program = Program::new(&format!("{FAMILY}while True: answer(receive())"));
    let external = program.start().await;
    assert_eq!(score(&external, 1).await, 0.01);
    let (own, child) = (program.read("own"), program.read("child"));
    assert!(runs(&own) && runs(&child));
    drop(external);
    ends(&own).await;
    ends(&child).await;
}

#[tokio::test]
async fn a_silent_program_is_killed_with_what_it_started() {
    let program = Program::new(&format!("{FAMILY}receive()\ntime.sleep(600)")).timeout(300).max_restarts(0);
    let external = program.start().await;
    let (own, child) = (program.read("own"), program.read("child"));
    failed(evaluate(&external, &[1]).await);
    ends(&own).await;
    ends(&child).await;
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_behind() {
    let program =
        Program::new(&format!("{}\nprint('x', flush=True)\ntime.sleep(600)", FAMILY.replace("hello()", "")));
    program.try_start().await.unwrap_err();
    ends(&program.read("own")).await;
    ends(&program.read("child")).await;
}

#[test]
fn the_end_of_the_runtime_is_the_end_of_the_program() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let program = Program::new(&format!("{FAMILY}receive()"));
    let external = runtime.block_on(program.start());
    let own = program.read("own");
    drop(runtime);
    let waiting = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    waiting.block_on(ends(&own));
    let outcome = waiting.block_on(evaluate(&external, &[1]));
    assert_eq!(failed(outcome).0, meta_traits::ErrorKind::Cancelled);
}
