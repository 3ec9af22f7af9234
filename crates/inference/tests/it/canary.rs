//! A key must appear in no error, `Debug` text or address, whatever goes wrong.

use std::time::Duration;

use inference::{Embed, Generate, Headers, HostedClient, HostedOptions, Key, LlmClient, Prompt, Score};
use serde_json::json;

use crate::hosted::quick;
use crate::server::{Reply, Server};

const CANARY: &str = "sk-canary-7f3a9b1c5d";
const HEADER: &str = "header-canary-0a1b2c";

fn assert_clean(text: &str) {
    assert!(!text.contains(CANARY) && !text.contains(HEADER), "{text}");
}

/// Answers that repeat the secrets in every place that could reach a message.
fn replies() -> Vec<Reply> {
    let both = format!("your key {CANARY} and {HEADER}");
    let mut replies: Vec<Reply> = [400, 401, 403, 404, 408, 429, 500, 503]
        .map(|status| Reply::status(status, both.clone()).with("retry-after", CANARY))
        .into();
    replies.extend([
        Reply::status(400, json!({"error": {"message": both}}).to_string()),
        Reply::status(400, format!("{}{both}", "x".repeat(180))),
        Reply::status(302, both.clone()).with("location", format!("http://127.0.0.1:1/{CANARY}")),
        Reply::json(&json!({"choices": CANARY})),
        Reply::json(&json!({"choices": [{"message": {"content": [HEADER]}}]})),
        Reply::json(&json!({"choices": [{"message": {"content": "hi"}}], "usage": CANARY})),
        Reply::status(200, both.clone()),
        Reply::status(200, vec![b' '; (8 << 20) + 1]),
        Reply::Cut { status: 200, headers: vec![], length: 1000, body: both.into_bytes() },
        Reply::Close,
        Reply::Silent,
    ]);
    replies
}

#[tokio::test]
async fn no_failure_shows_the_key() {
    for reply in replies() {
        let server = Server::new(vec![reply.clone()]).await;
        let options = HostedOptions {
            timeout: Duration::from_millis(500),
            retry: quick().retry.once(),
            headers: Headers::default().with("x-secret", HEADER).unwrap(),
            ..quick()
        };
        assert_clean(&format!("{options:?}"));
        let key = Key::new(CANARY, "CANARY_KEY").unwrap();
        assert_clean(&format!("{key:?}"));
        let client = HostedClient::new(&server.url(), "m", Some(key), options).unwrap();
        assert_clean(&format!("{client:?} {} {}", client.identity(), client.endpoint()));
        let error = client.generate(&Generate::new(Prompt::Text("hi".into()))).await.unwrap_err();
        let mut source: Option<&dyn std::error::Error> = Some(&error);
        while let Some(cause) = source {
            assert_clean(&format!("{cause} {cause:?} {cause:#?}"));
            source = cause.source();
        }
        let score = client.score(&Score::new(Prompt::Text("hi".into()), vec![])).await.unwrap_err();
        let embed = client.embed(&Embed::new(vec![])).await;
        assert_clean(&format!("{score:?} {embed:?}"));
        let seen = server.seen();
        assert_eq!(seen.len(), 1, "{reply:?}");
        assert_eq!(seen[0].header("authorization"), Some(format!("Bearer {CANARY}").as_str()));
        assert_clean(&format!("{} {}", seen[0].line, seen[0].body));
    }
}

#[test]
fn no_refused_address_or_key_is_repeated() {
    for url in [
        format!("https://user:{CANARY}@host/v1"),
        format!("https://{CANARY}@host/v1"),
        format!("https://host/v1?api_key={CANARY}"),
        format!("https://host:{CANARY}/v1"),
        CANARY.to_owned(),
    ] {
        let error = HostedClient::new(&url, "m", None, HostedOptions::default()).unwrap_err();
        assert_clean(&format!("{error} {error:?}"));
    }
    let error = Key::new(&format!("{CANARY}\n{CANARY}"), "CANARY_KEY").unwrap_err();
    assert_clean(&format!("{error} {error:?}"));
}
