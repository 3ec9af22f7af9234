//! CSV and Parquet, columns, streaming.

use std::fs;
use std::path::{Path, PathBuf};

use evaluation::{Columns, Dataset, EvaluationError, Inputs, Rows};
use meta_traits::{Split, Stream};
use serde_json::json;
use tempfile::TempDir;

fn written(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(name);
    fs::write(&file, bytes).unwrap();
    (dir, file)
}

fn question_answer() -> Columns {
    Columns::new(Inputs::One("question".into()), "answer")
}

#[track_caller]
fn fault(name: &str, bytes: &[u8], columns: Option<&Columns>) -> String {
    let (_dir, file) = written(name, bytes);
    let read = Rows::open(&file, columns).and_then(Iterator::collect::<Result<Vec<_>, EvaluationError>>);
    let text = read.unwrap_err().to_string();
    assert!(text.starts_with("data: ") && text.contains(name) && !text.contains('\n'), "{text}");
    text
}

#[test]
fn csv_values_stay_as_they_stand() {
    let text =
        "\u{feff}input,expected,meta\r\n\"a, \"\"b\"\"\nc\",007,NA\r\n\r\n\"\",\" x \",\n5\" pipe,y,\"\"\n";
    let (_dir, file) = written("rows.csv", text.as_bytes());
    let rows: Vec<_> = Rows::open(&file, None).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (rows[0].text().as_str(), &rows[0].expected, &rows[0].meta),
        ("a, \"b\"\nc", &json!("007"), &json!("NA"))
    );
    assert_eq!((rows[1].text().as_str(), &rows[1].expected), ("", &json!(" x ")));
    assert_eq!(rows[2].text(), "5\" pipe");
}

#[test]
fn columns_are_chosen_by_name_in_every_format() {
    let csv = b"id,context,question,answer,noise\n7,c,q,a,\xff\n";
    let jsonl = br#"{"id":"7","context":"c","question":"q","answer":"a","noise":[1]}"#;
    let tsv = b"id\tcontext\tquestion\tanswer\n7\tc\tq\ta\n";
    for (name, bytes) in [("x.csv", &csv[..]), ("x.jsonl", &jsonl[..]), ("x.TSV", &tsv[..])] {
        let (_dir, file) = written(name, bytes);
        let inputs = Inputs::Fields(vec!["context".into(), "question".into()]);
        let columns = Columns::new(inputs, "answer").with_meta(vec!["id".into()]);
        let data = Dataset::load_columns(&file, None, None, Some(&columns)).unwrap();
        let row = &data.rows(Split::Train).unwrap()[0];
        assert_eq!(row.input, json!({"context": "c", "question": "q"}), "{name}");
        assert_eq!((&row.expected, &row.meta), (&json!("a"), &json!({"id": "7"})), "{name}");
    }
}

#[test]
fn faults_of_tables_name_place_and_what_is_allowed() {
    for (bytes, parts) in [
        (
            &b"question,answer\nq,a\n"[..],
            &["line 1", "column 'input' is missing", "question, answer", "data.columns"][..],
        ),
        (b"input,expected,note\nq,a,n\n", &["column 'note' is unknown", "data.columns"]),
        (b"input,expected,input\nq,a,n\n", &["column 3 is called 'input'"]),
        (b"input,expected\nq,a\nq,a,b\n", &["line 3: 3 fields, the header has 2", "double quotes"]),
        (b"input,expected\nq,\"a\nq,b\n", &["line 2", "never closed"]),
        (b"input,expected\nq,\xff\n", &["line 2: column 'expected' is not UTF-8"]),
        (b"\xff,expected\n", &["line 1: the header is not UTF-8"]),
    ] {
        let text = fault("x.csv", bytes, None);
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let text = fault("x.csv", b"questions,answer\nq,a\n", Some(&question_answer()));
    assert!(text.contains("column 'question' is missing. Did you mean 'questions'?"), "{text}");
    let text = fault("x.jsonl", b"{\"question\":\"q\"}\n", Some(&question_answer()));
    assert!(text.contains("line 1: column 'answer' is missing. The columns are: question"), "{text}");
    let text = fault("x.jsonl", b"{\"question\":\"q\",\"answer\":1", Some(&question_answer()));
    assert!(text.contains("a row is an object with the keys answer, question"), "{text}");
    assert!(Rows::open(Path::new("none.csv"), None).unwrap_err().to_string().contains("none.csv"));
    for name in ["x.csv", "x.jsonl"] {
        let (_dir, file) = written(name, if name == "x.csv" { b"input,expected\n" } else { b"" });
        let text = Dataset::load(&file, None, None).unwrap_err().to_string();
        assert!(text.contains("no example for the train split"), "{text}");
    }
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let mut bytes = b"input,expected\nq,\"".to_vec();
    bytes.resize(6 << 20, b'a');
    let text = fault("x.csv", &bytes, None);
    assert!(text.contains("longer than 4194304 bytes"), "{text}");
}

#[test]
fn nothing_comes_after_an_error() {
    let (_dir, file) = written("x.csv", b"input,expected\nq,a,b\nq,a\n");
    let mut rows = Rows::open(&file, None).unwrap();
    assert!(rows.next().unwrap().is_err() && rows.next().is_none());
}

#[test]
fn samples_and_digests_read_a_file_once() {
    let lines: Vec<String> = (0..500).map(|i| format!("{{\"input\":\"q{i}\",\"expected\":{i}}}\n")).collect();
    let lines = lines.concat();
    let (_dir, file) = written("x.jsonl", lines.as_bytes());
    let open = || Rows::open(&file, None).unwrap();
    let data = Dataset::load(&file, None, None).unwrap();
    assert_eq!(open().digest().unwrap(), data.digest(Split::Train).unwrap());
    assert_eq!(open().digest().unwrap().rows, 500);
    let sample = |n, seed| open().sample(n, &Stream::root(seed)).unwrap();
    assert_eq!(sample(20, 1), sample(20, 1));
    assert_ne!(sample(20, 1), sample(20, 2));
    assert_eq!(sample(900, 1).len(), 500);
    let places: Vec<u64> = sample(20, 1).iter().map(|row| row.expected.as_u64().unwrap()).collect();
    assert!(places.windows(2).all(|w| w[0] < w[1]) && places.len() == 20);
    // Every row is drawn with probability 0.04: the mean place of 100 samples of 20 is 249.5 +- 3.2.
    let drawn: Vec<u64> =
        (0..100).flat_map(|seed| sample(20, seed)).map(|r| r.expected.as_u64().unwrap()).collect();
    let mean = drawn.iter().sum::<u64>() as f64 / drawn.len() as f64;
    assert!((mean - 249.5).abs() < 4.0 * 3.2, "{mean}");
}

#[test]
fn a_folder_holds_a_split_in_one_format() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("train.csv"), "input,expected\nq,a\n").unwrap();
    fs::write(dir.path().join("val.jsonl"), r#"{"input":"v","expected":"a"}"#).unwrap();
    let data = Dataset::load_dir(dir.path()).unwrap();
    assert_eq!((data.ids(Split::Train).len(), data.ids(Split::Val).len()), (1, 1));
    fs::write(dir.path().join("val.csv"), "input,expected\nq,a\n").unwrap();
    let text = Dataset::load_dir(dir.path()).unwrap_err().to_string();
    assert!(text.contains("val.jsonl: the val split is also in") && text.ends_with("Keep one"), "{text}");
}

/// `tests/golden/rows.py`, pyarrow 26.0.1.
#[cfg(feature = "parquet")]
mod parquet {
    use super::*;

    fn golden(compression: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/rows_{compression}.parquet"))
    }

    fn all_columns() -> Columns {
        let names = ["context", "year", "share", "exact", "yes", "who", "day", "price", "big", "bytes"];
        question_answer().with_meta(names.map(str::to_owned).to_vec())
    }

    #[test]
    fn values_of_every_type() {
        for compression in ["none", "snappy", "gzip", "lz4"] {
            let rows = Rows::open(&golden(compression), Some(&all_columns())).unwrap();
            let rows: Vec<_> = rows.collect::<Result<_, _>>().unwrap();
            assert_eq!(rows.len(), 3);
            assert_eq!((rows[0].text().as_str(), &rows[0].expected), ("a?", &json!("A")));
            assert_eq!(
                rows[0].meta,
                json!({"context": ["x", "y"], "year": 1, "share": 0.1, "exact": 0.1, "yes": true,
                    "who": {"name": "n", "id": 7}, "day": "2024-02-29", "price": "1.50",
                    "big": 9_223_372_036_854_775_808_u64, "bytes": "ok"})
            );
            assert_eq!((&rows[1].meta["price"], &rows[1].meta["big"]), (&json!("-0.07"), &json!(u64::MAX)));
            assert_eq!(rows[2].text(), "ü?");
            assert_eq!(
                (&rows[2].meta["context"], &rows[2].meta["who"]),
                (&json!(null), &json!({"name": null, "id": 9}))
            );
        }
    }

    #[test]
    fn only_columns_that_are_named_are_read() {
        let columns = Columns::new(Inputs::Fields(vec!["question".into(), "year".into()]), "answer");
        let data = Dataset::load_columns(&golden("snappy"), None, None, Some(&columns)).unwrap();
        assert_eq!(data.rows(Split::Train).unwrap()[1].input, json!({"question": "b?", "year": -2}));
    }

    #[test]
    fn faults_name_file_and_row() {
        let text = |file: &Path, columns: Option<&Columns>| {
            let rows = Rows::open(file, columns).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let text = rows.unwrap_err().to_string();
            assert!(text.contains(".parquet") && !text.contains('\n'), "{text}");
            text
        };
        assert!(text(&golden("none"), None).contains("column 'input' is missing"));
        assert!(text(&golden("zstd"), Some(&question_answer())).contains("Save it with snappy, gzip, lz4"));
        let number = Columns::new(Inputs::One("year".into()), "answer");
        assert!(text(&golden("none"), Some(&number)).contains("row 1: input is a number"));
        let (_dir, file) = written("x.parquet", b"PAR1 is not all there is to it");
        assert!(text(&file, None).contains("not readable as Parquet"));
    }
}
