//! Sampling within a budget: never above it, and exactly as rejection sampling.

use std::collections::BTreeMap;

use meta_traits::Stream;
use prompt_grammar::{BudgetSampler, Characters, Estimate, Grammar, GrammarError, Sampler, Tokens, Tree};

use crate::grammar::prompts;
use crate::soak::loops;

/// Upper tail of the chi-square distribution as a normal deviate (Wilson & Hilferty 1931).
fn deviate(chi_square: f64, freedom: f64) -> f64 {
    let v = 2.0 / (9.0 * freedom);
    ((chi_square / freedom).cbrt() - (1.0 - v)) / v.sqrt()
}

/// Compares two samples of categories; those seen fewer than ten times together form one category.
fn two_sample(a: &BTreeMap<u64, u32>, b: &BTreeMap<u64, u32>) -> f64 {
    let count = |m: &BTreeMap<u64, u32>, k: &u64| f64::from(m.get(k).copied().unwrap_or(0));
    let keys: std::collections::BTreeSet<u64> = a.keys().chain(b.keys()).copied().collect();
    let (mut cells, mut rare) = (Vec::new(), (0.0, 0.0));
    for key in &keys {
        let (x, y) = (count(a, key), count(b, key));
        if x + y >= 10.0 {
            cells.push((x, y));
        } else {
            rare = (rare.0 + x, rare.1 + y);
        }
    }
    if rare.0 + rare.1 > 0.0 {
        cells.push(rare);
    }
    let (n, m) = cells.iter().fold((0.0, 0.0), |(n, m), (x, y)| (n + x, m + y));
    let term = |(x, y): &(f64, f64)| {
        let d = x * (m / n).sqrt() - y * (n / m).sqrt();
        d * d / (x + y)
    };
    deviate(cells.iter().map(term).sum(), (cells.len() - 1) as f64)
}

#[track_caller]
fn agrees(grammar: &Grammar, tokens: &dyn Tokens, budget: usize, n: u32, key: impl Fn(&Tree) -> u64) {
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    let sampler = BudgetSampler::new(grammar, tokens, budget).unwrap();
    let free = Sampler::new(grammar);
    let (mut a, mut b) = (Stream::root(1).child("ours", 0), Stream::root(1).child("theirs", 0));
    let mut drawn = 0;
    for _ in 0..n {
        let tree = sampler.sample(grammar, tokens, &mut a).unwrap();
        tree.check(grammar).unwrap();
        assert!(tokens.count(&tree.render(grammar)) <= budget);
        *ours.entry(key(&tree)).or_insert(0) += 1;
        loop {
            let tree = free.sample(&mut b, 400).unwrap();
            drawn += 1;
            if tokens.count(&tree.render(grammar)) <= budget {
                *theirs.entry(key(&tree)).or_insert(0) += 1;
                break;
            }
        }
    }
    assert!(drawn > n + n / 10, "the budget must bind to test anything: {drawn}");
    let z = two_sample(&ours, &theirs);
    assert!(z < 2.326, "p < 0.01 for budget {budget}: z = {z:.2}");
}

#[test]
fn the_distribution_is_that_of_rejection_sampling() {
    let grammar = prompts();
    agrees(&grammar, &Estimate, 24, 4_000, Tree::fingerprint);
    agrees(&grammar, &Estimate, 34, 4_000, Tree::fingerprint);
    agrees(&grammar, &Characters, 75, 4_000, Tree::fingerprint);
    let sums =
        Grammar::from_bnf("<s> ::= @2 <d> | <s> '+' <s> | '(' <s> ')' | @0.3 <s>  <d> ::= 1 | @2 23 | 456");
    agrees(&sums.unwrap(), &Characters, 5, 4_000, Tree::fingerprint);
    // Buckets of three characters.
    let (a, b) = ("a".repeat(41), "b".repeat(67));
    let long = Grammar::from_bnf(&format!("<s> ::= @1 <w> | @3 <w> <s>  <w> ::= {a} | {b} | c")).unwrap();
    agrees(&long, &Characters, 330, 4_000, |tree| tree.render(&long).len() as u64);
}

#[test]
fn no_sample_is_above_its_budget() {
    let grammar = prompts();
    let n = loops(20_000);
    let least = 13;
    for (i, budget) in (least..least + 40).enumerate() {
        let sampler = BudgetSampler::new(&grammar, &Estimate, budget).unwrap();
        let mut rng = Stream::root(2).child("budget", i as u64);
        for _ in 0..n / 40 {
            let tree = sampler.sample(&grammar, &Estimate, &mut rng).unwrap();
            assert!(Estimate.count(&tree.render(&grammar)) <= budget);
        }
    }
}

#[test]
fn impossible_budgets_are_refused() {
    let grammar = prompts();
    for budget in 0..6 {
        let fault = BudgetSampler::new(&grammar, &Estimate, budget).unwrap_err();
        let GrammarError::Budget { budget: found, unit: "tokens", least } = fault else { panic!("{fault}") };
        assert!(found == budget && least > budget && least <= 13, "{least}");
    }
}
