use std::process::{Command, Output};

fn cab(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cab")).args(args).output().expect("the program starts")
}

#[test]
fn bad_arguments_end_with_one_line_and_status_2() {
    let cases: [(&[&str], &str); 9] = [
        (&["--family", "easy"], "'easy' is no family; known are base, unstructured"),
        (&["--scenario", "Q"], "'Q' is no scenario"),
        (&["--instances", "3..1"], "the first number must not be above the last"),
        (&["--seeds", "all"], "write A..B (both ends included) or one number"),
        (&["--budget", "0"], "--budget"),
        (&["--rho", "1.5"], "write a number from 0 to 1"),
        (&["--threads", "0"], "--threads"),
        (&["--optimizer", "magic"], "static-gepa"),
        (&["--nonsense"], "--nonsense"),
    ];
    for (args, why) in cases {
        let output = cab(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(why) && error.trim_end().lines().count() == 1, "{args:?}: {error}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(cab(&["--help"]).status.code(), Some(0));
}

#[test]
fn a_run_ends_with_json_and_leaves_raw_rows() {
    let out = tempfile::tempdir().unwrap();
    let directory = out.path().join("rows");
    let small = ["--instances", "2", "--seeds", "0..1", "--budget", "500", "--threads", "2"];
    let args: Vec<&str> = small.into_iter().chain(["--out", directory.to_str().unwrap()]).collect();
    let output = cab(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("calls      mean gain"), "{text}");
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert!(last["overhead_us_per_call"].as_f64().unwrap() > 0.0);
    let rows = last["rows"].as_array().unwrap();
    let of = |i: usize, key: &str| rows[i][key].as_u64().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!([of(0, "instance"), of(0, "seed"), of(1, "instance"), of(1, "seed")], [2, 0, 2, 1]);
    assert!(rows[0]["gain_at"]["500"].is_f64() && rows[0]["gain_at"]["1000"].is_null());
    let raw = std::fs::read_to_string(directory.join("rows.jsonl")).unwrap();
    assert_eq!(raw.lines().count(), 2);
    for line in raw.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(row["calls"].as_u64().unwrap() <= 500);
        assert!(row["curve"].as_array().unwrap().iter().all(|step| step["gain"].is_f64()));
    }
    let command = std::fs::read_to_string(directory.join("command.txt")).unwrap();
    assert_eq!(
        command,
        format!("cargo run --release -p metaorch-benches --bin cab -- {}\n", small.join(" "))
    );
}
