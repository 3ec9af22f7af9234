use std::time::Duration;

use meta_traits::{Classify, ErrorKind};

use super::Program;

/// The error of a start that fails.
async fn refused(program: &Program) -> (ErrorKind, String) {
    let error = program.try_start().await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("evaluator: ") && !text.contains('\n'), "{text}");
    (error.kind(), text)
}

#[tokio::test]
async fn commands_that_cannot_run_are_named() {
    let mut program = Program::new("");
    program.spec.command = vec!["no-such-program-anywhere".into()];
    let (kind, text) = refused(&program).await;
    assert_eq!(kind, ErrorKind::Config);
    assert!(text.contains("cannot start 'no-such-program-anywhere': there is no such program"), "{text}");

    program.spec.command = vec![];
    assert!(refused(&program).await.1.contains("the command is empty"));

    program.spec.command = vec!["python3".into()];
    program.spec.cwd = Some(program.path("missing"));
    let (kind, text) = refused(&program).await;
    assert_eq!(kind, ErrorKind::Config);
    assert!(text.contains("missing does not exist"), "{text}");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_named() {
    let mut program = Program::new("hello()");
    program.spec.stderr_log = Some(program.path("no/such/folder.log"));
    let (kind, text) = refused(&program).await;
    assert_eq!(kind, ErrorKind::Config);
    assert!(text.contains("folder.log"), "{text}");
    assert_eq!(program.starts(), 0);
}

#[tokio::test]
async fn a_hello_must_come_and_be_right() {
    for (script, part) in [
        ("print('Loading model', flush=True)\nhello()\nreceive()", "its first line is 'Loading model'"),
        ("receive()\nsend({'hello': {'protocol': 2}})\nreceive()", "it speaks protocol 2. Allowed: 1"),
        ("receive()\nsend({'hello': {'components': {}}})\nreceive()", "names no protocol"),
        ("import no_such_module_at_all", "last on stderr: ModuleNotFoundError: No module named"),
        ("sys.exit(0)", "it ended (exit code 0)"),
        ("receive()\nsend('x' * (17 << 20))", "longer than 16 MiB: 'xxx"),
        ("hello(5000)\nreceive()", "concurrency is 5000"),
    ] {
        let program = Program::new(script);
        let (kind, text) = refused(&program).await;
        assert_eq!(kind, ErrorKind::Protocol);
        assert!(text.contains("no usable hello from 'python3'") && text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_hello_that_never_comes_is_not_waited_for() {
    let mut program = Program::new("time.sleep(60)");
    program.spec.hello_timeout = Duration::from_millis(300);
    let (kind, text) = refused(&program).await;
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(text.contains("nothing came within 300ms"), "{text}");
}

#[tokio::test]
async fn environment_and_folder_reach_the_program() {
    let mut program = Program::new("assert os.environ['KEY_OF_TEST'] == 'v w'\nhello()\nreceive()");
    program.spec.env.insert("KEY_OF_TEST".into(), "v w".into());
    program.start().await;
    assert_eq!(program.starts(), 1, "the count is written to the program's own folder");
}
