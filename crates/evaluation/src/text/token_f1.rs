use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::ngram::Counts;
use super::overlap::Overlap;
use super::words::fields;

/// What Python's `\w+` finds: `\b` and `\w` of this crate's regular expressions count combining marks as well.
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{L}\p{N}_]+").expect("a fixed pattern of two classes"));

/// Shared words of a reply and a reference, as the official SQuAD scripts count them.
///
/// Both texts lose case, ASCII punctuation and the articles a, an, the; what remains is split at white space and
/// compared as a bag. Where either side has no words, the score is 1 if both have none, else 0 (SQuAD 2.0; SQuAD 1.1
/// gives 0 for both). A pure function. Source: Rajpurkar et al. 2016 and 2018.
///
/// ```
/// let overlap = evaluation::token_f1("The Eiffel tower, Paris", "an Eiffel Tower");
/// assert!((overlap.f1 - 0.8).abs() < 1e-12);
/// ```
pub fn token_f1(reply: &str, reference: &str) -> Overlap {
    let (reply, reference) = (normal(reply), normal(reference));
    let (got, wanted): (Vec<&str>, Vec<&str>) = (fields(&reply).collect(), fields(&reference).collect());
    if got.is_empty() || wanted.is_empty() {
        return if got.is_empty() && wanted.is_empty() { Overlap::WHOLE } else { Overlap::NONE };
    }
    Overlap::of(Counts::of(&got, 1).shared(&Counts::of(&wanted, 1)), got.len(), wanted.len())
}

/// Lower case, no ASCII punctuation, articles blanked out.
fn normal(text: &str) -> String {
    let plain: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let blank = |word: &Captures<'_>| match &word[0] {
        "a" | "an" | "the" => " ".to_owned(),
        other => other.to_owned(),
    };
    WORD.replace_all(&plain, blank).into_owned()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary")]
mod tests {
    use super::*;

    #[test]
    fn empty_sides() {
        assert_eq!(token_f1("", "the").f1, 1.0);
        assert_eq!(token_f1("x", "").f1, 0.0);
        assert_eq!(token_f1("", "x").f1, 0.0);
        assert_eq!(token_f1("a b", "c").f1, 0.0);
    }

    #[test]
    fn articles_go_and_parts_of_words_stay() {
        assert_eq!(normal("An apple, the a-pple; theatre").split_whitespace().count(), 3);
        assert_eq!(token_f1("the the cat", "cat").f1, 1.0);
    }
}
