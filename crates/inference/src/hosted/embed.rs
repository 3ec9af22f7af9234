use meta_traits::Cost;
use serde::Deserialize;
use serde_json::json;

use super::answer::Counted;
use super::peer::Peer;
use super::{HostedClient, wire};
use crate::{Embed, Embedded, InferenceError, Prompt, Usage};

#[derive(Deserialize)]
struct Vectors {
    data: Vec<Indexed>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Indexed {
    #[serde(default)]
    index: usize,
    embedding: Vec<f32>,
}

impl HostedClient {
    pub(super) async fn embed_as_asked(&self, request: &Embed) -> Result<Embedded, InferenceError> {
        if request.texts.is_empty() {
            return Ok(Embedded::new(Vec::new(), Usage::default()));
        }
        let body = json!({"model": self.peer.model, "input": request.texts});
        let bytes = self.ask(self.beside("embeddings"), body.to_string().into_bytes()).await?;
        let mut read: Vectors =
            serde_json::from_slice(&bytes).map_err(|error| self.peer.misunderstood(&error.to_string()))?;
        read.data.sort_by_key(|one| one.index);
        let price = &self.peer.options.price;
        let most = most_tokens(&request.texts);
        let cap = Cost::tokens(1, most, 0).with_nano_usd(price.of(most, 0));
        let usage = Counted::usage(read.usage.as_ref(), price, &cap);
        let vectors = read.data.into_iter().map(|one| one.embedding).collect();
        units(vectors, request.texts.len(), &self.peer).map(|vectors| Embedded::new(vectors, usage))
    }
}

/// A bound on the tokens of texts to embed.
pub(super) fn most_tokens(texts: &[String]) -> u64 {
    texts.iter().map(|text| wire::most_tokens(&Prompt::Text(text.clone()))).sum()
}

/// The vectors at length 1, if there are as many as asked for and all have one finite length.
pub(super) fn units(
    vectors: Vec<Vec<f32>>,
    asked: usize,
    peer: &Peer,
) -> Result<Vec<Vec<f32>>, InferenceError> {
    if vectors.len() != asked {
        return Err(peer.misunderstood(&format!("it embeds {} texts of {asked}", vectors.len())));
    }
    let width = vectors.first().map_or(0, Vec::len);
    let mut scaled = Vec::with_capacity(vectors.len());
    for vector in vectors {
        let norm = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
        if vector.len() != width || !norm.is_finite() || norm <= 0.0 {
            return Err(peer.misunderstood("an embedding has another length than the first, or none at all"));
        }
        scaled.push(vector.into_iter().map(|x| (f64::from(x) / norm) as f32).collect());
    }
    Ok(scaled)
}
