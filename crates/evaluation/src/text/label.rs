use serde_json::Value;

use super::Verdict;
use crate::Dataset;

/// Labels in lower case, the longest first, equal lengths by alphabet.
#[derive(Clone, Debug)]
pub(super) struct Labels(Vec<String>);

impl Labels {
    pub(super) fn new<'a>(labels: impl IntoIterator<Item = &'a str>) -> Self {
        let mut labels: Vec<String> =
            labels.into_iter().map(|l| l.trim().to_lowercase()).filter(|l| !l.is_empty()).collect();
        labels.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        labels.dedup();
        Self(labels)
    }

    /// The expected values of all rows, and the lists under `meta.labels`.
    pub(super) fn of(data: &Dataset) -> Self {
        let expected = data.labels();
        let listed = data.iter().filter_map(|(_, row)| row.meta.get("labels")?.as_array()).flatten();
        Self::new(expected.iter().map(String::as_str).chain(listed.filter_map(Value::as_str)))
    }

    /// The distinct labels that stand in `reply` as whole words, in the order of their first place.
    ///
    /// Where labels overlap the longest one counts: what it covers is not searched again.
    fn found(&self, reply: &str) -> Vec<&str> {
        let text = reply.to_lowercase();
        let mut covered: Vec<(usize, usize)> = Vec::new();
        let mut found: Vec<(usize, &str)> = Vec::new();
        for label in &self.0 {
            for (at, _) in text.match_indices(label.as_str()) {
                let end = at + label.len();
                if is_whole(&text, at, end) && covered.iter().all(|(from, to)| end <= *from || at >= *to) {
                    covered.push((at, end));
                    found.push((at, label));
                }
            }
        }
        found.sort_unstable();
        let mut distinct: Vec<&str> = Vec::new();
        for (_, label) in found {
            if !distinct.contains(&label) {
                distinct.push(label);
            }
        }
        distinct
    }
}

/// Whether neither neighbour is a letter, a digit or an underscore.
fn is_whole(text: &str, from: usize, to: usize) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    !text[..from].ends_with(inner) && !text[to..].starts_with(inner)
}

/// The single label of the reply against the expected one.
///
/// # Errors
/// When `expected` is none of the labels.
pub(super) fn label(reply: &str, expected: &Value, labels: &Labels) -> Result<Verdict, String> {
    let wanted = match expected {
        Value::String(text) => text.trim().to_lowercase(),
        Value::Bool(b) => if *b { "yes" } else { "no" }.to_owned(),
        _ => String::new(),
    };
    if !labels.0.contains(&wanted) {
        let mut known = labels.0.clone();
        known.sort_unstable();
        return Err(format!("expected {expected} is no label. Allowed: {}", known.join(", ")));
    }
    let found = labels.found(reply);
    if found.len() > 1 {
        let list: Vec<String> = found.iter().take(5).map(|l| format!("'{l}'")).collect();
        return Ok(Verdict::new(
            0.0,
            format!("expected label '{wanted}', got {} at once", list.join(" and ")),
        ));
    }
    let got = found.first().copied();
    if got.is_none() && !reply.trim().is_empty() {
        let excerpt = crate::error::one_line(reply, super::EXCERPT);
        return Ok(Verdict::new(
            0.0,
            format!("expected label '{wanted}', got none of the labels in '{excerpt}'"),
        ));
    }
    Ok(Verdict::of_match(got == Some(wanted.as_str()), "label", &wanted, got))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reply: &str, score: f64) {
        let labels = Labels::new(["card", "Card_Arrival", "lost card", "card arrival"]);
        let verdict = label(reply, &Value::from("card_arrival"), &labels).unwrap();
        assert_eq!(verdict.score, score, "{reply:?}: {}", verdict.detail);
    }

    #[test]
    fn one_label_as_a_whole_word() {
        check("card_arrival", 1.0);
        check("Label: CARD_ARRIVAL!", 1.0);
        check("card_arrival, yes card_arrival", 1.0);
        check("card", 0.0);
        check("card_arrivals", 0.0);
        check("card_arrival or card", 0.0);
        check("lost card", 0.0);
        check("", 0.0);
    }

    #[test]
    fn the_longest_label_covers_shorter_ones() {
        let labels = Labels::new(["card", "lost card", "no"]);
        assert_eq!(labels.found("My Lost Card is gone"), ["lost card"]);
        assert_eq!(labels.found("lost card, another card"), ["lost card", "card"]);
        assert_eq!(labels.found("nowhere known"), Vec::<&str>::new());
        assert_eq!(labels.found("non-no."), ["no"]);
    }

    #[test]
    fn yes_and_no_may_be_booleans() {
        let labels = Labels::new(["yes", "no"]);
        assert_eq!(label("Yes.", &Value::Bool(true), &labels).unwrap().score, 1.0);
        assert_eq!(label("Yes and no", &Value::Bool(true), &labels).unwrap().score, 0.0);
        let both = label("Yes and no", &Value::from("no"), &labels).unwrap();
        assert_eq!(both.detail, "expected label 'no', got 'yes' and 'no' at once");
        assert!(label("x", &Value::from("maybe"), &labels).unwrap_err().ends_with("Allowed: no, yes"));
    }
}
