use serde_json::Value;

use super::Verdict;
use crate::metric::NumberSpec;

/// The last number of the reply against the expected one: they may differ by the greater of the two tolerances.
///
/// # Errors
/// When `expected` is neither a number nor a string that is one.
pub(super) fn number(reply: &str, expected: &Value, within: NumberSpec) -> Result<Verdict, String> {
    let text = match expected {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let plain: String = text.chars().filter(|c| !is_dropped(*c)).collect();
    let wanted = plain.trim().parse::<f64>().ok().filter(|x| x.is_finite());
    let wanted = wanted.ok_or_else(|| format!("expected '{text}' is no number"))?;
    let got = last_number(reply);
    let tolerance = within.absolute.max(within.relative * wanted.abs());
    let holds = got.as_ref().is_some_and(|(_, value)| (value - wanted).abs() <= tolerance);
    Ok(Verdict::of_match(holds, "number", &text, got.as_ref().map(|(written, _)| written.as_str())))
}

/// Commas and currency signs.
fn is_dropped(c: char) -> bool {
    matches!(c, ',' | '$' | '\u{a2}' | '\u{a3}' | '\u{a5}' | '\u{20a0}'..='\u{20cf}')
}

/// The last number as written without commas and currency signs, and its value.
///
/// A minus counts unless a digit, a letter or a closing bracket stands before it; `1e3` is one number.
fn last_number(reply: &str) -> Option<(String, f64)> {
    let chars = without_signs(reply);
    let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
    let mut best = None;
    let mut at = 0;
    while at < chars.len() {
        let starts = digit(at) || (chars[at] == '.' && digit(at + 1) && (at == 0 || !digit(at - 1)));
        if !starts {
            at += 1;
            continue;
        }
        let mut end = at;
        while digit(end) {
            end += 1;
        }
        if chars.get(end) == Some(&'.') && digit(end + 1) {
            end += 1;
            while digit(end) {
                end += 1;
            }
        }
        if matches!(chars.get(end), Some('e' | 'E')) {
            let sign = usize::from(matches!(chars.get(end + 1), Some('+' | '-')));
            if digit(end + 1 + sign) {
                end += 1 + sign;
                while digit(end) {
                    end += 1;
                }
            }
        }
        let bound = |c: &char| c.is_alphanumeric() || *c == ')';
        let negative = at > 0 && chars[at - 1] == '-' && (at < 2 || !bound(&chars[at - 2]));
        let mut written: String = if negative { "-".into() } else { String::new() };
        written.extend(&chars[at..end]);
        if let Ok(value) = written.parse::<f64>() {
            best = Some((written, value));
        }
        at = end;
    }
    best
}

/// Drops currency signs, and commas that stand between two digits; other commas become blanks.
fn without_signs(reply: &str) -> Vec<char> {
    let plain: Vec<char> = reply
        .chars()
        .filter(|c| *c == ',' || !is_dropped(*c))
        .map(|c| if c == '\u{2212}' { '-' } else { c })
        .collect();
    let digit = |i: Option<usize>| i.and_then(|i| plain.get(i)).is_some_and(char::is_ascii_digit);
    (0..plain.len())
        .filter(|&i| plain[i] != ',' || !(digit(i.checked_sub(1)) && digit(Some(i + 1))))
        .map(|i| if plain[i] == ',' { ' ' } else { plain[i] })
        .collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reply: &str, expected: &str, score: f64) {
        let verdict = number(reply, &Value::from(expected), NumberSpec::default()).unwrap();
        assert_eq!(verdict.score, score, "{reply:?}: {}", verdict.detail);
    }

    #[test]
    fn the_last_number_counts() {
        check("5 + 7 = 12", "12", 1.0);
        check("12, no wait: 13", "12", 0.0);
        check("It costs $1,234.50.", "1234.5", 1.0);
        check("-$5", "-5", 1.0);
        check("3-5", "5", 1.0);
        check("x = \u{2212}7", "-7", 1.0);
        check("\u{20ac}40,000 in all", "40000", 1.0);
        check("about 1.5e3 of 2", "2", 1.0);
        check("about 1.5e3", "1500", 1.0);
        check(".5", "0.5", 1.0);
        check("50%", "50", 1.0);
        check("step 2.", "2", 1.0);
        check("1.2.3", "3", 1.0);
        check("", "0", 0.0);
        check("none", "0", 0.0);
        check("0.3333333", "0.333333", 1.0);
        check("0.33334", "0.33333", 0.0);
    }

    #[test]
    fn expected_may_be_a_number() {
        let number = |reply: &str, expected: &Value| number(reply, expected, NumberSpec::default());
        assert_eq!(number("7", &Value::from(7.0)).unwrap().score, 1.0);
        assert_eq!(number("1,000", &Value::from("$1,000")).unwrap().score, 1.0);
        for wrong in [Value::Null, Value::from("1e999"), Value::from("NaN"), Value::from("")] {
            assert!(number("1", &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_greater_tolerance_counts() {
        let score = |reply: &str, absolute, relative| {
            number(reply, &Value::from(-200), NumberSpec { absolute, relative }).unwrap().score
        };
        assert_eq!(score("-201", 0.0, 0.005), 1.0);
        assert_eq!(score("-201.1", 0.0, 0.005), 0.0);
        assert_eq!(score("-201.1", 2.0, 0.005), 1.0);
        assert_eq!(score("-200", 0.0, 0.0), 1.0);
    }
}
