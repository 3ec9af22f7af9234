use meta_traits::Cost;

use crate::{Price, Usage};

/// What a provider says it used; `cap` where it does not say, `None` where it says something below 0.
pub(super) fn of(counted: Option<&genai::chat::Usage>, price: &Price, cap: &Cost) -> Option<Usage> {
    let unknown = Usage { nano_usd: cap.nano_usd, ..Usage::new(cap.tokens_in, cap.tokens_out) };
    let Some(counted) = counted else {
        return Some(unknown);
    };
    let thinking = counted.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens);
    let (read, written) = (counted.prompt_tokens, counted.completion_tokens.or(thinking));
    if read.is_none() && written.is_none() {
        return Some(unknown);
    }
    let cached = counted.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens);
    let number = |n: Option<i32>| u64::try_from(n.unwrap_or(0)).ok();
    let (tokens_in, tokens_out) = (number(read)?, number(written)?);
    Some(Usage {
        tokens_cached: number(cached)?.min(tokens_in),
        nano_usd: price.of(tokens_in, tokens_out),
        ..Usage::new(tokens_in, tokens_out)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(counted: Value) -> Option<Usage> {
        let counted = serde_json::from_value(counted).unwrap();
        of(Some(&counted), &Price::nano_usd(1, 10), &Cost::tokens(1, 7, 9).with_nano_usd(5))
    }

    #[test]
    fn thinking_counts_where_nothing_was_said_aloud_and_silence_is_the_cap() {
        let usage = read(json!({"prompt_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 3}}));
        assert_eq!(usage, Some(Usage { nano_usd: 34, ..Usage::new(4, 3) }));
        assert_eq!(read(json!({})), Some(Usage { nano_usd: 5, ..Usage::new(7, 9) }));
        assert_eq!(read(json!({"prompt_tokens": -4})), None);
    }
}
