//! Reading a text as a derivation of any grammar.
//!
//! Earley's algorithm (Communications of the ACM 13(2), 1970) over bytes, with literals as single steps, arrangements
//! as sets of used members, and prediction that looks at the next literal. It needs no normal form: left recursion,
//! empty productions, cycles and ambiguity are all read.

mod chart;
mod choose;
mod symbols;

use self::chart::{Chart, Holes};
use self::choose::Choice;
use self::symbols::Symbols;
use super::{Grammar, GrammarError};
use crate::tree::{Node, Tree, arity, set_sizes};

/// Literals named in an error.
const NAMED: usize = 3;

/// A text as a derivation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parse {
    /// The derivation; it renders to the text byte for byte.
    pub tree: Tree,
    /// Whether the text has other derivations under the same attributes, as far as 100,000 looks tell.
    pub ambiguous: bool,
}

impl Grammar {
    /// Reads a text as a derivation that renders to it byte for byte.
    ///
    /// Of several, a fixed one is taken: with the first values of attributes that allow one; with holes filled by the
    /// grammar's own texts alone if that is possible, else with any text in holes that are not protected, of no more
    /// tokens than the hole takes; then, from the top down and from left to right, with the first production, or the
    /// first member, that can stand there, each as long as it can be.
    ///
    /// O(length^3) at worst; linear for most grammars of prompts, whose literals tell productions apart.
    ///
    /// # Errors
    /// [`GrammarError::NoDerivation`] with the place behind which nothing fits and what could have stood there;
    /// [`GrammarError::Range`] when the text takes more than a million steps, or an arrangement has more than 128
    /// members.
    ///
    /// ```
    /// use prompt_grammar::Grammar;
    /// let grammar = Grammar::from_bnf("<sum> ::= <sum> '+' <sum> | <n>   <n> ::= 1 | 2 | 12")?;
    /// let parse = grammar.parse("1+12+2")?;
    /// assert_eq!(parse.tree.render(&grammar), "1+12+2");
    /// assert!(parse.ambiguous, "both (1+12)+2 and 1+(12+2)");
    /// let fault = grammar.parse("1+3").unwrap_err().to_string();
    /// assert_eq!(fault, "grammar: the text is no derivation; line 1, column 3 should go on with '1', '12' or '2'");
    /// # Ok::<(), prompt_grammar::GrammarError>(())
    /// ```
    pub fn parse(&self, text: &str) -> Result<Parse, GrammarError> {
        let mut furthest: Option<(usize, Vec<String>)> = None;
        for holes in [Holes::Fills, Holes::Literals, Holes::Anywhere] {
            if holes != Holes::Fills && !self.has_open_hole() {
                break;
            }
            for setting in 0..self.settings() {
                let values = self.values(setting);
                if self.prior(&values) <= 0.0 {
                    continue;
                }
                let mut symbols = Symbols::new(self, &values)?;
                let chart = Chart::of(&mut symbols, text, holes)?;
                if chart.is_whole() {
                    return self.read(text, &values, &symbols, &chart);
                }
                let (at, expected) = chart.furthest();
                if furthest.as_ref().is_none_or(|(best, _)| at > *best) {
                    furthest = Some((at, expected));
                }
            }
        }
        let (at, expected) = furthest.unwrap_or_default();
        let before = &text[..at];
        Err(GrammarError::NoDerivation {
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            expected: in_words(expected),
        })
    }

    fn has_open_hole(&self) -> bool {
        self.rules().iter().any(|r| matches!(&r.body, super::Body::Hole(hole) if !hole.protected))
    }

    fn read(
        &self,
        text: &str,
        values: &[u32],
        symbols: &Symbols<'_>,
        chart: &Chart<'_>,
    ) -> Result<Parse, GrammarError> {
        let mut choice = Choice::new(symbols, chart);
        let mut tree = Tree { attributes: values.to_vec(), ..Tree::default() };
        let mut todo = vec![Choice::root(text.len())];
        while let Some(span) = todo.pop() {
            let Some(picked) = choice.pick(&span) else {
                return Err(GrammarError::tree(tree.nodes.len(), "has no derivation of its own text"));
            };
            let id = tree.next;
            tree.next += 1;
            if picked.pick == Tree::WRITTEN {
                tree.texts.insert(id, text[span.start..span.end].to_string());
            }
            tree.nodes.push(Node { rule: symbols.rule(span.symbol), pick: picked.pick, size: 1, id });
            todo.extend(picked.below.into_iter().rev());
        }
        set_sizes(&mut tree.nodes, |n| arity(self, n));
        debug_assert!(tree.check(self).is_ok() && tree.render(self) == text);
        Ok(Parse { tree, ambiguous: choice.is_ambiguous() })
    }
}

fn in_words(mut expected: Vec<String>) -> String {
    expected.dedup();
    if expected.is_empty() {
        return "nothing; the text should end there".into();
    }
    let more = expected.len() > NAMED;
    expected.truncate(NAMED);
    let mut quoted: Vec<String> = expected.iter().map(|e| format!("'{}'", e.escape_debug())).collect();
    if more {
        quoted.push("others".into());
    }
    let last = quoted.pop().unwrap_or_default();
    if quoted.is_empty() { last } else { format!("{} or {last}", quoted.join(", ")) }
}
