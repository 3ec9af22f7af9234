//! Readers on arbitrary and damaged bytes: rows or one line that names the file, never a panic.

use std::fs;
use std::path::Path;

use evaluation::{Columns, EvaluationError, Inputs, Rows};
use proptest::collection::vec;
use proptest::prelude::*;

/// How many cases a reader gets; more by `METAORCH_SOAK_N`.
fn cases() -> u32 {
    std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(256)
}

fn read(name: &str, bytes: &[u8], columns: Option<&Columns>) -> Result<usize, TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(name);
    fs::write(&file, bytes).unwrap();
    match Rows::open(&file, columns).and_then(Iterator::collect::<Result<Vec<_>, EvaluationError>>) {
        Ok(rows) => Ok(rows.len()),
        Err(error) => {
            let text = error.to_string();
            prop_assert!(text.contains(name) && !text.contains(['\n', '\r']), "{text:?}");
            Ok(0)
        }
    }
}

/// Bytes changed, cut out or doubled.
fn damaged(bytes: &[u8], edits: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (at, kind, byte) in edits {
        if out.is_empty() {
            break;
        }
        let at = at.index(out.len());
        match kind % 4 {
            0 => out[at] = *byte,
            1 => drop(out.remove(at)),
            2 => out.insert(at, *byte),
            _ => out.truncate(at),
        }
    }
    out
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    vec((any::<prop::sample::Index>(), prop_oneof![8 => 0..3_u8, 1 => Just(3_u8)], any::<u8>()), 1..8)
}

const CSV: &str = "input,expected,meta\n\"a, \"\"b\"\"\",x,1\nq,\"two\nlines\",\n";
const JSONL: &str =
    "{\"input\":{\"a\":1},\"expected\":[1.5,null]}\n{\"input\":\"\\u00e9\",\"expected\":\"x\",\"meta\":{}}\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..300), text in "[\"',\\n\\r\\t{}:\\[\\]a-c0-9\u{feff}é]{0,120}") {
        for name in ["x.csv", "x.tsv", "x.jsonl", "x.parquet"] {
            read(name, &bytes, None)?;
            read(name, text.as_bytes(), None)?;
            read(name, format!("input,expected\n{text}").as_bytes(), None)?;
        }
    }

    #[test]
    fn damaged_text(edits in edits()) {
        for (name, text) in [("x.csv", CSV), ("x.jsonl", JSONL)] {
            prop_assert!(read(name, text.as_bytes(), None)? == 2);
            read(name, &damaged(text.as_bytes(), &edits), None)?;
        }
    }

    #[test]
    #[cfg(feature = "parquet")]
    fn damaged_parquet(edits in edits(), which in 0..3_usize) {
        let name = ["none", "snappy", "gzip"][which];
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/rows_{name}.parquet"));
        let bytes = fs::read(file).unwrap();
        let columns = Columns::new(Inputs::One("question".into()), "answer").with_meta(
            ["context", "year", "share", "exact", "yes", "who", "day", "price", "big"].map(str::to_owned).to_vec(),
        );
        // Only replacing bytes keeps the offsets of the file, so that the damage reaches the decoders.
        let mut replaced = bytes.clone();
        for (at, _, byte) in &edits {
            let at = at.index(replaced.len());
            replaced[at] = *byte;
        }
        read("x.parquet", &replaced, Some(&columns))?;
        read("x.parquet", &damaged(&bytes, &edits), Some(&columns))?;
    }
}
