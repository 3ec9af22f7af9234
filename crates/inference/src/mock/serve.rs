use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::answer::{Chat, Said};
use super::http::{self, LAST_CHUNK, Request};
use super::{Fault, Shared};

const JSON: (&str, &str) = ("content-type", "application/json");
const EVENTS: [(&str, &str); 2] = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")];

/// Bytes above what a client should read.
const OVERSIZED: usize = (8 << 20) + 1024;

/// Answers the one request of a connection.
pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    // A client that goes away in the middle is none of the server's trouble.
    let _ = answer(&mut stream, &shared).await;
}

async fn answer(stream: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    let Some(request) = http::read(stream).await? else {
        return refuse(stream, 400, "bad_request", "The request is not understood.").await;
    };
    shared.locked().account.requests += 1;
    let path = request.path.trim_end_matches('/');
    match request.method.as_str() {
        "POST" if path.ends_with("/chat/completions") => chat(stream, shared, &request).await,
        "GET" if path == "/account" => {
            let account = serde_json::to_vec(&shared.locked().account)?;
            http::whole(stream, 200, &[JSON], &account).await
        }
        "GET" if path.ends_with("/models") => {
            let models = json!({"object": "list", "data": [{"id": "mock", "object": "model"}]});
            http::whole(stream, 200, &[JSON], models.to_string().as_bytes()).await
        }
        _ => refuse(stream, 404, "not_found", "There is no such address here.").await,
    }
}

async fn refuse(stream: &mut TcpStream, status: u16, code: &str, message: &str) -> io::Result<()> {
    http::whole(stream, status, &[JSON], refusal(code, message).as_bytes()).await
}

fn refusal(code: &str, message: &str) -> String {
    json!({"error": {"message": message, "type": code, "code": code}}).to_string()
}

async fn chat(stream: &mut TcpStream, shared: &Shared, request: &Request) -> io::Result<()> {
    let chat: Chat = match serde_json::from_slice(&request.body) {
        Ok(chat) => chat,
        Err(error) => return refuse(stream, 400, "invalid_request_error", &error.to_string()).await,
    };
    let said = chat.answer(&shared.options.answers, shared.options.seed);
    let fault = shared.fate(&chat.name());
    // A client that gave up while its request lay here gets nothing, and nobody counts it as answered.
    if http::is_gone(stream) {
        shared.bill(&said.usage, false);
        return Ok(());
    }
    let Some(fault) = fault else {
        let sent = if chat.stream {
            let events = events(&said, chat.stream_options.include_usage);
            send_events(stream, &events, true).await
        } else {
            http::whole(stream, 200, &[JSON], completion(&said).to_string().as_bytes()).await
        };
        shared.bill(&said.usage, sent.is_ok());
        return sent;
    };
    if fault.is_billed() {
        shared.bill(&said.usage, false);
    }
    fail(stream, shared, fault, &chat, &said).await
}

async fn fail(
    stream: &mut TcpStream,
    shared: &Shared,
    fault: Fault,
    chat: &Chat,
    said: &Said,
) -> io::Result<()> {
    if let Some((status, code, message)) = fault.refusal() {
        let advice = shared.options.retry_after.as_secs_f64().to_string();
        let with_advice = [JSON, ("retry-after", advice.as_str())];
        let headers = if fault == Fault::Throttled { &with_advice[..] } else { &with_advice[..1] };
        return http::whole(stream, status, headers, refusal(code, message).as_bytes()).await;
    }
    match fault {
        Fault::Redirect => {
            let to = [("location", shared.options.redirect_to.as_str())];
            http::whole(stream, 307, &to, b"").await
        }
        // Closing without the usual farewell.
        Fault::Reset => stream.set_zero_linger(),
        Fault::SlowDrip => drip(stream, chat.stream).await,
        _ if chat.stream => spoiled_events(stream, fault, said).await,
        Fault::Cut => {
            let body = completion(said).to_string();
            let head = format!("{}content-length: {}\r\n\r\n", http::head(200, &[JSON]), body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body.as_bytes()[..body.len() / 2]).await?;
            stream.shutdown().await
        }
        Fault::Malformed => {
            let body = completion(said).to_string().replacen(':', "", 1);
            http::whole(stream, 200, &[JSON], body.as_bytes()).await
        }
        Fault::WrongType => {
            let mut body = completion(said);
            body["choices"] = json!("many");
            http::whole(stream, 200, &[JSON], body.to_string().as_bytes()).await
        }
        Fault::Empty => {
            let mut body = completion(said);
            body["choices"] = json!([]);
            http::whole(stream, 200, &[JSON], body.to_string().as_bytes()).await
        }
        _ => http::whole(stream, 200, &[JSON], &vec![b' '; OVERSIZED]).await,
    }
}

/// A byte now and then until the client has had enough.
async fn drip(stream: &mut TcpStream, events: bool) -> io::Result<()> {
    let head = if events {
        format!("{}\r\n", http::head(200, &EVENTS))
    } else {
        format!("{}content-length: 1000000\r\n\r\n", http::head(200, &[JSON]))
    };
    stream.write_all(head.as_bytes()).await?;
    while !http::is_gone(stream) {
        let piece = if events { http::chunk(":\n") } else { b" ".to_vec() };
        stream.write_all(&piece).await?;
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn spoiled_events(stream: &mut TcpStream, fault: Fault, said: &Said) -> io::Result<()> {
    let mut events = events(said, true);
    let middle = events.len() / 2;
    match fault {
        Fault::Cut => events.truncate(middle),
        Fault::Malformed => events[0] = events[0].replacen(':', "", 1),
        Fault::WrongType => events[0] = json!({"choices": "many"}).to_string(),
        Fault::Empty => events = vec![json!({"choices": []}).to_string(), "[DONE]".to_owned()],
        _ => events[0] = piece(&"x".repeat(OVERSIZED), None).to_string(),
    }
    send_events(stream, &events, fault != Fault::Cut).await
}

async fn send_events(stream: &mut TcpStream, events: &[String], whole: bool) -> io::Result<()> {
    let mut bytes = format!("{}\r\n", http::head(200, &EVENTS)).into_bytes();
    for event in events {
        bytes.extend(http::chunk(&format!("data: {event}\n\n")));
    }
    if whole {
        bytes.extend_from_slice(LAST_CHUNK);
    }
    stream.write_all(&bytes).await?;
    stream.shutdown().await
}

fn usage(said: &Said) -> Value {
    let usage = &said.usage;
    json!({
        "prompt_tokens": usage.tokens_in,
        "completion_tokens": usage.tokens_out,
        "total_tokens": usage.tokens_in + usage.tokens_out,
        "prompt_tokens_details": {"cached_tokens": usage.tokens_cached},
    })
}

fn completion(said: &Said) -> Value {
    json!({
        "id": "chatcmpl-mock",
        "object": "chat.completion",
        "created": 0,
        "model": "mock",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": said.text},
            "finish_reason": said.finish,
        }],
        "usage": usage(said),
    })
}

fn piece(text: &str, finish: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-mock",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "mock",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish}],
    })
}

/// The events of an answer: a piece a word, the end, the usage if wanted, and the mark of the end.
fn events(said: &Said, with_usage: bool) -> Vec<String> {
    let mut events: Vec<String> =
        said.text.split_inclusive(' ').map(|word| piece(word, None).to_string()).collect();
    events.push(piece("", Some(said.finish)).to_string());
    if with_usage {
        events.push(
            json!({"object": "chat.completion.chunk", "choices": [], "usage": usage(said)}).to_string(),
        );
    }
    events.push("[DONE]".to_owned());
    events
}
