//! Reading texts by any grammar, and taking prompts apart.

use meta_traits::Stream;
use prompt_grammar::{Draft, Grammar, GrammarError, Sampler};

use crate::soak::loops;

/// Grammars with left and right recursion, cycles, empty productions, ambiguity, numbers and arrangements.
const GRAMMARS: [&str; 8] = [
    "<s> ::= <s> <s> | a | b | <e>   <e> ::= ''",
    "<s> ::= <s> '+' <s> | <s> '*' <s> | '(' <s> ')' | x",
    "<a> ::= <b> | x <a> | ''   <b> ::= <a> | y",
    "<list> ::= <list> ', ' <item> | <item>   <item> ::= one | one ', ' two | two",
    "<list> ::= <item> ' ' <list> | <item>   <item> ::= a | aa | aaa",
    "<if> ::= 'if ' <if> | 'if ' <if> ' else ' <if> | go",
    "<x> ::= <x> | <y> <z>   <y> ::= '' | a <y>   <z> ::= <y> b | b",
    "<p> ::= a <p> a | b <p> b | a | b | ''",
];

#[test]
fn what_a_grammar_writes_it_reads_byte_for_byte() {
    let mut ambiguous = 0;
    for i in 0..loops(400) {
        let grammar = Grammar::from_bnf(GRAMMARS[i as usize % GRAMMARS.len()]).unwrap();
        let tree = Sampler::new(&grammar).sample(&mut Stream::root(21).child("tree", i), 7).unwrap();
        let text = tree.render(&grammar);
        let parse = grammar.parse(&text).unwrap();
        parse.tree.check(&grammar).unwrap();
        assert_eq!(parse.tree.render(&grammar), text);
        assert_eq!(grammar.parse(&text).unwrap(), parse, "the same text has the same derivation");
        ambiguous += u32::from(parse.ambiguous);
    }
    assert!(ambiguous > 100, "{ambiguous}");
}

/// Words of all texts up to a length, each read if and only if the grammar writes it.
#[test]
fn what_a_grammar_does_not_write_it_refuses() {
    let grammar = Grammar::from_bnf(GRAMMARS[7]).unwrap();
    for n in 0..7_u32 {
        for code in 0..1_u32 << n {
            let text: String = (0..n).map(|i| if code >> i & 1 == 1 { 'a' } else { 'b' }).collect();
            let palindrome = text.chars().eq(text.chars().rev());
            assert_eq!(grammar.parse(&text).is_ok(), palindrome, "{text}");
        }
    }
}

#[track_caller]
fn shape(grammar: &str, text: &str, picks: &[u32], ambiguous: bool) {
    let grammar = Grammar::from_bnf(grammar).unwrap();
    let parse = grammar.parse(text).unwrap();
    let found: Vec<u32> = parse.tree.nodes().iter().map(|n| n.pick).collect();
    assert_eq!((found.as_slice(), parse.ambiguous), (picks, ambiguous), "{text}");
}

#[test]
fn of_several_derivations_a_fixed_one_is_taken() {
    // The first production, its first part as long as it can be.
    shape(GRAMMARS[1], "x+x+x", &[0, 0, 3, 3, 3], true);
    shape(GRAMMARS[1], "x+x*x", &[0, 3, 1, 3, 3], true);
    shape(GRAMMARS[3], "one, two", &[0, 1, 0, 2], true);
    shape(GRAMMARS[5], "if if go else go", &[0, 1, 2, 2], true);
    shape(GRAMMARS[7], "aba", &[0, 3], false);
    // A cycle is no derivation.
    shape(GRAMMARS[2], "y", &[0, 1], false);
}

#[test]
fn arrangements_numbers_attributes_and_holes_are_read() {
    let json = r#"{
        "start": "prompt",
        "attributes": [{"name": "marks", "values": [{"name": "hash", "weight": 1}, {"name": "plain", "weight": 1}]}],
        "rules": [
            {"name": "prompt", "arrange": {"members": [
                {"rule": "role", "presence": 0.5}, {"rule": "task"}, {"rule": "rules", "presence": 0.5}],
                "between": "\n"}},
            {"name": "role", "choice": [{"parts": ["number", {"text": {"attribute": 0, "variants": [". # Role: ", ". Role: "]}}, {"rule": "who"}]}]},
            {"name": "task", "choice": [{"parts": ["number", {"text": ". Task: "}, {"rule": "what"}]}]},
            {"name": "rules", "choice": [{"parts": ["number", {"text": ". Rules."}]}]},
            {"name": "who", "hole": {"kind": "domain", "protected": true, "fills": [{"text": "clerk"}]}},
            {"name": "what", "hole": {"kind": "instruction", "most": 4, "fills": [{"text": "sort"}, {"text": "sort\n3. Rules."}]}}
        ]}"#;
    let grammar = Grammar::from_json(json).unwrap();
    let read = |text: &str| {
        let parse = grammar.parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(parse.tree.render(&grammar), text);
        parse.tree
    };
    let fill = |tree: &prompt_grammar::Tree, i: usize| tree.fill(i, &grammar).map(String::from);
    assert_eq!(read("1. Task: sort").attributes(), [0]);
    let tree = read("1. Role: clerk\n2. Task: sort");
    assert_eq!((tree.attributes(), tree.nodes()[0].pick), (&[1][..], 2));
    assert_eq!(read("1. # Role: clerk\n2. Task: sort").attributes(), [0]);
    // The longer fill, since it can stand there.
    assert_eq!(fill(&read("1. Rules.\n2. Task: sort\n3. Rules."), 3), Some("sort\n3. Rules.".into()));
    let tree = read("1. Task: find the bug\n2. Rules.");
    assert_eq!(
        (tree.nodes()[2].pick, fill(&tree, 2)),
        (prompt_grammar::Tree::WRITTEN, Some("find the bug".into()))
    );
    for (text, words) in [
        ("1. Task: one two three four five", "should go on with"),
        ("1. Role: clerk\n3. Task: sort", "line 2, column 1 should go on with '2"),
        ("1. Role: clerk", "line 1, column 15"),
        ("", "line 1, column 1 should go on with '1"),
    ] {
        let fault = grammar.parse(text).unwrap_err();
        assert!(matches!(fault, GrammarError::NoDerivation { .. }));
        assert!(fault.to_string().contains(words), "{fault}");
    }
}

#[test]
fn long_texts_are_read_without_a_deep_stack() {
    let left = Grammar::from_bnf("<s> ::= <s> a | a").unwrap();
    let text = "a".repeat(20_000);
    assert_eq!(left.parse(&text).unwrap().tree.nodes().len(), 20_000);
    let right = Grammar::from_bnf("<s> ::= a <s> | a").unwrap();
    assert_eq!(right.parse(&text[..500]).unwrap().tree.nodes().len(), 500);
    let wild = Grammar::from_bnf("<s> ::= <s> <s> <s> | <s> <s> | a | ''").unwrap();
    let fault = wild.parse(&text[..3000]).unwrap_err().to_string();
    assert!(fault.contains("1000000 steps"), "{fault}");
}

#[track_caller]
fn warned(grammar: &str, warnings: &[&str]) {
    let found: Vec<String> =
        Grammar::from_bnf(grammar).unwrap().warnings().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), warnings.len(), "{found:?}");
    assert!(found.iter().zip(warnings).all(|(f, w)| f.contains(w)), "{found:?}");
}

#[test]
fn what_may_not_be_meant_is_named() {
    warned("<s> ::= a | b", &[]);
    warned("<s> ::= a <s> | b", &[]);
    warned(GRAMMARS[3], &["'list' can begin with itself"]);
    warned("<s> ::= <e> <s> a | b   <e> ::= '' | c", &["'s' can begin with itself"]);
    warned(
        GRAMMARS[2],
        &["'a' can begin with itself", "'a' can become itself alone", "'b' can begin", "'b' can become"],
    );
    warned("<s> ::= a | b | a", &["production 2 of rule 's'"]);
}

/// Grammars that are no grammars are refused by name.
#[test]
fn malformed_grammars_are_refused() {
    for (bnf, words) in [
        ("", "empty"),
        ("<s> ::= <s>", "rule 's' derives no finite text"),
        ("<s> ::= a <t>  <t> ::= <t> b", "rule 't' derives no finite text"),
        ("<s> ::= a  <t> ::= b", "rule 't' cannot be reached from 's'"),
        ("<s> ::= <u>  <v> ::= a", "'u', which is not defined"),
        ("<s> ::= a  <s> ::= b", "rule 's' is defined twice"),
    ] {
        let fault = Grammar::from_bnf(bnf).unwrap_err().to_string();
        assert!(fault.contains(words) && !fault.contains('\n'), "{fault}");
    }
    assert!(Draft::new("s").build().is_err());
}
