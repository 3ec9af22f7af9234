use super::Verdict;
use super::words::{after_answer, last_line, normal};

/// Marks around a token that are not part of an answer.
const MARKS: &[char] =
    &['*', '_', '`', '"', '\'', '.', ',', ';', ':', '!', '?', '[', ']', '\u{201c}', '\u{201d}'];

/// The last answer token, or, where several words are expected, all words in order.
///
/// # Errors
/// Never; the form is that of the other scorers.
#[expect(clippy::unnecessary_wraps, reason = "all scorers have one form, and most can fail")]
pub(super) fn exact(reply: &str, expected: &str) -> Result<Verdict, String> {
    if let Some(letter) = option(expected) {
        let got = last_option(reply);
        let shown = got.map(|c| format!("({})", c.to_uppercase()));
        return Ok(Verdict::of_match(got == Some(letter), "option", expected, shown.as_deref()));
    }
    if expected.contains(char::is_whitespace) {
        let wanted: Vec<String> = lower_words(expected);
        let views = [Some(reply), after_answer(reply), Some(last_line(reply))];
        let holds = views.into_iter().flatten().any(|view| lower_words(view) == wanted);
        let got = after_answer(reply).filter(|text| !text.is_empty()).unwrap_or_else(|| last_line(reply));
        return Ok(Verdict::of_match(holds, "words", expected, Some(got).filter(|text| !text.is_empty())));
    }
    let bare = |token: &str| token.trim_matches(MARKS).to_lowercase();
    let token = reply.split_whitespace().rev().find(|token| !bare(token).is_empty());
    let holds =
        token.is_some_and(|t| bare(t) == bare(expected) || t.to_lowercase() == expected.to_lowercase());
    Ok(Verdict::of_match(holds, "answer", expected, token.map(|t| t.trim_matches(MARKS))))
}

/// Equality of normal forms with the last line, or with the text after `Answer:`.
///
/// # Errors
/// When nothing of `expected` is left in normal form.
pub(super) fn exact_answer(reply: &str, expected: &str) -> Result<Verdict, String> {
    let wanted = normal(expected);
    if wanted.is_empty() {
        return Err(format!("expected '{expected}' holds neither letter nor digit"));
    }
    let after = after_answer(reply).filter(|text| !text.is_empty());
    let first_line = after.and_then(|text| text.lines().next());
    let views = [after, first_line, Some(last_line(reply))];
    let holds = views.into_iter().flatten().any(|view| normal(view) == wanted);
    let got = first_line.unwrap_or_else(|| last_line(reply));
    Ok(Verdict::of_match(holds, "answer", expected, Some(got).filter(|text| !text.is_empty())))
}

fn lower_words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// The lower-case letter of `(A)`.
fn option(text: &str) -> Option<char> {
    single(text.strip_prefix('(')?.strip_suffix(')')?)
}

fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    let letter = chars.next().filter(char::is_ascii_alphabetic)?;
    chars.next().is_none().then_some(letter.to_ascii_lowercase())
}

/// The last token `(A)` or `A)`; a bare `A` counts where it is the last token of all, so that the article does not.
fn last_option(reply: &str) -> Option<char> {
    let mut last = true;
    for token in reply.split_whitespace().rev() {
        let token = token.trim_matches(MARKS);
        if token.is_empty() {
            continue;
        }
        let closed = token.strip_suffix(')').and_then(|t| single(t.strip_prefix('(').unwrap_or(t)));
        let glued = || {
            // `(B)03/04/1973` and `answer:(B)` hold an option as well.
            let open = token.rfind('(')?;
            single(token.get(open + 1..open + 2)?).filter(|_| token[open + 2..].starts_with(')'))
        };
        if let Some(letter) = closed.or_else(glued).or_else(|| single(token).filter(|_| last)) {
            return Some(letter);
        }
        last = false;
    }
    None
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reply: &str, expected: &str, score: f64) {
        let verdict = exact(reply, expected).unwrap();
        assert_eq!(verdict.score, score, "{reply:?}: {}", verdict.detail);
    }

    #[test]
    fn options_in_any_of_three_forms() {
        for reply in
            ["A", "(A)", "A)", "a", "The answer is (A).", "**A**", "So B) is wrong: A)", "It is (A) 3/4/1973"]
        {
            check(reply, "(A)", 1.0);
        }
        for reply in ["", "B", "(A) or (B)", "A dog", "AB", "()", "(A", "The answer is (é)"] {
            check(reply, "(A)", 0.0);
        }
        check("answer:(B)", "(B)", 1.0);
    }

    #[test]
    fn single_tokens_without_case_and_marks() {
        for reply in ["Yes", "The answer is **yes**.", "no no yes !"] {
            check(reply, "Yes", 1.0);
        }
        for reply in ["", "yes and no", "yesterday", "..."] {
            check(reply, "Yes", 0.0);
        }
        check("It is -5.", "-5", 1.0);
        check("x.", ".", 0.0);
    }

    #[test]
    fn several_words_in_order() {
        for reply in [
            "apple pear zoo",
            "APPLE  pear\nzoo",
            "Sorted.\nAnswer: apple pear zoo",
            "Here:\napple pear zoo\n",
        ] {
            check(reply, "apple pear zoo", 1.0);
        }
        for reply in ["pear apple zoo", "apple pear", "apple pear zoo zoo", "apple, pear, zoo", ""] {
            check(reply, "apple pear zoo", 0.0);
        }
    }

    #[test]
    fn answers_in_normal_form() {
        let score = |reply: &str| exact_answer(reply, "The Eiffel Tower").unwrap().score;
        for reply in [
            "eiffel tower",
            "I think.\nEiffel Tower!",
            "Answer: the Eiffel tower\nBecause.",
            "answer:\nEiffel Tower",
        ] {
            assert_eq!(score(reply), 1.0, "{reply:?}");
        }
        for reply in ["", "Eiffel", "the tower of Eiffel", "Eiffel Tower\nI think"] {
            assert_eq!(score(reply), 0.0, "{reply:?}");
        }
        assert!(exact_answer("x", "?!").is_err());
    }

    #[test]
    fn details_say_what_was_expected_and_what_came() {
        assert_eq!(exact("so b)", "(A)").unwrap().detail, "expected option '(A)', got '(B)'");
        assert_eq!(exact(" ", "(A)").unwrap().detail, "expected option '(A)', got no option");
        assert_eq!(exact_answer("a\nb", "c").unwrap().detail, "expected answer 'c', got 'b'");
    }
}
