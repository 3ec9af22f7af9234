use super::GrammarError;

/// Walks through the text of a grammar and knows where it is.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    format: &'static str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, format: &'static str) -> Self {
        Self { text, at: 0, format }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Takes `mark` if it comes next.
    pub(super) fn eat(&mut self, mark: &str) -> bool {
        let there = self.rest().starts_with(mark);
        if there {
            self.at += mark.len();
        }
        there
    }

    /// Takes characters as long as they fit.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !fits(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// A fault at the present place.
    pub(super) fn fault(&self, message: impl Into<String>) -> GrammarError {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        GrammarError::Syntax { format: self.format, line, column, message: message.into() }
    }

    /// What comes next, for messages.
    pub(super) fn found(&self) -> String {
        self.peek().map_or_else(|| "the end".into(), |c| format!("'{c}'"))
    }

    /// A text in quotes; the opening quote comes next. Escapes: `\n \t \\ \" \'`.
    pub(super) fn quoted(&mut self) -> Result<String, GrammarError> {
        let opening = self.at;
        let Some(quote @ ('"' | '\'')) = self.peek() else {
            return Err(self.fault(format!("found {} where a quoted text must begin", self.found())));
        };
        self.at += 1;
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at += i + 1;
                    return Ok(out);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some(c @ ('\\' | '"' | '\'')) => out.push(c),
                    _ => {
                        self.at += i;
                        return Err(self.fault("an unknown escape; allowed: \\n \\t \\\\ \\\" \\'"));
                    }
                },
                c => out.push(c),
            }
        }
        self.at = opening;
        Err(self.fault("this quoted text has no end"))
    }

    /// The weight of an alternative, `@` and a number; 1 where none is written.
    pub(super) fn weight(&mut self) -> Result<f64, GrammarError> {
        if !self.eat("@") {
            return Ok(1.0);
        }
        let start = self.at;
        let digits = self.take_while(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
        digits.parse::<f64>().ok().filter(|w| w.is_finite() && *w >= 0.0).ok_or_else(|| {
            self.at = start;
            self.fault("'@' must be followed by a weight, a number of at least 0")
        })
    }
}
