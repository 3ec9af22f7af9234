use meta_traits::Stream;
use serde::Deserialize;

use crate::Usage;

/// Answers to prompts that hold a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// What the prompt must hold; empty for every prompt.
    #[serde(default)]
    pub contains: String,
    /// The answers, one of which the seed and the prompt pick.
    pub answers: Vec<String>,
}

/// A chat request, as far as it is looked at.
#[derive(Deserialize)]
pub(super) struct Chat {
    #[serde(default)]
    model: String,
    messages: Vec<Turn>,
    #[serde(default)]
    pub(super) stream: bool,
    #[serde(default)]
    pub(super) stream_options: StreamOptions,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    content: String,
}

#[derive(Default, Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

/// An answer with what it used.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) finish: &'static str,
    pub(super) usage: Usage,
}

const WORDS: &[&str] =
    &["amber", "boat", "cedar", "delta", "ember", "fern", "grove", "harbour", "island", "juniper"];

/// Bytes that count as one token.
const TOKEN: usize = 4;

impl Chat {
    /// The model and all messages as one text.
    pub(super) fn prompt(&self) -> String {
        let turns = self.messages.iter().map(|turn| format!("{}: {}", turn.role, turn.content));
        turns.collect::<Vec<_>>().join("\n")
    }

    /// A name of model and prompt.
    pub(super) fn name(&self) -> String {
        blake3::hash(format!("{}\0{}", self.model, self.prompt()).as_bytes()).to_hex().to_string()
    }

    /// The answer that `answers` give under `seed`.
    pub(super) fn answer(&self, answers: &[Answers], seed: u64) -> Said {
        let prompt = self.prompt();
        let mut rng = Stream::root(seed).child("answer", 0).child(&self.name(), 0);
        let fitting = answers.iter().find(|a| prompt.contains(&a.contains));
        let mut text = if let Some(text) = fitting.and_then(|a| rng.pick(&a.answers)) {
            text.clone()
        } else {
            let n = 3 + rng.below(6);
            let words = (0..n).filter_map(|_| rng.pick(WORDS).copied());
            words.collect::<Vec<_>>().join(" ")
        };
        let most = self.max_completion_tokens.or(self.max_tokens).unwrap_or(u64::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(TOKEN);
        let finish = if text.len() > most { "length" } else { "stop" };
        while text.len() > most {
            text.pop();
        }
        let mut usage = Usage::new(tokens(&prompt), tokens(&text));
        usage.tokens_cached = rng.below(usage.tokens_in as usize / 2 + 1) as u64;
        Said { text, finish, usage }
    }
}

fn tokens(text: &str) -> u64 {
    text.len().div_ceil(TOKEN) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(content: &str) -> Chat {
        let json = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": content}], "max_tokens": 2});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_first_fitting_entry_answers_and_the_limit_is_kept() {
        let entry = |contains: &str, answers: &[&str]| Answers {
            contains: contains.to_owned(),
            answers: answers.iter().map(|a| (*a).to_owned()).collect(),
        };
        let answers = [entry("sky", &["blue"]), entry("", &["no", "yes", "a long answer"])];
        assert_eq!(chat("the sky").answer(&answers, 0).text, "blue");
        let said: Vec<String> = (0..40).map(|i| chat(&format!("{i}")).answer(&answers, 0).text).collect();
        for text in ["no", "yes", "a long a"] {
            assert!(said.iter().any(|s| s == text), "{said:?}");
        }
        let other: Vec<String> = (0..40).map(|i| chat(&format!("{i}")).answer(&answers, 1).text).collect();
        assert_ne!(said, other);
        let made_up = chat("x").answer(&[], 0);
        assert_eq!((made_up.finish, made_up.text.len(), made_up.usage.tokens_out), ("length", 8, 2));
        assert!(made_up.usage.tokens_cached <= made_up.usage.tokens_in);
    }
}
