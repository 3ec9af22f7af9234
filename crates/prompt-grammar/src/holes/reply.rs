use crate::grammar::HoleKind;

/// What to ask a language model for: `n` fills of one hole, in the light of failures (input, wanted, given).
pub fn request(kind: HoleKind, old: &str, n: usize, most: usize, failures: &[(&str, &str, &str)]) -> String {
    let what = match kind {
        HoleKind::Instruction => "an instruction that says what to do",
        HoleKind::Domain => "a field of knowledge, in a few words",
        HoleKind::Criteria => "what a good answer is",
        HoleKind::RuleItem => "one rule, in one line",
        HoleKind::Example => "a worked example",
        HoleKind::Glossary => "the labels and what they mean",
        HoleKind::Tag => "the name of a tag: letters, digits, _ and -",
        HoleKind::Schema => "a JSON schema",
        HoleKind::Verbatim => "a part of the prompt",
    };
    let mut out = format!("One part of a prompt is {what}. At present it reads:\n{old}\n");
    if !failures.is_empty() {
        out.push_str("\nWith it these went wrong:\n");
        let row = |(input, wanted, given): &(&str, &str, &str)| {
            format!("- input: {input}\n  wanted: {wanted}\n  given: {given}\n")
        };
        out.extend(failures.iter().map(row));
    }
    out + &format!(
        "\nWrite {n} different better texts for this part. Say what the failures have in common, not the failures \
         themselves; copy nothing from the inputs. Keep every placeholder such as {{{{ input }}}} letter for letter. Each \
         text has at most {most} tokens. Answer with a JSON list of {n} strings and nothing else.\n"
    )
}

/// The fills in a reply: a JSON list of strings, also where other text stands around it, and of a broken one the strings
/// before the break; else, of a numbered or dashed list, every item; else the whole reply as one. Never fails; what has no
/// letter or digit, and JSON of another form than asked for, is left out.
pub fn read_reply(reply: &str) -> Vec<String> {
    let list = |text: &str| serde_json::from_str::<Vec<String>>(text).ok();
    let inner = || {
        let (start, end) = (reply.find('[')?, reply.rfind(']')?);
        list(reply.get(start..=end)?)
    };
    let texts = list(reply.trim()).or_else(inner).or_else(|| broken(reply)).unwrap_or_else(|| {
        let items: Vec<String> = reply.lines().filter_map(item).map(String::from).collect();
        if items.len() >= 2 { items } else { vec![reply.trim().to_string()] }
    });
    texts.into_iter().filter(|text| text.contains(char::is_alphanumeric)).collect()
}

/// Of what begins as a JSON list the strings up to where it breaks; none where it begins otherwise.
fn broken(reply: &str) -> Option<Vec<String>> {
    let mut rest = reply.trim().strip_prefix('[')?;
    let mut texts = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let Some(Ok(text)) = values.next() else { return Some(texts) };
        texts.push(text);
        rest = &rest[values.byte_offset()..];
    }
}

/// A line of a list without its marker.
fn item(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let dashed = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "));
    let numbered = line[digits..].strip_prefix(". ").or_else(|| line[digits..].strip_prefix(") "));
    dashed.or(numbered.filter(|_| digits > 0)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_however_they_are_written() {
        let two = ["a b", "c"];
        for reply in [
            "[\"a b\", \"c\"]",
            "Sure:\n```json\n[\"a b\",\n\"c\"]\n```",
            "1. a b\n2) c",
            "Here:\n- a b\n* c\n",
        ] {
            assert_eq!(read_reply(reply), two, "{reply}");
        }
        assert_eq!(read_reply("  Just this. "), ["Just this."]);
        assert_eq!(read_reply("[\"a\", 3"), ["a"]);
        assert_eq!(read_reply("[\"a\", \"b"), ["a"], "half a text is none");
        assert!(read_reply("[{\"text\": \"a\"}]").is_empty() && read_reply("--- ]").is_empty());
        assert!(read_reply(" \n").is_empty());
    }

    #[test]
    fn requests_say_what_is_wanted() {
        let text = request(HoleKind::RuleItem, "Be brief.", 3, 20, &[("i", "w", "g")]);
        for part in ["one rule", "Be brief.", "wanted: w", "JSON list of 3", "{{ input }}", "20 tokens"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
