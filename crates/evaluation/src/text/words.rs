use serde_json::{Map, Value};

/// Maximal runs of letters, digits and apostrophes, in lower case. A typographic apostrophe counts as a plain one.
pub(super) fn words(text: &str) -> Vec<String> {
    let plain = text.replace('\u{2019}', "'").to_lowercase();
    plain
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What Python's `str.split` splits at: white space and the four ASCII separators.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The parts of a text between blanks, as Python's `str.split` gives them.
pub(super) fn fields(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_blank).filter(|field| !field.is_empty())
}

/// How often the words of `phrase` stand one after the other in `words`.
pub(super) fn occurrences(words: &[String], phrase: &str) -> usize {
    let phrase = self::words(phrase);
    if phrase.is_empty() { 0 } else { words.windows(phrase.len()).filter(|run| *run == phrase).count() }
}

/// Lower case, without punctuation and the articles a, an, the; single blanks.
///
/// A text of which nothing would be left keeps its articles.
pub(super) fn normal(text: &str) -> String {
    let kept: String =
        text.to_lowercase().chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect();
    let all: Vec<&str> = kept.split_whitespace().collect();
    let without: Vec<&str> = all.iter().copied().filter(|w| !matches!(*w, "a" | "an" | "the")).collect();
    if without.is_empty() { all.join(" ") } else { without.join(" ") }
}

/// The text after the last `Answer:`, without case, if there is one.
pub(super) fn after_answer(reply: &str) -> Option<&str> {
    let marker = b"answer:";
    let bytes = reply.as_bytes();
    let start = (0..bytes.len().saturating_sub(marker.len() - 1))
        .rev()
        .find(|&i| bytes[i..i + marker.len()].eq_ignore_ascii_case(marker))?;
    reply.get(start + marker.len()..).map(str::trim)
}

/// The last line that is not blank.
pub(super) fn last_line(reply: &str) -> &str {
    reply.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default()
}

/// The JSON objects of a reply that stand in no other, in order; text around them is skipped.
pub(super) fn objects(reply: &str) -> Vec<Map<String, Value>> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(open) = reply[from..].find('{').map(|i| from + i) {
        let mut values = serde_json::Deserializer::from_str(&reply[open..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(Value::Object(object))) => {
                found.push(object);
                from = open + values.byte_offset();
            }
            _ => from = open + 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_digits_and_apostrophes() {
        assert_eq!(
            words("Don\u{2019}t--stop, it's 3.5 O'Hara_x"),
            ["don't", "stop", "it's", "3", "5", "o'hara", "x"]
        );
        assert_eq!(occurrences(&words("the end of The End"), "the end"), 2);
        assert_eq!(occurrences(&words("theend"), "the"), 0);
        assert_eq!(occurrences(&words("x"), "..."), 0);
    }

    #[test]
    fn normal_forms() {
        assert_eq!(normal(" The  U.S.A., an Example! "), "usa example");
        assert_eq!(normal("The The"), "the the");
        assert_eq!(normal("?!"), "");
    }

    #[test]
    fn markers_and_lines() {
        assert_eq!(after_answer("ANSWER: a\nAnswer:\n b "), Some("b"));
        assert_eq!(after_answer("no marker"), None);
        assert_eq!(after_answer("ü answer:"), Some(""));
        assert_eq!(last_line("a\n b \n\n"), "b");
        assert_eq!(last_line(" \n"), "");
    }

    #[test]
    fn objects_are_found_amid_text() {
        let found = objects("Sure {not json} ```json\n{\"a\": {\"b\": 1}}\n``` and {\"c\":\"}\"}");
        let keys: Vec<_> = found.iter().map(|o| o.keys().next().unwrap().as_str()).collect();
        assert_eq!(keys, ["a", "c"]);
        assert!(objects("{{{\"a\":").is_empty());
    }
}
