use super::super::words::{fields, is_blank};

/// The tokens of `mteval-v13a`, which WMT scores with: punctuation stands alone, except inside numbers.
pub(super) fn tokens_13a(text: &str) -> Vec<String> {
    let text = text.trim_end_matches(is_blank).replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    let text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    let mut apart = String::with_capacity(text.len() * 2);
    apart.push(' ');
    for c in text.chars() {
        if stands_alone(c) {
            apart.extend([' ', c, ' ']);
        } else {
            apart.push(c);
        }
    }
    apart.push(' ');
    let point = |c: char| matches!(c, '.' | ',');
    let digit = |c: char| c.is_ascii_digit();
    let apart = pairs(&apart, |a, b| !digit(a) && point(b), |a, b| [a, ' ', b, ' ']);
    let apart = pairs(&apart, |a, b| point(a) && !digit(b), |a, b| [' ', a, ' ', b]);
    let apart = pairs(&apart, |a, b| digit(a) && b == '-', |a, b| [a, ' ', b, ' ']);
    fields(&apart).map(str::to_owned).collect()
}

/// ASCII punctuation but for `'`, `,`, `-` and `.`; blanks too, where it changes nothing.
fn stands_alone(c: char) -> bool {
    matches!(c, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/')
}

/// Rewrites neighbours of which `rule` holds, from left to right, each character in one pair at most.
fn pairs(text: &str, rule: impl Fn(char, char) -> bool, new: impl Fn(char, char) -> [char; 4]) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        match chars.next_if(|second| rule(first, *second)) {
            Some(second) => out.extend(new(first, second)),
            None => out.push(first),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_stands_alone_but_not_in_numbers() {
        let tokens = |text: &str| tokens_13a(text).join("|");
        assert_eq!(tokens("Hello, world! (3,000.5)"), "Hello|,|world|!|(|3,000.5|)");
        assert_eq!(tokens("3-4 well-known don't."), "3|-|4|well-known|don't|.");
        assert_eq!(tokens("a &amp; b&lt;c <skipped>hy-\nphen"), "a|&|b|<|c|hyphen");
        assert_eq!(tokens("\u{1c}x\u{a0}y,"), "x|y|,");
        assert_eq!(tokens(""), "");
    }
}
