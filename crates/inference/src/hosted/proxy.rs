use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{InferenceError, http};

/// A proxy that every request to an endpoint goes through.
///
/// Its own address may be private: it is named on purpose.
///
/// ```
/// use inference::Proxy;
/// let proxy = Proxy::new("http://proxy.example:3128")?.with_login("user:sk-secret", "PROXY_LOGIN")?;
/// assert_eq!(format!("{proxy:?}"), "Proxy(proxy.example:3128, login from PROXY_LOGIN)");
/// # Ok::<(), inference::InferenceError>(())
/// ```
#[derive(Clone)]
pub struct Proxy {
    url: Url,
    login: Option<Login>,
}

#[derive(Clone)]
struct Login {
    user: String,
    password: SecretString,
    from: String,
}

impl Proxy {
    /// The proxy at `url` (http or https), for requests to http and https addresses alike.
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] for another scheme, or a user, password, query or fragment in the address.
    pub fn new(url: &str) -> Result<Self, InferenceError> {
        let url = http::parse(url)
            .map_err(|error| InferenceError::Endpoint { message: format!("proxy: {error}") })?;
        Ok(Self { url, login: None })
    }

    /// The same proxy with a `user:password` that came from the environment variable `from`.
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] where there is no colon; the login is not repeated.
    pub fn with_login(mut self, login: &str, from: &str) -> Result<Self, InferenceError> {
        let Some((user, password)) = login.trim().split_once(':') else {
            let message = format!("the proxy's login from {from} has no colon; set it as user:password");
            return Err(InferenceError::Endpoint { message });
        };
        self.login = Some(Login { user: user.to_owned(), password: password.into(), from: from.to_owned() });
        Ok(self)
    }

    /// The same proxy with the login in the environment variable `name`.
    ///
    /// # Errors
    /// [`InferenceError::NoKey`] where it is unset; else as [`Proxy::with_login`].
    pub fn with_login_from_env(self, name: &str) -> Result<Self, InferenceError> {
        let unset = || InferenceError::NoKey { endpoint: self.shown(), key_from: name.to_owned() };
        let login = std::env::var(name).map_err(|_| unset())?;
        self.with_login(&login, name)
    }

    fn shown(&self) -> String {
        http::shown(&self.url).trim_end_matches('/').to_owned()
    }

    /// The form that the HTTP client takes.
    pub(super) fn resolved(&self) -> Result<reqwest::Proxy, InferenceError> {
        let proxy = reqwest::Proxy::all(self.url.clone()).map_err(|error| InferenceError::Endpoint {
            message: format!("proxy {}: {}", self.shown(), http::reason(&error)),
        })?;
        Ok(match &self.login {
            Some(login) => proxy.basic_auth(&login.user, login.password.expose_secret()),
            None => proxy,
        })
    }

    /// `text` without the login's password.
    pub(super) fn redact(&self, text: &str) -> String {
        match &self.login {
            Some(login) if !login.password.expose_secret().is_empty() => {
                text.replace(login.password.expose_secret(), "[password]")
            }
            _ => text.to_owned(),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.login {
            Some(login) => write!(f, "Proxy({}, login from {})", self.shown(), login.from),
            None => write!(f, "Proxy({})", self.shown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_proxies_are_refused_without_repeating_their_secrets() {
        for bad in ["http://user:sk-canary@proxy:3128", "socks5://sk-canary", "sk-canary"] {
            let error = Proxy::new(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("sk-canary"), "{error}");
        }
        let error = Proxy::new("http://proxy").unwrap().with_login("sk-canary", "LOGIN").unwrap_err();
        assert!(error.to_string().contains("LOGIN") && !error.to_string().contains("sk-canary"));
        let error =
            Proxy::new("http://proxy").unwrap().with_login_from_env("METAORCH_TEST_UNSET").unwrap_err();
        assert!(matches!(error, InferenceError::NoKey { .. }));
    }
}
