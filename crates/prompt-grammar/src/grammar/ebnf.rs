//! Reading grammars in extended Backus-Naur form.

use std::collections::BTreeSet;

use super::rule::{Body, Part, Production, Rule};
use super::scan::Scanner;
use super::{Draft, Grammar, GrammarError};

/// Brackets inside brackets that are followed.
const DEEPEST: usize = 200;

impl Grammar {
    /// Reads a grammar in extended Backus-Naur form (ISO 14977 with common liberties); the first rule is the start.
    ///
    /// `name = alternative | alternative ;` with `=`, `:=` or `::=`. Items are names, quoted texts (escapes as in
    /// [`Grammar::from_bnf`]), `( group )`, `[ option ]` and `{ repetition }`, with or without commas between them; `?`,
    /// `*` and `+` may follow an item. `(* .. *)` is a comment, `@2.5` before an alternative its weight. Every bracket
    /// and suffix becomes a rule `name~1`, `name~2` and so on: an option is present half the time, a repetition goes on
    /// half the time.
    ///
    /// # Errors
    /// [`GrammarError::Syntax`] with line and column, and what [`Draft::build`] refuses.
    pub fn from_ebnf(text: &str) -> Result<Self, GrammarError> {
        let mut reader =
            Reader { scanner: Scanner::new(text, "EBNF"), rules: Vec::new(), fresh: 0, depth: 0 };
        let mut starts = Vec::new();
        reader.skip()?;
        while reader.scanner.peek().is_some() {
            let name = reader.name();
            if name.is_empty() {
                let found = reader.scanner.found();
                return Err(reader.scanner.fault(format!("found {found} where a rule 'name =' must begin")));
            }
            reader.skip()?;
            if !["::=", ":=", "="].iter().any(|mark| reader.scanner.eat(mark)) {
                return Err(reader.scanner.fault(format!("found {} instead of '='", reader.scanner.found())));
            }
            reader.fresh = 0;
            let place = reader.rules.len();
            let productions = reader.alternatives(&name)?;
            if !reader.scanner.eat(";") {
                let found = reader.scanner.found();
                return Err(reader
                    .scanner
                    .fault(format!("found {found} where ';' must end the rule '{name}'")));
            }
            reader.rules.insert(place, Rule { name: name.clone(), body: Body::Choice(productions) });
            starts.push(name);
            reader.skip()?;
        }
        let Some(start) = starts.into_iter().next() else {
            return Err(GrammarError::Empty { what: "the grammar".into(), of: "rule" });
        };
        Draft { start, attributes: Vec::new(), rules: reader.rules }.build()
    }
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    rules: Vec<Rule<String>>,
    /// Rules made for brackets of the present rule.
    fresh: usize,
    depth: usize,
}

impl Reader<'_> {
    fn skip(&mut self) -> Result<(), GrammarError> {
        loop {
            self.scanner.take_while(char::is_whitespace);
            let start = self.scanner.at();
            if !self.scanner.eat("(*") {
                return Ok(());
            }
            let Some(end) = self.scanner.rest().find("*)") else {
                self.scanner.back_to(start);
                return Err(self.scanner.fault("this comment has no end"));
            };
            self.scanner.back_to(start + 2 + end + 2);
        }
    }

    fn name(&mut self) -> String {
        self.scanner.take_while(is_of_name).to_string()
    }

    fn alternatives(&mut self, rule: &str) -> Result<Vec<Production<String>>, GrammarError> {
        let mut productions = Vec::new();
        loop {
            self.skip()?;
            let weight = self.scanner.weight()?;
            let mut parts = Vec::new();
            loop {
                self.skip()?;
                if self.scanner.eat(",") {
                    self.skip()?;
                }
                match self.scanner.peek() {
                    None | Some('|' | ';' | ')' | ']' | '}') => break,
                    Some(_) => {
                        let part = self.item(rule)?;
                        parts.push(self.suffixed(part, rule));
                    }
                }
            }
            parts.retain(|part| *part != Part::text(""));
            productions.push(Production::new(parts).weighing(weight));
            if !self.scanner.eat("|") {
                return Ok(productions);
            }
        }
    }

    fn item(&mut self, rule: &str) -> Result<Part<String>, GrammarError> {
        let start = self.scanner.at();
        match self.scanner.peek() {
            Some('"' | '\'') => Ok(Part::text(self.scanner.quoted()?)),
            Some(open @ ('(' | '[' | '{')) => {
                self.scanner.eat(&open.to_string());
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(self
                        .scanner
                        .fault(format!("more than {DEEPEST} brackets inside each other")));
                }
                let productions = self.alternatives(rule)?;
                self.depth -= 1;
                let close = match open {
                    '(' => ")",
                    '[' => "]",
                    _ => "}",
                };
                if !self.scanner.eat(close) {
                    self.scanner.back_to(start);
                    return Err(self.scanner.fault(format!("this '{open}' lacks its '{close}'")));
                }
                let group = self.add(rule, productions);
                Ok(match open {
                    '(' => Part::Rule(group),
                    '[' => Part::Rule(self.optional(group, rule)),
                    _ => Part::Rule(self.repeated(group, rule)),
                })
            }
            _ => {
                let name = self.name();
                if name.is_empty() {
                    let found = self.scanner.found();
                    return Err(self
                        .scanner
                        .fault(format!("found {found} where a name, a text or a bracket must stand")));
                }
                Ok(Part::Rule(name))
            }
        }
    }

    fn suffixed(&mut self, part: Part<String>, rule: &str) -> Part<String> {
        for suffix in ["?", "*", "+"] {
            if self.scanner.eat(suffix) {
                let item = match part {
                    Part::Rule(name) => name,
                    part => self.add(rule, vec![Production::new(vec![part])]),
                };
                let first = Part::Rule(item.clone());
                return Part::Rule(match suffix {
                    "?" => self.optional(item, rule),
                    "*" => self.repeated(item, rule),
                    _ => {
                        let rest = Part::Rule(self.repeated(item, rule));
                        self.add(rule, vec![Production::new(vec![first, rest])])
                    }
                });
            }
        }
        part
    }

    fn optional(&mut self, item: String, rule: &str) -> String {
        self.add(rule, vec![Production::new(Vec::new()), Production::new(vec![Part::Rule(item)])])
    }

    fn repeated(&mut self, item: String, rule: &str) -> String {
        let name = self.add(rule, vec![Production::new(Vec::new())]);
        let more = Production::new(vec![Part::Rule(item), Part::Rule(name.clone())]);
        if let Some(Rule { body: Body::Choice(productions), .. }) = self.rules.last_mut() {
            productions.push(more);
        }
        name
    }

    fn add(&mut self, rule: &str, productions: Vec<Production<String>>) -> String {
        let taken: BTreeSet<&str> = self.rules.iter().map(|r| r.name.as_str()).collect();
        let mut name = String::new();
        while name.is_empty() || taken.contains(name.as_str()) {
            self.fresh += 1;
            name = format!("{rule}~{}", self.fresh);
        }
        self.rules.push(Rule { name: name.clone(), body: Body::Choice(productions) });
        name
    }
}

pub(super) fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_become_rules() {
        let grammar = Grammar::from_ebnf(
            "list = '(' , [ item , { ',' item } ] , ')' ; (* a list *)\nitem = ('a' | \"b\")+ | @0.5 list;",
        )
        .unwrap();
        let names: Vec<&str> = grammar.rules().iter().map(|r| r.name.as_str()).collect();
        assert_eq!(
            names,
            ["list", "list~1", "list~2", "list~3", "list~4", "item", "item~1", "item~2", "item~3"]
        );
        assert!(grammar.is_recursive());
    }

    #[track_caller]
    fn check(text: &str, fault: &str) {
        assert_eq!(Grammar::from_ebnf(text).unwrap_err().to_string(), fault);
    }

    #[test]
    fn faults_say_where() {
        check(" (* x *) ", "grammar: the grammar is empty; give at least one rule");
        check(
            "a = 'x'\nb = 'y';",
            "grammar: EBNF line 2, column 3: found '=' where a name, a text or a bracket must stand",
        );
        check("a = 'x' ) ;", "grammar: EBNF line 1, column 9: found ')' where ';' must end the rule 'a'");
        check("a = ( 'x' ;", "grammar: EBNF line 1, column 5: this '(' lacks its ')'");
        check("a = 'x' (* ;", "grammar: EBNF line 1, column 9: this comment has no end");
        check(
            "a = !;",
            "grammar: EBNF line 1, column 5: found '!' where a name, a text or a bracket must stand",
        );
        check("a 'x';", "grammar: EBNF line 1, column 3: found ''' instead of '='");
        let deep = format!("a = {}", "(".repeat(300));
        check(&deep, "grammar: EBNF line 1, column 206: more than 200 brackets inside each other");
    }
}
