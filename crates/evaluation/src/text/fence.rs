use serde_json::Value;

/// A piece of code between lines of three or more back ticks or tildes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block<'t> {
    /// The first word after the opening marks, as written; empty without.
    pub(crate) language: &'t str,
    /// What stands between, without the last line feed.
    pub(crate) text: &'t str,
}

/// The fenced blocks of a reply, in order; one that is never closed reaches to the end.
///
/// As in CommonMark, a block is closed by at least as many of the marks that opened it.
pub(crate) fn blocks(reply: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, &str, usize)> = None;
    let mut at = 0;
    for line in reply.split_inclusive('\n') {
        let (start, bare) = (at, line.trim());
        at += line.len();
        match open {
            None => {
                let marks = marks(bare);
                if !marks.is_empty() {
                    let language = bare[marks.len()..].split_whitespace().next().unwrap_or_default();
                    open = Some((marks, language, at));
                }
            }
            Some((marks, language, from)) => {
                if bare.starts_with(marks) && bare.trim_start_matches(&marks[..1]).is_empty() {
                    blocks.push(Block { language, text: without_feed(&reply[from..start]) });
                    open = None;
                }
            }
        }
    }
    if let Some((_, language, from)) = open {
        blocks.push(Block { language, text: without_feed(&reply[from..]) });
    }
    blocks
}

/// The three or more equal marks that a line starts with.
fn marks(line: &str) -> &str {
    let Some(first) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else { return "" };
    let end = line.find(|c| c != first).unwrap_or(line.len());
    if end >= 3 { &line[..end] } else { "" }
}

fn without_feed(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The JSON value of a reply: all of it, else the first fenced block that is one, else the first object or array amid
/// the text.
pub(super) fn json(reply: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(reply.trim()) {
        return Some(value);
    }
    if let Some(value) = blocks(reply).iter().find_map(|b| serde_json::from_str(b.text.trim()).ok()) {
        return Some(value);
    }
    // Each place where a value may start costs at most the bytes up to its fault; the number of places is bounded.
    reply.match_indices(['{', '[']).take(1000).find_map(|(open, _)| {
        serde_json::Deserializer::from_str(&reply[open..]).into_iter::<Value>().next()?.ok()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_end_at_marks_like_those_that_opened_them() {
        let reply = "Sure:\n```python\nx = 1\n```\nor\n~~~~\n```\n~~~\ny\n~~~~\r\nand ```inline```\n``` rust no_run\nz";
        let found = blocks(reply);
        let got: Vec<(&str, &str)> = found.iter().map(|b| (b.language, b.text)).collect();
        assert_eq!(got, [("python", "x = 1"), ("", "```\n~~~\ny"), ("rust", "z")]);
        assert_eq!(blocks("```\n```")[0].text, "");
        assert!(blocks("no code").is_empty());
    }

    #[test]
    fn json_is_found_whole_in_a_block_or_amid_text() {
        assert_eq!(json(" 3 "), Some(json!(3)));
        assert_eq!(json("x\n```json\n[1]\n```\n{\"a\": 1}"), Some(json!([1])));
        assert_eq!(json("Take {this}: {\"a\": [2]}."), Some(json!({"a": [2]})));
        assert_eq!(json("{{{"), None);
        assert_eq!(json(""), None);
    }
}
