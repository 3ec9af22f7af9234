//! Grammatical evolution keeps the laws of optimizers, whatever it evolves.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Ask, Observation, Optimizer, Outcome, Snapshot, Stream, Trial};
use prompt_grammar::{Ge, Grammar, Tree, ge};

use crate::grammar::prompts;

fn outcome(grammar: &Grammar, trial: &Trial<Tree>) -> Outcome {
    let text = trial.candidate.render(grammar);
    let sum = text.bytes().fold(7_u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    Outcome::Complete(Observation::of_loss((sum % 1000) as f64 / 1000.0))
}

#[test]
fn the_search_keeps_every_law() {
    let sums = Grammar::from_bnf("<s> ::= @3 <d> | <s> '+' <s> | '(' <s> ')'  <d> ::= 1 | 2 | 3").unwrap();
    let tiny = Grammar::from_bnf("<s> ::= a | b | c").unwrap();
    for (grammar, steps) in [(sums, 48), (prompts(), 24), (tiny, 48)] {
        let options = ge::Options { population: 12, children: 6, ..ge::Options::default() };
        let check = Check::new(
            |seed| Ge::new(grammar.clone(), options.clone(), Stream::root(seed)).unwrap(),
            |tree: &Tree| tree.check(&grammar).is_ok(),
            |trial, _| outcome(&grammar, trial),
        )
        .seeds([0, 1])
        .steps(steps);
        check_optimizer(&check);
        check_optimizer_snapshot(&check);
    }
}

#[test]
fn small_grammars_are_searched_to_the_end() {
    let grammar = Grammar::from_bnf("<s> ::= <d> <d>  <d> ::= 1 | 2 | 3").unwrap();
    let mut search = Ge::new(grammar.clone(), ge::Options::default(), Stream::root(0)).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    while let Ask::Run(trial) = search.ask() {
        assert!(seen.insert(trial.candidate.render(&grammar)), "evaluated twice");
        search.tell(trial.id, outcome(&grammar, &trial)).unwrap();
    }
    assert_eq!(seen.len(), 9);
}

#[test]
fn unsound_options_and_states_are_refused() {
    let grammar = prompts();
    let make = |options: ge::Options| Ge::new(grammar.clone(), options, Stream::root(0));
    for options in [
        ge::Options { population: 0, ..Default::default() },
        ge::Options { again: f64::NAN, ..Default::default() },
        ge::Options { depth: 1, ..Default::default() },
    ] {
        assert!(make(options).is_err());
    }
    let mut search = make(ge::Options::default()).unwrap();
    let Ask::Run(trial) = search.ask() else { panic!() };
    search.tell(trial.id, outcome(&grammar, &trial)).unwrap();
    let good = serde_json::to_value(search.snapshot()).unwrap();
    let mut bad = good.clone();
    bad["trials"] = serde_json::json!(0);
    assert!(search.restore(serde_json::from_value(bad).unwrap()).is_err());
    search.restore(serde_json::from_value(good).unwrap()).unwrap();
}

/// What a run proposes when results cost `tokens` of the text.
fn proposed(grammar: &Grammar, tokens: impl Fn(&str) -> u64) -> Vec<String> {
    let options = ge::Options { population: 10, children: 10, ..ge::Options::default() };
    let mut search = Ge::new(grammar.clone(), options, Stream::root(8)).unwrap();
    let mut out = Vec::new();
    while out.len() < 150 {
        let Ask::Run(trial) = search.ask() else { break };
        let text = trial.candidate.render(grammar);
        let Outcome::Complete(mut seen) = outcome(grammar, &trial) else { panic!("it is complete") };
        seen.cost.tokens_in = tokens(&text);
        out.push(text);
        search.tell(trial.id, Outcome::Complete(seen)).unwrap();
    }
    out
}

/// Operators are chosen by what they gain for a token: dear texts make those that write them unattractive.
#[test]
fn operators_pay_for_tokens() {
    let grammar = Grammar::from_bnf("<s> ::= <d> | <s> <s>  <d> ::= 1 | 2 | 3").unwrap();
    let free = proposed(&grammar, |_| 0);
    assert_eq!(proposed(&grammar, |_| 1), free, "one token a call is one call");
    let dear = proposed(&grammar, |text| 1 + (text.len() as u64).pow(3));
    assert_ne!(dear, free);
    let length = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
    assert!(length(&dear) < length(&free), "{} {}", length(&dear), length(&free));
}
