//! Words, sentences, syllables, and closed lists of words.

/// Base verbs that instructions begin with.
pub(super) const IMPERATIVES: [&str; 56] = [
    "add",
    "analyze",
    "answer",
    "apply",
    "ask",
    "avoid",
    "be",
    "check",
    "choose",
    "classify",
    "compare",
    "compute",
    "consider",
    "copy",
    "count",
    "decide",
    "describe",
    "do",
    "draw",
    "ensure",
    "explain",
    "extract",
    "find",
    "follow",
    "format",
    "give",
    "identify",
    "ignore",
    "keep",
    "label",
    "leave",
    "list",
    "look",
    "make",
    "mark",
    "name",
    "output",
    "pick",
    "print",
    "provide",
    "read",
    "remember",
    "reply",
    "respond",
    "return",
    "say",
    "select",
    "show",
    "solve",
    "sort",
    "state",
    "summarize",
    "think",
    "translate",
    "use",
    "write",
];
pub(super) const MODALS: [&str; 8] =
    ["must", "never", "always", "should", "shall", "required", "need", "have to"];
pub(super) const NEGATIONS: [&str; 9] =
    ["not", "no", "never", "don't", "without", "cannot", "can't", "none", "nothing"];
pub(super) const HEDGES: [&str; 9] =
    ["maybe", "perhaps", "could", "might", "possibly", "probably", "somewhat", "likely", "usually"];
pub(super) const SECOND_PERSON: [&str; 4] = ["you", "your", "yours", "yourself"];
pub(super) const POLITE: [&str; 5] = ["please", "kindly", "thanks", "thank", "sorry"];

/// Words of a lower-case text: rows of letters and digits, with apostrophes inside.
pub(crate) fn words(lower: &str) -> Vec<&str> {
    lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '\u{2019}')
        .map(|w| w.trim_matches(['\'', '\u{2019}']))
        .filter(|w| !w.is_empty())
        .collect()
}

/// The share of words that stand in a list.
pub(super) fn share(words: &[&str], list: &[&str]) -> f64 {
    let n = words.iter().filter(|w| list.contains(w)).count();
    if words.is_empty() { 0.0 } else { n as f64 / words.len() as f64 }
}

/// Stretches that end with `.`, `!` or `?` before a space, or with a line, and hold a word.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        let spaced = chars.peek().is_none_or(|(_, next)| next.is_whitespace());
        if c == '\n' || (matches!(c, '.' | '!' | '?') && spaced) {
            out.push(&text[start..end]);
            start = end;
        }
    }
    out.push(&text[start..]);
    out.retain(|s| s.chars().any(char::is_alphanumeric));
    out
}

/// Syllables of a lower-case English word: groups of vowels, a final silent e left out; at least 1.
pub(super) fn syllables(word: &str) -> usize {
    let vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
    let (mut n, mut before) = (0, false);
    for c in word.chars() {
        n += usize::from(vowel(c) && !before);
        before = vowel(c);
    }
    let silent = n > 1 && word.ends_with('e') && !word.ends_with("le");
    (n - usize::from(silent)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_of_common_words() {
        for (word, n) in
            [("cat", 1), ("table", 2), ("make", 1), ("answer", 2), ("idea", 2), ("the", 1), ("123", 1)]
        {
            assert_eq!(syllables(word), n, "{word}");
        }
    }

    #[test]
    fn sentences_end_where_they_should() {
        assert_eq!(sentences("Use v1.2. Now!\nThen\n\n..."), ["Use v1.2.", " Now!", "Then\n"]);
        assert_eq!(words("don't 'stop' me-now"), ["don't", "stop", "me", "now"]);
    }
}
