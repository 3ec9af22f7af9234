use std::fs;
use std::path::PathBuf;

use evaluation::{Dataset, EvaluationError};
use meta_traits::{Classify, ErrorKind, ExampleId, Split};
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let path = dir.path().to_owned();
    (dir, path)
}

#[track_caller]
fn fault(lines: &[u8]) -> EvaluationError {
    let (_dir, path) = folder(&[("train.jsonl", lines)]);
    let error = Dataset::load_dir(&path).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("train.jsonl") && !text.contains('\n'), "{text}");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error
}

#[test]
fn a_folder_of_splits_is_read_in_order() {
    let train = "\u{feff}{\"input\":\"a\",\"expected\":\"x\"}\r\n\n{\"expected\":[1],\"input\":{\"q\":1},\"meta\":{\"k\":2}}";
    let (_dir, path) = folder(&[
        ("train.jsonl", train.as_bytes()),
        ("test.jsonl", b"{\"input\":\"t\",\"expected\":null}\n"),
    ]);
    let data = Dataset::load_dir(&path).unwrap();
    assert_eq!(data.ids(Split::Train).len(), 2);
    assert!(data.ids(Split::Val).is_empty() && data.hash(Split::Val).is_none(), "val is never made up");
    assert_eq!(data.get(ExampleId::new(Split::Train, 1)).unwrap().text(), "q: 1");
    assert_eq!(data.get(ExampleId::new(Split::Train, 1)).unwrap().meta["k"], 2);
    assert_eq!(data.get(ExampleId::new(Split::Test, 0)).unwrap().text(), "t");
    assert!(data.get(ExampleId::new(Split::Test, 1)).is_none());
    assert_ne!(data.hash(Split::Train), data.hash(Split::Test));
    assert_eq!(data.hash(Split::Train).unwrap().len(), 64);
}

#[test]
fn faults_name_file_line_and_what_is_allowed() {
    let good = "{\"input\":\"a\",\"expected\":\"x\"}\n";
    for (line, parts) in [
        ("{\"input\":\"a\"", &["not a JSON value", "column"][..]),
        ("hello", &["not a JSON value"]),
        ("[1]", &["an array instead of an object"]),
        ("{\"expected\":\"x\"}", &["key 'input' is missing"]),
        ("{\"input\":\"a\"}", &["key 'expected' is missing"]),
        ("{\"input\":3,\"expected\":\"x\"}", &["input is a number", "Allowed: a string or an object"]),
        ("{\"input\":\"a\",\"input\":\"b\",\"expected\":\"x\"}", &["key 'input' is given twice"]),
        ("{\"input\":\"a\",\"expected\":{\"k\":1,\"k\":2}}", &["key 'k' is given twice"]),
        ("{\"input\":\"a\",\"expectd\":\"x\"}", &["unknown key 'expectd'", "Did you mean 'expected'?"]),
        ("{\"input\":\"a\",\"expected\":\"x\",\"zz\":1}", &["unknown key 'zz'", "Put it under meta"]),
        ("{\"input\":\"a\",\"expected\":NaN}", &["not a JSON value"]),
    ] {
        let text = fault(format!("{good}{line}\n").as_bytes()).to_string();
        assert!(text.contains("line 2"), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn bytes_that_are_not_text_are_placed() {
    let text =
        fault(b"{\"input\":\"a\",\"expected\":\"x\"}\n{\"input\":\"\xff\",\"expected\":1}").to_string();
    assert!(text.contains("line 2: not UTF-8 at byte 11"), "{text}");
}

#[test]
fn a_line_without_end_is_not_read_to_its_end() {
    let mut bytes = b"{\"input\":\"".to_vec();
    bytes.resize(5 << 20, b'a');
    assert!(fault(&bytes).to_string().contains("line 1: longer than 4194304 bytes"));
}

#[test]
fn empty_and_missing_files() {
    assert!(fault(b"\n \n").to_string().contains("no example for the train split"));
    let (_dir, path) = folder(&[("train.jsonl", b"{\"input\":\"a\",\"expected\":1}"), ("val.jsonl", b"")]);
    assert!(Dataset::load_dir(&path).unwrap_err().to_string().contains("no example for the val split"));
    let error = Dataset::load(&path.join("none.jsonl"), None, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("none.jsonl"), "{error}");
}
