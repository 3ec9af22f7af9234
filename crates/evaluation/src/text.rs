use serde::Serialize;
use serde_json::Value;

use crate::error::one_line;
use crate::metric::MetricSpec;
use crate::{Dataset, EvaluationError, Example};

mod answer;
mod bleu;
mod checks;
mod chrf;
pub(crate) mod fence;
mod label;
mod leak;
mod ngram;
mod number;
mod overlap;
mod pattern;
mod rouge;
mod schema;
mod slots;
mod token_f1;
mod words;

pub use bleu::{Bleu, BleuScore, Smoothing};
pub use chrf::Chrf;
pub use overlap::Overlap;
pub use rouge::{Rouge, RougeUnit};
pub use token_f1::token_f1;

/// What a scorer found in one reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// In [0, 1]; 1 is as good as can be.
    pub score: f64,
    /// One line on what was expected and what came, for people and for models that improve prompts.
    pub detail: String,
}

impl Verdict {
    /// A verdict; `score` lies in [0, 1].
    pub fn new(score: f64, detail: String) -> Self {
        Self { score, detail }
    }

    /// 1 or 0; a wrong reply is described as `expected .., got ..`.
    fn of_match(holds: bool, what: &str, expected: &str, got: Option<&str>) -> Self {
        let expected = one_line(expected, EXCERPT);
        if holds {
            return Self::new(1.0, format!("correct: '{expected}'"));
        }
        let got = got.map_or_else(|| format!("no {what}"), |got| format!("'{}'", one_line(got, EXCERPT)));
        Self::new(0.0, format!("expected {what} '{expected}', got {got}"))
    }

    /// An F1 with what it is made of.
    fn of_overlap(what: &str, overlap: &Overlap, reply: &str, references: &[String]) -> Self {
        let Overlap { precision, recall, f1 } = overlap;
        let parts = format!("{what} {f1:.2} (precision {precision:.2}, recall {recall:.2})");
        Self::of_text(f1.clamp(0.0, 1.0), &parts, reply, references)
    }

    /// A score in [0, 100].
    fn of_likeness(what: &str, score: f64, reply: &str, references: &[String]) -> Self {
        Self::of_text((score / 100.0).clamp(0.0, 1.0), &format!("{what} {score:.1}"), reply, references)
    }

    fn of_text(score: f64, what: &str, reply: &str, references: &[String]) -> Self {
        let expected = references.first().map(|text| one_line(text, EXCERPT)).unwrap_or_default();
        let got = one_line(reply, EXCERPT);
        Self::new(score, format!("{what}; expected like '{expected}', got '{got}'"))
    }

    /// Whether nothing is left to improve (for `checks_all`: every check holds).
    pub fn is_perfect(&self) -> bool {
        self.score >= 1.0
    }
}

/// Characters of a reply that a detail may quote.
const EXCERPT: usize = 160;

/// A text metric: compares a reply with what an example expects, without any model.
///
/// | name | score of a reply |
/// |---|---|
/// | `exact` | 1 when its last answer token is the expected one, without case; `(A)` may be written `A`, `(A)`, `A)`; an expected value of several words is compared word by word |
/// | `number` | 1 when its last number, without commas and currency signs, is within 1e-6 (or the tolerance given) of the expected one |
/// | `label` | 1 when it names exactly one label of the data set, the expected one; labels are found as whole words, without case, the longest first |
/// | `yesno` | as `label` with the labels yes and no |
/// | `exact_answer` | 1 when its last line, or the text after `Answer:`, equals the expected one in lower case without punctuation and articles |
/// | `json_slots_f1` | of its first JSON object `{"intent", "slots"}`: half for the intent, half the F1 of (slot, value) pairs |
/// | `checks_all` | the share of the expected checks that hold |
/// | `leak_and_keep` | half for the share of `must_not_leak` strings that are absent, half for the share of `keep` words that are present; 0 under five words |
/// | `token_f1` | F1 of its words against the expected text, as SQuAD's script counts; see [`token_f1`] |
/// | `rouge_1`, `rouge_2`, `rouge_l` | F1 of [`Rouge`] against the expected text |
/// | `bleu` | sentence [`Bleu`] against the expected text, over 100 |
/// | `chrf` | sentence [`Chrf`] against the expected text, over 100 |
/// | `contains` | the share of the expected texts that stand in it |
/// | `regex` | 1 when the expected pattern is found in it |
/// | `json_schema` | 1 when the JSON in it fits the expected schema |
///
/// Structured expected values (`json_slots_f1`, `checks_all`, `leak_and_keep`, `json_schema`) may be JSON or a string
/// that holds it. For the metrics of overlap and `contains`, the expected value is a text or a list of texts; the best
/// of several counts. Settings are those of [`MetricSpec`]. Scoring is a pure function: the same reply and example
/// give the same verdict.
///
/// ```
/// use evaluation::{Dataset, Example, Scorer};
/// let rows = vec![Example::new("6 * 7?", "42")];
/// let scorer = Scorer::by_name("number", &Dataset::from_examples(rows.clone(), None, None)?)?;
/// assert!(scorer.score("6 * 7 is $42.00.", &rows[0]).is_perfect());
/// assert!(Scorer::by_name("numbr", &Dataset::from_examples(rows, None, None)?).is_err());
/// # Ok::<(), evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scorer {
    name: &'static str,
    rule: Rule,
}

/// How a reply is compared.
#[derive(Clone, Debug)]
enum Rule {
    Exact,
    Number(crate::metric::NumberSpec),
    Label(label::Labels),
    ExactAnswer,
    JsonSlotsF1,
    ChecksAll,
    LeakAndKeep,
    TokenF1,
    Rouge(Rouge),
    Bleu(Bleu),
    Chrf(Chrf),
    Contains(crate::metric::ContainsSpec),
    Regex(pattern::Pattern),
    JsonSchema(schema::Schema),
}

impl Rule {
    /// The rule of `spec`, `None` where it is no text metric.
    fn of(spec: &MetricSpec, data: &Dataset) -> Result<Option<Self>, String> {
        Ok(Some(match spec {
            MetricSpec::Exact(_) => Self::Exact,
            MetricSpec::Number(spec) => Self::Number(*spec),
            MetricSpec::Label(_) => Self::Label(label::Labels::of(data)),
            MetricSpec::Yesno(_) => Self::Label(label::Labels::new(["no", "yes"])),
            MetricSpec::ExactAnswer(_) => Self::ExactAnswer,
            MetricSpec::JsonSlotsF1(_) => Self::JsonSlotsF1,
            MetricSpec::ChecksAll(_) => Self::ChecksAll,
            MetricSpec::LeakAndKeep(_) => Self::LeakAndKeep,
            MetricSpec::TokenF1(_) => Self::TokenF1,
            MetricSpec::Rouge1(spec) => Self::Rouge(Rouge::new(RougeUnit::Words).stemmed(spec.stem)),
            MetricSpec::Rouge2(spec) => Self::Rouge(Rouge::new(RougeUnit::Pairs).stemmed(spec.stem)),
            MetricSpec::RougeL(spec) => Self::Rouge(Rouge::new(RougeUnit::Sequence).stemmed(spec.stem)),
            MetricSpec::Bleu(spec) => {
                Self::Bleu(Bleu { smoothing: spec.smoothing, lowercase: spec.lowercase })
            }
            MetricSpec::Chrf(spec) => {
                Self::Chrf(Chrf { word_order: spec.word_order, lowercase: spec.lowercase, ..Chrf::default() })
            }
            MetricSpec::Contains(spec) => Self::Contains(*spec),
            MetricSpec::Regex(spec) => Self::Regex(pattern::Pattern::new(spec.clone())?),
            MetricSpec::JsonSchema(spec) => Self::JsonSchema(schema::Schema::new(spec.schema.as_ref())?),
            MetricSpec::SemanticSimilarity(_) | MetricSpec::Judge(_) | MetricSpec::Code(_) => {
                return Ok(None);
            }
        }))
    }

    /// The verdict, or why the example's expected value cannot be read.
    fn verdict(&self, reply: &str, expected: &Value) -> Result<Verdict, String> {
        match self {
            Self::Exact => answer::exact(reply, &scalar(expected)?),
            Self::Number(within) => number::number(reply, expected, *within),
            Self::Label(labels) => label::label(reply, expected, labels),
            Self::ExactAnswer => answer::exact_answer(reply, &scalar(expected)?),
            Self::JsonSlotsF1 => slots::json_slots_f1(reply, &structure(expected)?),
            Self::ChecksAll => checks::checks_all(reply, &structure(expected)?),
            Self::LeakAndKeep => leak::leak_and_keep(reply, &structure(expected)?),
            Self::TokenF1 => {
                let references = texts(expected)?;
                let scores = references.iter().map(|reference| token_f1(reply, reference));
                let best = scores.reduce(|best, next| if next.f1 > best.f1 { next } else { best });
                Ok(Verdict::of_overlap("token F1", &best.unwrap_or(Overlap::NONE), reply, &references))
            }
            Self::Rouge(rouge) => {
                let references = texts(expected)?;
                Ok(Verdict::of_overlap("F1", &rouge.best(reply, &references), reply, &references))
            }
            Self::Bleu(bleu) => {
                let references = texts(expected)?;
                let score = bleu.sentence(reply, &references).score;
                Ok(Verdict::of_likeness("BLEU", score, reply, &references))
            }
            Self::Chrf(chrf) => {
                let references = texts(expected)?;
                let name = if chrf.word_order == 0 { "chrF" } else { "chrF++" };
                Ok(Verdict::of_likeness(name, chrf.sentence(reply, &references), reply, &references))
            }
            Self::Contains(spec) => pattern::contains(reply, expected, *spec),
            Self::Regex(pattern) => pattern.verdict(reply, expected),
            Self::JsonSchema(schema) => schema.verdict(reply, expected),
        }
    }
}

impl Scorer {
    /// The names that [`Scorer::by_name`] knows.
    pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
        MetricSpec::TEXT.into_iter()
    }

    /// The scorer called `name` with the settings that it has by default, for the examples of `data`.
    ///
    /// Labels of `label` are [`Dataset::labels`] and, where rows list them, the strings of `meta.labels`.
    ///
    /// # Errors
    /// [`EvaluationError::UnknownScorer`] with the nearest name and all names; [`EvaluationError::Unscorable`] when
    /// the expected value of some example has not the form that the scorer reads.
    pub fn by_name(name: &str, data: &Dataset) -> Result<Self, EvaluationError> {
        let known = MetricSpec::TEXT.contains(&name).then(|| MetricSpec::by_name(name)).flatten();
        let spec = known.ok_or_else(|| {
            let hint = nearest(name, Self::names()).map(|near| format!("; did you mean '{near}'?"));
            EvaluationError::UnknownScorer {
                name: one_line(name, 80),
                hint: hint.unwrap_or_default(),
                known: Self::names().collect::<Vec<_>>().join(", "),
            }
        })?;
        Self::new(&spec, data)
    }

    /// The scorer that `spec` describes, for the examples of `data`.
    ///
    /// # Errors
    /// [`EvaluationError::Metric`] for settings that are not usable, and for metrics that need a model or a sandbox;
    /// [`EvaluationError::Unscorable`] as [`Scorer::by_name`].
    pub fn new(spec: &MetricSpec, data: &Dataset) -> Result<Self, EvaluationError> {
        let name = spec.name();
        spec.check()?;
        let fault = |message: String| EvaluationError::Metric { metric: name, message };
        let rule = Rule::of(spec, data).map_err(fault)?.ok_or_else(|| {
            fault("it is no text metric. Build it by MetricSpec::build, with models".into())
        })?;
        for (id, example) in data.iter() {
            rule.verdict("", &example.expected).map_err(|message| EvaluationError::Unscorable {
                scorer: name,
                example: id.to_string(),
                message,
            })?;
        }
        Ok(Self { name, rule })
    }

    /// The name of this scorer.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Compares `reply` with `example`.
    ///
    /// An example of another data set whose expected value has the wrong form scores 0, and the detail says why.
    pub fn score(&self, reply: &str, example: &Example) -> Verdict {
        self.rule.verdict(reply, &example.expected).unwrap_or_else(|message| Verdict::new(0.0, message))
    }
}

/// A text, or a list of texts: at least one, none of them blank.
pub(crate) fn texts(expected: &Value) -> Result<Vec<String>, String> {
    let wrong = "expected is no text. Allowed: a string that is not blank, or a list of such strings";
    let texts: Option<Vec<String>> = match expected {
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::String(text) => Some(vec![text.clone()]),
        other => scalar(other).ok().map(|text| vec![text]),
    };
    let texts = texts.filter(|texts| !texts.is_empty() && texts.iter().all(|t| !t.trim().is_empty()));
    texts.ok_or_else(|| wrong.into())
}

/// A string as it is, a number or boolean as JSON writes it.
fn scalar(expected: &Value) -> Result<String, String> {
    let text = match expected {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => expected.to_string(),
        _ => String::new(),
    };
    if text.is_empty() {
        return Err("expected is empty or no plain value. Allowed: a string, a number or a boolean".into());
    }
    Ok(text)
}

/// A JSON object or array, or the one that a string holds.
fn structure(expected: &Value) -> Result<Value, String> {
    let Value::String(text) = expected else { return Ok(expected.clone()) };
    serde_json::from_str(text).map_err(|error| format!("expected is a string that holds no JSON: {error}"))
}

/// The strings of the array `value[key]`.
fn strings(value: &Value, key: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("expected.{key} is missing or no list of strings");
    let items = value.get(key).and_then(Value::as_array).ok_or_else(wrong)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

/// The member of `known` that is most like `given`, if any is like it at all.
pub(crate) fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let mut best: Option<(f64, &str)> = None;
    for name in known {
        let likeness = strsim::jaro_winkler(&given.to_lowercase(), name);
        if likeness > 0.75 && best.is_none_or(|(b, _)| likeness > b) {
            best = Some((likeness, name));
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    fn data(expected: impl Into<Value>) -> Dataset {
        Dataset::from_examples(vec![Example::new("q", expected)], None, None).unwrap()
    }

    #[test]
    fn unknown_names_are_answered_with_the_nearest_and_all() {
        let error = Scorer::by_name("exact-answer", &data("x")).unwrap_err().to_string();
        assert!(error.contains("did you mean 'exact_answer'?"), "{error}");
        assert!(error.contains("Known: exact, number, label, yesno, exact_answer"), "{error}");
        assert!(!error.contains("judge"), "it is no text metric: {error}");
        let error = Scorer::by_name("zzz", &data("x")).unwrap_err().to_string();
        assert!(!error.contains("did you mean"), "{error}");
    }

    #[test]
    fn examples_that_cannot_be_scored_are_named() {
        for (name, expected) in [
            ("exact", Value::Null),
            ("number", Value::from("many")),
            ("label", Value::from(3)),
            ("yesno", Value::from("maybe")),
            ("exact_answer", Value::from("  ")),
            ("json_slots_f1", Value::from("{")),
            ("checks_all", serde_json::json!([{"max_wrods": 3}])),
            ("leak_and_keep", serde_json::json!({"keep": []})),
        ] {
            let error = Scorer::by_name(name, &data(expected)).unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("metric: {name} cannot score example train/0: ")),
                "{error}"
            );
            assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn a_foreign_example_scores_nothing_and_says_why() {
        let scorer = Scorer::by_name("number", &data("1")).unwrap();
        let verdict = scorer.score("1", &Example::new("q", "one"));
        assert_eq!(verdict.score, 0.0);
        assert!(verdict.detail.contains("is no number"), "{}", verdict.detail);
    }
}
