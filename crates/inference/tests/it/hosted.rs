//! The hosted client against a server with every fault.

use std::time::Duration;

use inference::{
    Generate, Headers, HostedClient, HostedOptions, InferenceError, Key, LimitField, LlmClient, Message,
    Price, Prompt, Role, StopCause,
};
use meta_traits::{Classify, Cost, ErrorKind};
use serde_json::{Value, json};

use crate::server::{Reply, Server};

fn once() -> HostedOptions {
    HostedOptions::default()
}

fn ask() -> Generate {
    Generate::new(Prompt::Text("Say hi.".to_owned()))
}

fn with(change: impl FnOnce(&mut Generate)) -> Generate {
    let mut request = ask();
    change(&mut request);
    request
}

fn good(text: &str) -> Reply {
    Reply::json(&json!({
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
    }))
}

async fn client(replies: Vec<Reply>, options: HostedOptions) -> (HostedClient, Server) {
    let server = Server::new(replies).await;
    let key = Key::new("sk-1234567890", "TEST_KEY").unwrap();
    let client = HostedClient::new(&format!("{}/v1/", server.url()), "m", Some(key), options).unwrap();
    (client, server)
}

async fn fail(reply: Reply) -> InferenceError {
    let (client, server) = client(vec![reply], once()).await;
    let error = client.generate(&ask()).await.unwrap_err();
    assert_eq!(server.seen().len(), 1);
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

#[tokio::test]
async fn a_request_says_everything_and_the_answer_is_priced() {
    let options = HostedOptions {
        price: Price::nano_usd(150, 600).with_cached(0.075),
        headers: Headers::default().with("x-team", "blue").unwrap(),
        ..once()
    };
    let (client, server) = client(vec![good("hi")], options).await;
    let mut request = Generate::new(Prompt::Chat(vec![
        Message { role: Role::System, content: "Be brief.".into() },
        Message { role: Role::User, content: "Say hi.".into() },
    ]));
    request.max_tokens = 20;
    request.temperature = 0.7;
    request.top_p = 0.9;
    request.seed = 5;
    request.stop = vec!["\n".into()];
    let answer = client.generate(&request).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop), ("hi", StopCause::Stop));
    assert_eq!(answer.usage.cost(), Cost::tokens(1, 11, 2).with_nano_usd(7 * 150 + 4 * 75 + 2 * 600));
    assert_eq!(answer.usage.tokens_cached, 4);
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(seen.header("authorization"), Some("Bearer sk-1234567890"));
    assert_eq!(seen.header("x-team"), Some("blue"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        body,
        json!({
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hi."}],
            "max_tokens": 20, "temperature": 0.7, "top_p": 0.9, "seed": 5, "stop": ["\n"],
        })
    );
}

#[tokio::test]
async fn a_text_is_one_user_message_and_defaults_are_left_out() {
    let server = Server::new(vec![good("hi")]).await;
    let options = HostedOptions { limit_field: LimitField::MaxCompletionTokens, ..once() };
    let client = HostedClient::new(&server.url(), "m", None, options).unwrap();
    client.generate(&ask()).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!((seen.line.as_str(), seen.header("authorization")), ("POST /chat/completions HTTP/1.1", None));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let messages = json!([{"role": "user", "content": "Say hi."}]);
    assert_eq!(
        body,
        json!({"model": "m", "messages": messages, "max_completion_tokens": 256, "temperature": 0.0})
    );
}

#[tokio::test]
async fn an_answer_without_usage_is_charged_as_its_cap() {
    let reply = json!({"choices": [{"message": {"content": "hi"}, "finish_reason": "length"}]});
    let options = HostedOptions { price: Price::nano_usd(1, 10), ..once() };
    let (client, _server) = client(vec![Reply::json(&reply)], options).await;
    let answer = client.generate(&ask()).await.unwrap();
    assert_eq!(answer.stop, StopCause::Length);
    assert_eq!(answer.usage.cost(), client.cap(&ask()));
    assert_eq!(client.cap(&ask()), Cost::tokens(1, 7 + 32, 256).with_nano_usd(39 + 2560));
}

#[tokio::test]
async fn a_refused_key_names_its_variable_and_is_not_tried_again() {
    for status in [401, 403] {
        let (client, server) = client(vec![Reply::status(status, "no"), good("hi")], once()).await;
        let error = client.generate(&ask()).await.unwrap_err();
        assert!(matches!(&error, InferenceError::Auth { key_from, .. } if key_from == "TEST_KEY"));
        assert_eq!((error.kind(), server.seen().len()), (ErrorKind::Permanent, 1));
    }
}

#[tokio::test]
async fn refusals_keep_their_status_advice_and_the_start_of_their_text() {
    let error = fail(Reply::status(429, "slow").with("retry-after", "7")).await;
    assert!(matches!(error, InferenceError::RateLimited { wait: Some(wait), .. } if wait.as_secs() == 7));
    let error = fail(Reply::status(503, "loading").with("retry-after", "2")).await;
    assert_eq!((error.advised_wait(), error.kind()), (Some(Duration::from_secs(2)), ErrorKind::Transient));
    let error = fail(Reply::status(404, format!("no\nsuch {}", "x".repeat(500)))).await;
    let InferenceError::Status { status: 404, ref message, .. } = error else { panic!("{error}") };
    assert!(message.starts_with("no such xxx") && message.chars().count() == 200, "{message}");
    assert_eq!(error.kind(), ErrorKind::Permanent);
}

#[tokio::test]
async fn redirects_are_refused_and_nothing_is_sent_there() {
    let other = Server::new(vec![good("stolen")]).await;
    for status in [301, 302, 307, 308] {
        let reply =
            Reply::status(status, "").with("location", format!("{}/v1/chat/completions", other.url()));
        let error = fail(reply).await;
        assert!(error.to_string().contains("redirect"), "{error}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn broken_connections_are_unreachable_and_transient() {
    let cut = Reply::Cut { status: 200, headers: vec![], length: 100, body: b"{\"choices\"".to_vec() };
    for reply in [Reply::Close, cut] {
        let error = fail(reply).await;
        assert!(matches!(error, InferenceError::Unreachable { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Transient);
    }
    let url = Server::new(vec![Reply::Close]).await.url(); // Dropped at once: nobody listens any more.
    tokio::task::yield_now().await;
    let client = HostedClient::new(&url, "m", None, once()).unwrap();
    let error = client.generate(&ask()).await.unwrap_err();
    assert!(matches!(error, InferenceError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let limit = Duration::from_millis(50);
    let (client, _server) = client(vec![Reply::Silent], HostedOptions { timeout: limit, ..once() }).await;
    let error = client.generate(&ask()).await.unwrap_err();
    assert!(matches!(error, InferenceError::Timeout { after, .. } if after == limit), "{error:?}");
}

#[tokio::test]
async fn answers_that_cannot_be_understood_are_protocol_errors() {
    let choice = json!({"message": {"content": "hi"}});
    for (what, body) in [
        ("nothing", String::new()),
        ("no JSON", "<html>hello</html>".to_owned()),
        ("cut JSON", "{\"choices\": [".to_owned()),
        ("no choices", "{}".to_owned()),
        ("empty choices", json!({"choices": []}).to_string()),
        ("a number for text", json!({"choices": [{"message": {"content": 3}}]}).to_string()),
        ("no text", json!({"choices": [{"message": {"content": null}}]}).to_string()),
        ("text for choices", json!({"choices": "hi"}).to_string()),
        ("text for usage", json!({"choices": [choice], "usage": "much"}).to_string()),
        ("negative usage", json!({"choices": [choice], "usage": {"prompt_tokens": -1}}).to_string()),
        ("not UTF-8", String::new()),
    ] {
        let bytes = if what == "not UTF-8" { vec![0xff, 0xfe, b'"'] } else { body.into_bytes() };
        let error = fail(Reply::status(200, bytes)).await;
        assert!(matches!(error, InferenceError::Protocol { .. }), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn an_answer_above_8_mib_is_refused() {
    let error = fail(Reply::status(200, vec![b' '; (8 << 20) + 1])).await;
    assert!(matches!(&error, InferenceError::Protocol { message, .. } if message.contains("8388608")));
    // A refusal may be longer: only its start is read.
    let error = fail(Reply::status(500, vec![b'x'; 9 << 20])).await;
    assert!(matches!(error, InferenceError::Status { status: 500, .. }));
}

#[tokio::test]
async fn requests_that_make_no_sense_are_not_sent() {
    let (client, server) = client(vec![good("hi")], once()).await;
    for bad in [
        with(|request| request.max_tokens = 0),
        with(|request| request.temperature = -1.0),
        with(|request| request.temperature = f32::NAN),
        with(|request| request.top_p = 0.0),
        with(|request| request.top_p = 1.5),
        with(|request| request.prompt = Prompt::Chat(vec![])),
    ] {
        let error = client.generate(&bad).await.unwrap_err();
        assert!(matches!(error, InferenceError::Invalid { .. }), "{error:?}");
    }
    assert!(server.seen().is_empty());
}
