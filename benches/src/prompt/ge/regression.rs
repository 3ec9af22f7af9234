use std::collections::BTreeMap;

use meta_traits::Stream;
use prompt_grammar::{Grammar, Tree};

use super::Problem;

/// Formulas of five variables with two-digit decimal constants.
const GRAMMAR: &str = r#"
<e> ::= "(" <e> " + " <e> ")" | "(" <e> " - " <e> ")" | "(" <e> " * " <e> ")" | "pdiv(" <e> ", " <e> ")"
      | "psqrt(" <e> ")" | "sin(" <e> ")" | "tanh(" <e> ")" | "exp(" <e> ")" | "plog(" <e> ")"
      | <x> | <c> <c> "." <c> <c>
<x> ::= "x[0]" | "x[1]" | "x[2]" | "x[3]" | "x[4]"
<c> ::= 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9
"#;

const VARIABLES: usize = 5;

/// Points by columns.
struct Points {
    columns: Vec<Vec<f64>>,
    target: Vec<f64>,
}

impl Points {
    /// `n` points drawn uniformly from a cube.
    fn new(n: usize, low: f64, high: f64, mut rng: Stream) -> Self {
        let mut columns = vec![Vec::new(); VARIABLES];
        let mut target = Vec::with_capacity(n);
        for _ in 0..n {
            let mut square = 0.0;
            for column in &mut columns {
                let x = low + (high - low) * rng.unit();
                square += (x - 3.0) * (x - 3.0);
                column.push(x);
            }
            target.push(10.0 / (5.0 + square));
        }
        Self { columns, target }
    }
}

/// Vladislavleva-4: f(x) = 10 / (5 + sum of (x_i - 3)^2), i = 1..5.
///
/// A formula g is scored as a + b g(x) with a and b fitted to the training points by least squares (Keijzer, "Improving
/// symbolic regression with interval arithmetic and linear scaling", 2003): evolution finds the shape, arithmetic the
/// scale. The test error uses the a and b of training.
pub(super) struct Regression {
    grammar: Grammar,
    rules: BTreeMap<u32, char>,
    train: Points,
    test: Points,
}

impl Regression {
    /// 1,024 training points on [0.05, 6.05]^5 and 5,000 test points on [-0.25, 6.35]^5, drawn for the seed.
    pub(super) fn new(seed: u64) -> anyhow::Result<Self> {
        let grammar = Grammar::from_bnf(GRAMMAR)?;
        let rules =
            ["e", "x", "c"].iter().filter_map(|n| Some((grammar.id(n)?.0, n.chars().next()?))).collect();
        let rng = |label| Stream::root(seed).child(label, 0);
        let train = Points::new(1024, 0.05, 6.05, rng("train"));
        let test = Points::new(5000, -0.25, 6.35, rng("test"));
        Ok(Self { grammar, rules, train, test })
    }

    /// The formula at `node` on all points.
    fn evaluate(&self, tree: &Tree, node: usize, points: &Points) -> Vec<f64> {
        let n = points.target.len();
        let at = tree.nodes()[node];
        let children: Vec<usize> = tree.children(node).collect();
        match self.rules.get(&at.rule.0) {
            Some('x') => points.columns.get(at.pick as usize).cloned().unwrap_or_else(|| vec![0.0; n]),
            Some('e') => match at.pick {
                0..=3 => {
                    let mut left = self.evaluate(tree, children[0], points);
                    let right = self.evaluate(tree, children[1], points);
                    let apply: fn(f64, f64) -> f64 = match at.pick {
                        0 => |a, b| a + b,
                        1 => |a, b| a - b,
                        2 => |a, b| a * b,
                        _ => |a, b| if b == 0.0 { 1.0 } else { a / b },
                    };
                    left.iter_mut().zip(right).for_each(|(a, b)| *a = apply(*a, b));
                    left
                }
                4..=8 => {
                    let mut inner = self.evaluate(tree, children[0], points);
                    let apply: fn(f64) -> f64 = match at.pick {
                        4 => |a| a.abs().sqrt(),
                        5 => f64::sin,
                        6 => f64::tanh,
                        7 => f64::exp,
                        _ => |a| a.abs().ln_1p(),
                    };
                    for a in &mut inner {
                        *a = apply(*a);
                    }
                    inner
                }
                9 => self.evaluate(tree, children[0], points),
                _ => {
                    let digit = |i: usize| f64::from(tree.nodes()[children[i]].pick);
                    let value = 10.0 * digit(0) + digit(1) + 0.1 * digit(2) + 0.01 * digit(3);
                    vec![value; n]
                }
            },
            _ => vec![0.0; n],
        }
    }

    /// Scale and error of a formula on the training points; a constant where it has no finite scale.
    fn fit(&self, tree: &Tree) -> (f64, f64, f64) {
        let g = self.evaluate(tree, 0, &self.train);
        let y = &self.train.target;
        let n = y.len() as f64;
        let (mean_g, mean_y) = (g.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
        let pairs = || g.iter().zip(y).map(|(g, y)| (g - mean_g, y - mean_y));
        let variance = pairs().map(|(g, _)| g * g).sum::<f64>();
        let covariance = pairs().map(|(g, y)| g * y).sum::<f64>();
        let slope = covariance / variance;
        let (slope, offset) = if slope.is_finite() && variance > 1e-12 {
            (slope, mean_y - slope * mean_g)
        } else {
            (0.0, mean_y)
        };
        (offset, slope, error(&g, y, offset, slope))
    }
}

/// Mean squared error of `offset + slope g`; the offset alone where the slope is 0, whatever g is.
fn error(g: &[f64], y: &[f64], offset: f64, slope: f64) -> f64 {
    let scaled = |g: f64| if slope == 0.0 { offset } else { offset + slope * g };
    let square = |(g, y): (&f64, &f64)| (scaled(*g) - y) * (scaled(*g) - y);
    g.iter().zip(y).map(square).sum::<f64>() / y.len() as f64
}

impl Problem for Regression {
    fn grammar(&self) -> &Grammar {
        &self.grammar
    }

    fn loss(&self, tree: &Tree) -> f64 {
        self.fit(tree).2
    }

    fn is_solved(&self, loss: f64) -> bool {
        loss < 1e-12
    }

    fn test(&self, tree: &Tree) -> Option<f64> {
        let (offset, slope, _) = self.fit(tree);
        let g = self.evaluate(tree, 0, &self.test);
        Some(error(&g, &self.test.target, offset, slope))
    }
}

#[cfg(test)]
mod tests {
    use prompt_grammar::Sampler;

    use super::*;

    #[test]
    fn scaling_never_hurts_and_tests_use_the_scale_of_training() {
        let problem = Regression::new(0).unwrap();
        let sampler = Sampler::new(&problem.grammar);
        let y = &problem.train.target;
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        let spread = y.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / y.len() as f64;
        for seed in 0..200 {
            let tree = sampler.sample(&mut Stream::root(seed), 6).unwrap();
            let loss = problem.loss(&tree);
            let raw = error(&problem.evaluate(&tree, 0, &problem.train), y, 0.0, 1.0);
            assert!(loss <= spread + 1e-9, "{loss} {spread}");
            assert!(!raw.is_finite() || loss <= raw + 1e-9);
            assert!(problem.test(&tree).is_some());
        }
    }
}
