use std::error::Error as _;
use std::sync::Once;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url};

use crate::InferenceError;

mod hosts;

use hosts::is_loopback;
pub(crate) use hosts::{Hosts, Refused, check};

/// Where a redirect may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// Nowhere: the answer itself is returned, so that a key never follows to another host.
    Refused,
    /// To any host, but never from https to http.
    Followed,
}

/// A client for `url`: TLS by ring, and for plain http no certificates are read at all.
///
/// Loopback addresses are asked through no proxy of the environment. `more` adds what one caller alone needs.
pub(crate) fn client(
    url: &Url,
    redirects: Redirects,
    hosts: Hosts,
    more: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, InferenceError> {
    check(url, hosts)?;
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error says that the program has installed a provider already: that one is used then.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = Client::builder()
        .connect_timeout(Duration::from_secs(20))
        .referer(false)
        .user_agent(concat!("metaorch/", env!("CARGO_PKG_VERSION")));
    let builder = match redirects {
        Redirects::Refused => builder.redirect(Policy::none()),
        Redirects::Followed => builder.redirect(Policy::limited(5)),
    };
    let builder = if url.scheme() == "https" {
        builder.https_only(true)
    } else if redirects == Redirects::Refused {
        builder.tls_certs_only([])
    } else {
        builder
    };
    let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
    let builder = match hosts {
        Hosts::Any => builder,
        Hosts::Public => builder.dns_resolver(hosts::Guarded::new(url)),
    };
    more(builder).build().map_err(|error| InferenceError::Endpoint {
        message: format!("no HTTP client can be made for {}: {}", shown(url), reason(&error)),
    })
}

/// Reads an http or https address; its message never repeats the address, which may hold a password.
pub(crate) fn parse(text: &str) -> Result<Url, InferenceError> {
    let wrong = |message: String| Err(InferenceError::Endpoint { message });
    let url = match Url::parse(text.trim()) {
        Ok(url) => url,
        Err(error) => {
            return wrong(format!("the base URL is not one ({error}); write it like https://HOST/v1"));
        }
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong(format!("scheme '{}' is not usable; use http or https", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(
            "the base URL holds a user or password; take it out and name the key's variable in `key_env`"
                .to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong(
            "the base URL holds a query or fragment (`?..` or `#..`); give host and path only".to_owned(),
        );
    }
    Ok(url)
}

/// Host, port and path.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}{}", url.path()),
        None => format!("{host}{}", url.path()),
    }
}

/// Why a transport failed: the innermost cause, without the address.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut source = error.source();
    let mut text = None;
    while let Some(cause) = source {
        text = Some(cause.to_string());
        source = cause.source();
    }
    text.unwrap_or_else(|| "the connection failed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_secrets_are_refused_without_repeating_them() {
        for bad in [
            "https://user:sk-canary@host/v1",
            "https://sk-canary@host/v1",
            "https://host/v1?key=sk-canary",
            "https://host/v1#sk-canary",
            "ftp://sk-canary/v1",
            "sk-canary",
            "https://sk-canary:99999999/",
        ] {
            let error = parse(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sk-canary"), "{error}");
        }
    }

    #[test]
    fn loopback_is_known_in_all_its_forms() {
        for (url, local) in [
            ("http://127.0.0.1:80/v1", true),
            ("http://[::1]:80/v1", true),
            ("http://localhost/v1", true),
            ("http://LOCALHOST./v1", true),
            ("http://0x7f000001/v1", true),
            ("http://localhost.example/v1", false),
            ("http://10.0.0.1/v1", false),
        ] {
            assert_eq!(is_loopback(&parse(url).unwrap()), local, "{url}");
        }
    }

    #[test]
    fn a_client_for_https_can_be_built() {
        let url = parse("https://127.0.0.1/v1").unwrap();
        client(&url, Redirects::Refused, Hosts::Public, |builder| builder).unwrap();
        assert_eq!(shown(&url), "127.0.0.1/v1");
    }
}
