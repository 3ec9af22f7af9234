use prompt_grammar::{Grammar, Tree};

use super::Problem;

const TARGET: &str = "Hello world!";

/// Letters of either case, space and punctuation, one after the other.
const GRAMMAR: &str = r#"
<string>    ::= <letter> | <letter> <string>
<letter>    ::= <vowel> | <consonant> | <char>
<vowel>     ::= a|e|i|o|u|A|E|I|O|U
<consonant> ::= b|c|d|f|g|h|j|k|l|m|n|p|q|r|s|t|v|w|x|y|z|B|C|D|F|G|H|J|K|L|M|N|P|Q|R|S|T|V|W|X|Y|Z
<char>      ::= " " | "!" | "?" | "," | "."
"#;

/// Writing a given text: what is wrong counts by how far its code is off.
pub(super) struct StringMatch {
    grammar: Grammar,
}

impl StringMatch {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { grammar: Grammar::from_bnf(GRAMMAR)? })
    }
}

/// The length of the longer text, minus 1 for each equal position, minus 1 / (1 + difference of codes) for each other.
fn cost(guess: &str) -> f64 {
    let longest = TARGET.len().max(guess.len()) as f64;
    let merit = |(a, b): (u8, u8)| 1.0 / (1.0 + f64::from(a.abs_diff(b)));
    longest - TARGET.bytes().zip(guess.bytes()).map(merit).sum::<f64>()
}

impl Problem for StringMatch {
    fn grammar(&self) -> &Grammar {
        &self.grammar
    }

    fn loss(&self, tree: &Tree) -> f64 {
        cost(&tree.render(&self.grammar))
    }

    fn is_solved(&self, loss: f64) -> bool {
        loss <= 0.0
    }

    fn test(&self, _: &Tree) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_those_of_the_definition() {
        let close = |guess: &str, expected: f64| assert!((cost(guess) - expected).abs() < 1e-12, "{guess}");
        close("Hello world!", 0.0);
        close("Hello world", 1.0);
        close("Hello world!!", 1.0);
        close("Gello world!", 0.5);
        close("a", 12.0 - 1.0 / 26.0);
    }
}
