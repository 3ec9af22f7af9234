use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Verdict;
use super::words::{normal, objects};

/// Half for the intent, half the micro-averaged F1 of (slot, value) pairs.
///
/// Values are compared in normal form, slots and intent as written. A slot may hold one value or a list. Without pairs
/// on either side F1 is 1, with pairs on one side only it is 0.
///
/// # Errors
/// When `expected` is not `{"intent": string, "slots": {name: value or list}}`.
pub(super) fn json_slots_f1(reply: &str, expected: &Value) -> Result<Verdict, String> {
    let wrong = || "expected is not {\"intent\": string, \"slots\": {name: value or list}}".to_owned();
    let wanted_intent = expected.get("intent").and_then(Value::as_str).ok_or_else(wrong)?;
    let wanted = pairs(expected.get("slots").and_then(Value::as_object).ok_or_else(wrong)?);
    let Some(object) = objects(reply).into_iter().next() else {
        return Ok(Verdict::new(0.0, "expected a JSON object with intent and slots, got none".into()));
    };
    let intent = object.get("intent").and_then(Value::as_str).map(str::trim);
    let got = object.get("slots").and_then(Value::as_object).map(pairs).unwrap_or_default();
    let shared: usize = wanted.iter().map(|(pair, n)| n.min(got.get(pair).unwrap_or(&0))).sum();
    let total: usize = wanted.values().sum::<usize>() + got.values().sum::<usize>();
    let f1 = if total == 0 { 1.0 } else { 2.0 * shared as f64 / total as f64 };
    let same = intent == Some(wanted_intent.trim());
    let mut detail = if same {
        format!("intent '{wanted_intent}' is correct")
    } else {
        let got = intent.map_or_else(|| "none".to_owned(), |i| format!("'{i}'"));
        format!("expected intent '{wanted_intent}', got {got}")
    };
    for (what, more, less) in [("missing", &wanted, &got), ("wrong", &got, &wanted)] {
        let list = beyond(more, less);
        if !list.is_empty() {
            detail.push_str("; ");
            detail.push_str(what);
            detail.push_str(" slots: ");
            detail.push_str(&list.join(", "));
        }
    }
    if f1 >= 1.0 {
        detail += "; all slots are correct";
    }
    Ok(Verdict::new(0.5 * f64::from(u8::from(same)) + 0.5 * f1, crate::error::one_line(&detail, 400)))
}

type Pairs = BTreeMap<(String, String), usize>;

fn pairs(slots: &Map<String, Value>) -> Pairs {
    let mut pairs = Pairs::new();
    for (name, value) in slots {
        let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        for value in values.iter().filter(|v| !v.is_null()) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let form = normal(&text);
            let form = if form.is_empty() { text.trim().to_lowercase() } else { form };
            *pairs.entry((name.clone(), form)).or_default() += 1;
        }
    }
    pairs
}

/// What `more` has beyond `less`, as `name=value`.
fn beyond(more: &Pairs, less: &Pairs) -> Vec<String> {
    more.iter()
        .filter(|(pair, n)| *n > less.get(*pair).unwrap_or(&0))
        .map(|((name, value), _)| format!("{name}={value}"))
        .collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use serde_json::json;

    use super::*;

    fn score(reply: &str, expected: &Value) -> Verdict {
        json_slots_f1(reply, expected).unwrap()
    }

    #[test]
    fn half_intent_half_f1() {
        let expected =
            json!({"intent": "GetWeather", "slots": {"city": ["Lyon"], "when": ["the 5th of May"]}});
        let full =
            r#"Here: {"intent": "GetWeather", "slots": {"city": "lyon", "when": ["5th of may."]}} {"x":1}"#;
        assert_eq!(score(full, &expected).score, 1.0);
        let one = r#"{"intent": "Other", "slots": {"city": ["Lyon"]}}"#;
        assert!((score(one, &expected).score - 0.5 * 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(score(r#"{"intent": "GetWeather"}"#, &expected).score, 0.5);
        assert_eq!(score("no json", &expected).score, 0.0);
        assert_eq!(score("[1]", &expected).score, 0.0);
    }

    #[test]
    fn no_pairs_on_either_side_is_perfect() {
        let expected = json!({"intent": "A", "slots": {}});
        assert_eq!(score(r#"{"intent":"A","slots":{}}"#, &expected).score, 1.0);
        assert_eq!(score(r#"{"intent":"A","slots":{"b":null}}"#, &expected).score, 1.0);
        assert_eq!(score(r#"{"intent":"A","slots":{"b":1}}"#, &expected).score, 0.5);
    }

    #[test]
    fn repeated_values_count_as_often_as_they_stand() {
        let expected = json!({"intent": "A", "slots": {"b": ["x", "x"]}});
        let reply = r#"{"intent":"A","slots":{"b":["x"]}}"#;
        assert!((score(reply, &expected).score - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn details_list_missing_and_wrong_slots() {
        let expected = json!({"intent": "A", "slots": {"b": ["x"], "c": ["y"]}});
        let verdict = score(r#"{"intent":"B","slots":{"b":["z"],"c":"y"}}"#, &expected);
        assert_eq!(verdict.detail, "expected intent 'A', got 'B'; missing slots: b=x; wrong slots: b=z");
    }
}
