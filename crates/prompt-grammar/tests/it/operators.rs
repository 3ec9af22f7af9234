//! Operators: whatever they do, the result is a derivation within its limits, with its placeholders.

use std::collections::BTreeMap;

use meta_traits::Stream;
use prompt_grammar::holes::{Copies, FillRules};
use prompt_grammar::library::{Library, TaskKind};
use prompt_grammar::outline::Outline;
use prompt_grammar::{
    Body, BudgetSampler, Estimate, Grammar, HoleKind, Limits, Mutator, Operator, Sampler, Tokens, Tree, merge,
};

use crate::grammar::prompts;
use crate::soak::loops;

const SEEDS: [&str; 3] = [
    "You are a clerk.\n\nSort the ticket: {{ input }}\n\n- Be brief.\n- Never guess.\n\nAnswer with one word.",
    "## Role\nYou are a clerk.\n\n## Task\nSort {{ input }} like {{ draft }}.\n\n## Rules\n- Be brief.\n",
    "Ticket: {{ input }}\nTeam:",
];

/// How often each placeholder-like form stands in a text.
fn forms(text: &str) -> BTreeMap<String, usize> {
    let mut forms = BTreeMap::new();
    for part in text.split("{{").skip(1) {
        *forms.entry(part.split("}}").next().unwrap_or_default().trim().to_string()).or_insert(0) += 1;
    }
    forms
}

fn walk(grammar: &Grammar, start: Tree, budget: usize, steps: u64, done: &mut BTreeMap<Operator, u64>) {
    let sampler = Sampler::new(grammar);
    let within = BudgetSampler::new(grammar, &Estimate, budget).unwrap();
    let limits = Limits { depth: 9, length: Some((&Estimate, budget)) };
    let mutator = Mutator::new(grammar, &sampler, limits).within(&within);
    let wanted = forms(&start.render(grammar));
    let mut pool = vec![start];
    let mut rng = Stream::root(steps);
    for _ in 0..steps {
        let operator = *rng.pick(&Operator::ALL).unwrap();
        let parent = rng.pick(&pool).unwrap().clone();
        let mate = rng.pick(&pool).unwrap().clone();
        let Some(child) = mutator.apply(operator, &parent, Some(&mate), &mut rng) else { continue };
        child.check(grammar).unwrap();
        let text = child.render(grammar);
        assert!(child.depth() <= 9 && Estimate.count(&text) <= budget);
        assert_eq!(forms(&text), wanted, "{operator:?}: {text}");
        assert_ne!(child.fingerprint(), parent.fingerprint());
        // What the operator did not touch is the same component still.
        let kept = child.nodes().iter().filter(|n| parent.position(n.id).is_some()).count();
        assert!(kept > 0, "{operator:?}");
        *done.entry(operator).or_insert(0) += 1;
        if pool.len() < 40 {
            pool.push(child);
        } else {
            let at = rng.below(pool.len());
            pool[at] = child;
        }
    }
}

#[test]
fn walks_of_operators_keep_what_matters() {
    let n = loops(6000);
    let mut done = BTreeMap::new();
    for seed in SEEDS {
        let (grammar, start) = Outline::parse(seed).grammar(&Library::of_task(TaskKind::Qa)).unwrap();
        assert_eq!(start.render(&grammar), seed);
        walk(&grammar, start, 90, n / 5, &mut done);
    }
    let grammar = prompts();
    let start = Sampler::new(&grammar).sample(&mut Stream::root(3), 9).unwrap();
    walk(&grammar, start, 70, n / 5, &mut done);
    let sums = Grammar::from_bnf("<s> ::= @3 <d> | <s> '+' <s> | '(' <s> ')'  <d> ::= 1 | 2 | 3").unwrap();
    let start = Sampler::new(&sums).sample(&mut Stream::root(3), 9).unwrap();
    walk(&sums, start, 60, n / 5, &mut done);
    for operator in Operator::ALL {
        assert!(
            done.get(&operator).is_some_and(|n| *n > 5),
            "{operator:?} is hardly ever possible: {done:?}"
        );
    }
}

#[test]
fn what_breaks_a_limit_is_refused() {
    let grammar = prompts();
    let sampler = Sampler::new(&grammar);
    let tree = sampler.sample(&mut Stream::root(1), 9).unwrap();
    for limits in [Limits { depth: 0, length: None }, Limits { depth: 99, length: Some((&Estimate, 0)) }] {
        let mutator = Mutator::new(&grammar, &sampler, limits);
        for operator in Operator::ALL {
            for seed in 0..50 {
                assert_eq!(mutator.apply(operator, &tree, Some(&tree), &mut Stream::root(seed)), None);
            }
        }
    }
}

#[test]
fn protected_parts_stay() {
    let (grammar, start) = Outline::parse(SEEDS[1]).grammar(&Library::of_task(TaskKind::General)).unwrap();
    let sampler = Sampler::new(&grammar);
    let mutator = Mutator::new(&grammar, &sampler, Limits { depth: 9, length: None });
    let mut tree = start;
    for i in 0..400_u64 {
        let mut rng = Stream::root(i);
        let operator = *rng.pick(&Operator::ALL).unwrap();
        tree = mutator.apply(operator, &tree, None, &mut rng).unwrap_or(tree);
        assert!(tree.render(&grammar).contains("Sort {{ input }} like {{ draft }}."));
    }
}

#[test]
fn fills_enter_holes_by_their_rules() {
    let (grammar, start) = Outline::parse(SEEDS[0]).grammar(&Library::empty()).unwrap();
    let sampler = Sampler::new(&grammar);
    let mutator = Mutator::new(&grammar, &sampler, Limits { depth: 9, length: Some((&Estimate, 60)) });
    let hole = |kind: HoleKind| {
        let fits = |n: &prompt_grammar::tree::Node| matches!(&grammar.rule(n.rule).unwrap().body, Body::Hole(h) if h.kind == kind);
        start.nodes().iter().position(fits).unwrap()
    };
    let node = hole(HoleKind::Domain);
    let old = start.fill(node, &grammar).unwrap();
    assert_eq!(old, "You are a clerk.");
    let copies = Copies::default();
    let rules = FillRules { kind: HoleKind::Domain, most: 20, old, copies: &copies };
    let new = rules.admit(" \"You sort mail.\" ").unwrap();
    let child = mutator.fill(&start, node, &new).unwrap();
    assert_eq!(child.render(&grammar), SEEDS[0].replace("You are a clerk.", "You sort mail."));
    assert_eq!(mutator.fill(&start, node, &"word ".repeat(60)), None);
    // A text in a tree survives writing and reading, and goes when its hole is filled otherwise.
    let read: Tree = serde_json::from_str(&serde_json::to_string(&child).unwrap()).unwrap();
    assert_eq!(read.render(&grammar), child.render(&grammar));
    let again = mutator.fill(&child, node, "You are quick.").unwrap();
    again.check(&grammar).unwrap();
    assert_eq!(mutator.fill(&start, 0, "x"), None);
}

#[test]
fn merges_take_the_best_of_every_component() {
    let grammar = prompts();
    let sampler = Sampler::new(&grammar);
    let trees: Vec<Tree> = (0..4).map(|i| sampler.sample(&mut Stream::root(i), 9).unwrap()).collect();
    let parents: Vec<&Tree> = trees.iter().collect();
    // Values that say: take everything from parent 2.
    let all = merge(&grammar, &parents, |parent, _| if parent == 2 { 1.0 } else { 0.0 }).unwrap();
    assert_eq!(all.render(&grammar), trees[2].render(&grammar));
    let task = grammar.id("task part").unwrap();
    for (best, owner) in trees.iter().enumerate() {
        let mixed = merge(&grammar, &parents, |parent, rule| match rule {
            Some(rule) if rule == task => f64::from(u8::from(parent == best)),
            _ => f64::from(u8::from(parent == 1)),
        })
        .unwrap();
        mixed.check(&grammar).unwrap();
        let text_of = |tree: &Tree| {
            let at = tree.nodes().iter().position(|n| n.rule == task).unwrap();
            let (text, spans) = tree.spans(&grammar);
            text[spans[at].clone()].split('\n').next_back().unwrap().to_string()
        };
        assert_eq!(text_of(&mixed), text_of(owner));
    }
    assert!(merge(&grammar, &[], |_, _| 0.0).is_none());
}
