use std::sync::Arc;

use inference::{Embed, Generate, LlmClient, Prompt};
use meta_traits::{BoxFuture, Cost, ErrorKind};

use crate::error::one_line;
use crate::metric::{Measured, Metric, Unmeasured};
use crate::text::texts;
use crate::{Dataset, EvaluationError, Example, Verdict};

const NAME: &str = "semantic_similarity";

/// Scores a reply by the cosine between its embedding and that of the expected text.
///
/// A cosine below 0 scores 0; of several expected texts the nearest counts; a blank reply scores 0 and is not sent.
/// One request a reply embeds it and the expected texts. As deterministic as the model that embeds.
///
/// ```
/// use std::sync::Arc;
/// use evaluation::{Example, Metric, SemanticSimilarity};
/// use inference::ScriptedClient;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let counts = |text: &str| vec![text.matches('a').count() as f32, text.matches('b').count() as f32];
/// let model = Arc::new(ScriptedClient::rules([]).embedding(counts));
/// let metric = SemanticSimilarity::new(model);
/// let measured = metric.measure("a b", &Example::new("", "aa")).await?;
/// assert!((measured.verdict.score - 0.5_f64.sqrt()).abs() < 1e-6);
/// assert_eq!(measured.cost.calls, 1);
/// # Ok::<(), evaluation::Unmeasured>(()) }).unwrap();
/// ```
pub struct SemanticSimilarity {
    client: Arc<dyn LlmClient>,
}

impl SemanticSimilarity {
    /// Compares by the embeddings of `client`.
    pub fn new(client: Arc<dyn LlmClient>) -> Self {
        Self { client }
    }

    /// The same metric, after a look at every example of `data`.
    ///
    /// # Errors
    /// [`EvaluationError::Unscorable`] for an example whose expected value is neither a text nor a list of texts.
    pub fn fitting(self, data: &Dataset) -> Result<Self, EvaluationError> {
        for (id, example) in data.iter() {
            texts(&example.expected).map_err(|message| EvaluationError::Unscorable {
                scorer: NAME,
                example: id.to_string(),
                message,
            })?;
        }
        Ok(self)
    }

    async fn compare(&self, reply: &str, example: &Example) -> Result<Measured, Unmeasured> {
        let free = |kind, message: String| Unmeasured::new(NAME, kind, message, Cost::ZERO);
        let expected = texts(&example.expected).map_err(|m| free(ErrorKind::InvalidInput, m))?;
        if reply.trim().is_empty() {
            let verdict =
                Verdict::new(0.0, format!("expected text like '{}', got none", one_line(&expected[0], 160)));
            return Ok(Measured::new(verdict, Cost::ZERO));
        }
        let request = Embed::new(std::iter::once(reply.to_owned()).chain(expected.iter().cloned()).collect());
        let embedded =
            self.client.embed(&request).await.map_err(|e| Unmeasured::of_model(NAME, &e, Cost::ZERO))?;
        let cost = embedded.usage.cost();
        let fault = |message: &str| Unmeasured::new(NAME, ErrorKind::Protocol, message, cost);
        if embedded.vectors.len() != request.texts.len() {
            return Err(fault("the model did not give one vector for each text. Choose a model that embeds"));
        }
        let mut nearest: Option<(f64, &str)> = None;
        for (vector, text) in embedded.vectors[1..].iter().zip(&expected) {
            let likeness = cosine(&embedded.vectors[0], vector)
                .ok_or_else(|| fault("the model's vectors are zero, not finite or of unequal length"))?;
            if nearest.is_none_or(|(best, _)| likeness > best) {
                nearest = Some((likeness, text));
            }
        }
        let (likeness, text) = nearest.unwrap_or((0.0, ""));
        let detail =
            format!("cosine {likeness:.3} to '{}', got '{}'", one_line(text, 160), one_line(reply, 160));
        Ok(Measured::new(Verdict::new(likeness.clamp(0.0, 1.0), detail), cost))
    }
}

impl Metric for SemanticSimilarity {
    fn name(&self) -> &str {
        NAME
    }

    fn measure<'a>(
        &'a self,
        reply: &'a str,
        example: &'a Example,
    ) -> BoxFuture<'a, Result<Measured, Unmeasured>> {
        Box::pin(self.compare(reply, example))
    }

    fn cap(&self, reply: &str, example: &Example) -> Cost {
        // Clients cap generation only; reading the same texts without writing is what embedding takes.
        let all = texts(&example.expected).unwrap_or_default().join("\n");
        let mut request = Generate::new(Prompt::Text(format!("{reply}\n{all}")));
        request.max_tokens = 0;
        self.client.cap(&request)
    }
}

/// The cosine of two vectors, summed in double precision; `None` for vectors that have none.
fn cosine(a: &[f32], b: &[f32]) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    cosine.is_finite().then(|| cosine.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use inference::{Asked, ScriptedClient};
    use serde_json::json;

    use super::*;

    /// One axis a letter.
    fn letters(text: &str) -> Vec<f32> {
        ('a'..='d').map(|letter| text.matches(letter).count() as f32).collect()
    }

    fn metric() -> (SemanticSimilarity, Arc<ScriptedClient>) {
        let client = Arc::new(ScriptedClient::rules([]).embedding(letters));
        (SemanticSimilarity::new(Arc::clone(&client) as Arc<dyn LlmClient>), client)
    }

    #[tokio::test]
    async fn the_nearest_expected_text_counts_and_tokens_are_charged() {
        let (metric, client) = metric();
        let example = Example::new("q", json!(["b b", "a a c"]));
        let measured = metric.measure("a a", &example).await.unwrap();
        assert!((measured.verdict.score - 2.0 / 5.0_f64.sqrt()).abs() < 1e-7, "{measured:?}");
        assert!(
            measured.verdict.detail.starts_with("cosine 0.894 to 'a a c'"),
            "{}",
            measured.verdict.detail
        );
        assert_eq!(measured.cost, Cost::tokens(1, 7, 0));
        assert_eq!(client.asked().len(), 1);
        let cap = metric.cap("a a", &example);
        assert_eq!(cap, Cost::tokens(1, 7, 0));
    }

    #[tokio::test]
    async fn blank_replies_are_not_sent_and_useless_vectors_are_faults() {
        let (metric, client) = metric();
        let example = Example::new("q", "a");
        assert!(metric.measure(" \n", &example).await.unwrap().verdict.score.abs() < 1e-12);
        assert_eq!(client.asked(), Vec::<Asked>::new());
        let error = metric.measure("zzz", &example).await.unwrap_err();
        assert_eq!((error.kind, error.cost.calls), (ErrorKind::Protocol, 1));
        let error = metric.measure("a", &Example::new("q", json!(null))).await.unwrap_err();
        assert_eq!((error.kind, error.cost), (ErrorKind::InvalidInput, Cost::ZERO));
    }

    #[test]
    fn cosines() {
        assert_eq!(cosine(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(cosine(&[0.0], &[1.0]), None);
        assert_eq!(cosine(&[f32::NAN], &[1.0]), None);
        assert!((cosine(&[3.0, 4.0], &[-3.0, -4.0]).unwrap() + 1.0).abs() < 1e-12);
    }
}
