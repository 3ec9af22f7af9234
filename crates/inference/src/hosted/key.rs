use std::fmt;

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::InferenceError;

/// A secret and the name of the environment variable it came from.
///
/// It can be sent and nothing else: there is no way to read it back, `Debug` shows the variable's name alone, and its
/// memory is overwritten when it is dropped.
///
/// ```
/// use inference::Key;
/// let key = Key::new("sk-secret", "OPENAI_API_KEY")?;
/// assert_eq!(format!("{key:?}"), "Key(from OPENAI_API_KEY)");
/// # Ok::<(), inference::InferenceError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    secret: SecretString,
    from: String,
}

impl Key {
    /// The value of the environment variable `name`, without the white space around it.
    ///
    /// # Errors
    /// [`InferenceError::NoKey`] where it is unset or empty, naming `endpoint`; [`InferenceError::Endpoint`] where
    /// it holds what no header can carry.
    pub fn from_env(name: &str, endpoint: &str) -> Result<Self, InferenceError> {
        match std::env::var(name) {
            Ok(value) if !value.trim().is_empty() => Self::new(&value, name),
            Err(std::env::VarError::NotUnicode(_)) => Err(Self::unsendable(name)),
            _ => Err(InferenceError::NoKey { endpoint: endpoint.to_owned(), key_from: name.to_owned() }),
        }
    }

    /// The key `secret`, which came from the environment variable `from`.
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] where it is empty or holds what no header can carry.
    pub fn new(secret: &str, from: &str) -> Result<Self, InferenceError> {
        let secret = secret.trim();
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Self::unsendable(from));
        }
        Ok(Self { secret: secret.into(), from: from.to_owned() })
    }

    fn unsendable(from: &str) -> InferenceError {
        InferenceError::Endpoint {
            message: format!(
                "the key from {from} is empty or holds a space, line break or non-ASCII character; set it anew"
            ),
        }
    }

    /// The value of an `authorization` header.
    pub(super) fn bearer(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.expose())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The secret itself, for the moment of sending alone.
    pub(super) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// `text` without the key.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(self.expose(), "[key]")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(from {})", self.from)
    }
}

/// Extra headers of every request; their values are treated as secrets.
///
/// ```
/// use inference::Headers;
/// let headers = Headers::default().with("x-team", "secret-team")?;
/// assert_eq!(format!("{headers:?}"), "Headers([\"x-team\"])");
/// # Ok::<(), inference::InferenceError>(())
/// ```
#[derive(Clone, Default)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// These headers and one more.
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] for a name or value that no header can have; the value is not repeated.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, InferenceError> {
        let wrong = |what| InferenceError::Endpoint { message: format!("extra header {name:?}: {what}") };
        let checked = HeaderName::try_from(name).map_err(|_| wrong("not a header's name"))?;
        let mut value = HeaderValue::try_from(value)
            .ok()
            .filter(|value| value.to_str().is_ok())
            .ok_or_else(|| wrong("its value holds a line break or non-ASCII character"))?;
        value.set_sensitive(true);
        self.0.push((checked, value));
        Ok(self)
    }

    /// These headers and one whose value is in the environment variable `variable`.
    ///
    /// # Errors
    /// [`InferenceError::Endpoint`] where it is unset; else as [`Headers::with`].
    pub fn with_env(self, name: &str, variable: &str) -> Result<Self, InferenceError> {
        match std::env::var(variable) {
            Ok(value) => self.with(name, value.trim()),
            Err(_) => Err(InferenceError::Endpoint {
                message: format!("extra header {name:?}: set the environment variable {variable}"),
            }),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.iter()
    }

    /// `text` without the headers' values; values of under 8 bytes hold no secret and would hide common words.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (_, value) in &self.0 {
            if let Ok(value) = value.to_str()
                && value.len() >= 8
            {
                text = text.replace(value, "[header]");
            }
        }
        text
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_tuple("Headers").field(&DebugLine(&names)).finish()
    }
}

struct DebugLine<'a>(&'a [&'a str]);

impl fmt::Debug for DebugLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_no_header_can_carry_are_refused_without_repeating_them() {
        for bad in ["", "  ", "sk-canary\nx", "sk-canary x", "sk-canary\u{e9}"] {
            let error = Key::new(bad, "THE_KEY").unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("THE_KEY") && !text.contains("sk-canary"), "{text}");
        }
        let error = Headers::default().with("x", "sk-canary\n").unwrap_err();
        assert!(!format!("{error:?}").contains("sk-canary"));
    }

    #[test]
    fn an_unset_variable_names_itself_and_the_endpoint() {
        let error = Key::from_env("METAORCH_TEST_UNSET_KEY", "host/v1").unwrap_err().to_string();
        assert!(error.contains("METAORCH_TEST_UNSET_KEY") && error.contains("host/v1"), "{error}");
    }

    #[test]
    fn white_space_around_a_key_is_dropped() {
        let key = Key::new(" sk-canary\n", "THE_KEY").unwrap();
        assert_eq!(key.bearer().unwrap(), "Bearer sk-canary");
        assert_eq!(key.redact("a sk-canary b sk-canary"), "a [key] b [key]");
    }
}
