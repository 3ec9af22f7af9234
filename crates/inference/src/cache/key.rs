use serde::Serialize;

use crate::{Embed, Generate, JsonSchema, Prompt, Score};

/// Raised whenever answers of the same name may differ from those of before, or the files' form changes.
pub(super) const FORMAT: u32 = 1;

/// The name of an answer: 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CacheKey(String);

/// What the hash is taken of. serde writes fields in their order here, so the text is canonical.
#[derive(Serialize)]
struct Named<'a, R> {
    format: u32,
    identity: &'a str,
    verb: &'static str,
    request: R,
}

#[derive(Serialize)]
struct GenerateFields<'a> {
    prompt: &'a Prompt,
    max_tokens: u32,
    temperature: f32,
    top_p: f32,
    seed: Option<u64>,
    stop: &'a [String],
    // Left out where not asked for: the names of other requests stay as they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a JsonSchema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_probs: Option<u8>,
}

#[derive(Serialize)]
struct ScoreFields<'a> {
    prompt: &'a Prompt,
    continuations: &'a [String],
}

#[derive(Serialize)]
struct EmbedFields<'a> {
    texts: &'a [String],
}

// The requests are taken apart without `..`: a field added to one of them must be decided on here.
impl CacheKey {
    pub(super) fn of_generate(identity: &str, request: &Generate) -> Self {
        let Generate {
            prompt,
            shared_prefix: _,
            max_tokens,
            temperature,
            top_p,
            seed,
            stop,
            schema,
            log_probs,
        } = request;
        let fields = GenerateFields {
            prompt,
            max_tokens: *max_tokens,
            temperature: *temperature,
            top_p: *top_p,
            seed: (!request.is_greedy()).then_some(*seed),
            stop,
            schema: schema.as_ref(),
            log_probs: *log_probs,
        };
        Self::of(identity, "generate", fields)
    }

    pub(super) fn of_score(identity: &str, request: &Score) -> Self {
        let Score { prompt, shared_prefix: _, continuations } = request;
        Self::of(identity, "score", ScoreFields { prompt, continuations })
    }

    pub(super) fn of_embed(identity: &str, request: &Embed) -> Self {
        let Embed { texts } = request;
        Self::of(identity, "embed", EmbedFields { texts })
    }

    fn of(identity: &str, verb: &'static str, request: impl Serialize) -> Self {
        let mut hasher = blake3::Hasher::new();
        let written = serde_json::to_writer(&mut hasher, &Named { format: FORMAT, identity, verb, request });
        debug_assert!(written.is_ok(), "strings and numbers can always be written to a hasher");
        Self(hasher.finalize().to_hex().to_string())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Role};

    fn base() -> Generate {
        Generate { temperature: 0.5, ..Generate::new(Prompt::Text("p".into())) }
    }

    fn schema(name: &str) -> JsonSchema {
        JsonSchema::new(name, serde_json::json!({"type": "object"})).unwrap()
    }

    #[test]
    fn every_field_that_matters_changes_the_name_and_the_hint_does_not() {
        let key = |request: &Generate| CacheKey::of_generate("m", request);
        let chat = Prompt::Chat(vec![Message { role: Role::User, content: "p".into() }]);
        let others = [
            base(),
            Generate { prompt: Prompt::Text("q".into()), ..base() },
            Generate { prompt: chat, ..base() },
            Generate { max_tokens: 1, ..base() },
            Generate { temperature: 0.25, ..base() },
            Generate { top_p: 0.5, ..base() },
            Generate { seed: 1, ..base() },
            Generate { stop: vec!["x".into()], ..base() },
            Generate { log_probs: Some(0), ..base() },
            Generate { schema: Some(schema("a")), ..base() },
            Generate { schema: Some(schema("b")), ..base() },
        ];
        let names: std::collections::BTreeSet<_> = others.iter().map(key).collect();
        assert_eq!(names.len(), others.len());
        assert_eq!(key(&Generate { shared_prefix: 1, ..base() }), key(&base()));
        assert_ne!(CacheKey::of_generate("n", &base()), key(&base()));
        let score = Score::new(Prompt::Text("p".into()), vec![]);
        assert_ne!(CacheKey::of_score("m", &score), CacheKey::of_embed("m", &Embed::new(vec![])));
    }

    #[test]
    fn the_seed_plays_no_part_in_greedy_requests() {
        let greedy =
            |seed| CacheKey::of_generate("m", &Generate { seed, ..Generate::new(Prompt::Text("p".into())) });
        assert_eq!(greedy(1), greedy(2));
    }

    #[test]
    fn names_do_not_change_between_builds() {
        let hash = blake3::hash(
            br#"{"format":1,"identity":"m","verb":"generate","request":{"prompt":{"text":"p"},"max_tokens":256,"temperature":0.5,"top_p":1.0,"seed":0,"stop":[]}}"#,
        );
        assert_eq!(CacheKey::of_generate("m", &base()).as_str(), hash.to_hex().as_str());
    }
}
