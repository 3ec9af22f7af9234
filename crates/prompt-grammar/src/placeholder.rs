//! Placeholders of prompt templates: `{{ expression }}`, `{% statement %}` and `{# remark #}`.
//!
//! Two forms are text, not placeholders: everything between `{% raw %}` and `{% endraw %}`, and a single quoted
//! literal such as `{{ '{' }}`, which is how [`escape`] writes a brace.

use std::collections::BTreeMap;
use std::ops::Range;

/// How an escaped brace is written.
const BRACE: &str = "{{ '{' }}";

/// One placeholder: where it stands, and its form with single spaces inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placeholder {
    pub(crate) at: Range<usize>,
    pub(crate) form: String,
}

/// All placeholders in order. An opening without an end counts as a placeholder up to the end of the text.
pub(crate) fn find(text: &str) -> Vec<Placeholder> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = opening(text, from) {
        let (open, close) = match &text[start..start + 2] {
            "{{" => ("{{", "}}"),
            "{%" => ("{%", "%}"),
            _ => ("{#", "#}"),
        };
        let end = text[start + 2..].find(close).map(|i| start + 2 + i);
        let inner = &text[start + 2..end.unwrap_or(text.len())];
        let words: Vec<&str> = inner.trim_matches(['-', '+']).split_whitespace().collect();
        from = end.map_or(text.len(), |e| e + 2);
        if open == "{%" && words == ["raw"] {
            from = end_of_raw(text, from);
        } else if !(open == "{{" && end.is_some() && is_literal(inner.trim())) {
            found.push(Placeholder { at: start..from, form: format!("{open} {} {close}", words.join(" ")) });
        }
    }
    found
}

/// The first opening at or after `from`.
fn opening(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len().saturating_sub(1))
        .find(|&i| bytes[i] == b'{' && matches!(bytes[i + 1], b'{' | b'%' | b'#'))
}

fn end_of_raw(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(i) = text[at..].find("{%") {
        let start = at + i + 2;
        let Some(end) = text[start..].find("%}").map(|e| start + e) else { break };
        if text[start..end].trim_matches(['-', '+']).trim() == "endraw" {
            return end + 2;
        }
        at = start;
    }
    text.len()
}

/// A quoted string without its quote inside.
fn is_literal(inner: &str) -> bool {
    ['\'', '"'].iter().any(|&quote| {
        inner.strip_prefix(quote).and_then(|s| s.strip_suffix(quote)).is_some_and(|s| !s.contains(quote))
    })
}

/// The forms that `new` lacks and those it has beyond `old`, with repeats; in alphabetical order.
pub(crate) fn difference(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let mut balance: BTreeMap<String, i64> = BTreeMap::new();
    for placeholder in find(old) {
        *balance.entry(placeholder.form).or_default() += 1;
    }
    for placeholder in find(new) {
        *balance.entry(placeholder.form).or_default() -= 1;
    }
    let (mut missing, mut surplus) = (Vec::new(), Vec::new());
    for (form, n) in balance {
        let list = if n > 0 { &mut missing } else { &mut surplus };
        list.extend((0..n.unsigned_abs()).map(|_| form.clone()));
    }
    (missing, surplus)
}

/// Whether a template has the placeholders of another one, each as often as there.
///
/// ```
/// use prompt_grammar::keeps_placeholders;
/// assert!(keeps_placeholders("Sort {{ input }}.", "Which team takes {{input}}?"));
/// assert!(!keeps_placeholders("Sort {{ input }}.", "{{ input }} {{ input }}"));
/// ```
pub fn keeps_placeholders(old: &str, new: &str) -> bool {
    let (missing, surplus) = difference(old, new);
    missing.is_empty() && surplus.is_empty()
}

/// `text` as a template that renders to exactly `text`, whatever stands around it: every brace that could open a
/// placeholder is written as a quoted literal.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '{' && matches!(chars.peek(), None | Some('{' | '%' | '#')) {
            out.push_str(BRACE);
        } else {
            out.push(c);
        }
    }
    out
}

/// The text that [`escape`] was given.
pub(crate) fn unescape(text: &str) -> String {
    text.replace(BRACE, "{")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, forms: &[&str]) {
        assert_eq!(find(text).into_iter().map(|p| p.form).collect::<Vec<_>>(), forms, "{text}");
    }

    #[test]
    fn placeholders_are_found_and_text_is_not() {
        check("Text: {{input}}\n{{  input }}", &["{{ input }}", "{{ input }}"]);
        check("{%- if a  %}x{% endif %}{# note #}", &["{% if a %}", "{% endif %}", "{# note #}"]);
        check("{% raw %}{{ no }}{% endraw %}{{ yes }}", &["{{ yes }}"]);
        check("{{ '{' }} {{ \"{%\" }} {{ x ~ 'a' }} {x} { {y} }", &["{{ x ~ 'a' }}"]);
        check("an open {{ end", &["{{ end }}"]);
        check("{", &[]);
    }

    #[test]
    fn differences_count_repeats() {
        let (missing, surplus) = difference("{{ a }} {{ a }} {{ b }}", "{{a}} {{ c }}");
        assert_eq!(missing, ["{{ a }}", "{{ b }}"]);
        assert_eq!(surplus, ["{{ c }}"]);
    }

    proptest! {
        #[test]
        fn an_escaped_text_renders_verbatim(text in "[a{}%#' \\n\"-]{0,24}") {
            let template = escape(&text);
            prop_assert!(find(&template).is_empty());
            let rendered = minijinja::Environment::new()
                .render_str(&format!("[{template}]"), minijinja::context! {})
                .map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(rendered, format!("[{text}]"));
            if !text.contains(BRACE) {
                prop_assert_eq!(unescape(&template), text);
            }
        }
    }
}
