//! Tools behind an HTTP address: the text goes by POST, the body that comes back is the answer.

use std::error::Error as _;
use std::sync::Once;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::ToolFault;
use super::template::{one_line, shorten};
use super::tool::{Limits, text};

/// Posts `input` as plain text and reads the answer. Redirects are refused.
pub(super) async fn call_address(address: &str, input: String, limits: Limits) -> Result<String, ToolFault> {
    let url = Url::parse(address).map_err(|e| ToolFault::Http {
        url: shorten(address, 200),
        reason: format!("not an address ({e})"),
        transient: false,
    })?;
    let place = shown(&url);
    let fault = |reason: String, transient| ToolFault::Http { url: place.clone(), reason, transient };
    let client = client(&url).map_err(|e| fault(reason(&e), false))?;
    let talk = async {
        let mut response = client
            .post(url)
            .header("content-type", "text/plain; charset=utf-8")
            .body(input)
            .send()
            .await
            .map_err(|e| fault(reason(&e), true))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| fault(reason(&e), true))? {
            body.extend_from_slice(&chunk);
            if body.len() > limits.max_bytes {
                return Err(ToolFault::TooLong { tool: place.clone(), limit: limits.max_bytes });
            }
        }
        if !status.is_success() {
            let transient = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
            let said = shorten(&one_line(&String::from_utf8_lossy(&body)), 200);
            return Err(fault(format!("{status}: {said}"), transient));
        }
        Ok(body)
    };
    let body = tokio::time::timeout(limits.timeout, talk)
        .await
        .map_err(|_| ToolFault::Timeout { tool: place.clone(), after: limits.timeout })??;
    text(&place, body)
}

/// A client for one address; loopback addresses are never asked through a proxy.
fn client(url: &Url) -> Result<Client, reqwest::Error> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error says that the program has installed a provider already: that one is used then.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let mut builder = Client::builder().redirect(Policy::none());
    if url.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build()
}

/// Host, port and path: what may be shown of an address.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}{}", url.path()),
        None => format!("{host}{}", url.path()),
    }
}

/// The innermost reason of an error, without the address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text =
        if error.is_connect() { "cannot connect".to_owned() } else { "transport error".to_owned() };
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    one_line(&text)
}
