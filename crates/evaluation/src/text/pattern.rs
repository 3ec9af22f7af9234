use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{EXCERPT, Verdict, texts};
use crate::error::one_line;
use crate::metric::{ContainsSpec, RegexSpec};

/// Bytes that a compiled pattern may take.
const SIZE: usize = 1 << 20;

/// The share of expected texts that stand in the reply, or whether any does.
///
/// # Errors
/// When `expected` is neither a text nor a list of texts.
pub(super) fn contains(reply: &str, expected: &Value, spec: ContainsSpec) -> Result<Verdict, String> {
    let wanted = texts(expected)?;
    let fold = |text: &str| if spec.ignore_case { text.to_lowercase() } else { text.to_owned() };
    let said = fold(reply);
    let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|w| !said.contains(&fold(w))).collect();
    let found = wanted.len() - missing.len();
    if missing.is_empty() || (spec.any && found > 0) {
        let detail = if spec.any { "an expected text is there" } else { "every expected text is there" };
        return Ok(Verdict::new(1.0, detail.into()));
    }
    let score = if spec.any { 0.0 } else { found as f64 / wanted.len() as f64 };
    let list: Vec<String> = missing.iter().map(|w| format!("'{w}'")).collect();
    let detail = format!("missing {}; got '{}'", one_line(&list.join(", "), 300), one_line(reply, EXCERPT));
    Ok(Verdict::new(score, detail))
}

/// A regular expression, given once or by each example.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    spec: RegexSpec,
    fixed: Option<Regex>,
}

impl Pattern {
    /// # Errors
    /// When the given pattern is none.
    pub(super) fn new(spec: RegexSpec) -> Result<Self, String> {
        let fixed = spec.pattern.as_deref().map(|pattern| compile(pattern, &spec)).transpose()?;
        Ok(Self { spec, fixed })
    }

    /// Whether the pattern is found in the reply, or matches all of it.
    ///
    /// # Errors
    /// When `expected` is needed and is no pattern.
    pub(super) fn verdict(&self, reply: &str, expected: &Value) -> Result<Verdict, String> {
        let own;
        let regex = if let Some(fixed) = &self.fixed {
            fixed
        } else {
            let pattern = expected.as_str().filter(|p| !p.is_empty());
            let pattern = pattern.ok_or("expected is no pattern. Allowed: a string that is not empty")?;
            own = compile(pattern, &self.spec)?;
            &own
        };
        let text = if self.spec.whole { reply.trim() } else { reply };
        let detail = format!("pattern '{}'", one_line(regex.as_str(), EXCERPT));
        if regex.is_match(text) {
            return Ok(Verdict::new(1.0, format!("{detail} matches")));
        }
        let detail = format!("{detail} does not match '{}'", one_line(reply, EXCERPT));
        Ok(Verdict::new(0.0, detail))
    }
}

fn compile(pattern: &str, spec: &RegexSpec) -> Result<Regex, String> {
    let build = |text: &str| {
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(SIZE).dfa_size_limit(SIZE).nest_limit(100).case_insensitive(spec.ignore_case);
        builder.build()
    };
    // The pattern is checked alone first: `a)|(b` must not pass as two groups.
    let whole = |regex| if spec.whole { build(&format!(r"\A(?:{pattern})\z")) } else { Ok(regex) };
    build(pattern).and_then(whole).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let last = last.trim().trim_start_matches("error: ");
        format!(
            "'{}' is no usable pattern: {}. Allowed: regular expressions without look-around and back-references",
            one_line(pattern, 80),
            one_line(last, 120)
        )
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_found_or_listed() {
        let score = |expected: Value, spec| contains("Red and blue", &expected, spec).unwrap();
        let plain = ContainsSpec::default();
        assert_eq!(score(json!("Red"), plain).score, 1.0);
        assert_eq!(score(json!("red"), plain).detail, "missing 'red'; got 'Red and blue'");
        assert_eq!(score(json!("red"), ContainsSpec { ignore_case: true, ..plain }).score, 1.0);
        assert_eq!(score(json!(["Red", "green"]), plain).score, 0.5);
        assert_eq!(score(json!(["Red", "green"]), ContainsSpec { any: true, ..plain }).score, 1.0);
        assert_eq!(score(json!(["green"]), ContainsSpec { any: true, ..plain }).score, 0.0);
        for wrong in [json!(null), json!([]), json!([1]), json!("")] {
            assert!(contains("x", &wrong, plain).is_err(), "{wrong}");
        }
    }

    #[test]
    fn patterns_are_searched_or_match_the_whole() {
        let spec = RegexSpec::default();
        let score = |spec: &RegexSpec, reply: &str, pattern: &str| {
            Pattern::new(spec.clone()).unwrap().verdict(reply, &json!(pattern)).map(|v| v.score)
        };
        assert_eq!(score(&spec, "id 42!", r"\d+"), Ok(1.0));
        // The pattern is checked alone first: `a)|(b` must not pass as two groups.
        let whole = RegexSpec { whole: true, ..spec.clone() };
        assert_eq!(score(&whole, " 42\n", r"\d+"), Ok(1.0));
        assert_eq!(score(&whole, "id 42", r"\d+"), Ok(0.0));
        assert_eq!(score(&whole, "ab", "a|ab"), Ok(1.0));
        let fold = RegexSpec { ignore_case: true, ..spec.clone() };
        assert_eq!(score(&fold, "YES", "yes"), Ok(1.0));
        for wrong in ["(", "a)|(b", r"(\w)\1", "(?=a)", "", "(a{1000}){1000}"] {
            assert!(score(&whole, "x", wrong).is_err(), "{wrong}");
        }
        let fixed = Pattern::new(RegexSpec { pattern: Some("^a+$".into()), ..spec }).unwrap();
        assert_eq!(fixed.verdict("aaa", &Value::Null).unwrap().score, 1.0);
        assert_eq!(fixed.verdict("ab", &Value::Null).unwrap().detail, "pattern '^a+$' does not match 'ab'");
    }
}
