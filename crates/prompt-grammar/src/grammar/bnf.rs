//! Reading grammars in Backus-Naur form.

use super::rule::{Body, Part, Production, Rule};
use super::scan::Scanner;
use super::{Draft, Grammar, GrammarError};

impl Grammar {
    /// Reads a grammar in Backus-Naur form; the first rule is the start.
    ///
    /// `<name> ::= alternative | alternative`, where an alternative is a row of `<name>`s, quoted texts (escapes `\n \t
    /// \\ \" \'`) and bare words. White space separates and is no text; `""` is the empty text; `#` begins a comment
    /// that ends with its line. `@2.5` before an alternative is its weight; without, it is 1.
    ///
    /// # Errors
    /// [`GrammarError::Syntax`] with line and column, and what [`Draft::build`] refuses.
    pub fn from_bnf(text: &str) -> Result<Self, GrammarError> {
        let mut scanner = Scanner::new(text, "BNF");
        let mut rules: Vec<Rule<String>> = Vec::new();
        skip(&mut scanner);
        while scanner.peek().is_some() {
            let Some(name) = head(&mut scanner)? else {
                let found = scanner.found();
                return Err(scanner.fault(format!("found {found} where a rule '<name> ::=' must begin")));
            };
            let productions = alternatives(&mut scanner)?;
            rules.push(Rule { name, body: Body::Choice(productions) });
        }
        let Some(start) = rules.first().map(|r| r.name.clone()) else {
            return Err(GrammarError::Empty { what: "the grammar".into(), of: "rule" });
        };
        Draft { start, attributes: Vec::new(), rules }.build()
    }
}

/// Skips white space and comments.
fn skip(scanner: &mut Scanner<'_>) {
    loop {
        scanner.take_while(char::is_whitespace);
        if scanner.peek() != Some('#') {
            return;
        }
        scanner.take_while(|c| c != '\n');
    }
}

fn name(scanner: &mut Scanner<'_>) -> Result<String, GrammarError> {
    let start = scanner.at();
    scanner.eat("<");
    let name = scanner.take_while(|c| !matches!(c, '<' | '>' | '\n' | '|'));
    if name.trim().is_empty() || !scanner.eat(">") {
        scanner.back_to(start);
        return Err(scanner.fault("'<' must open a name that ends with '>'; quote it where it is text"));
    }
    Ok(name.trim().to_string())
}

/// `<name> ::=` if it comes next.
fn head(scanner: &mut Scanner<'_>) -> Result<Option<String>, GrammarError> {
    if scanner.peek() != Some('<') {
        return Ok(None);
    }
    let start = scanner.at();
    let name = name(scanner)?;
    skip(scanner);
    if scanner.eat("::=") {
        return Ok(Some(name));
    }
    scanner.back_to(start);
    Ok(None)
}

fn alternatives(scanner: &mut Scanner<'_>) -> Result<Vec<Production<String>>, GrammarError> {
    let mut productions = Vec::new();
    loop {
        skip(scanner);
        let weight = scanner.weight()?;
        let mut parts: Vec<Part<String>> = Vec::new();
        let start = scanner.at();
        loop {
            skip(scanner);
            let item = scanner.at();
            match scanner.peek() {
                None | Some('|') => break,
                Some('<') => {
                    if head(scanner)?.is_some() {
                        scanner.back_to(item);
                        break;
                    }
                    parts.push(Part::Rule(name(scanner)?));
                }
                Some('"' | '\'') => parts.push(Part::text(scanner.quoted()?)),
                Some(_) => {
                    let word = |c: char| !c.is_whitespace() && !matches!(c, '<' | '|' | '"' | '\'' | '#');
                    parts.push(Part::text(scanner.take_while(word)));
                }
            }
        }
        if parts.is_empty() {
            scanner.back_to(start);
            return Err(scanner.fault("an alternative has nothing; write \"\" for the empty text"));
        }
        parts.retain(|part| *part != Part::text(""));
        productions.push(Production::new(parts).weighing(weight));
        if !scanner.eat("|") {
            return Ok(productions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_weights_and_texts_are_read() {
        let grammar = Grammar::from_bnf(
            "# a comment\n<s> ::= @2 'it''s ' <n> | \"\" # the empty text\n  | word another\n<n> ::= 1|'\\n|\\\\'",
        )
        .unwrap();
        let Body::Choice(productions) = &grammar.rules()[0].body else { panic!() };
        assert_eq!(productions.len(), 3);
        assert_eq!(productions[0].weight.to_bits(), 2.0_f64.to_bits());
        assert_eq!(productions[0].parts[0], Part::text("it"));
        assert_eq!(productions[1].parts, []);
        assert_eq!(productions[2].parts, [Part::text("word"), Part::text("another")]);
        let Body::Choice(productions) = &grammar.rules()[1].body else { panic!() };
        assert_eq!(productions[1].parts, [Part::text("\n|\\")]);
    }

    #[track_caller]
    fn check(text: &str, fault: &str) {
        assert_eq!(Grammar::from_bnf(text).unwrap_err().to_string(), fault);
    }

    #[test]
    fn faults_say_where() {
        check("", "grammar: the grammar is empty; give at least one rule");
        check("x ::= y", "grammar: BNF line 1, column 1: found 'x' where a rule '<name> ::=' must begin");
        let open = "'<' must open a name that ends with '>'; quote it where it is text";
        check("<a> ::= x\n | <b", &format!("grammar: BNF line 2, column 4: {open}"));
        let nothing = "an alternative has nothing; write \"\" for the empty text";
        check("<a> ::= x |", &format!("grammar: BNF line 1, column 12: {nothing}"));
        check("<a> ::= \"x", "grammar: BNF line 1, column 9: this quoted text has no end");
        check(
            "<a> ::= 'x\\y'",
            "grammar: BNF line 1, column 11: an unknown escape; allowed: \\n \\t \\\\ \\\" \\'",
        );
        check(
            "<a> ::= @-1 x",
            "grammar: BNF line 1, column 10: '@' must be followed by a weight, a number of at least 0",
        );
        check(
            "<a> ::= <a> x",
            "grammar: rule 'a' derives no finite text; give it an alternative that does not lead back to it",
        );
        check("<a> ::= x <b> ::= y", "grammar: rule 'b' cannot be reached from 'a'; use it or take it out");
        check(
            "<a> ::= <bc> <b> ::= y",
            "grammar: rule 'a' uses 'bc', which is not defined; the nearest name is 'b'",
        );
        check(
            "<a> ::= x <a> ::= y",
            "grammar: rule 'a' is defined twice; join its alternatives under one definition",
        );
        check(
            "<a> ::= @0 x",
            "grammar: rule 'a': sum of weights 0 is outside its range; allowed: finite and above 0",
        );
    }
}
