//! Downloads from a hub on loopback, interrupted in every way.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use inference::{Hub, InferenceError, ModelFile, RetryPolicy};

use crate::provision::{content, leftovers, quiet, row, store};
use crate::server::{Reply, Server};

const ETAG: &str = "\"v1\"";

fn hub(server: &Server, retries: u32) -> Hub {
    let retry = RetryPolicy { retries, first_wait: Duration::from_millis(1), ..RetryPolicy::default() };
    Hub { base_url: server.url(), stall: Duration::from_secs(5), retry }
}

fn whole() -> Reply {
    Reply::status(200, content()).with("etag", ETAG)
}

/// Breaks off after `n` bytes.
fn cut(n: usize, etag: &str) -> Reply {
    let all = content();
    Reply::Cut { status: 200, headers: vec![], length: all.len(), body: all[..n].to_vec() }.with("etag", etag)
}

fn rest(from: usize, etag: &str) -> Reply {
    let all = content();
    let range = format!("bytes {from}-{}/{}", all.len() - 1, all.len());
    Reply::status(206, all[from..].to_vec()).with("content-range", range).with("etag", etag)
}

#[tokio::test]
async fn the_pinned_revision_is_fetched_once() {
    let server = Server::new(vec![whole()]).await;
    let (store, _dir) = store(&[]);
    let path = store.fetch_hub(&row(), &hub(&server, 0), &quiet).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), content());
    assert_eq!(store.locate(&row()).unwrap().path(), path);
    assert_eq!(server.seen()[0].line, "GET /owner/tiny/resolve/0123abcd/tiny.gguf HTTP/1.1");
    assert!(server.seen()[0].header("range").is_none());
    assert!(leftovers(&store).is_empty());
    store.fetch_hub(&row(), &hub(&server, 0), &quiet).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_interrupted_download_goes_on_within_the_same_call() {
    let server = Server::new(vec![cut(100_000, ETAG), rest(100_000, ETAG)]).await;
    let (store, _dir) = store(&[]);
    let path = store.fetch_hub(&row(), &hub(&server, 2), &quiet).await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    let seen = server.seen();
    assert_eq!((seen.len(), seen[1].header("range")), (2, Some("bytes=100000-")));
    assert_eq!(seen[1].header("if-range"), Some(ETAG));
    assert!(leftovers(&store).is_empty());
}

#[tokio::test]
async fn an_interrupted_download_goes_on_in_a_later_call_even_after_refusals() {
    let replies = vec![cut(100_000, ETAG), Reply::status(503, "busy"), rest(100_000, ETAG)];
    let server = Server::new(replies).await;
    let (store, _dir) = store(&[]);
    let error = store.fetch_hub(&row(), &hub(&server, 0), &quiet).await.unwrap_err();
    assert!(matches!(error, InferenceError::Unreachable { .. }), "{error:?}");
    assert!(store.locate(&row()).is_err(), "a part is no model");
    let error = store.fetch_hub(&row(), &hub(&server, 0), &quiet).await.unwrap_err();
    assert!(matches!(error, InferenceError::Status { status: 503, .. }), "{error:?}");
    let path = store.fetch_hub(&row(), &hub(&server, 0), &quiet).await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(server.seen()[2].header("range"), Some("bytes=100000-"));
}

#[tokio::test]
async fn a_changed_file_is_fetched_anew() {
    // The server ignores the range because its file has another ETag now.
    let server = Server::new(vec![cut(100_000, "\"v0\""), whole()]).await;
    let (store, _dir) = store(&[]);
    let path = store.fetch_hub(&row(), &hub(&server, 1), &quiet).await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    assert_eq!(server.seen()[1].header("if-range"), Some("\"v0\""));
    // A server that gives a part of another file all the same, a wrong part, or none is not believed.
    for wrong in [rest(100_000, "\"v2\""), rest(90_000, ETAG), Reply::status(416, "")] {
        let server = Server::new(vec![cut(100_000, ETAG), wrong, whole()]).await;
        let (store, _dir) = crate::provision::store(&[]);
        let path = store.fetch_hub(&row(), &hub(&server, 2), &quiet).await.unwrap();
        assert_eq!(fs::read(path).unwrap(), content());
        let ranges: Vec<bool> = server.seen().iter().map(|seen| seen.header("range").is_some()).collect();
        assert_eq!(ranges, [false, true, false]);
    }
}

#[tokio::test]
async fn without_a_strong_etag_nothing_is_continued() {
    let server = Server::new(vec![cut(100_000, "W/\"v1\""), whole()]).await;
    let (store, _dir) = store(&[]);
    store.fetch_hub(&row(), &hub(&server, 1), &quiet).await.unwrap();
    assert_eq!(server.seen()[1].header("range"), None);
}

#[tokio::test]
async fn a_file_that_is_not_the_pinned_one_is_removed() {
    let mut other = content();
    other[9] ^= 1;
    let server = Server::new(vec![Reply::status(200, other).with("etag", ETAG), whole()]).await;
    let (store, _dir) = store(&[]);
    let error = store.fetch_hub(&row(), &hub(&server, 3), &quiet).await.unwrap_err();
    assert!(matches!(error, InferenceError::Model { .. }) && error.to_string().contains("sha256"), "{error}");
    assert!(leftovers(&store).is_empty());
    store.fetch_hub(&row(), &hub(&server, 0), &quiet).await.unwrap();
    assert_eq!(server.seen()[1].header("range"), None);
}

#[tokio::test]
async fn refusals_silence_and_wrong_sizes_are_errors() {
    let (store, _dir) = store(&[]);
    let short = Server::new(vec![Reply::status(200, "short")]).await;
    let error = store.fetch_hub(&row(), &hub(&short, 0), &quiet).await.unwrap_err();
    assert!(matches!(error, InferenceError::Protocol { .. }), "{error:?}");
    let gone = Server::new(vec![Reply::status(404, "")]).await;
    let error = store.fetch_hub(&row(), &hub(&gone, 0), &quiet).await.unwrap_err();
    assert!(matches!(error, InferenceError::Status { status: 404, .. }), "{error:?}");
    let silent = Server::new(vec![Reply::Silent]).await;
    let impatient = Hub { stall: Duration::from_millis(50), ..hub(&silent, 0) };
    let error = store.fetch_hub(&row(), &impatient, &quiet).await.unwrap_err();
    assert!(matches!(error, InferenceError::Timeout { .. }), "{error:?}");
    let bare = ModelFile { hub: None, ..row() };
    let error = store.fetch_hub(&bare, &hub(&silent, 0), &quiet).await.unwrap_err();
    assert!(matches!(error, InferenceError::Fetch { .. }), "{error:?}");
}

#[tokio::test]
async fn the_hub_is_asked_where_pip_cannot_help() {
    let server = Server::new(vec![Reply::status(404, ""), whole()]).await;
    let (store, _dir) = store(&["/nonexistent/python".into()]);
    let on = Arc::new(quiet);
    let error = store.fetch(&row(), &hub(&server, 0), on.clone()).await.unwrap_err().to_string();
    assert!(error.contains("404") && error.contains("/nonexistent/python"), "{error}");
    let path = store.fetch(&row(), &hub(&server, 0), on.clone()).await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content());
    let bare = ModelFile { hub: None, sha256: "00".repeat(32).into(), ..row() };
    let error = store.fetch(&bare, &hub(&server, 0), on).await.unwrap_err();
    assert!(error.to_string().contains("no Python with pip"), "{error}");
}
