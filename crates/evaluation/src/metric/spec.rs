use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::settings::{
    Bare, BleuSpec, ChrfSpec, ContainsSpec, NumberSpec, RegexSpec, RougeSpec, SchemaSpec, SimilaritySpec,
};
use crate::EvaluationError;
use crate::code::CodeSpec;
use crate::judge::JudgeSpec;

/// How replies are scored, as a configuration says it: a name, or a name with settings.
///
/// ```
/// use evaluation::MetricSpec;
/// let plain: MetricSpec = serde_json::from_str(r#""rouge_l""#)?;
/// let stemmed: MetricSpec = serde_json::from_str(r#"{"rouge_l": {"stem": true}}"#)?;
/// assert_eq!(plain.name(), stemmed.name());
/// assert_eq!(serde_json::to_string(&plain)?, r#""rouge_l""#);
/// let error = serde_json::from_str::<MetricSpec>(r#"{"rouge_l": {"stemm": true}}"#).unwrap_err();
/// assert!(error.to_string().starts_with("unknown field `stemm`"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
#[non_exhaustive]
pub enum MetricSpec {
    /// The last answer token.
    Exact(Bare),
    /// The last number, within a tolerance.
    Number(NumberSpec),
    /// The single label.
    Label(Bare),
    /// Yes or no.
    Yesno(Bare),
    /// The last line or the text after `Answer:`, in normal form.
    ExactAnswer(Bare),
    /// Intent and slots.
    JsonSlotsF1(Bare),
    /// The share of checks.
    ChecksAll(Bare),
    /// Secrets and words to keep.
    LeakAndKeep(Bare),
    /// F1 of words, as SQuAD counts.
    TokenF1(Bare),
    /// ROUGE-1.
    #[serde(rename = "rouge_1")]
    Rouge1(RougeSpec),
    /// ROUGE-2.
    #[serde(rename = "rouge_2")]
    Rouge2(RougeSpec),
    /// ROUGE-L.
    RougeL(RougeSpec),
    /// Sentence BLEU.
    Bleu(BleuSpec),
    /// chrF, or chrF++ with a word order.
    Chrf(ChrfSpec),
    /// Expected texts.
    Contains(ContainsSpec),
    /// A regular expression.
    Regex(RegexSpec),
    /// A JSON schema.
    JsonSchema(SchemaSpec),
    /// Cosine of embeddings.
    SemanticSimilarity(SimilaritySpec),
    /// A model that grades.
    Judge(JudgeSpec),
    /// Tests of code, run in a sandbox.
    Code(CodeSpec),
}

impl MetricSpec {
    /// The names of the text metrics: those that a [`crate::Scorer`] computes.
    pub const TEXT: [&'static str; 17] = [
        "exact",
        "number",
        "label",
        "yesno",
        "exact_answer",
        "json_slots_f1",
        "checks_all",
        "leak_and_keep",
        "token_f1",
        "rouge_1",
        "rouge_2",
        "rouge_l",
        "bleu",
        "chrf",
        "contains",
        "regex",
        "json_schema",
    ];

    /// The metric called `name` with its default settings; `None` for unknown names and those that need settings.
    pub fn by_name(name: &str) -> Option<Self> {
        let settings = Map::from_iter([(name.to_owned(), Value::Object(Map::new()))]);
        Self::deserialize(Value::Object(settings)).ok()
    }

    /// The name in configurations.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Number(_) => "number",
            Self::Label(_) => "label",
            Self::Yesno(_) => "yesno",
            Self::ExactAnswer(_) => "exact_answer",
            Self::JsonSlotsF1(_) => "json_slots_f1",
            Self::ChecksAll(_) => "checks_all",
            Self::LeakAndKeep(_) => "leak_and_keep",
            Self::TokenF1(_) => "token_f1",
            Self::Rouge1(_) => "rouge_1",
            Self::Rouge2(_) => "rouge_2",
            Self::RougeL(_) => "rouge_l",
            Self::Bleu(_) => "bleu",
            Self::Chrf(_) => "chrf",
            Self::Contains(_) => "contains",
            Self::Regex(_) => "regex",
            Self::JsonSchema(_) => "json_schema",
            Self::SemanticSimilarity(_) => "semantic_similarity",
            Self::Judge(_) => "judge",
            Self::Code(_) => "code",
        }
    }

    /// The model that it names, if it needs one.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::SemanticSimilarity(spec) => Some(&spec.model),
            Self::Judge(spec) => Some(&spec.model),
            _ => None,
        }
    }

    /// Checks the settings alone: no data, no model, no sandbox.
    ///
    /// # Errors
    /// [`EvaluationError::Metric`] naming the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), EvaluationError> {
        let fault = match self {
            Self::Number(spec) => spec.fault(),
            Self::Bleu(spec) => spec.fault(),
            Self::Chrf(spec) => spec.fault(),
            Self::Judge(spec) => spec.fault(),
            Self::Code(spec) => spec.fault(),
            _ => None,
        };
        fault.map_or(Ok(()), |message| Err(EvaluationError::Metric { metric: self.name(), message }))
    }
}

impl Serialize for MetricSpec {
    /// A name where all settings are the default ones.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole =
            Self::serialize(self, serde_json::value::Serializer).map_err(serde::ser::Error::custom)?;
        let plain =
            whole.as_object().is_some_and(|o| o.values().all(|v| v.as_object().is_some_and(Map::is_empty)));
        if plain { serializer.serialize_str(self.name()) } else { whole.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for MetricSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrSettings)
    }
}

struct NameOrSettings;

impl<'de> Visitor<'de> for NameOrSettings {
    type Value = MetricSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the name of a metric, such as label, or a name with settings, such as {rouge_l: {stem: true}}",
        )
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<MetricSpec, E> {
        let settings = Map::from_iter([(name.to_owned(), Value::Object(Map::new()))]);
        MetricSpec::deserialize(Value::Object(settings)).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MetricSpec, A::Error> {
        let spec = MetricSpec::deserialize(MapAccessDeserializer::new(&mut map))?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(spec),
            Some(_) => Err(A::Error::custom("more than one metric is given. Keep one")),
        }
    }
}
