use std::fmt;
use std::str::FromStr;

/// A way in which an endpoint fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// 429 with `Retry-After`.
    Throttled,
    /// 429 without.
    TooMany,
    /// 500.
    ServerError,
    /// 503, as of a server that is loading.
    Unavailable,
    /// 408.
    RequestTimeout,
    /// A body that comes byte by byte and never ends.
    SlowDrip,
    /// An answer that breaks off in the middle.
    Cut,
    /// A connection that is reset after the request.
    Reset,
    /// An answer that is no JSON.
    Malformed,
    /// JSON of the wrong types.
    WrongType,
    /// An answer without choices.
    Empty,
    /// A body above 8 MiB.
    Oversized,
    /// A redirect to another host.
    Redirect,
    /// 401.
    BadKey,
    /// 429 because the account's money is used up.
    Quota,
    /// 400 because a filter forbids the prompt.
    Filtered,
    /// 400 because the prompt is too long.
    TooLong,
}

impl Fault {
    /// Every fault.
    pub const ALL: &[Self] = &[
        Self::Throttled,
        Self::TooMany,
        Self::ServerError,
        Self::Unavailable,
        Self::RequestTimeout,
        Self::SlowDrip,
        Self::Cut,
        Self::Reset,
        Self::Malformed,
        Self::WrongType,
        Self::Empty,
        Self::Oversized,
        Self::Redirect,
        Self::BadKey,
        Self::Quota,
        Self::Filtered,
        Self::TooLong,
    ];

    /// The faults that may pass when the request is sent again.
    pub const PASSING: &[Self] = &[
        Self::Throttled,
        Self::TooMany,
        Self::ServerError,
        Self::Unavailable,
        Self::RequestTimeout,
        Self::SlowDrip,
        Self::Cut,
        Self::Reset,
        Self::Malformed,
        Self::WrongType,
        Self::Empty,
        Self::Oversized,
    ];

    /// Its name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "429-retry-after",
            Self::TooMany => "429",
            Self::ServerError => "500",
            Self::Unavailable => "503",
            Self::RequestTimeout => "408",
            Self::SlowDrip => "drip",
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::WrongType => "wrong-type",
            Self::Empty => "empty",
            Self::Oversized => "oversized",
            Self::Redirect => "redirect",
            Self::BadKey => "401",
            Self::Quota => "quota",
            Self::Filtered => "filter",
            Self::TooLong => "too-long",
        }
    }

    /// The status, error code and text of a fault that is an honest refusal.
    pub(super) fn refusal(self) -> Option<(u16, &'static str, &'static str)> {
        Some(match self {
            Self::Throttled | Self::TooMany => {
                (429, "rate_limit_exceeded", "Rate limit reached. Please slow down.")
            }
            Self::ServerError => (500, "server_error", "The server had an error."),
            Self::Unavailable => (503, "unavailable_error", "Loading model"),
            Self::RequestTimeout => (408, "request_timeout", "The request took too long."),
            Self::BadKey => (401, "invalid_api_key", "Incorrect API key provided."),
            Self::Quota => (429, "insufficient_quota", "You exceeded your current quota."),
            Self::Filtered => (400, "content_filter", "The prompt was filtered by the content policy."),
            Self::TooLong => {
                (400, "context_length_exceeded", "This model's maximum context length is 4096 tokens.")
            }
            _ => return None,
        })
    }

    /// Whether the answer was worked out before it went wrong, so that a provider bills it.
    pub(super) fn is_billed(self) -> bool {
        matches!(
            self,
            Self::SlowDrip | Self::Cut | Self::Malformed | Self::WrongType | Self::Empty | Self::Oversized
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|fault| fault.name() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|fault| fault.name()).collect();
            format!("'{text}' is no fault; allowed: {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(*fault));
        }
        assert!("418".parse::<Fault>().unwrap_err().contains("429-retry-after"));
        assert!(Fault::PASSING.iter().all(|fault| Fault::ALL.contains(fault)));
    }
}
