//! Counting the length of prompts.

/// Measures how long a text is, in tokens or whatever else a budget is given in.
///
/// ```
/// use prompt_grammar::{Characters, Estimate, Tokens};
/// assert_eq!(Estimate.count("Sort the ticket: billing or access?"), 9);
/// assert_eq!(Characters.count("für"), 3);
/// ```
pub trait Tokens {
    /// What is counted, such as `tokens`.
    fn unit(&self) -> &'static str;

    /// The length of a whole text.
    fn count(&self, text: &str) -> usize;

    /// What `text` adds at least to the length of any text it stands in: however a text is cut into pieces, its count is
    /// never below the sum of `at_least` of the pieces. 0 is always right; sampling within a
    /// budget is faster the closer this is to the truth.
    fn at_least(&self, text: &str) -> usize {
        let _ = text;
        0
    }
}

/// An estimate of a language model's tokens that needs no vocabulary: a word of up to 6 letters is one token and each 6
/// further letters are another; so are 3 digits, any other visible character, and a row of line ends. Letters outside of
/// ASCII count double. Spaces belong to the words they precede.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate;

/// Characters (Unicode scalar values).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Characters;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Number,
    Lines,
    Space,
    Mark,
}

fn class(c: char) -> Class {
    match c {
        '\n' | '\r' => Class::Lines,
        c if c.is_whitespace() => Class::Space,
        c if c.is_ascii_digit() => Class::Number,
        c if c.is_alphanumeric() => Class::Word,
        _ => Class::Mark,
    }
}

impl Tokens for Estimate {
    fn unit(&self) -> &'static str {
        "tokens"
    }

    fn count(&self, text: &str) -> usize {
        let (mut total, mut run, mut size) = (0, Class::Space, 0_usize);
        let close = |run: Class, size: usize| match run {
            Class::Word => size.div_ceil(6),
            Class::Number => size.div_ceil(3),
            Class::Lines => 1,
            Class::Space => 0,
            Class::Mark => size,
        };
        for c in text.chars() {
            let now = class(c);
            if now != run {
                total += close(run, size);
                (run, size) = (now, 0);
            }
            size += if now == Class::Word && !c.is_ascii() { 2 } else { 1 };
        }
        total + close(run, size)
    }

    /// Only a run that begins the text can join what stands before, and a join saves at most one token.
    fn at_least(&self, text: &str) -> usize {
        let joins = text
            .chars()
            .next()
            .is_some_and(|c| matches!(class(c), Class::Word | Class::Number | Class::Lines));
        self.count(text) - usize::from(joins)
    }
}

impl Tokens for Characters {
    fn unit(&self) -> &'static str {
        "characters"
    }

    fn count(&self, text: &str) -> usize {
        text.chars().count()
    }

    fn at_least(&self, text: &str) -> usize {
        self.count(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_numbers_marks_and_lines_are_counted() {
        for (text, tokens) in [
            ("", 0),
            ("a", 1),
            ("letter", 1),
            ("letters", 2),
            ("1234 5", 3),
            ("a\n\n b", 3),
            ("f(x)", 4),
            ("äöüß", 2),
        ] {
            assert_eq!(Estimate.count(text), tokens, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_never_promise_more_than_the_whole(pieces in proptest::collection::vec("[ab1 \\n.ü]{0,9}", 0..7)) {
            let whole = pieces.concat();
            for tokens in [&Estimate as &dyn Tokens, &Characters] {
                let sum: usize = pieces.iter().map(|p| tokens.at_least(p)).sum();
                prop_assert!(sum <= tokens.count(&whole), "{pieces:?}");
            }
        }
    }
}
