use meta_traits::Cost;
use serde::Deserialize;
use serde_json::json;

use super::answer::Counted;
use super::{HostedClient, Scoring, wire};
use crate::{InferenceError, Prompt, Score, Scored};

#[derive(Deserialize)]
struct Echoes {
    choices: Vec<Echo>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Echo {
    #[serde(default)]
    index: usize,
    logprobs: Option<Tokens>,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<String>,
    token_logprobs: Vec<Option<f64>>,
}

/// A token of an echoed text: where it starts, in bytes, and how likely it was.
struct Part {
    start: usize,
    log_prob: Option<f64>,
}

/// The tokens of an echoed text and its length in bytes.
struct Parts {
    parts: Vec<Part>,
    end: usize,
}

impl Tokens {
    /// The tokens that make up `text`: without one that a server puts before it, and without what was written after.
    fn parts(&self, text: &str) -> Option<Parts> {
        if self.tokens.len() != self.token_logprobs.len() {
            return None;
        }
        (0..=1).find_map(|skipped| {
            let (mut parts, mut rest) = (Vec::new(), text);
            for (token, log_prob) in self.tokens.iter().zip(&self.token_logprobs).skip(skipped) {
                if rest.is_empty() {
                    break;
                }
                parts.push(Part { start: text.len() - rest.len(), log_prob: *log_prob });
                rest = rest.strip_prefix(token.as_str())?;
            }
            rest.is_empty().then_some(Parts { parts, end: text.len() })
        })
    }
}

/// Sums of the log-probabilities of the continuations, and their numbers of tokens.
///
/// Each text is scored from the last place, at or before the end of the prompt, where a token starts in all of them.
fn sums(texts: &[Parts], prompt: usize) -> Option<(Vec<f64>, Vec<u32>)> {
    // A text without continuation ends where the prompt does: no token starts there, and none is cut.
    let shared = |place: usize| {
        texts.iter().all(|text| text.end == place || text.parts.iter().any(|part| part.start == place))
    };
    let starts = texts.iter().flat_map(|text| &text.parts).map(|part| part.start);
    let from = starts.filter(|start| *start <= prompt && shared(*start)).max()?;
    let mut totals = (Vec::new(), Vec::new());
    for text in texts {
        let scored: Vec<&Part> = text.parts.iter().filter(|part| part.start >= from).collect();
        totals.0.push(scored.iter().map(|part| part.log_prob).sum::<Option<f64>>()? + 0.0);
        totals.1.push(scored.len() as u32);
    }
    Some(totals)
}

impl HostedClient {
    pub(super) async fn score_as_set(&self, request: &Score) -> Result<Scored, InferenceError> {
        match self.peer.options.scoring {
            Scoring::None => Err(self.peer.unsupported(
                "scoring of given texts (`scoring: echo` is for vLLM, `scoring: llama_server` for llama.cpp)",
            )),
            Scoring::Echo => self.score_by_echo(request, self.prompt_to_score(request)?).await,
            Scoring::LlamaServer => self.score_by_steps(request, self.prompt_to_score(request)?).await,
        }
    }

    fn prompt_to_score<'a>(&self, request: &'a Score) -> Result<&'a str, InferenceError> {
        let message = match &request.prompt {
            Prompt::Text(_) if request.continuations.is_empty() => "there is nothing to score",
            Prompt::Text(text) if text.is_empty() => "an empty prompt cannot be scored after; give some text",
            Prompt::Text(text) => return Ok(text),
            Prompt::Chat(_) => "a server scores texts and no chats; use `format: text`",
        };
        Err(self.peer.invalid(message.to_owned()))
    }

    async fn score_by_echo(&self, request: &Score, prompt: &str) -> Result<Scored, InferenceError> {
        let texts: Vec<String> = request.continuations.iter().map(|end| format!("{prompt}{end}")).collect();
        let body = json!({
            "model": self.peer.model, "prompt": texts, "max_tokens": 1, "temperature": 0.0,
            "logprobs": 1, "echo": true,
        });
        let bytes = self.ask(self.beside("completions"), body.to_string().into_bytes()).await?;
        let mut echoes: Echoes =
            serde_json::from_slice(&bytes).map_err(|error| self.peer.misunderstood(&error.to_string()))?;
        echoes.choices.sort_by_key(|echo| echo.index);
        if echoes.choices.len() != texts.len() {
            let (given, asked) = (echoes.choices.len(), texts.len());
            return Err(self.peer.misunderstood(&format!("it scores {given} texts of {asked}")));
        }
        let mut parts = Vec::new();
        for (echo, text) in echoes.choices.iter().zip(&texts) {
            let tokens = echo.logprobs.as_ref().ok_or_else(|| {
                self.peer.unsupported("log-probabilities of echoed texts; set `scoring: none` for this model")
            })?;
            let unjoined = || self.peer.misunderstood("the echoed tokens do not make up the text");
            parts.push(tokens.parts(text).ok_or_else(unjoined)?);
        }
        let (log_probs, tokens) = sums(&parts, prompt.len()).ok_or_else(|| {
            self.peer.misunderstood("a token has no log-probability; lengthen the prompt before the labels")
        })?;
        let n = texts.len() as u64;
        let most = texts.iter().map(|text| wire::most_tokens(&Prompt::Text(text.clone()))).sum();
        let price = &self.peer.options.price;
        let cap = Cost::tokens(1, most, n).with_nano_usd(price.of(most, n));
        Ok(Scored::new(log_probs, tokens, Counted::usage(echoes.usage.as_ref(), price, &cap)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(tokens: &[(&str, Option<f64>)], text: &str) -> Option<Parts> {
        let (tokens, token_logprobs) = tokens.iter().map(|(t, p)| ((*t).to_owned(), *p)).unzip();
        Tokens { tokens, token_logprobs }.parts(text)
    }

    #[test]
    fn a_label_that_melts_with_the_prompt_is_scored_from_the_shared_start() {
        // "a: " + "yes" keeps its tokens, "a: " + "no" melts the space.
        let yes = parts(&[("a", None), (":", Some(-1.0)), (" ", Some(-2.0)), ("yes", Some(-3.0))], "a: yes")
            .unwrap();
        let no = parts(&[("a", None), (":", Some(-1.0)), (" no", Some(-4.0)), ("!", Some(-9.0))], "a: no")
            .unwrap();
        assert_eq!(sums(&[yes, no], 3), Some((vec![-5.0, -4.0], vec![2, 1])));
    }

    #[test]
    fn a_leading_special_token_is_skipped_and_text_that_does_not_join_is_refused() {
        let text = parts(&[("<s>", None), ("ab", Some(-1.0)), ("c", Some(-2.0)), ("</s>", Some(0.0))], "abc")
            .unwrap();
        assert_eq!(sums(&[text], 2), Some((vec![-2.0], vec![1])));
        assert!(parts(&[("ab", None), ("bytes:\\xe2", Some(-1.0))], "ab\u{20ac}").is_none());
        // Without a token before it, the first one has no log-probability.
        assert_eq!(sums(&[parts(&[("abc", None)], "abc").unwrap()], 2), None);
    }

    #[test]
    fn an_empty_continuation_is_certain() {
        let none = parts(&[("a", None), ("b", Some(-1.0))], "ab").unwrap();
        let some = parts(&[("a", None), ("b", Some(-1.0)), ("c", Some(-2.0))], "abc").unwrap();
        assert_eq!(sums(&[none, some], 2), Some((vec![0.0, -2.0], vec![0, 1])));
    }
}
