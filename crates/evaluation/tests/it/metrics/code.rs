//! Code in the sandbox. Where there is none, these tests say so and end.

use evaluation::code::{CodeSpec, CodeTests};
use evaluation::{Example, Metric};
use serde_json::{Value, json};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Python in the sandbox, with limits that a test can reach.
fn python(change: impl FnOnce(&mut CodeSpec)) -> Option<CodeTests> {
    let mut spec = CodeSpec::default();
    (spec.cpu_s, spec.wall_s, spec.memory_mb) = (5, 20.0, 256);
    change(&mut spec);
    match CodeTests::new(spec) {
        Ok(metric) => Some(metric),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

fn score(metric: &CodeTests, code: &str, expected: impl Into<Value>) -> (f64, String) {
    let measured = block_on(metric.measure(code, &Example::new("q", expected))).unwrap();
    (measured.verdict.score, measured.verdict.detail)
}

#[track_caller]
fn passes(metric: &CodeTests, code: &str) {
    let (score, detail) = score(metric, code, "assert True");
    assert_eq!(score, 1.0, "{detail}");
}

#[test]
fn right_code_passes_and_wrong_code_does_not() {
    let Some(metric) = python(|_| {}) else { return };
    let reply = "Here:\n```python\ndef add(a, b):\n    return a + b\n```\nDone.";
    assert_eq!(score(&metric, reply, "assert add(2, 3) == 5").0, 1.0);
    let (zero, detail) = score(&metric, &reply.replace('+', "-"), "assert add(2, 3) == 5, 'sum'");
    assert_eq!((zero, detail.as_str()), (0.0, "test 1 fails: exit code 1, AssertionError: sum (of 1 tests)"));
    let (zero, detail) = score(&metric, "import sys; sys.exit(0)", "assert False");
    assert_eq!((zero, detail.as_str()), (0.0, "test 1 fails: it ends before the test does (of 1 tests)"));
    let dialogue = json!({"stdin": "3\n4\n", "stdout": "7"});
    assert_eq!(score(&metric, "print(int(input()) + int(input()))", dialogue.clone()).0, 1.0);
    assert_eq!(
        score(&metric, "print(8)", dialogue).1,
        "test 1 fails: expected output '7', got '8' (of 1 tests)"
    );
    let Some(partial) = python(|spec| spec.partial = true) else { return };
    assert_eq!(score(&partial, "x = 1", json!(["assert x == 1", "assert x == 2"])).0, 0.5);
}

#[test]
fn nothing_outside_is_reached() {
    let Some(metric) = python(|_| {}) else { return };
    // Each line fails where the sandbox leaks.
    passes(&metric, "import os; assert os.getuid() == 65534 and os.getgid() == 65534");
    passes(
        &metric,
        "import os; assert not any(os.path.exists(p) for p in ['/root', '/home', '/etc/passwd', '/var', '/run'])",
    );
    passes(
        &metric,
        "import os; assert sorted(os.listdir('/code')) == ['main.py'] and os.listdir('/tmp') == []",
    );
    passes(
        &metric,
        "import os; assert set(os.environ) <= {'PATH', 'LANG', 'HOME', 'PYTHONHASHSEED', 'PWD', 'LC_CTYPE', '_', 'SHLVL', 'OLDPWD'}, os.environ",
    );
    passes(&metric, "import os; assert all(int(p) < 10 for p in os.listdir('/proc') if p.isdigit())");
    passes(&metric, "import socket\nassert [n for _, n in socket.if_nameindex()] == ['lo']");
    passes(
        &metric,
        "import socket\ntry:\n    socket.create_connection(('1.1.1.1', 53), 2)\n    raise SystemExit(9)\nexcept OSError:\n    pass",
    );
    for place in ["/usr/x", "/x", "/dev/x", "/code/main.py", "/proc/x"] {
        passes(
            &metric,
            &format!("try:\n    open('{place}', 'w')\n    raise SystemExit(9)\nexcept OSError:\n    pass"),
        );
    }
    passes(&metric, "open('/tmp/x', 'w').write('x'); open('y', 'w').write('y')");
}

#[test]
fn limits_hold() {
    let Some(metric) = python(|spec| (spec.wall_s, spec.cpu_s) = (10.0, 1)) else { return };
    let fails = |code: &str| {
        let (score, detail) = score(&metric, code, "assert True");
        assert_eq!(score, 0.0, "{code}: {detail}");
        detail
    };
    assert!(fails("x = bytearray(1 << 30)").contains("MemoryError"));
    let killed = fails("while True: pass");
    assert!(killed.contains("exit code 137") || killed.contains("exit code 152"), "{killed}");
    assert!(fails("open('/tmp/x', 'wb').write(b'x' * (17 << 20))").contains("exit code"));
    assert!(
        fails("for i in range(9): open(f'/tmp/{i}', 'wb').write(b'x' * (4 << 20))").contains("No space left")
    );
    assert!(fails("while True: print('x' * 1000)").contains("writes more than 256 KiB"));
    let forks = "import os\nfor _ in range(100):\n    if os.fork() == 0:\n        import time; time.sleep(30); os._exit(0)";
    assert!(fails(forks).contains("BlockingIOError"));
}

#[test]
fn a_slow_program_is_killed_with_its_children() {
    let Some(metric) = python(|spec| spec.wall_s = 1.5) else { return };
    let name = format!("sleep-{}", std::process::id());
    let code = format!(
        "import subprocess\nsubprocess.Popen(['bash', '-c', 'exec -a {name} sleep 60'], start_new_session=True)\nsubprocess.run(['sleep', '60'])"
    );
    let (zero, detail) = score(&metric, &code, "assert True");
    assert_eq!((zero, detail.as_str()), (0.0, "test 1 fails: it takes longer than 1.5 s (of 1 tests)"));
    // The kernel ends the namespace a moment after its first process.
    let alive = || {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter_map(|e| std::fs::read(e.path().join("cmdline")).ok())
            .any(|c| c.starts_with(name.as_bytes()))
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while alive() {
        assert!(std::time::Instant::now() < deadline, "a process outlived its sandbox");
        std::thread::yield_now();
    }
}

#[test]
fn a_program_that_the_sandbox_does_not_see_is_named() {
    if python(|_| {}).is_none() {
        return;
    }
    let command = vec!["/nowhere/python".into(), "main.py".into()];
    let spec = CodeSpec { command, ..CodeSpec::default() };
    let error = CodeTests::new(spec).unwrap_err().to_string();
    assert!(error.contains("there is no program '/nowhere/python' in the sandbox"), "{error}");
}
