//! The cache of answers on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use inference::{Cached, Embed, Generate, InferenceError, LlmClient, Prompt, Score, ScriptedClient};
use meta_traits::Cost;

fn ask(text: &str) -> Generate {
    Generate::new(Prompt::Text(text.to_owned()))
}

fn echo() -> ScriptedClient {
    ScriptedClient::answering(|request| format!("{:?}", request.prompt))
}

/// Every file below `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn answers_of_every_verb_come_back_bit_for_bit_and_cost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let client = || {
        let script = echo().scoring(|_| vec![-1.0 / 3.0, -1e-310]).embedding(|_| vec![0.1, 0.7]);
        Cached::new(script, dir.path())
    };
    let score = Score::new(Prompt::Text("p".into()), vec!["a".into(), "b".into()]);
    let embed = Embed::new(vec!["x".into()]);
    let first = client();
    let text = first.generate(&ask("x")).await.unwrap();
    let scored = first.score(&score).await.unwrap();
    let vectors = first.embed(&embed).await.unwrap();
    let second = client();
    let again = second.generate(&ask("x")).await.unwrap();
    assert_eq!((again.text, again.stop), (text.text, text.stop));
    assert!(again.usage.from_cache && again.usage.tokens_in == text.usage.tokens_in);
    assert_eq!(again.usage.paid(), Cost::ZERO);
    let rescored = second.score(&score).await.unwrap();
    assert_eq!(rescored.log_probs, scored.log_probs);
    assert_eq!(second.embed(&embed).await.unwrap().vectors, vectors.vectors);
    assert!(second.inner().asked().is_empty());
    assert_eq!(second.stats().hits, 3);
    for file in files(dir.path()) {
        let (name, folder) = (file.file_name().unwrap(), file.parent().unwrap().file_name().unwrap());
        assert_eq!((folder.len(), name.len()), (2, 62 + ".json".len()), "{}", file.display());
    }
}

#[tokio::test]
async fn failures_are_never_kept() {
    let dir = tempfile::tempdir().unwrap();
    let failure = InferenceError::RateLimited { endpoint: "test".to_owned(), wait: None };
    let client = Cached::new(ScriptedClient::queue([Err(failure), Ok("late".into())]), dir.path());
    assert!(client.generate(&ask("x")).await.is_err());
    assert!(files(dir.path()).is_empty());
    let answer = client.generate(&ask("x")).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.from_cache), ("late", false));
}

#[tokio::test]
async fn sampled_answers_are_kept_only_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let mut warm = ask("x");
    warm.temperature = 0.7;
    let client = Cached::new(echo(), dir.path());
    client.generate(&warm).await.unwrap();
    client.generate(&warm).await.unwrap();
    assert_eq!((client.stats().misses, files(dir.path()).len()), (2, 0));
    let client = client.keep_sampled(true);
    client.generate(&warm).await.unwrap();
    assert!(client.generate(&warm).await.unwrap().usage.from_cache);
    warm.seed = 1;
    assert!(!client.generate(&warm).await.unwrap().usage.from_cache);
}

#[tokio::test]
async fn damaged_files_are_misses_and_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let client = Cached::new(echo(), dir.path());
    client.generate(&ask("hello")).await.unwrap();
    let file = files(dir.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    let other_word = String::from_utf8(whole.clone()).unwrap().replace("hello", "jello");
    let other_key = String::from_utf8(whole.clone()).unwrap().replace("\"key\":\"", "\"key\":\"0");
    let mut damaged: Vec<Vec<u8>> = (0..whole.len()).step_by(7).map(|n| whole[..n].to_vec()).collect();
    damaged.extend([other_word.into_bytes(), other_key.into_bytes(), vec![0xff; 100], b"[]".to_vec()]);
    for bytes in damaged {
        fs::write(&file, &bytes).unwrap();
        let answer = client.generate(&ask("hello")).await.unwrap();
        assert!(!answer.usage.from_cache, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
    assert!(client.generate(&ask("hello")).await.unwrap().usage.from_cache);
}

#[tokio::test]
async fn an_answer_is_given_even_if_it_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    fs::write(&blocked, "not a folder").unwrap();
    let client = Cached::new(echo().scoring(|_| vec![f64::NEG_INFINITY]), &blocked);
    assert!(client.generate(&ask("x")).await.is_ok());
    assert_eq!((client.stats().misses, client.stats().unwritten), (1, 1));
    // JSON has no infinity: such an answer is given and not kept.
    let client = Cached::new(echo().scoring(|_| vec![f64::NEG_INFINITY]), dir.path().join("good"));
    let score = Score::new(Prompt::Text("p".into()), vec!["a".into()]);
    assert!(client.score(&score).await.is_ok() && client.score(&score).await.is_ok());
    assert_eq!((client.stats().hits, client.stats().unwritten), (0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn equal_requests_at_once_are_asked_once() {
    let dir = tempfile::tempdir().unwrap();
    let client = Arc::new(Cached::new(echo(), dir.path()));
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.generate(&ask(&format!("{}", n % 4))).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(client.inner().asked().len(), 4);
    assert_eq!((client.stats().hits, client.stats().misses), (60, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_share_a_folder_never_see_half_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let client = Cached::new(echo(), dir.path());
            tokio::spawn(async move {
                for n in 0..20 {
                    let prompt = format!("{n}{}", "x".repeat(5000));
                    let answer = client.generate(&ask(&prompt)).await.unwrap();
                    assert_eq!(answer.text, format!("{:?}", ask(&prompt).prompt));
                }
                client.stats()
            })
        })
        .collect();
    for task in tasks {
        let stats = task.await.unwrap();
        assert_eq!((stats.hits + stats.misses, stats.unwritten), (20, 0));
    }
    assert_eq!(files(dir.path()).len(), 20);
}

fn bytes(dir: &Path) -> u64 {
    files(dir).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

#[tokio::test]
async fn a_bounded_cache_keeps_its_size_and_what_was_used_last() {
    const BYTES: u64 = 256 * 2000;
    let dir = tempfile::tempdir().unwrap();
    let client = Cached::new(echo(), dir.path()).bounded(BYTES);
    for i in 0..3000 {
        client.generate(&ask(&i.to_string())).await.unwrap();
        if i % 500 == 0 {
            assert!(bytes(dir.path()) <= BYTES);
        }
    }
    let size = bytes(dir.path());
    assert!(size <= BYTES && size > BYTES / 2, "{size}");
    let stats = client.stats();
    assert_eq!((stats.misses, stats.unwritten), (3000, 0));
    assert!(stats.evicted > 500 && stats.evicted + files(dir.path()).len() as u64 == 3000, "{stats:?}");
    client.generate(&ask("2999")).await.unwrap();
    assert!((client.stats().hit_rate() - 1.0 / 3001.0).abs() < 1e-12);
    // An answer above a folder's part is given and not kept.
    let long = "x".repeat(3000);
    client.generate(&ask(&long)).await.unwrap();
    assert_eq!(client.stats().unwritten, 1);
}

/// The parent starts this very test twice with a folder in the environment; those two are the processes that share it.
#[test]
fn processes_share_a_bounded_cache() {
    const BYTES: u64 = 256 * 3000;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let work = |dir: &Path, from: usize| {
        let client = Cached::new(echo(), dir).bounded(BYTES);
        runtime.block_on(async {
            for i in 0..600 {
                let request = ask(&((from + i) % 900).to_string());
                let answer = client.generate(&request).await.unwrap();
                assert_eq!(
                    answer.text,
                    format!("{:?}", request.prompt),
                    "another process's answer is this one's"
                );
            }
        });
        client.stats()
    };
    if let Some(dir) = std::env::var_os("CACHE_OF_TWO") {
        assert_eq!(work(Path::new(&dir), 0).unwritten, 0);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let child = || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cached::processes_share_a_bounded_cache"])
            .env("CACHE_OF_TWO", dir.path())
            .output()
    };
    let (first, second) = std::thread::scope(|scope| {
        let one = scope.spawn(child);
        let two = scope.spawn(child);
        (one.join().unwrap().unwrap(), two.join().unwrap().unwrap())
    });
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stdout));
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stdout));
    assert_eq!(work(dir.path(), 0).hits, 600, "a third process finds everything");
    assert!(bytes(dir.path()) <= BYTES / 8 * 10);
    let left: Vec<_> =
        files(dir.path()).into_iter().filter(|f| f.extension().is_none_or(|e| e != "json")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn files_of_the_first_release_are_still_read() {
    let dir = tempfile::tempdir().unwrap();
    let client =
        Cached::new(ScriptedClient::answering(|_| "new".into()).named("m"), dir.path()).bounded(1 << 30);
    let name = blake3_of_the_request();
    let answer = r#"{"text":"old","stop":"stop","usage":{"tokens_in":3,"tokens_cached":0,"tokens_out":1,"nano_usd":7,"from_cache":false}}"#;
    let folder = dir.path().join(&name[..2]);
    fs::create_dir_all(&folder).unwrap();
    let sum = blake3::hash(answer.as_bytes()).to_hex();
    let file = format!(r#"{{"format":1,"key":"{name}","sum":"{sum}","answer":{answer}}}"#);
    fs::write(folder.join(format!("{}.json", &name[2..])), file).unwrap();
    let answer = client.generate(&ask("p")).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.nano_usd, answer.usage.from_cache), ("old", 7, true));
}

fn blake3_of_the_request() -> String {
    let request = r#"{"format":1,"identity":"m","verb":"generate","request":{"prompt":{"text":"p"},"max_tokens":256,"temperature":0.0,"top_p":1.0,"seed":null,"stop":[]}}"#;
    blake3::hash(request.as_bytes()).to_hex().to_string()
}

#[tokio::test]
async fn a_stream_is_kept_and_comes_back_in_one_piece() {
    let dir = tempfile::tempdir().unwrap();
    let client = Cached::new(echo(), dir.path());
    let request = ask("x");
    for from_cache in [false, true] {
        let said = std::sync::Mutex::new(Vec::new());
        let on_text = |text: &str| said.lock().unwrap().push(text.to_owned());
        let answer = client.stream(&request, &on_text).await.unwrap();
        assert_eq!(said.into_inner().unwrap(), [answer.text]);
        assert_eq!(answer.usage.from_cache, from_cache);
    }
    assert!(
        client.generate(&request).await.unwrap().usage.from_cache,
        "it is the answer of a generation, too"
    );
    assert_eq!(client.inner().asked().len(), 1);
}
