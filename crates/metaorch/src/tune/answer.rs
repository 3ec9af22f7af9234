//! What a trial reported, as an outcome.

use std::time::Duration;

use meta_traits::{Cost, ErrorKind, Fidelity, Observation, Outcome};
use serde_json::Value;

/// Letters of a text that a message quotes.
const QUOTED: usize = 120;

/// How answers are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The fidelity that was asked for.
    pub(super) fidelity: Fidelity,
    /// Whether the value reported should be large.
    pub(super) maximize: bool,
    /// Losses a report must hold.
    pub(super) objectives: usize,
}

/// Reads the last line of a program's output: the loss, or a JSON object.
pub(super) fn line(text: &str, reading: Reading) -> Outcome {
    let text = text.trim();
    if reading.objectives == 1
        && let Ok(loss) = text.parse::<f64>()
    {
        return complete(vec![loss], Vec::new(), Cost::evaluations(1), reading.fidelity, reading);
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value @ Value::Object(_)) => object(&value, reading),
        _ => failed(
            ErrorKind::Protocol,
            format!("the last line of output is {}. Allowed: a number, or an object with loss", quoted(text)),
        ),
    }
}

/// Reads an object with `loss` and maybe `cost`, `fidelity`, `violations`; or with `failed`, the reason.
pub(super) fn object(value: &Value, reading: Reading) -> Outcome {
    let misfit = |field: &str, allowed: &str| {
        let got = value.get(field).map_or("missing".to_owned(), |v| quoted(&v.to_string()));
        failed(ErrorKind::Protocol, format!("field {field} of the answer is {got}. Allowed: {allowed}"))
    };
    let present = |field: &str| value.get(field).filter(|v| !v.is_null());
    let mut cost = Cost::evaluations(1);
    if let Some(given) = present("cost") {
        let wall = given.as_f64().and_then(|c| Duration::try_from_secs_f64(c).ok());
        let Some(wall) = wall else { return misfit("cost", "a number of 0 or more") };
        cost = cost.with_wall(wall);
    }
    if let Some(reason) = present("failed") {
        let message = reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
        return Outcome::Failed { kind: ErrorKind::Permanent, message: one_line(&message), cost };
    }
    let fidelity = match present("fidelity").map(|f| f.as_f64().and_then(|f| Fidelity::new(f).ok())) {
        None => reading.fidelity,
        Some(Some(fidelity)) => fidelity,
        Some(None) => return misfit("fidelity", "a number above 0, up to 1"),
    };
    let violations = match present("violations") {
        None => Some(Vec::new()),
        Some(given) => given.as_array().and_then(|list| list.iter().map(Value::as_f64).collect()),
    };
    let Some(violations) = violations else { return misfit("violations", "a list of numbers") };
    if reading.objectives == 1 && present("losses").is_none() {
        return match value.get("loss").and_then(Value::as_f64) {
            Some(loss) => complete(vec![loss], violations, cost, fidelity, reading),
            None => misfit("loss", "a finite number"),
        };
    }
    let list = present("losses").and_then(Value::as_array);
    let losses: Option<Vec<f64>> = list.and_then(|list| list.iter().map(Value::as_f64).collect());
    match losses.filter(|losses| losses.len() == reading.objectives) {
        Some(losses) => complete(losses, violations, cost, fidelity, reading),
        None => misfit("losses", &format!("a list of {} finite numbers", reading.objectives)),
    }
}

fn complete(losses: Vec<f64>, violations: Vec<f64>, cost: Cost, at: Fidelity, reading: Reading) -> Outcome {
    if let Some(loss) = losses.iter().find(|loss| !loss.is_finite()) {
        let message = format!("the loss is {loss}. Allowed: finite numbers");
        return Outcome::Failed { kind: ErrorKind::Numerical, message, cost };
    }
    let mut seen = Observation::default();
    seen.losses = losses.into_iter().map(|loss| if reading.maximize { -loss } else { loss }).collect();
    (seen.violations, seen.cost) = (violations, cost);
    if at < reading.fidelity { Outcome::Pruned { at, last: seen } } else { Outcome::Complete(seen) }
}

/// A failure for which nothing was charged but the evaluation.
pub(super) fn failed(kind: ErrorKind, message: String) -> Outcome {
    Outcome::Failed { kind, message, cost: Cost::evaluations(1) }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "empty".into() } else { format!("'{}'", one_line(text)) }
}

/// The start of `text` without line feeds.
pub(super) fn one_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}..", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    const FULL: Reading = Reading { fidelity: Fidelity::FULL, maximize: false, objectives: 1 };

    #[test]
    fn numbers_and_objects() {
        assert_eq!(line(" -1.5e0\n", FULL).loss(), Some(-1.5));
        assert_eq!(line("2", Reading { maximize: true, ..FULL }).loss(), Some(-2.0));
        let seen = line(r#"{"loss": 1, "cost": 2.5, "violations": [-1, 0.5], "more": []}"#, FULL);
        let Outcome::Complete(seen) = seen else { panic!("{seen:?}") };
        assert_eq!((seen.losses[0], seen.cost.wall.as_secs_f64()), (1.0, 2.5));
        assert_eq!(seen.violations, [-1.0, 0.5]);
        let part = line(r#"{"loss": 1, "fidelity": 0.5}"#, FULL);
        assert!(matches!(part, Outcome::Pruned { at, .. } if at.get() == 0.5), "{part:?}");
        let half = Reading { fidelity: Fidelity::new(0.5).unwrap(), ..FULL };
        assert!(matches!(line(r#"{"loss": 1, "fidelity": 0.5}"#, half), Outcome::Complete(_)));
        let two = Reading { objectives: 2, ..FULL };
        let Outcome::Complete(seen) = line(r#"{"losses": [1, -2]}"#, two) else { panic!("two losses") };
        assert_eq!(seen.losses, [1.0, -2.0]);
        for text in [r#"{"losses": [1]}"#, r#"{"loss": 1}"#, "1"] {
            assert!(matches!(line(text, two), Outcome::Failed { .. }), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_a_failure_with_a_reason() {
        use ErrorKind::{Numerical, Permanent, Protocol};
        for (text, kind, part) in [
            ("nan", Numerical, "the loss is NaN"),
            ("inf", Numerical, "the loss is inf"),
            ("", Protocol, "the last line of output is empty"),
            ("done", Protocol, "'done'"),
            ("[1]", Protocol, "Allowed: a number, or an object with loss"),
            (r#"{"los": 1}"#, Protocol, "field loss of the answer is missing"),
            (r#"{"loss": "1"}"#, Protocol, "a finite number"),
            (r#"{"loss": 1, "cost": -1}"#, Protocol, "field cost"),
            (r#"{"loss": 1, "fidelity": 0}"#, Protocol, "above 0, up to 1"),
            (r#"{"loss": 1, "violations": 3}"#, Protocol, "a list of numbers"),
            (r#"{"failed": "out of\nmemory"}"#, Permanent, "out of memory"),
        ] {
            let Outcome::Failed { kind: found, message, .. } = line(text, FULL) else { panic!("{text}") };
            assert_eq!(found, kind, "{text}");
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
