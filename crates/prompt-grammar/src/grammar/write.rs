//! Writing grammars in Backus-Naur forms.

use super::ebnf::is_of_name;
use super::rule::{Body, Part, Text};
use super::{Grammar, GrammarError};

impl Grammar {
    /// The grammar in the form that [`Grammar::from_bnf`] reads.
    ///
    /// # Errors
    /// [`GrammarError::Range`] naming the first rule that this form cannot write: attributes, arrangements, holes,
    /// numbers, and names with `<`, `>`, `|` or line ends need [`Grammar::to_json`].
    pub fn to_bnf(&self) -> Result<String, GrammarError> {
        let sound =
            |name: &str| !name.contains(['<', '>', '|', '\n']) && name.trim() == name && !name.is_empty();
        self.to_form("BNF", sound, |name| format!("<{name}>"), " ::= ", "\n")
    }

    /// The grammar in the form that [`Grammar::from_ebnf`] reads.
    ///
    /// # Errors
    /// As [`Grammar::to_bnf`]; names must consist of letters, digits, `_`, `-` and `~`.
    pub fn to_ebnf(&self) -> Result<String, GrammarError> {
        let sound = |name: &str| !name.is_empty() && name.chars().all(is_of_name);
        self.to_form("EBNF", sound, str::to_string, " = ", " ;\n")
    }

    fn to_form(
        &self,
        form: &str,
        sound: impl Fn(&str) -> bool,
        write: impl Fn(&str) -> String,
        is: &str,
        end: &str,
    ) -> Result<String, GrammarError> {
        let refuse = |rule: &str, what: &str| {
            Err(GrammarError::range(
                format!("rule '{rule}'"),
                what,
                &format!("what {form} can write; use JSON"),
            ))
        };
        let mut out = String::new();
        let first = std::iter::once(self.start);
        let others = (0..self.rules.len() as u32).map(super::RuleId).filter(|id| *id != self.start);
        for id in first.chain(others) {
            let rule = &self.rules[id.index()];
            if !sound(&rule.name) {
                return refuse(&rule.name, "this name");
            }
            let Body::Choice(productions) = &rule.body else { return refuse(&rule.name, "this body") };
            let mut alternatives = Vec::new();
            for production in productions {
                if production.when.is_some() {
                    return refuse(&rule.name, "a guard");
                }
                let mut items = Vec::new();
                if production.weight.to_bits() != 1.0_f64.to_bits() {
                    items.push(format!("@{}", production.weight));
                }
                for part in &production.parts {
                    match part {
                        Part::Text(Text::Fixed(text)) => items.push(quoted(text)),
                        Part::Rule(rule) => items.push(write(&self.rules[rule.index()].name)),
                        Part::Text(Text::By { .. }) => return refuse(&rule.name, "a text with variants"),
                        Part::Number => return refuse(&rule.name, "a number"),
                    }
                }
                if production.parts.is_empty() {
                    items.push("\"\"".into());
                }
                alternatives.push(items.join(" "));
            }
            out.extend([&write(&rule.name), is, &alternatives.join(" | "), end]);
        }
        Ok(out)
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = "<s> ::= @2.5 'a\"\\\\' <n> | ''\n<n> ::= '\\n' | \"#\" <s>";
        let grammar = Grammar::from_bnf(text).unwrap();
        assert_eq!(Grammar::from_bnf(&grammar.to_bnf().unwrap()).unwrap(), grammar);
        assert_eq!(Grammar::from_ebnf(&grammar.to_ebnf().unwrap()).unwrap(), grammar);
        assert_eq!(Grammar::from_json(&grammar.to_json()).unwrap(), grammar);
    }
}
