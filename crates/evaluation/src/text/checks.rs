use serde_json::Value;

use super::Verdict;
use super::words::{objects, occurrences, words};

const KNOWN: [&str; 11] = [
    "bullets",
    "count",
    "end",
    "exclude",
    "include",
    "json_keys",
    "lower",
    "max_words",
    "min_words",
    "sep_count",
    "start",
];

/// The share of checks that hold.
///
/// # Errors
/// When `expected` is not a list of checks.
pub(super) fn checks_all(reply: &str, expected: &Value) -> Result<Verdict, String> {
    let list = expected.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or("expected is not a list of checks like [{\"max_words\": 40}]")?;
    let (mut held, mut total, mut broken) = (0, 0, Vec::new());
    let text = Text::new(reply);
    for check in list {
        let check = check.as_object().filter(|c| !c.is_empty()).ok_or("a check is no object with a name")?;
        for (name, value) in check {
            total += 1;
            match text.holds(name, value)? {
                None => held += 1,
                Some(got) => broken.push(format!("{name} {value} does not hold ({got})")),
            }
        }
    }
    let detail = if broken.is_empty() {
        format!("all {total} checks hold")
    } else {
        format!("{held} of {total} checks hold; {}", broken.join("; "))
    };
    Ok(Verdict::new(f64::from(held) / f64::from(total), crate::error::one_line(&detail, 400)))
}

struct Text<'a> {
    reply: &'a str,
    words: Vec<String>,
}

impl<'a> Text<'a> {
    fn new(reply: &'a str) -> Self {
        Self { reply, words: words(reply) }
    }

    /// `None` when the check holds, else what was found instead.
    fn holds(&self, name: &str, value: &Value) -> Result<Option<String>, String> {
        let wrong = |needs: &str| format!("check {name} has {value}. Allowed: {needs}");
        let number = || value.as_u64().map(|n| n as usize).ok_or_else(|| wrong("a number of 0 or more"));
        let text = || value.as_str().filter(|t| !t.trim().is_empty()).ok_or_else(|| wrong("a string"));
        let texts = || {
            let all =
                value.as_array().and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
            all.ok_or_else(|| wrong("a list of strings"))
        };
        let counted = || {
            let pair = value.as_array().filter(|list| list.len() == 2);
            let pair = pair.and_then(|list| Some((list[0].as_str()?, list[1].as_u64()? as usize)));
            pair.ok_or_else(|| wrong("[string, number of 0 or more]"))
        };
        let flag = || value.as_bool().filter(|b| *b).ok_or_else(|| wrong("true"));
        let unless = |holds: bool, got: String| if holds { None } else { Some(got) };
        Ok(match name {
            "max_words" => unless(self.words.len() <= number()?, format!("{} words", self.words.len())),
            "min_words" => unless(self.words.len() >= number()?, format!("{} words", self.words.len())),
            "include" => self.listed(&texts()?, false),
            "exclude" => self.listed(&texts()?, true),
            "count" => {
                let (word, n) = counted()?;
                let got = occurrences(&self.words, word);
                unless(got == n, format!("{got} times"))
            }
            "start" => {
                let (start, own) = (text()?.trim().to_lowercase(), self.reply.trim_start().to_lowercase());
                unless(own.starts_with(&start), format!("starts '{}'", crate::error::one_line(&own, 30)))
            }
            "end" => {
                let own = self.reply.trim_end();
                let tail: String = own.chars().skip(own.chars().count().saturating_sub(30)).collect();
                unless(
                    own.ends_with(text()?.trim_end()),
                    format!("ends '{}'", crate::error::one_line(&tail, 30)),
                )
            }
            "bullets" => {
                let got = self.reply.lines().filter(|line| line.starts_with("- ")).count();
                unless(got == number()?, format!("{got} bullets"))
            }
            "sep_count" => {
                let (separator, n) = counted()?;
                let got = self.reply.lines().filter(|line| line.trim_end() == separator).count();
                unless(got == n, format!("{got} separators"))
            }
            "lower" => {
                flag()?;
                unless(!self.reply.chars().any(char::is_uppercase), "upper-case letters found".into())
            }
            "json_keys" => self.json_keys(&texts()?),
            unknown => {
                let hint = super::nearest(unknown, KNOWN).map(|near| format!("; did you mean {near}?"));
                let hint = hint.unwrap_or_default();
                return Err(format!("unknown check {unknown}{hint}. Known: {}", KNOWN.join(", ")));
            }
        })
    }

    fn listed(&self, list: &[&str], unwanted: bool) -> Option<String> {
        let wrong: Vec<&str> =
            list.iter().copied().filter(|w| (occurrences(&self.words, w) > 0) == unwanted).collect();
        let what = if unwanted { "found" } else { "missing" };
        (!wrong.is_empty()).then(|| format!("{what}: {}", wrong.join(", ")))
    }

    fn json_keys(&self, wanted: &[&str]) -> Option<String> {
        let found = objects(self.reply);
        let [object] = found.as_slice() else { return Some(format!("{} JSON objects", found.len())) };
        let mut got: Vec<&str> = object.keys().map(String::as_str).collect();
        let mut wanted = wanted.to_vec();
        got.sort_unstable();
        wanted.sort_unstable();
        (got != wanted).then(|| format!("keys: {}", got.join(", ")))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(check: &Value, good: &[&str], bad: &[&str]) {
        let expected = json!([check]);
        for (replies, score) in [(good, 1.0), (bad, 0.0)] {
            for reply in replies {
                let verdict = checks_all(reply, &expected).unwrap();
                assert_eq!(verdict.score, score, "{reply:?}: {}", verdict.detail);
            }
        }
    }

    #[test]
    fn each_check() {
        check(&json!({"max_words": 3}), &["", "don't stop now"], &["one two three four"]);
        check(&json!({"min_words": 2}), &["a-b"], &["ab", ""]);
        check(&json!({"include": ["Cedar", "moss"]}), &["Moss and cedar."], &["cedars moss", "moss"]);
        check(&json!({"exclude": ["the"]}), &["then", ""], &["The end"]);
        check(&json!({"count": ["go", 2]}), &["Go, go!"], &["go", "go go go", "gogo"]);
        check(&json!({"start": "Dear"}), &["  dear you"], &["My dear"]);
        check(&json!({"end": "END."}), &["so END. \n"], &["so end.", "END. x"]);
        check(&json!({"bullets": 2}), &["x\n- a\n- b"], &["- a", "* a\n* b", " - a\n- b"]);
        check(&json!({"sep_count": ["***", 1]}), &["a\n***\nb", "a\r\n*** \r\nb"], &["a *** b", "***\n***"]);
        check(&json!({"lower": true}), &["abc 1"], &["Abc"]);
        check(
            &json!({"json_keys": ["title", "body"]}),
            &[r#"{"body":{"x":1},"title":2}"#, "```json\n{\"title\":1,\"body\":2}\n```"],
            &["", r#"{"title":1}"#, r#"{"title":1,"body":2,"x":3}"#, r#"{"title":1,"body":2}{"a":1}"#],
        );
    }

    #[test]
    fn the_share_and_what_is_broken() {
        let verdict = checks_all("one two three", &json!([{"max_words": 2}, {"include": ["two"]}])).unwrap();
        assert_eq!(verdict.score, 0.5);
        assert_eq!(verdict.detail, "1 of 2 checks hold; max_words 2 does not hold (3 words)");
        assert!(!verdict.is_perfect());
    }

    #[test]
    fn malformed_checks_are_named() {
        for (expected, part) in [
            (json!([]), "not a list of checks"),
            (json!([{"max_word": 1}]), "did you mean max_words?"),
            (json!([{"max_words": -1}]), "Allowed: a number of 0 or more"),
            (json!([{"sep_count": ["x"]}]), "Allowed: [string, number"),
            (json!([{"lower": false}]), "Allowed: true"),
            (json!(["lower"]), "no object"),
        ] {
            let error = checks_all("", &expected).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
