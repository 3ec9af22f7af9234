use std::collections::BTreeMap;

use prompt_grammar::{Grammar, Tree};

use super::Problem;

/// Assignments a program may make; what makes more is worth nothing.
const MOST_STEPS: u64 = 50_000;

/// Programs that begin with `x = 0.0` and return x.
const GRAMMAR: &str = r#"
<code>      ::= <statement> | <statement> <code>
<statement> ::= "x = " <value> ";" | <loop>
<value>     ::= "0.5" | "x" | "x + 0.5" | "x * 0.5"
<loop>      ::= "for i in range(" <number> " + 1) {" <code> "}" | "for i in [" <list> "] {" <code> "}"
<list>      ::= <number> | <number> "," <list>
<number>    ::= 0 | 1 | 2 | 3 | 4 | 5 | 6
"#;

/// Writing a short program that computes as large a number as possible.
pub(super) struct Loops {
    grammar: Grammar,
    names: BTreeMap<u32, Rule>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Value,
    Loop,
    Number,
}

impl Loops {
    pub(super) fn new() -> anyhow::Result<Self> {
        let grammar = Grammar::from_bnf(GRAMMAR)?;
        let rules = [("value", Rule::Value), ("loop", Rule::Loop), ("number", Rule::Number)];
        let id = |(name, rule)| grammar.id(name).map(|id| (id.0, rule));
        let names = rules.into_iter().filter_map(id).collect();
        Ok(Self { grammar, names })
    }

    /// The value of x at the end; 0 for programs that take too long.
    fn run(&self, tree: &Tree) -> f64 {
        let (mut x, mut steps) = (0.0, 0);
        let mut program = Vec::new();
        self.read(tree, 0, &mut program);
        if execute(&program, &mut x, &mut steps) { x } else { 0.0 }
    }

    /// Adds the statements at `node` to a program.
    fn read(&self, tree: &Tree, node: usize, program: &mut Vec<Statement>) {
        let at = tree.nodes()[node];
        let children: Vec<usize> = tree.children(node).collect();
        match self.names.get(&at.rule.0) {
            Some(Rule::Value) => program.push(Statement::Assign(at.pick)),
            Some(Rule::Loop) => {
                let times = if at.pick == 0 {
                    tree.nodes()[children[0]].pick + 1
                } else {
                    let numbers = |i: &usize| self.names.get(&tree.nodes()[*i].rule.0) == Some(&Rule::Number);
                    tree.subtree(children[0]).filter(numbers).count() as u32
                };
                let mut body = Vec::new();
                self.read(tree, children[1], &mut body);
                program.push(Statement::Loop(times, body));
            }
            _ => children.into_iter().for_each(|child| self.read(tree, child, program)),
        }
    }
}

enum Statement {
    /// The position of the value among the alternatives.
    Assign(u32),
    Loop(u32, Vec<Statement>),
}

/// False when the steps are used up.
fn execute(program: &[Statement], x: &mut f64, steps: &mut u64) -> bool {
    program.iter().all(|statement| match statement {
        Statement::Assign(value) => {
            *x = match value {
                0 => 0.5,
                1 => *x,
                2 => *x + 0.5,
                _ => *x * 0.5,
            };
            *steps += 1;
            *steps <= MOST_STEPS
        }
        Statement::Loop(times, body) => (0..*times).all(|_| execute(body, x, steps)),
    })
}

impl Problem for Loops {
    fn grammar(&self) -> &Grammar {
        &self.grammar
    }

    fn loss(&self, tree: &Tree) -> f64 {
        -self.run(tree)
    }

    fn is_solved(&self, _: f64) -> bool {
        false
    }

    fn figure(&self, loss: f64) -> f64 {
        -loss
    }

    fn test(&self, _: &Tree) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;
    use prompt_grammar::Sampler;

    use super::*;

    /// Runs the text of a program, the slow way.
    fn interpret(text: &str, x: &mut f64) {
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("x = ") {
                let (value, next) = after.split_once(';').unwrap();
                *x = match value {
                    "0.5" => 0.5,
                    "x" => *x,
                    "x + 0.5" => *x + 0.5,
                    _ => *x * 0.5,
                };
                rest = next;
                continue;
            }
            let (head, after) = rest.split_once(" {").unwrap();
            let times = match head.strip_prefix("for i in range(") {
                Some(n) => n[..1].parse::<usize>().unwrap() + 1,
                None => head.matches(',').count() + 1,
            };
            let mut depth = 1;
            let end = after.find(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth == 0
            });
            let end = end.unwrap();
            for _ in 0..times {
                interpret(&after[..end], x);
            }
            rest = &after[end + 1..];
        }
    }

    #[test]
    fn trees_compute_what_their_texts_say() {
        let problem = Loops::new().unwrap();
        let sampler = Sampler::new(&problem.grammar);
        let mut loops = 0;
        for seed in 0..400 {
            let tree = sampler.sample(&mut Stream::root(seed), 8).unwrap();
            let text = tree.render(&problem.grammar);
            let mut x = 0.0;
            interpret(&text, &mut x);
            assert!((problem.run(&tree) - x).abs() < 1e-12, "{text}");
            loops += usize::from(text.contains("for") && x > 1.0);
        }
        assert!(loops > 20, "{loops}");
    }
}
