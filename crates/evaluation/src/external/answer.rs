use meta_traits::{Components, Cost, ErrorKind, Note};
use serde_json::Value;

use super::job::{Answer, Failure, Wants};
use crate::error::one_line;

/// A line of the program, as far as it can be read.
#[derive(Debug)]
pub(super) struct Reading {
    /// The id it answers.
    pub(super) id: u64,
    /// The line, or why it is not JSON.
    pub(super) value: Result<Value, Failure>,
}

/// Reads a line; `Err` describes one that answers nothing.
pub(super) fn read(line: &[u8]) -> Result<Reading, String> {
    let excerpt = || one_line(&String::from_utf8_lossy(line), 120);
    match serde_json::from_slice::<Value>(line) {
        Ok(value) => match value.get("id").and_then(Value::as_u64) {
            Some(id) => Ok(Reading { id, value: Ok(value) }),
            None => Err(format!("a line without a readable id: '{}'", excerpt())),
        },
        Err(error) => match scan_id(line) {
            Some(id) => Ok(Reading { id, value: Err(not_json(line, &error)) }),
            None => Err(format!("a line that is no JSON: '{}'", excerpt())),
        },
    }
}

/// The number after the first `"id":` of a line that is no JSON.
pub(super) fn scan_id(line: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(line);
    let rest = text.split_once("\"id\"")?.1.trim_start().strip_prefix(':')?.trim_start();
    let digits: &str = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    digits.parse().ok()
}

fn not_json(line: &[u8], error: &serde_json::Error) -> Failure {
    let text = String::from_utf8_lossy(line);
    let excerpt = one_line(&text, 80);
    if text.contains("NaN") || text.contains("Infinity") {
        let message =
            format!("the answer holds NaN or Infinity: '{excerpt}'. Send a finite score or an error");
        return Failure::new(ErrorKind::Numerical, message);
    }
    let whole = error.to_string();
    let reason = whole.split(" at line ").next().unwrap_or(&whole);
    Failure::new(ErrorKind::Protocol, format!("the answer is no JSON ({reason}): '{excerpt}'"))
}

/// What a JSON answer says: the result, and what it cost.
pub(super) fn judge(value: &Value, wants: Wants, components: &Components) -> (Result<Answer, Failure>, Cost) {
    let (cost, cost_fault) = match cost(value) {
        Ok(cost) => (cost, None),
        Err(message) => (Cost::ZERO, Some(Failure::new(ErrorKind::Protocol, message))),
    };
    let result = match (value.get("error"), cost_fault, wants) {
        (Some(error), ..) if !error.is_null() => Err(reported(error)),
        (_, Some(fault), _) => Err(fault),
        (.., Wants::Score) => scored(value, components),
        (.., Wants::Text) => match value.get("text") {
            Some(Value::String(text)) => Ok(Answer { text: text.clone(), ..Answer::default() }),
            other => Err(misfit("text", other, "a string")),
        },
    };
    (result, cost)
}

/// An error that the program reports about one request.
fn reported(error: &Value) -> Failure {
    let retryable = error.get("retryable").and_then(Value::as_bool).unwrap_or(false);
    let message = error.get("message").and_then(Value::as_str).unwrap_or("an error without a message");
    let kind = if retryable { ErrorKind::Transient } else { ErrorKind::Permanent };
    Failure::new(kind, one_line(message, 300))
}

fn misfit(field: &str, got: Option<&Value>, allowed: &str) -> Failure {
    let got = got.map_or_else(|| "missing".to_owned(), |v| one_line(&v.to_string(), 60));
    Failure::new(ErrorKind::Protocol, format!("field {field} of the answer is {got}. Allowed: {allowed}"))
}

fn scored(value: &Value, components: &Components) -> Result<Answer, Failure> {
    let score = value.get("score");
    let Some(number) = score.and_then(Value::as_f64) else {
        return Err(misfit("score", score, "a finite number"));
    };
    let score = number as f32;
    if !score.is_finite() {
        return Err(Failure::new(
            ErrorKind::Numerical,
            format!("score {number:e} is beyond what a float holds"),
        ));
    }
    let feedback = match value.get("feedback") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(items)) => items,
        other => return Err(misfit("feedback", other, "a list of {\"component\", \"text\"}")),
    };
    let mut notes = Vec::with_capacity(feedback.len());
    for item in feedback {
        let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        let (Some(component), Some(text)) = (text("component"), text("text")) else {
            return Err(misfit("feedback", Some(item), "items {\"component\": string, \"text\": string}"));
        };
        if components.get(&component).is_none() {
            let known: Vec<&str> = components.names().collect();
            return Err(misfit("feedback.component", item.get("component"), &known.join(", ")));
        }
        notes.push(Note { component, text });
    }
    Ok(Answer { score, notes, ..Answer::default() })
}

fn cost(value: &Value) -> Result<Cost, String> {
    let Some(given) = value.get("cost").filter(|c| !c.is_null()) else { return Ok(Cost::ZERO) };
    let wrong = |field: &str, got: &Value| {
        let got = one_line(&got.to_string(), 40);
        format!("field {field} of the answer is {got}. Allowed: a whole number of 0 or more")
    };
    let Value::Object(fields) = given else { return Err(wrong("cost", given)) };
    let amount = |name: &str| match fields.get(name) {
        None => Ok(0),
        Some(n) => n.as_u64().ok_or_else(|| wrong(&format!("cost.{name}"), n)),
    };
    Ok(Cost::tokens(amount("calls")?, amount("tokens_in")?, amount("tokens_out")?)
        .with_nano_usd(amount("nano_usd")?))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    fn score_of(line: &str) -> (Result<Answer, Failure>, Cost) {
        let components: Components = [("a", "")].into_iter().collect();
        let reading = read(line.as_bytes()).unwrap();
        assert_eq!(reading.id, 7);
        match reading.value {
            Ok(value) => judge(&value, Wants::Score, &components),
            Err(failure) => (Err(failure), Cost::ZERO),
        }
    }

    #[test]
    fn good_answers() {
        let line = r#"{"id":7,"score":0.5,"feedback":[{"component":"a","text":"t"}],"cost":{"calls":3,"tokens_in":1,"tokens_out":2,"nano_usd":4},"more":1}"#;
        let (answer, cost) = score_of(line);
        let answer = answer.unwrap();
        assert_eq!((answer.score, answer.notes.len()), (0.5, 1));
        assert_eq!(cost, Cost::tokens(3, 1, 2).with_nano_usd(4));
        assert_eq!(
            score_of(r#"{"score":1,"id":7,"feedback":null,"cost":null,"error":null}"#).0.unwrap().score,
            1.0
        );
    }

    #[test]
    fn wrong_answers_fail_with_a_kind_and_a_reason() {
        use ErrorKind::{Numerical, Permanent, Protocol, Transient};
        for (rest, kind, part) in [
            ("\"score\":NaN}", Numerical, "NaN or Infinity"),
            ("\"score\":-Infinity}", Numerical, "NaN or Infinity"),
            ("\"score\":1e300}", Numerical, "beyond what a float holds"),
            ("\"score\":1e999}", Protocol, "no JSON (number out of range)"),
            ("\"score\":null}", Protocol, "score of the answer is null"),
            ("\"score\":\"0.5\"}", Protocol, "Allowed: a finite number"),
            ("\"text\":\"x\"}", Protocol, "score of the answer is missing"),
            ("\"score\":1", Protocol, "no JSON (EOF"),
            ("\"score\":1,\"feedback\":\"x\"}", Protocol, "field feedback"),
            ("\"score\":1,\"feedback\":[{\"component\":\"a\"}]}", Protocol, "field feedback"),
            ("\"score\":1,\"feedback\":[{\"component\":\"b\",\"text\":\"\"}]}", Protocol, "Allowed: a"),
            ("\"score\":1,\"cost\":{\"calls\":-1}}", Protocol, "cost.calls of the answer is -1"),
            ("\"score\":1,\"cost\":3}", Protocol, "field cost of the answer is 3"),
            ("\"error\":{\"message\":\"no\\nkey\",\"retryable\":false}}", Permanent, "no key"),
            ("\"error\":{\"message\":\"busy\",\"retryable\":true}}", Transient, "busy"),
            ("\"error\":\"odd\"}", Permanent, "without a message"),
        ] {
            let failure = score_of(&format!("{{\"id\":7,{rest}")).0.unwrap_err();
            assert_eq!(failure.kind, kind, "{rest}");
            assert!(failure.message.contains(part), "{part}: {}", failure.message);
        }
    }

    #[test]
    fn an_error_may_have_a_cost() {
        let (result, cost) = score_of(r#"{"id":7,"error":{"message":"x"},"cost":{"calls":2}}"#);
        assert!(result.is_err());
        assert_eq!(cost.calls, 2);
    }

    #[test]
    fn lines_that_answer_nothing() {
        for line in
            ["", "Epoch 1", "[1]", "{\"id\":\"7\",\"score\":1}", "{\"score\":1}", "\"id\": x", "\u{fffd}"]
        {
            assert!(read(line.as_bytes()).is_err(), "{line}");
        }
        assert_eq!(scan_id(b"note {\"id\" : 12,"), Some(12));
        assert_eq!(scan_id(b"{\"id\":99999999999999999999}"), None);
    }
}
