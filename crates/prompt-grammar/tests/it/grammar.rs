//! Grammars, their trees, and how weights learn.

use meta_traits::Stream;
use prompt_grammar::{
    Arrange, Attribute, Body, Draft, Fill, Grammar, Guard, Hole, HoleKind, Learning, Member, Pair, Part,
    Production, RuleId, Sampler, Text, Tree,
};
use proptest::prelude::*;

/// A small prompt grammar with everything in it: attributes, guards, arrangements, holes, numbers, recursion.
pub(crate) fn prompts() -> Grammar {
    let by =
        |texts: [&str; 2]| Part::Text(Text::By { attribute: 0, variants: texts.map(String::from).to_vec() });
    let rule = |name: &str| Part::Rule(name.to_string());
    let section = |name: &str, title: &str| {
        let numbered = vec![
            by(["## ", "Part "]),
            Part::Number,
            by([" ", ": "]),
            Part::text(title),
            Part::text("\n"),
            rule(name),
        ];
        vec![Production::new(numbered)]
    };
    let only_firm = Guard { attribute: 1, values: vec![1] };
    let member =
        |name: &str, presence: f64, utility: f64| Member { rule: name.to_string(), presence, utility };
    let mut parts = Arrange::new(
        vec![member("role part", 0.5, 1.0), member("task part", 1.0, 0.0), member("rules part", 0.7, -0.5)],
        Text::By { attribute: 0, variants: vec!["\n\n".into(), "\n".into()] },
    );
    parts.pairs.push(Pair { first: 1, then: 2, bonus: 1.0 });
    let items = ["Be brief.", "Never guess.", "Say so when unsure.", "Answer in English."];
    let names: Vec<String> = (0..items.len()).map(|i| format!("item {i}")).collect();
    let members = names.iter().map(|n| Member::optional(n.clone(), 0.4)).collect();
    let mut draft = Draft::new("prompt")
        .attribute(Attribute::new("delimiters", ["headings", "labels"]))
        .attribute(Attribute::new("tone", ["neutral", "firm"]))
        .rule("prompt", Body::Arrange(parts))
        .choice("role part", section("role", "Role"))
        .choice("task part", section("task", "Task"))
        .choice("rules part", section("rules", "Rules"))
        .choice(
            "role",
            vec![
                Production::new(vec![Part::text("You are an expert.")]),
                Production {
                    weight: 2.0,
                    when: Some(only_firm),
                    parts: vec![Part::text("You are never wrong.")],
                },
            ],
        )
        .rule(
            "task",
            Body::Hole(Hole {
                kind: HoleKind::Instruction,
                most: 40,
                protected: false,
                fills: vec![
                    Fill::seed("Sort it: {{ input }}"),
                    Fill::seed("Which team answers {{ input }}?"),
                ],
            }),
        )
        .rule("rules", Body::Arrange(Arrange::new(members, Text::Fixed("\n".into())).counting(1, 3)));
    for (name, item) in names.iter().zip(items) {
        let again = Production::new(vec![Part::text("Please! "), rule(name)]).weighing(0.5);
        draft = draft
            .choice(name.clone(), vec![Production::new(vec![Part::text("- "), Part::text(item)]), again]);
    }
    draft.build().expect("a sound grammar")
}

#[test]
fn forms_hold_the_same_grammar() {
    let grammar = prompts();
    assert_eq!(Grammar::from_json(&grammar.to_json()).unwrap(), grammar);
    let fault = grammar.to_bnf().unwrap_err().to_string();
    assert!(fault.contains("'prompt'") && fault.contains("JSON"), "{fault}");
    let cut = &grammar.to_json()[..200];
    assert!(Grammar::from_json(cut).unwrap_err().to_string().starts_with("grammar: JSON line "));
}

#[track_caller]
fn refused(change: impl Fn(&mut Draft), fault: &str) {
    let mut draft = prompts().draft();
    change(&mut draft);
    let found = draft.build().map_or_else(|e| e.to_string(), |_| String::new());
    assert!(found.contains(fault), "{found}");
}

fn arrange(draft: &mut Draft) -> &mut Arrange<String> {
    match &mut draft.rules[0].body {
        Body::Arrange(arrange) => arrange,
        _ => panic!("the first rule is an arrangement"),
    }
}

#[test]
fn unsound_drafts_are_refused_with_their_place() {
    refused(|d| d.start = "promt".into(), "'promt', which is not defined; the nearest name is 'prompt'");
    refused(|d| d.attributes[0].values[0].weight = f64::NAN, "attribute 'delimiters': weight NaN");
    refused(|d| d.attributes[1].values.clear(), "attribute 'tone' is empty; give at least one value");
    refused(|d| drop(d.attributes.pop()), "attribute 1");
    refused(|d| arrange(d).members[0].presence = 1.5, "presence 1.5 is outside its range; allowed: 0 to 1");
    refused(|d| arrange(d).members[0].utility = f64::INFINITY, "utility inf");
    refused(|d| arrange(d).pairs[0].then = 7, "pair 1 before 7");
    refused(|d| arrange(d).most = 0, "0 to 0 members is outside its range");
    refused(|d| arrange(d).members.clear(), "rule 'prompt' is empty; give at least one member");
    refused(
        |d| {
            let first = arrange(d).members[0].clone();
            arrange(d).members.push(first);
        },
        "a member that is listed twice",
    );
    refused(
        |d| {
            if let Body::Choice(productions) = &mut d.rules[4].body {
                productions.remove(0);
            }
        },
        "'role' derives no finite text under delimiters = headings, tone = neutral",
    );
}

/// Derivations of `f` doubled `n` times, so that sizes and depths grow.
fn trees(grammar: &Grammar, n: u64) -> Vec<Tree> {
    let sampler = Sampler::new(grammar);
    (0..n).map(|i| sampler.sample(&mut Stream::root(i), 12).unwrap()).collect()
}

#[test]
fn trees_follow_their_grammar_and_say_where_they_do_not() {
    let grammar = prompts();
    let recursive = Grammar::from_bnf("<s> ::= @3 x | <s> '+' <s> | '(' <s> ')'").unwrap();
    for tree in trees(&recursive, 300) {
        tree.check(&recursive).unwrap();
        assert!(tree.depth() <= 12);
    }
    for tree in trees(&grammar, 300) {
        tree.check(&grammar).unwrap();
        let text = serde_json::to_string(&tree).unwrap();
        let read: Tree = serde_json::from_str(&text).unwrap();
        assert_eq!(read, tree);
        assert_eq!(read.fingerprint(), tree.fingerprint());
        let (text, spans) = tree.spans(&grammar);
        assert_eq!(text, tree.render(&grammar));
        assert_eq!(spans[0], 0..text.len());
        for node in 1..tree.nodes().len() {
            let parent = tree.parent(node).unwrap();
            assert!(tree.children(parent).any(|c| c == node));
            assert!(spans[parent].start <= spans[node].start && spans[node].end <= spans[parent].end);
        }
        // Every cut and every foreign rule is found.
        for at in 0..tree.nodes().len() {
            let mut value = serde_json::to_value(&tree).unwrap();
            value["nodes"][at][0] = serde_json::json!(99);
            let broken: Tree = serde_json::from_value(value).unwrap();
            assert!(broken.check(&grammar).is_err());
            let mut value = serde_json::to_value(&tree).unwrap();
            value["nodes"].as_array_mut().unwrap().remove(at);
            let broken: Tree = serde_json::from_value(value).unwrap();
            assert!(broken.check(&grammar).is_err());
            let _ = broken.render(&grammar);
        }
    }
    assert!(Tree::default().check(&grammar).is_err());
    assert_eq!(Tree::default().render(&grammar), "");
}

#[test]
fn differences_are_named_by_paths() {
    let grammar = prompts();
    let trees = trees(&grammar, 60);
    for a in &trees {
        assert_eq!(a.diff(a, &grammar), []);
        for b in &trees {
            let same = a.fingerprint() == b.fingerprint();
            assert_eq!(a.diff(b, &grammar).is_empty(), same, "{a:?} {b:?}");
        }
    }
}

#[test]
fn probabilities_are_those_of_the_drawings() {
    let grammar = prompts();
    let n = 30_000_u32;
    let mut rng = Stream::root(11);
    let sampler = Sampler::new(&grammar);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..n {
        let tree = sampler.sample(&mut rng, 40).unwrap();
        let p = grammar.log_probability(&tree).unwrap().exp();
        seen.entry(tree.fingerprint()).or_insert((p, 0_u32)).1 += 1;
    }
    let common: Vec<_> = seen.values().filter(|(p, _)| p * f64::from(n) > 20.0).collect();
    assert!(common.len() > 100, "{}", common.len());
    for (p, count) in common {
        let sd = (p * (1.0 - p) / f64::from(n)).sqrt();
        assert!((f64::from(*count) / f64::from(n) - p).abs() < 5.0 * sd, "{p}: {count}");
    }
}

#[test]
fn weights_move_to_what_is_used_and_not_below_the_floor() {
    let mut grammar = prompts();
    let role = grammar.id("role part").unwrap();
    let all = trees(&grammar, 400);
    let with_role: Vec<(&Tree, f64)> =
        all.iter().filter(|t| t.nodes().iter().any(|n| n.rule == role)).map(|t| (t, 1.0)).collect();
    let before = grammar.log_probability(with_role[0].0).unwrap();
    let how = Learning { rate: 0.5, ..Learning::default() };
    for _ in 0..40 {
        grammar.learn(&with_role, &how).unwrap();
    }
    assert!(grammar.log_probability(with_role[0].0).unwrap() > before);
    let Body::Arrange(arrange) = &grammar.rules()[0].body else { panic!() };
    assert!((arrange.members[0].presence - 0.98).abs() < 1e-9, "{}", arrange.members[0].presence);
    assert_eq!(arrange.members[1].presence.to_bits(), 1.0_f64.to_bits());
    assert!((0.5..0.9).contains(&arrange.members[2].presence));
    // Roles come first more often than not.
    assert!(arrange.members[0].utility > arrange.members[2].utility);
    assert!(grammar.learn(&with_role, &Learning { rate: f64::NAN, ..how.clone() }).is_err());
    let foreign = trees(&Grammar::from_bnf("<s> ::= x | <s> y").unwrap(), 1);
    assert!(grammar.learn(&[(&foreign[0], 1.0)], &how).is_err());
    assert!(grammar.set_weight(RuleId(99), 0, 1.0).is_err());
    grammar.set_weight(role, 0, 0.0).unwrap_err();
}

proptest! {
    /// Whatever the text: a grammar or one line that says what is wrong.
    #[test]
    fn readers_never_panic(text in "([<>|=:;,()\\[\\]{}*?+@#\"'\\\\ \\n]|::=|a|<a>|<b>|1){0,40}") {
        for read in [Grammar::from_bnf, Grammar::from_ebnf, Grammar::from_json] {
            match read(&text) {
                Ok(grammar) => {
                    for tree in trees(&grammar, 3) {
                        prop_assert!(tree.check(&grammar).is_ok());
                    }
                }
                Err(fault) => prop_assert!(!fault.to_string().contains('\n') || text.contains('\n')),
            }
        }
    }
}
