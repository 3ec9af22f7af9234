//! Prompt templates: minijinja with strict undefined values, and the rules for texts that machines rewrite.

use std::collections::BTreeSet;
use std::io;
use std::sync::OnceLock;

use minijinja::{Environment, UndefinedBehavior, Value};

/// Longest text a template may render, in bytes.
pub(super) const MAX_RENDERED: usize = 1 << 20;

/// A template that parses.
///
/// Values never become template code: they are inserted as text. Missing values are errors. One newline at the very
/// end of the source is dropped, as Jinja does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    prefix: usize,
    variables: BTreeSet<String>,
}

/// A template that does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxFault {
    /// Line of the template, from 1.
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

impl std::fmt::Display for SyntaxFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "has a template error in its line {line}: {}", self.message),
            None => write!(f, "has a template error: {}", self.message),
        }
    }
}

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        env.remove_global("debug");
        env
    })
}

/// The first line of a message.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fault(error: &minijinja::Error) -> SyntaxFault {
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    SyntaxFault { line: error.line(), message: one_line(&message) }
}

impl Template {
    pub(super) fn parse(source: &str) -> Result<Self, SyntaxFault> {
        let env = environment();
        let parsed = env.template_from_str(source).map_err(|e| fault(&e))?;
        let globals: BTreeSet<&str> = env.globals().map(|(name, _)| name).collect();
        let mut variables: BTreeSet<String> = parsed.undeclared_variables(false).into_iter().collect();
        variables.retain(|v| !globals.contains(v.as_str()));
        Ok(Self { prefix: prefix_len(source), variables, source: source.to_owned() })
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Bytes at the start of every rendering that do not depend on any value.
    pub fn static_prefix(&self) -> usize {
        self.prefix
    }

    /// The names it looks up, in alphabetical order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    /// The name, if the whole template is one plain variable such as `{{ topic }}`.
    pub(super) fn plain_variable(&self) -> Option<&str> {
        match pieces(self.source.trim()).as_slice() {
            [Piece::Expression(text)] => plain_name(text).filter(|n| !n.contains('.')),
            _ => None,
        }
    }

    pub(super) fn render(&self, values: &Value) -> Result<String, String> {
        let parsed = environment().template_from_str(&self.source).map_err(|e| fault(&e).to_string())?;
        let mut out = Bounded(Vec::new());
        match parsed.render_captured_to(values.clone(), &mut out) {
            Ok(_) => String::from_utf8(out.0).map_err(|_| "the template rendered no text".to_owned()),
            Err(_) if out.0.len() >= MAX_RENDERED => {
                Err(format!("the rendered text is longer than {MAX_RENDERED} bytes"))
            }
            Err(error) => Err(format!("the template cannot be filled in: {}", fault(&error).message)),
        }
    }
}

/// Takes bytes up to a limit, then fails.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MAX_RENDERED.saturating_sub(self.0.len());
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let n = room.min(bytes.len());
        self.0.extend_from_slice(&bytes[..n]);
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A piece of a template's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// `{{ .. }}`, braces included.
    Expression(&'a str),
    /// `{% .. %}`, braces included.
    Statement(&'a str),
    Comment(&'a str),
}

impl<'a> Piece<'a> {
    fn source(self) -> &'a str {
        match self {
            Self::Text(s) | Self::Expression(s) | Self::Statement(s) | Self::Comment(s) => s,
        }
    }
}

/// Cuts a source at its tags. Total: an open tag runs to the end.
fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        let open = (0..rest.len()).find(|&i| {
            rest.as_bytes()[i] == b'{' && matches!(rest.as_bytes().get(i + 1), Some(b'{' | b'%' | b'#'))
        });
        let Some(open) = open else {
            out.push(Piece::Text(rest));
            break;
        };
        if open > 0 {
            out.push(Piece::Text(&rest[..open]));
        }
        rest = &rest[open..];
        let (end, make): (usize, fn(&str) -> Piece<'_>) = match rest.as_bytes()[1] {
            b'{' => (tag_end(rest, "}}"), |s| Piece::Expression(s)),
            b'%' => (tag_end(rest, "%}"), |s| Piece::Statement(s)),
            _ => (rest[2..].find("#}").map_or(rest.len(), |i| i + 4), |s| Piece::Comment(s)),
        };
        out.push(make(&rest[..end]));
        rest = &rest[end..];
    }
    out
}

/// Where the tag at the start of `text` ends, quoted parts skipped.
fn tag_end(text: &str, close: &str) -> usize {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut i = 2;
    while i < bytes.len() {
        match quote {
            Some(_) if bytes[i] == b'\\' => i += 1,
            Some(q) if bytes[i] == q => quote = None,
            Some(_) => {}
            None if matches!(bytes[i], b'"' | b'\'') => quote = Some(bytes[i]),
            None if bytes[i..].starts_with(close.as_bytes()) => return i + close.len(),
            None => {}
        }
        i += 1;
    }
    text.len()
}

/// Length of the part before the first tag that every rendering starts with.
fn prefix_len(source: &str) -> usize {
    let pieces = pieces(source);
    let mut parts = pieces.iter();
    match parts.next() {
        Some(Piece::Text(text)) => match parts.next() {
            Some(tag) if tag.source().as_bytes().get(2) == Some(&b'-') => text.trim_end().len(),
            Some(_) => text.len(),
            None => {
                let text = text.strip_suffix('\n').unwrap_or(text);
                text.strip_suffix('\r').unwrap_or(text).len()
            }
        },
        _ => 0,
    }
}

/// The inside of a tag, without braces, trim marks and outer blanks.
fn inside(tag: &str) -> &str {
    let inner = tag.get(2..tag.len().saturating_sub(2)).unwrap_or_default();
    inner.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim()
}

/// `name` or `name.field..`, if that is all the expression says.
fn plain_name(tag: &str) -> Option<&str> {
    let name = inside(tag);
    let word = |w: &str| {
        let mut chars = w.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    (tag.ends_with("}}") && name.split('.').all(word)).then_some(name)
}

fn canonical(piece: Piece<'_>) -> Option<String> {
    match piece {
        Piece::Expression(tag) => Some(format!("{{{{ {} }}}}", inside(tag))),
        Piece::Statement(tag) => Some(format!("{{% {} %}}", inside(tag))),
        _ => None,
    }
}

/// What a rewritten template must keep: its expressions and statements, in order, each once, blanks normalised.
///
/// ```
/// use orchestrator_core::system::placeholders;
/// assert_eq!(placeholders("Sort: {{input}}\n{% if x %}{{ x }}{% endif %} {{ input }}"),
///            ["{{ input }}", "{% if x %}", "{{ x }}", "{% endif %}"]);
/// ```
pub fn placeholders(template: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for text in pieces(template).into_iter().filter_map(canonical) {
        if !out.contains(&text) {
            out.push(text);
        }
    }
    out
}

/// Checks `text` as a rewriting of `seed`: it may hold any words, but its code comes from the seed.
///
/// Expressions are those of the seed (each at least once) or plain variables of `known`; statements are the seed's,
/// in its order. So no candidate can compute, loop or allocate more than the author's own template does.
pub(super) fn check_rewriting(
    text: &str,
    seed: &Template,
    known: &dyn Fn(&str) -> bool,
) -> Result<Template, String> {
    let statements = |source: &str| -> Vec<String> {
        pieces(source)
            .into_iter()
            .filter(|p| matches!(p, Piece::Statement(_)))
            .filter_map(canonical)
            .collect()
    };
    let expressions = |source: &str| -> Vec<String> {
        pieces(source)
            .into_iter()
            .filter(|p| matches!(p, Piece::Expression(_)))
            .filter_map(canonical)
            .collect()
    };
    let (wanted, given) = (expressions(seed.source()), expressions(text));
    for piece in pieces(text) {
        if let Piece::Expression(tag) = piece {
            let own = canonical(piece).is_some_and(|c| wanted.contains(&c));
            let plain = plain_name(tag).is_some_and(|n| known(n.split('.').next().unwrap_or_default()));
            if !own && !plain {
                let allowed = placeholders(seed.source()).join(" ");
                return Err(format!("uses {}; allowed: {allowed}", shorten(tag, 60)));
            }
        }
    }
    if let Some(lost) = wanted.iter().find(|w| !given.contains(w)) {
        return Err(format!("lost the placeholder {lost}; keep every placeholder of the first prompt"));
    }
    if statements(seed.source()) != statements(text) {
        return Err("changed the {% .. %} statements; keep those of the first prompt, in their order".into());
    }
    Template::parse(text).map_err(|fault| fault.to_string())
}

/// `text` in one line and at most `limit` characters, the cut marked.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(limit).collect();
    if chars.next().is_some() { format!("{head}..") } else { head }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_ends_at_the_first_tag_and_obeys_trim_marks() {
        for (source, prefix) in [
            ("Say {{ x }}", "Say "),
            ("Say {{- x }}", "Say"),
            ("Say {#- note #}{{ x }}", "Say"),
            ("{{ x }}", ""),
            ("plain\n", "plain"),
            ("plain\r\n", "plain"),
            ("{ not a tag } {% if x %}", "{ not a tag } "),
        ] {
            assert_eq!(&source[..prefix_len(source)], prefix, "{source:?}");
        }
    }

    #[test]
    fn quoted_ends_do_not_end_a_tag() {
        let source = r#"a{{ "}}" ~ x }}b"#;
        assert_eq!(
            pieces(source),
            [Piece::Text("a"), Piece::Expression(r#"{{ "}}" ~ x }}"#), Piece::Text("b")]
        );
    }

    #[test]
    fn values_are_never_code() {
        let t = Template::parse("{{ x }}").unwrap();
        let values = Value::from_iter([("x", Value::from("{{ y }}{% raw %}"))]);
        assert_eq!(t.render(&values).unwrap(), "{{ y }}{% raw %}");
        assert!(t.render(&Value::from_iter([("y", 1)])).unwrap_err().contains("undefined"));
    }

    #[test]
    fn a_rendering_is_bounded() {
        let t = Template::parse("{% for i in range(9999) %}{{ x }}{% endfor %}").unwrap();
        let values = Value::from_iter([("x", "y".repeat(1000))]);
        assert!(t.render(&values).unwrap_err().contains("longer than"));
    }

    #[test]
    fn a_rewriting_keeps_the_code_of_the_seed() {
        let seed = Template::parse("Do {{ x|upper }}{% if y %}!{% endif %}").unwrap();
        let known = |n: &str| n == "x" || n == "y";
        let check = |text: &str| check_rewriting(text, &seed, &known).map(|_| ());
        assert_eq!(check("{%if y%}Ho{% endif %} {{x|upper}} {{ y }} { }"), Ok(()));
        for (text, part) in [
            ("{% if y %}{% endif %}", "lost the placeholder {{ x|upper }}"),
            ("{{ x|upper }}", "changed the {% .. %}"),
            ("{{ x|upper }}{{ z }}{% if y %}{% endif %}", "uses {{ z }}; allowed: {{ x|upper }}"),
            ("{{ x|upper }}{{ x ~ x }}{% if y %}{% endif %}", "uses {{ x ~ x }}"),
            ("{{ x|upper }}{% endif %}{% if y %}", "changed the"),
            ("{{ x|upper }}{% if y %}{% endif %}{{ ", "uses {{ "),
            ("{{ x|upper }}{% if y %}{% endif %}{# ", "template error"),
        ] {
            let message = check(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
