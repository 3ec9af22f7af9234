use std::process::{Command, Output};

fn topology(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_topology")).args(args).output().expect("the program starts")
}

#[test]
fn bad_arguments_end_with_one_line_and_status_2() {
    for (args, why) in [
        (&["flowsim", "--families", "G"][..], "'G' is no family; known are A, B, C, D, E, F"),
        (&["flowsim", "--seeds", "3..1"], "the first number must not be above the last"),
        (&["flowsim", "--evaluations", "0"], "--evaluations"),
        (&["flowsim", "--predictor", "maybe"], "on, off"),
    ] {
        let output = topology(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(why) && error.trim_end().lines().count() == 1, "{args:?}: {error}");
    }
}

#[test]
fn flowsim_ends_with_json_whatever_the_threads() {
    let run = |threads: &str| {
        let small = ["flowsim", "--seeds", "1..2", "--families", "B", "--runs", "1", "--evaluations", "100"];
        let output = topology(&[&small[..], &["--threads", threads, "--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let one = run("1");
    assert_eq!(one, run("2"));
    let found: serde_json::Value = serde_json::from_str(one.trim()).unwrap();
    assert!(found["regret_ratio"].as_f64().unwrap() > 0.0 && found["ci"].as_array().unwrap().len() == 2);
    assert!(found["family"]["B"]["regret"].is_f64() && found["family"]["B"]["best_single_gap"].is_f64());
    assert!((0.0..=1.0).contains(&found["predictor"]["coverage_90"].as_f64().unwrap()));
    assert!(found["predictor"]["evaluations_ratio"].is_f64() && found["predictor"]["ci"].is_array());
}
