//! What each provider is sent and how its answers are read, against a loopback server.

use std::sync::Mutex;
use std::time::Duration;

use inference::{
    Embed, GenaiClient, Generate, Headers, HostedClient, HostedOptions, InferenceError, JsonSchema, Key,
    LlmClient, Message, Price, Prompt, Proxy, Role, Score, Scoring, StopCause,
};
use meta_traits::{Classify, Cost, ErrorKind};
use serde_json::{Value, json};

use crate::hosted::quick;
use crate::server::{Reply, Server};

const CANARY: &str = "sk-canary-7f3a9b1c5d";

fn priced() -> HostedOptions {
    HostedOptions { price: Price::nano_usd(1, 10), retry: quick().retry.once(), ..quick() }
}

fn native(server: &Server, protocol: &str) -> GenaiClient {
    let key = Key::new(CANARY, "TEST_KEY").unwrap();
    GenaiClient::new(protocol, Some(&format!("{}/v1", server.url())), "m", Some(key), priced()).unwrap()
}

fn compatible(server: &Server, options: HostedOptions) -> HostedClient {
    HostedClient::new(&format!("{}/v1", server.url()), "m", None, options).unwrap()
}

fn typed(reply: Value) -> Reply {
    Reply::json(&reply).with("content-type", "application/json")
}

fn events(parts: &[Value], end: &str) -> Reply {
    let body: String = parts.iter().map(|part| format!("data: {part}\n\n")).collect();
    Reply::status(200, body + end).with("content-type", "text/event-stream")
}

fn chat() -> Generate {
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    let prompt = Prompt::Chat(vec![message(Role::System, "Be brief."), message(Role::User, "Say hi.")]);
    let mut request = Generate::new(prompt);
    (request.max_tokens, request.temperature, request.stop) = (20, 0.7, vec!["\n".to_owned()]);
    request.schema = Some(JsonSchema::new("s", json!({"type": "object"})).unwrap());
    request
}

fn text() -> Generate {
    Generate::new(Prompt::Text("Say hi.".to_owned()))
}

async fn streamed(client: &dyn LlmClient) -> (Vec<String>, Result<inference::Generated, InferenceError>) {
    let pieces = Mutex::new(Vec::new());
    let request = text();
    let result = client.stream(&request, &|piece| pieces.lock().unwrap().push(piece.to_owned())).await;
    (pieces.into_inner().unwrap(), result)
}

#[tokio::test]
async fn anthropic_is_asked_and_read_in_its_own_way() {
    let server = Server::new(vec![typed(json!({
        "content": [{"type": "text", "text": "hi"}], "stop_reason": "max_tokens",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2, "output_tokens": 3},
    }))])
    .await;
    let answer = native(&server, "anthropic").generate(&chat()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop), ("hi", StopCause::Length));
    assert_eq!(answer.usage.cost(), Cost::tokens(1, 11, 3).with_nano_usd(41));
    assert_eq!(answer.usage.tokens_cached, 4);
    let seen = &server.seen()[0];
    assert_eq!((seen.line.as_str(), seen.header("x-api-key")), ("POST /v1/messages HTTP/1.1", Some(CANARY)));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!((&body["system"], &body["max_tokens"]), (&json!("Be brief."), &json!(20)));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Say hi."}]));
    assert_eq!((&body["temperature"], &body["stop_sequences"]), (&json!(0.7), &json!(["\n"])));
    assert_eq!(body["output_config"]["format"]["type"], "json_schema");
}

#[tokio::test]
async fn gemini_is_asked_without_a_key_in_the_address() {
    let good = json!({
        "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 9, "cachedContentTokenCount": 4, "candidatesTokenCount": 2,
                          "thoughtsTokenCount": 5, "totalTokenCount": 16},
    });
    let blocked =
        json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}});
    let cut = json!({"candidates": [{"finishReason": "SAFETY"}], "usageMetadata": {"promptTokenCount": 9}});
    let server = Server::new(vec![typed(good), typed(blocked), typed(cut)]).await;
    let client = native(&server, "gemini");
    let answer = client.generate(&chat()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.tokens_cached), ("hi", 4));
    assert_eq!(answer.usage.cost(), Cost::tokens(1, 9, 7).with_nano_usd(79));
    for _ in 0..2 {
        let error = client.generate(&chat()).await.unwrap_err();
        assert!(matches!(error, InferenceError::Filtered { .. }), "{error:?}");
        assert_eq!((error.kind(), error.usage().tokens_in), (ErrorKind::InvalidInput, 9));
    }
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /v1/models/m:generateContent HTTP/1.1");
    assert_eq!(seen.header("x-goog-api-key"), Some(CANARY));
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body["systemInstruction"]["parts"][0]["text"], "Be brief.");
    assert_eq!(body["generationConfig"]["maxOutputTokens"], 20);
    assert_eq!(body["generationConfig"]["responseJsonSchema"], json!({"type": "object"}));
}

#[tokio::test]
async fn ollama_by_its_own_protocol_counts_and_refuses_what_it_cannot() {
    let server = Server::new(vec![typed(json!({
        "message": {"content": "hi"}, "done": true, "done_reason": "stop", "prompt_eval_count": 8, "eval_count": 2,
    }))])
    .await;
    let client = native(&server, "ollama");
    assert_eq!(client.generate(&text()).await.unwrap().usage.cost(), Cost::tokens(1, 8, 2).with_nano_usd(28));
    let error = client.generate(&chat()).await.unwrap_err();
    assert!(matches!(error, InferenceError::Unsupported { .. }));
    let mut request = text();
    request.log_probs = Some(0);
    assert!(matches!(client.generate(&request).await, Err(InferenceError::Unsupported { .. })));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn own_protocols_stream_and_notice_a_cut() {
    let part = |text: &str| json!({"candidates": [{"content": {"parts": [{"text": text}]}}]});
    let last = json!({
        "candidates": [{"content": {"parts": [{"text": "c"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 3},
    });
    let server = Server::new(vec![events(&[part("a"), part("b"), last], ""), events(&[part("a")], "")]).await;
    let client = native(&server, "gemini");
    let (pieces, answer) = streamed(&client).await;
    let answer = answer.unwrap();
    assert_eq!((pieces.concat(), answer.text.as_str()), ("abc".to_owned(), "abc"));
    assert_eq!(answer.usage.cost(), Cost::tokens(1, 4, 3).with_nano_usd(34));
    let error = streamed(&client).await.1.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error:?}");
}

#[tokio::test]
async fn failures_of_own_protocols_are_typed_and_never_show_the_key() {
    type Is = fn(&InferenceError) -> bool;
    let error = |message: &str| json!({"error": {"message": format!("{message} {CANARY}")}}).to_string();
    let redirect = Reply::status(307, "").with("location", format!("http://127.0.0.1:1/{CANARY}"));
    let json_type = ("content-type", "application/json");
    let cases: [(Reply, Is); 10] = [
        (Reply::status(401, error("no")), |e| matches!(e, InferenceError::Auth { .. })),
        (Reply::status(403, error("no")), |e| matches!(e, InferenceError::Auth { .. })),
        (Reply::status(404, error("no model")), |e| matches!(e, InferenceError::Status { status: 404, .. })),
        (Reply::status(429, error("slow")).with("retry-after", "7"), |e| {
            e.advised_wait() == Some(Duration::from_secs(7))
        }),
        (Reply::status(402, error("pay")), |e| matches!(e, InferenceError::Quota { .. })),
        (Reply::status(400, error("prompt is too long")), |e| {
            matches!(e, InferenceError::ContextExceeded { .. })
        }),
        (Reply::status(529, error("busy")), |e| e.retryable()),
        (redirect, |e| matches!(e, InferenceError::Status { status: 307, .. })),
        (Reply::status(200, CANARY).with(json_type.0, json_type.1), |e| {
            matches!(e, InferenceError::Protocol { .. })
        }),
        (Reply::Close, |e| matches!(e, InferenceError::Unreachable { .. })),
    ];
    for (reply, is) in cases {
        for protocol in ["anthropic", "gemini"] {
            let server = Server::new(vec![reply.clone()]).await;
            let client = native(&server, protocol);
            let whole = client.generate(&text()).await.unwrap_err();
            assert!(is(&whole), "{protocol}: {whole:?}");
            let (_, pieces) = streamed(&client).await;
            for error in [whole, pieces.unwrap_err()] {
                let shown = format!("{error} {error:?} {client:?}");
                assert!(!shown.contains(CANARY) && !error.to_string().contains('\n'), "{shown}");
            }
            assert!(!server.seen().iter().any(|seen| seen.line.contains(CANARY)));
        }
    }
}

#[tokio::test]
async fn schemas_and_log_probabilities_are_asked_for_and_read() {
    let tokens = json!([{"token": "hi", "logprob": -0.25, "bytes": null, "top_logprobs": [{"token": "hi", "logprob": -0.25}, {"token": "yo", "logprob": -2.0}]}]);
    let choice = |logprobs: Value| json!({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop", "logprobs": logprobs}]});
    let server =
        Server::new(vec![typed(choice(json!({"content": tokens}))), typed(choice(Value::Null))]).await;
    let client = compatible(&server, priced());
    let mut request = chat();
    request.log_probs = Some(2);
    let answer = client.generate(&request).await.unwrap();
    assert_eq!((answer.log_probs[0].log_prob, answer.log_probs[0].top[1].0.as_str()), (-0.25, "yo"));
    let body: Value = serde_json::from_str(&server.seen()[0].body).unwrap();
    assert_eq!((&body["logprobs"], &body["top_logprobs"]), (&json!(true), &json!(2)));
    let format = json!({"type": "json_schema", "json_schema": {"name": "s", "strict": true, "schema": {"type": "object"}}});
    assert_eq!(body["response_format"], format);
    let error = client.generate(&request).await.unwrap_err();
    assert!(matches!(error, InferenceError::Unsupported { .. }), "{error:?}");
    request.log_probs = Some(21);
    assert!(matches!(client.generate(&request).await, Err(InferenceError::Invalid { .. })));
}

#[tokio::test]
async fn streams_are_handed_on_as_they_come_and_counted() {
    let piece = |text: &str| json!({"choices": [{"delta": {"content": text}}]});
    let end = json!({"choices": [{"delta": {}, "finish_reason": "length"}]});
    let used = json!({"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}});
    let server = Server::new(vec![
        events(&[piece("a"), piece("b"), end, used], "data: [DONE]\n\n"),
        events(&[piece("a")], ""),
        events(&[piece("a"), json!({"error": {"code": 503, "message": "down"}})], ""),
        typed(json!({"choices": [{"message": {"content": "ab"}, "finish_reason": "stop"}]})),
        Reply::status(429, "slow").with("retry-after", "7"),
    ])
    .await;
    let client = compatible(&server, priced());
    let (pieces, answer) = streamed(&client).await;
    let answer = answer.unwrap();
    assert_eq!(
        (pieces, answer.text.as_str(), answer.stop),
        (vec!["a".into(), "b".into()], "ab", StopCause::Length)
    );
    assert_eq!(answer.usage.cost(), Cost::tokens(1, 4, 2).with_nano_usd(24));
    let body: Value = serde_json::from_str(&server.seen()[0].body).unwrap();
    assert_eq!((&body["stream"], &body["stream_options"]["include_usage"]), (&json!(true), &json!(true)));
    let (pieces, cut) = streamed(&client).await;
    assert_eq!((pieces.len(), cut.unwrap_err().kind()), (1, ErrorKind::Transient));
    assert!(matches!(streamed(&client).await.1, Err(InferenceError::Status { status: 503, .. })));
    assert_eq!(streamed(&client).await.0, ["ab"]);
    assert!(matches!(streamed(&client).await.1, Err(InferenceError::RateLimited { wait: Some(_), .. })));
}

#[tokio::test]
async fn withheld_answers_are_failures_that_cost() {
    let usage = json!({"prompt_tokens": 4, "completion_tokens": 1});
    let filtered =
        json!({"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}], "usage": usage});
    let refused = json!({"choices": [{"message": {"content": null, "refusal": "I will not"}, "finish_reason": "stop"}], "usage": usage});
    for reply in [filtered, refused] {
        let server = Server::new(vec![typed(reply)]).await;
        let error = compatible(&server, priced()).generate(&text()).await.unwrap_err();
        assert!(matches!(error, InferenceError::Filtered { .. }), "{error:?}");
        assert_eq!((error.usage().tokens_in, error.usage().nano_usd, error.retryable()), (4, 14, false));
    }
}

#[tokio::test]
async fn labels_are_scored_by_echo_in_one_call() {
    let echo = |index: usize, label: &str, p: f64| {
        json!({"index": index, "logprobs": {
        "tokens": ["<s>", "Good?", label, "."], "token_logprobs": [null, -1.0, p, -9.0]}})
    };
    let server = Server::new(vec![typed(json!({
        "choices": [echo(1, " no", -3.0), echo(0, " yes", -0.5)],
        "usage": {"prompt_tokens": 6, "completion_tokens": 2},
    }))])
    .await;
    let client = compatible(&server, HostedOptions { scoring: Scoring::Echo, ..priced() });
    let labels = vec![" yes".to_owned(), " no".to_owned()];
    let scored = client.score(&Score::new(Prompt::Text("Good?".into()), labels)).await.unwrap();
    assert_eq!((scored.log_probs, scored.tokens), (vec![-0.5, -3.0], vec![1, 1]));
    assert_eq!(scored.usage.cost(), Cost::tokens(1, 6, 2).with_nano_usd(26));
    assert_eq!(server.seen()[0].line, "POST /v1/completions HTTP/1.1");
    let body: Value = serde_json::from_str(&server.seen()[0].body).unwrap();
    assert_eq!((&body["prompt"], &body["echo"]), (&json!(["Good? yes", "Good? no"]), &json!(true)));
    let plain =
        compatible(&server, priced()).score(&Score::new(Prompt::Text("x".into()), vec![" y".into()])).await;
    assert!(matches!(plain, Err(InferenceError::Unsupported { .. })));
}

#[tokio::test]
async fn labels_are_scored_token_by_token_by_a_llama_server() {
    let tokens = |ids: &[u32]| typed(json!({"tokens": ids}));
    let step = |id: u32, p: f64| {
        typed(json!({"completion_probabilities": [{"id": id, "logprob": p}],
        "tokens_evaluated": 3, "tokens_predicted": 1, "timings": {"cache_n": 2}}))
    };
    // The last token of the prompt melts with the second label.
    let server = Server::new(vec![
        tokens(&[1, 2, 3]),
        tokens(&[1, 2, 3, 4]),
        tokens(&[1, 2, 9]),
        step(3, -1.0),
        step(4, -0.5),
        step(9, -2.5),
    ])
    .await;
    let client = compatible(&server, HostedOptions { scoring: Scoring::LlamaServer, ..priced() });
    let labels = vec!["yes".to_owned(), "no".to_owned()];
    let scored = client.score(&Score::new(Prompt::Text("Good? ".into()), labels)).await.unwrap();
    assert_eq!((scored.log_probs, scored.tokens), (vec![-1.5, -2.5], vec![2, 1]));
    assert_eq!((scored.usage.tokens_in, scored.usage.tokens_cached, scored.usage.nano_usd), (9, 6, 39));
    let seen = server.seen();
    assert_eq!(
        (seen[0].line.as_str(), seen[3].line.as_str()),
        ("POST /tokenize HTTP/1.1", "POST /completion HTTP/1.1")
    );
    let body: Value = serde_json::from_str(&seen[4].body).unwrap();
    assert_eq!((&body["prompt"], &body["logit_bias"]), (&json!([1, 2, 3]), &json!([[4, 1000.0]])));
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts_at_length_one() {
    let reply = json!({"data": [{"index": 1, "embedding": [0.0, 2.0]}, {"index": 0, "embedding": [3.0, 4.0]}], "usage": {"prompt_tokens": 5}});
    let server = Server::new(vec![typed(reply)]).await;
    let client = compatible(&server, priced());
    let embedded = client.embed(&Embed::new(vec!["a".into(), "b".into()])).await.unwrap();
    assert_eq!(embedded.vectors, vec![vec![0.6, 0.8], vec![0.0, 1.0]]);
    assert_eq!(embedded.usage.tokens_in, 5);
    assert!(matches!(
        client.embed(&Embed::new(vec!["a".into()])).await,
        Err(InferenceError::Protocol { .. })
    ));
}

#[tokio::test]
async fn a_proxy_is_asked_with_its_login_and_the_login_is_not_shown() {
    let proxy = Server::new(vec![Reply::status(502, CANARY)]).await;
    let through = Proxy::new(&proxy.url()).unwrap().with_login(&format!("me:{CANARY}"), "LOGIN").unwrap();
    let options = HostedOptions { proxy: Some(through), ..priced() };
    let client = HostedClient::new("http://model.example/v1", "m", None, options).unwrap();
    let error = client.generate(&text()).await.unwrap_err();
    assert!(!format!("{error} {error:?} {client:?}").contains(CANARY));
    let seen = &proxy.seen()[0];
    assert_eq!(seen.line, "POST http://model.example/v1/chat/completions HTTP/1.1");
    assert!(seen.header("proxy-authorization").is_some_and(|login| login.starts_with("Basic ")));
}

#[tokio::test]
async fn private_hosts_are_refused_by_both_clients_unless_allowed() {
    for url in
        ["http://10.0.0.1/v1", "http://169.254.169.254/v1", "https://[fd00::1]/v1", "http://100.64.0.1/v1"]
    {
        let error = HostedClient::new(url, "m", None, quick()).unwrap_err();
        assert!(error.to_string().contains("allow_private") && error.kind() == ErrorKind::Config, "{error}");
        assert!(GenaiClient::new("gemini", Some(url), "m", None, quick()).is_err());
        HostedClient::new(url, "m", None, HostedOptions { allow_private: true, ..quick() }).unwrap();
    }
}

#[tokio::test]
async fn extra_headers_reach_own_protocols_too() {
    let server = Server::new(vec![Reply::status(500, CANARY)]).await;
    let headers = Headers::default().with("x-gateway", CANARY).unwrap();
    let url = format!("{}/v1", server.url());
    let client =
        GenaiClient::new("ollama", Some(&url), "m", None, HostedOptions { headers, ..priced() }).unwrap();
    let error = client.generate(&text()).await.unwrap_err();
    assert!(!format!("{error} {error:?} {client:?}").contains(CANARY));
    assert_eq!(server.seen()[0].header("x-gateway"), Some(CANARY));
}
