use serde::Serialize;
use serde_json::Value;

use crate::error::one_line;
use crate::{Dataset, EvaluationError, Example};

mod answer;
mod checks;
mod label;
mod leak;
mod number;
mod slots;
mod words;

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
    fn new(score: f64, detail: String) -> Self {
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
/// | `number` | 1 when its last number, without commas and currency signs, is within 1e-6 of the expected one |
/// | `label` | 1 when it names exactly one label of the data set, the expected one; labels are found as whole words, without case, the longest first |
/// | `yesno` | as `label` with the labels yes and no |
/// | `exact_answer` | 1 when its last line, or the text after `Answer:`, equals the expected one in lower case without punctuation and articles |
/// | `json_slots_f1` | of its first JSON object `{"intent", "slots"}`: half for the intent, half the F1 of (slot, value) pairs |
/// | `checks_all` | the share of the expected checks that hold |
/// | `leak_and_keep` | half for the share of `must_not_leak` strings that are absent, half for the share of `keep` words that are present; 0 under five words |
///
/// Structured expected values (`json_slots_f1`, `checks_all`, `leak_and_keep`) may be JSON or a string that holds it.
/// Scoring is a pure function: the same reply and example give the same verdict.
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
    metric: Metric,
    labels: label::Labels,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    Exact,
    Number,
    Label,
    YesNo,
    ExactAnswer,
    JsonSlotsF1,
    ChecksAll,
    LeakAndKeep,
}

impl Metric {
    const ALL: [Self; 8] = [
        Self::Exact,
        Self::Number,
        Self::Label,
        Self::YesNo,
        Self::ExactAnswer,
        Self::JsonSlotsF1,
        Self::ChecksAll,
        Self::LeakAndKeep,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Number => "number",
            Self::Label => "label",
            Self::YesNo => "yesno",
            Self::ExactAnswer => "exact_answer",
            Self::JsonSlotsF1 => "json_slots_f1",
            Self::ChecksAll => "checks_all",
            Self::LeakAndKeep => "leak_and_keep",
        }
    }
}

impl Scorer {
    /// The names that [`Scorer::by_name`] knows.
    pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
        Metric::ALL.into_iter().map(Metric::name)
    }

    /// The scorer called `name`, for the examples of `data`.
    ///
    /// Labels of `label` are [`Dataset::labels`] and, where rows list them, the strings of `meta.labels`.
    ///
    /// # Errors
    /// [`EvaluationError::UnknownScorer`] with the nearest name and all names; [`EvaluationError::Unscorable`] when
    /// the expected value of some example has not the form that the scorer reads.
    pub fn by_name(name: &str, data: &Dataset) -> Result<Self, EvaluationError> {
        let metric = Metric::ALL.into_iter().find(|m| m.name() == name).ok_or_else(|| {
            let hint = nearest(name, Self::names()).map(|near| format!("; did you mean '{near}'?"));
            EvaluationError::UnknownScorer {
                name: one_line(name, 80),
                hint: hint.unwrap_or_default(),
                known: Self::names().collect::<Vec<_>>().join(", "),
            }
        })?;
        let labels = match metric {
            Metric::Label => label::Labels::of(data),
            Metric::YesNo => label::Labels::new(["no", "yes"]),
            _ => label::Labels::new([]),
        };
        let scorer = Self { metric, labels };
        for (id, example) in data.iter() {
            scorer.verdict("", example).map_err(|message| EvaluationError::Unscorable {
                scorer: metric.name(),
                example: id.to_string(),
                message,
            })?;
        }
        Ok(scorer)
    }

    /// The name of this scorer.
    pub fn name(&self) -> &'static str {
        self.metric.name()
    }

    /// Compares `reply` with `example`.
    ///
    /// An example of another data set whose expected value has the wrong form scores 0, and the detail says why.
    pub fn score(&self, reply: &str, example: &Example) -> Verdict {
        self.verdict(reply, example).unwrap_or_else(|message| Verdict::new(0.0, message))
    }

    /// The verdict, or why the example's expected value cannot be read.
    fn verdict(&self, reply: &str, example: &Example) -> Result<Verdict, String> {
        let expected = &example.expected;
        match self.metric {
            Metric::Exact => answer::exact(reply, &scalar(expected)?),
            Metric::Number => number::number(reply, expected),
            Metric::Label | Metric::YesNo => label::label(reply, expected, &self.labels),
            Metric::ExactAnswer => answer::exact_answer(reply, &scalar(expected)?),
            Metric::JsonSlotsF1 => slots::json_slots_f1(reply, &structure(expected)?),
            Metric::ChecksAll => checks::checks_all(reply, &structure(expected)?),
            Metric::LeakAndKeep => leak::leak_and_keep(reply, &structure(expected)?),
        }
    }
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
