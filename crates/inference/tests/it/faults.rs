//! Every fault, plain and streamed, against the resilient hosted client: the error, the retries, the charge.

use std::sync::Mutex;
use std::time::Duration;

use inference::mock::{Fault, MockOptions, MockServer};
use inference::{
    BreakerPolicy, Generate, Generated, HostedClient, HostedOptions, InferenceError, Key, LlmClient, Prompt,
    Resilient, ResilientOptions, ResilientStats, RetryPolicy, Usage,
};
use meta_traits::{Classify as _, ErrorKind};

use crate::server::{Reply, Server};

type Client = Resilient<HostedClient>;

async fn client(script: Vec<Option<Fault>>, faults: f64, mix: Vec<Fault>) -> (Client, MockServer) {
    let options =
        MockOptions { script, faults, mix, retry_after: Duration::from_millis(30), ..MockOptions::default() };
    let server = MockServer::start(options).await.unwrap();
    (resilient(&server.url()), server)
}

fn resilient(url: &str) -> Client {
    let hosted = HostedOptions { timeout: Duration::from_millis(400), ..HostedOptions::default() };
    let key = Key::new("sk-canary-0123456789", "CANARY_KEY").unwrap();
    let options = ResilientOptions {
        retry: RetryPolicy { retries: 1, first_wait: Duration::from_millis(2), ..RetryPolicy::default() },
        breaker: BreakerPolicy { consecutive: 0, share: 2.0, ..BreakerPolicy::default() },
        ..ResilientOptions::default()
    };
    Resilient::new(HostedClient::new(url, "m", Some(key), hosted).unwrap(), options)
}

fn ask() -> Generate {
    Generate::new(Prompt::Text("What is the matter?".to_owned()))
}

/// Calls plain or streamed; the text that was handed on must be the answer's.
async fn call(client: &Client, streamed: bool) -> Result<Generated, InferenceError> {
    if !streamed {
        return client.generate(&ask()).await;
    }
    let said = Mutex::new(String::new());
    let on_text = |text: &str| said.lock().unwrap().push_str(text);
    let request = ask();
    let answer = client.stream(&request, &on_text).await?;
    assert_eq!(answer.text, said.into_inner().unwrap());
    Ok(answer)
}

fn counts(stats: &ResilientStats) -> (u64, u64, u64) {
    (stats.attempts, stats.retries, stats.failed)
}

/// The kind of error that a fault ends in when it does not pass.
fn kind(fault: Fault) -> ErrorKind {
    match fault {
        Fault::Malformed | Fault::WrongType | Fault::Empty | Fault::Oversized => ErrorKind::Protocol,
        Fault::Redirect | Fault::BadKey => ErrorKind::Permanent,
        _ => ErrorKind::Transient,
    }
}

#[tokio::test]
async fn every_fault_that_may_pass_is_tried_again_and_charged_once() {
    let (sound, _server) = client(vec![], 0.0, vec![]).await;
    let expected = call(&sound, false).await.unwrap();
    for fault in Fault::PASSING {
        for streamed in [false, true] {
            if streamed && *fault == Fault::Cut {
                continue;
            }
            let (client, server) = client(vec![Some(*fault), None], 0.0, vec![]).await;
            let answer = call(&client, streamed).await;
            let answer = answer.unwrap_or_else(|error| panic!("{fault}, streamed {streamed}: {error}"));
            assert_eq!(answer, expected, "{fault}, streamed {streamed}");
            let stats = client.stats();
            assert_eq!(counts(&stats), (2, 1, 1), "{fault}, streamed {streamed}");
            let account = server.account();
            assert_eq!(account.answered.requests, 1, "{fault}, streamed {streamed}");
            let billed = account.answered;
            let mut usage = Usage::new(billed.tokens_in, billed.tokens_out);
            usage.tokens_cached = billed.tokens_cached;
            assert_eq!(answer.usage, usage, "only the answered request is charged");
            assert!(stats.uncertain >= account.lost.requests, "{fault}: what may be billed is told");
        }
    }
}

/// What was handed on cannot be taken back, so the call is not made again, and nothing is charged.
#[tokio::test]
async fn a_stream_that_is_cut_after_some_text_fails_at_once() {
    let (client, server) = client(vec![Some(Fault::Cut), None], 0.0, vec![]).await;
    let said = Mutex::new(String::new());
    let on_text = |text: &str| said.lock().unwrap().push_str(text);
    let request = ask();
    let error = client.stream(&request, &on_text).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    assert!(!said.into_inner().unwrap().is_empty());
    assert_eq!((counts(&client.stats()), client.stats().uncertain), ((1, 0, 1), 1));
    assert_eq!(server.account().answered.requests, 0);
}

#[tokio::test]
async fn faults_that_stay_end_in_their_error() {
    for fault in Fault::ALL {
        for streamed in [false, true] {
            let (client, server) = client(vec![], 1.0, vec![*fault]).await;
            let error = call(&client, streamed).await.unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(!text.contains("sk-canary"), "{text}");
            let passing = Fault::PASSING.contains(fault) && !(streamed && *fault == Fault::Cut);
            assert_eq!(client.stats().attempts, if passing { 2 } else { 1 }, "{fault}: {error}");
            assert_eq!(server.account().requests, client.stats().attempts);
            match fault {
                Fault::Quota | Fault::Filtered | Fault::TooLong => {
                    assert!(!matches!(error.kind(), ErrorKind::Protocol), "{fault}: {error:?}");
                }
                // A stream that breaks off may be told as broken or as not understood.
                Fault::Cut | Fault::Empty | Fault::Malformed | Fault::WrongType | Fault::Oversized
                    if streamed =>
                {
                    assert!(matches!(error.kind(), ErrorKind::Transient | ErrorKind::Protocol), "{error:?}");
                }
                _ => assert_eq!(error.kind(), kind(*fault), "{fault}, streamed {streamed}: {error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_carries_no_key_and_no_request_to_the_other_host() {
    let other = Server::new(vec![Reply::status(200, "{}")]).await;
    let options = MockOptions {
        script: vec![Some(Fault::Redirect), Some(Fault::Redirect)],
        redirect_to: format!("{}/v1/chat/completions", other.url()),
        ..MockOptions::default()
    };
    let server = MockServer::start(options).await.unwrap();
    for streamed in [false, true] {
        let error = call(&resilient(&server.url()), streamed).await.unwrap_err();
        assert!(error.to_string().contains("redirect"), "{error}");
    }
    assert!(other.seen().is_empty(), "{:?}", other.seen());
}

#[tokio::test]
async fn many_calls_with_random_faults_get_the_answers_of_a_clean_run() {
    let run = |faults: f64| async move {
        let options = MockOptions { faults, retry_after: Duration::from_millis(5), ..MockOptions::default() };
        let server = MockServer::start(options).await.unwrap();
        let hosted = HostedOptions { timeout: Duration::from_millis(400), ..HostedOptions::default() };
        let retry =
            RetryPolicy { retries: 30, first_wait: Duration::from_millis(2), ..RetryPolicy::default() };
        let client = Resilient::new(
            HostedClient::new(&server.url(), "m", None, hosted).unwrap(),
            ResilientOptions { retry, ..ResilientOptions::default() },
        );
        let requests: Vec<Generate> =
            (0..40).map(|i| Generate::new(Prompt::Text(format!("question {i}")))).collect();
        let calls = requests.iter().map(|request| client.generate(request));
        let mut usage = (0, 0, 0);
        let mut texts = Vec::new();
        for call in calls {
            let answer = call.await.unwrap();
            usage.0 += answer.usage.tokens_in;
            usage.1 += answer.usage.tokens_cached;
            usage.2 += answer.usage.tokens_out;
            texts.push(answer.text);
        }
        let billed = server.account().answered;
        assert_eq!(usage, (billed.tokens_in, billed.tokens_cached, billed.tokens_out));
        assert_eq!(billed.requests, 40);
        texts
    };
    assert_eq!(run(0.0).await, run(0.3).await);
}
