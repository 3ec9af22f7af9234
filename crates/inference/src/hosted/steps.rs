use serde::Deserialize;
use serde_json::json;

use super::HostedClient;
use crate::{InferenceError, Score, Scored, Usage};

/// Added to a token's logit so that the server writes it; larger than any difference between logits.
const FORCED: f64 = 1000.0;

#[derive(Deserialize)]
struct Tokenized {
    tokens: Vec<u32>,
}

#[derive(Deserialize)]
struct Step {
    completion_probabilities: Vec<Written>,
    #[serde(default)]
    tokens_evaluated: u64,
    #[serde(default)]
    tokens_predicted: u64,
    #[serde(default)]
    timings: Timings,
}

#[derive(Default, Deserialize)]
struct Timings {
    #[serde(default)]
    cache_n: u64,
}

#[derive(Deserialize)]
struct Written {
    id: u32,
    logprob: f64,
}

impl HostedClient {
    /// Scores by forcing one token after the other and reading its log-probability before the force.
    pub(super) async fn score_by_steps(
        &self,
        request: &Score,
        prompt: &str,
    ) -> Result<Scored, InferenceError> {
        let before = self.tokens(prompt).await?;
        let mut texts = Vec::new();
        for continuation in &request.continuations {
            texts.push(self.tokens(&format!("{prompt}{continuation}")).await?);
        }
        // The last token boundary that all texts share with the prompt.
        let shared = |n: &usize| texts.iter().all(|tokens| tokens.len() > *n && tokens[*n] == before[*n]);
        let from = (0..before.len()).take_while(shared).count();
        if from == 0 {
            let message = "the labels change the first token of the prompt; lengthen the prompt before them";
            return Err(self.peer.invalid(message.to_owned()));
        }
        let mut scored = Scored::new(Vec::new(), Vec::new(), Usage::default());
        for tokens in &texts {
            let mut sum = 0.0;
            for end in from..tokens.len() {
                sum += self.step(&tokens[..end], tokens[end], &mut scored.usage).await?;
            }
            scored.log_probs.push(sum);
            scored.tokens.push((tokens.len() - from) as u32);
        }
        let usage = &mut scored.usage;
        usage.nano_usd = self.peer.options.price.of(usage.tokens_in, usage.tokens_out);
        Ok(scored)
    }

    async fn tokens(&self, text: &str) -> Result<Vec<u32>, InferenceError> {
        let body = json!({"content": text, "add_special": true, "parse_special": false});
        let bytes = self.ask(self.at_root("tokenize"), body.to_string().into_bytes()).await?;
        let read: Result<Tokenized, _> = serde_json::from_slice(&bytes);
        Ok(read.map_err(|error| self.peer.misunderstood(&error.to_string()))?.tokens)
    }

    async fn step(&self, before: &[u32], token: u32, usage: &mut Usage) -> Result<f64, InferenceError> {
        let body = json!({
            "prompt": before, "n_predict": 1, "n_probs": 1, "temperature": 0.0, "post_sampling_probs": false,
            "logit_bias": [[token, FORCED]], "cache_prompt": true,
        });
        let bytes = self.ask(self.at_root("completion"), body.to_string().into_bytes()).await?;
        let step: Step =
            serde_json::from_slice(&bytes).map_err(|error| self.peer.misunderstood(&error.to_string()))?;
        usage.tokens_in += step.tokens_evaluated;
        usage.tokens_cached += step.timings.cache_n.min(step.tokens_evaluated);
        usage.tokens_out += step.tokens_predicted;
        match step.completion_probabilities.first() {
            Some(written) if written.id == token => Ok(written.logprob),
            _ => Err(self.peer.misunderstood("it wrote another token than the one asked for")),
        }
    }
}
