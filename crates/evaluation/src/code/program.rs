use serde_json::Value;

use super::CodeSpec;
use crate::text::fence::blocks;

/// What a program is tried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Code that runs after that of the reply.
    Code(String),
    /// What the program reads, and what it must write, white space at the ends of lines and of all aside.
    Dialogue { stdin: String, stdout: String },
}

/// The tests that an example expects to pass.
///
/// # Errors
/// When `expected` is not a test or a list of tests.
pub(super) fn tests(expected: &Value) -> Result<Vec<Test>, String> {
    let one = |value: &Value| {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match value {
            Value::String(code) if !code.trim().is_empty() => Some(Test::Code(code.clone())),
            Value::Object(fields) if fields.len() == 2 => {
                Some(Test::Dialogue { stdin: text("stdin")?, stdout: text("stdout")? })
            }
            _ => None,
        }
    };
    let all: Option<Vec<Test>> = match expected {
        Value::Array(items) => items.iter().map(one).collect(),
        other => one(other).map(|test| vec![test]),
    };
    all.filter(|tests| !tests.is_empty()).ok_or_else(|| {
        "expected is no test. Allowed: code that fails where the reply is wrong, {\"stdin\": \"..\", \"stdout\": \
         \"..\"}, or a list of these"
            .into()
    })
}

/// The code of a reply: its longest fenced block, the first of equals, or all of it without any.
pub(super) fn code(reply: &str) -> &str {
    blocks(reply)
        .iter()
        .map(|b| b.text)
        .reduce(|best, b| if b.len() > best.len() { b } else { best })
        .unwrap_or(reply)
}

/// The text of the program, and the token that it writes when it comes to its end.
///
/// The token is a hash of code and test: no code knows it before.
pub(super) fn program(spec: &CodeSpec, code: &str, test: &Test) -> (String, Option<String>) {
    let test = match test {
        Test::Code(test) => test.as_str(),
        Test::Dialogue { .. } => "",
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(code.as_bytes()).update(&[0]).update(test.as_bytes());
    let token = format!("end-{}", &hasher.finalize().to_hex()[..16]);
    // One pass: what stands in for a mark is not searched for marks.
    let (mut text, mut rest) = (String::new(), spec.template.as_str());
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        let marks = [("{code}", code), ("{test}", test), ("{token}", token.as_str())];
        if let Some((mark, value)) = marks.into_iter().find(|(mark, _)| rest.starts_with(mark)) {
            text.push_str(value);
            rest = &rest[mark.len()..];
        } else {
            text.push('{');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    (text, spec.template.contains("{token}").then_some(token))
}

/// What the program wrote before its token; `None` where the token is not its last line.
pub(super) fn before_token<'o>(output: &'o str, token: Option<&str>) -> Option<&'o str> {
    let Some(token) = token else { return Some(output) };
    let before = output.trim_end().strip_suffix(token)?;
    let before = before.strip_suffix('\n')?;
    Some(before.strip_suffix('\r').unwrap_or(before))
}

/// Whether two outputs are the same but for white space at the ends of lines and of all.
pub(super) fn same_output(got: &str, wanted: &str) -> bool {
    let lines = |text: &str| text.trim_end().lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>();
    lines(got) == lines(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tests_are_code_or_dialogues() {
        assert_eq!(tests(&json!("assert f()")).unwrap(), [Test::Code("assert f()".into())]);
        let both = tests(&json!(["x", {"stdin": "1", "stdout": "2"}])).unwrap();
        assert_eq!(both[1], Test::Dialogue { stdin: "1".into(), stdout: "2".into() });
        for wrong in [
            json!(null),
            json!(" "),
            json!([]),
            json!([1]),
            json!({"stdin": "1"}),
            json!({"stdin": 1, "stdout": ""}),
        ] {
            assert!(tests(&wrong).unwrap_err().contains("Allowed: code"), "{wrong}");
        }
    }

    #[test]
    fn the_longest_block_is_the_code() {
        assert_eq!(code("Run\n```sh\nls\n```\nwith\n```python\nx = 1\n```\n"), "x = 1");
        assert_eq!(code("x = 1"), "x = 1");
    }

    #[test]
    fn marks_are_filled_once() {
        let spec = CodeSpec { template: "{code}|{test}|{x}{token}".into(), ..CodeSpec::default() };
        let (text, token) = program(&spec, "{test}", &Test::Code("{code}".into()));
        assert_eq!(text, format!("{{test}}|{{code}}|{{x}}{}", token.unwrap()));
        let bare = CodeSpec { template: "{code}".into(), ..spec };
        assert_eq!(program(&bare, "a", &Test::Code("b".into())), ("a".into(), None));
    }

    #[test]
    fn the_token_must_be_the_last_line() {
        assert_eq!(before_token("a\nb\nend\n", Some("end")), Some("a\nb"));
        assert_eq!(before_token("\nend\n", Some("end")), Some(""));
        for output in ["", "a", "end x\n", "a end", "end"] {
            assert_eq!(before_token(output, Some("end")), None, "{output:?}");
        }
        assert_eq!(before_token("a", None), Some("a"));
        assert!(same_output("1 \n2\n\n", "1\n2") && !same_output("1\n\n2", "1\n2"));
    }
}
