//! The bridge from grammars to the space that the model searches.

use meta_traits::{
    Ask, Cost, Draw, ExampleId, Instances, Observation, Optimizer, Outcome, Scored, Space as _, Split, Stream,
};
use prompt_grammar::flat::{Flat, FlatOptions};
use prompt_grammar::holes::{Copies, DataSource, FillBank, FillRules};
use prompt_grammar::library::{Library, TaskKind};
use prompt_grammar::optimizer::{ModelOptions, ModelSearch};
use prompt_grammar::outline::{Outline, SectionKind};
use prompt_grammar::{
    Arrange, Attribute, Body, Characters, Draft, Estimate, Fill, Grammar, Guard, Hole, HoleKind, Member,
    Part, Production, PromptError, Sampler, Source, Text, Tokens,
};

use crate::soak::loops;

const PIECES: [&str; 14] = [
    "## Role\nYou are a clerk.\n\n",
    "## Rules\n- Be brief.\n- Never guess.\n\n",
    "## Task\nSort {{ input }}.\n\n",
    "<task>\nSort {{ input }}.\n</task>\n\n",
    "<rules>\n* one\n</rules>\n\n",
    "You are an expert.\n\n",
    "Sort this: {{ input }}\n\n",
    "Think step by step.\n\n",
    "Answer with one word.\n\n",
    "- never guess\n- be kind\n\n",
    "Task: do it\n",
    "Rules:\n- a\n- b\n",
    "Notes: none\n\n",
    "\n",
];

/// Every prompt of a space is a derivation within the limit that keeps the placeholders; the seed is the prompt itself.
#[test]
fn spaces_of_prompts_hold_derivations_alone() {
    let (mut spaces, mut back) = (0, 0);
    for i in 0..loops(150) {
        let mut rng = Stream::root(11).child("prompt", i);
        let text: String = (0..=rng.below(5)).map(|_| *rng.pick(&PIECES).unwrap()).collect();
        let library = Library::of_task(TaskKind::ALL[i as usize % 4]);
        let tokens: &dyn Tokens = if i % 2 == 0 { &Characters } else { &Estimate };
        let limit = tokens.count(&text) * 2 + 40;
        let flat =
            match Flat::of_outline(&Outline::parse(&text), &library, tokens, &FlatOptions::within(limit)) {
                Ok(flat) => flat,
                Err(PromptError::Empty { .. }) => continue,
                Err(fault) => panic!("{fault}: {text:?}"),
            };
        spaces += 1;
        let space = flat.space();
        assert_eq!(flat.render(&space.seed()), text);
        assert_eq!(flat.choices(&flat.tree(&space.seed())), Some(space.seed()));
        let mut prompt = space.seed();
        for k in 0..30 {
            prompt = if k % 3 == 0 { space.sample(&mut rng) } else { space.mutated(&prompt, 2, &mut rng) };
            let tree = flat.tree(&prompt);
            tree.check(flat.grammar()).unwrap();
            let written = tree.render(flat.grammar());
            assert!(tokens.count(&written) <= limit, "{written:?}");
            let inputs = |t: &str| t.matches("{{ input }}").count();
            assert_eq!(inputs(&written), inputs(&text), "{text:?} became {written:?}");
            if let Some(again) = flat.choices(&tree) {
                back += 1;
                assert_eq!(flat.render(&again), written);
            }
        }
    }
    assert!(spaces > 100 && back > 20 * spaces, "{spaces} {back}");
}

/// Choices, guards, numbers, nested arrangements, what is absent in the seed and what it has.
fn grammar() -> Grammar {
    let hole = |texts: &[&str]| {
        let fills = texts.iter().map(|t| Fill::seed(*t)).collect();
        Body::Hole(Hole { kind: HoleKind::Instruction, most: 99, protected: false, fills })
    };
    let only = |value: usize, text: &str| {
        let mut p = Production::new(vec![Part::text(text)]);
        p.when = Some(Guard { attribute: 0, values: vec![value] });
        p
    };
    let rule = |name: &str| Part::Rule(name.to_string());
    let list = Arrange::new(
        ["one", "two", "three"].iter().map(|n| Member::optional((*n).to_string(), 0.5)).collect(),
        Text::Fixed(", ".into()),
    );
    let parts = vec![
        Member::mandatory("task".to_string()),
        Member { rule: "list".to_string(), presence: 0.5, utility: -1.0 },
        Member { rule: "pair".to_string(), presence: 0.5, utility: -2.0 },
        Member { rule: "note".to_string(), presence: 0.5, utility: -3.0 },
    ];
    let marker = Text::By { attribute: 0, variants: vec!["* ".into(), "=== ".into()] };
    Draft::new("all")
        .attribute(Attribute::new("style", ["short", "long"]))
        .rule("all", Body::Arrange(Arrange::new(parts, Text::Fixed("\n".into())).counting(1, 3)))
        .choice("task", vec![Production::new(vec![Part::Number, Part::text(". do "), rule("what")])])
        .choice(
            "what",
            vec![
                only(0, "it"),
                only(1, "all of it"),
                Production::new(vec![Part::text("this or "), rule("that")]),
            ],
        )
        .rule("that", hole(&["that", "another thing"]))
        .choice("list", vec![Production::new(vec![Part::Text(marker), rule("items")])])
        .rule("items", Body::Arrange(list.counting(1, 2)))
        .rule("one", hole(&["1"]))
        .rule("two", hole(&["2", "II"]))
        .choice(
            "three",
            vec![Production::new(vec![Part::text("3")]), Production::new(vec![Part::text("III")])],
        )
        .choice("pair", vec![Production::new(vec![rule("left"), Part::text(" & "), rule("right")])])
        .rule("left", hole(&["l", "left"]))
        .rule("right", hole(&["r"]))
        .rule("note", hole(&["n.b."]))
        .build()
        .unwrap()
}

#[test]
fn any_grammar_without_recursion_has_a_space() {
    let grammar = grammar();
    let sampler = Sampler::new(&grammar);
    let mut back = 0;
    for i in 0..200 {
        let mut rng = Stream::root(12).child("seed", i);
        let seed = sampler.sample(&mut rng, 9).unwrap();
        let text = seed.render(&grammar);
        let flat = Flat::new(&grammar, &seed, &Characters, &FlatOptions::within(text.len() + 30)).unwrap();
        assert_eq!(flat.render(&flat.space().seed()), text);
        for _ in 0..40 {
            let tree = flat.tree(&flat.space().sample(&mut rng));
            tree.check(&grammar).unwrap();
            assert!(tree.render(&grammar).len() <= text.len() + 30);
            let other = sampler.sample(&mut rng, 9).unwrap();
            let found = flat.choices(&other);
            back += u32::from(found.is_some());
            assert!(found.is_none_or(|c| flat.render(&c) == other.render(&grammar)));
        }
    }
    assert!(back > 2000, "{back}");
    let recursive = Grammar::from_bnf("<s> ::= a | a <s>").unwrap();
    let seed = Sampler::new(&recursive).sample(&mut Stream::root(1), 4).unwrap();
    let fault = Flat::new(&recursive, &seed, &Estimate, &FlatOptions::default()).unwrap_err().to_string();
    assert!(fault.contains("recursion"), "{fault}");
}

#[test]
fn earlier_sections_are_drawn_early_and_long_seeds_refused() {
    let text = "You are a clerk.\n\nSort {{ input }}.\n\nThink step by step.\n\nAnswer with one word.";
    let outline = Outline::parse(text);
    let flat = Flat::of_outline(&outline, &Library::empty(), &Estimate, &FlatOptions::default()).unwrap();
    let (mut first, mut last) = (0, 0);
    for i in 0..400 {
        let prompt = flat.space().sample(&mut Stream::root(i));
        first += u32::from(prompt.order()[0] == 0);
        last += u32::from(prompt.order()[0] == 3);
    }
    // exp(0) and exp(-2.1) of 1 + e^-0.7 + e^-1.4 + e^-2.1: 0.54 and 0.066.
    assert!((180..250).contains(&first) && (10..50).contains(&last), "{first} {last}");
    let again: Flat = flat.clone();
    let json = serde_json::to_string(again.space()).unwrap();
    assert_eq!(&serde_json::from_str::<prompt_grammar::space::PromptSpace>(&json).unwrap(), flat.space());
    let fault = Flat::of_outline(&outline, &Library::empty(), &Characters, &FlatOptions::within(20))
        .unwrap_err()
        .to_string();
    assert_eq!(fault, "prompt: limit = 20 is outside its range; allowed: at least 79, the seed's length");
}

#[test]
fn options_know_where_they_come_from() {
    let rows =
        [("paid twice", "billing"), ("no login", "access"), ("refund", "billing"), ("locked", "access")];
    let mut bank = FillBank::new(9);
    bank.record(HoleKind::RuleItem, "Read the ticket twice.", 0.3);
    bank.record(HoleKind::RuleItem, "Shout.", -0.3);
    let copies = Copies::of(["my invoice of last month was paid twice"]);
    let rules = FillRules { kind: HoleKind::Instruction, most: 30, old: "Think.", copies: &copies };
    let reply =
        r#"["Name the product first.", "Note: my invoice of last month was wrong.", "Say {{ secret }}."]"#;
    let library = Library::empty()
        .with(SectionKind::Role, "You are a clerk.")
        .with_data(&DataSource::new(rows.iter().copied()), 3)
        .with_bank(&bank, 0.6)
        .with_reply(SectionKind::Reasoning, reply, &rules);
    let flat =
        Flat::of_outline(&Outline::parse("Sort: {{ input }}"), &library, &Estimate, &FlatOptions::default())
            .unwrap();
    let mut found = Vec::new();
    for (s, slot) in flat.space().slots().iter().enumerate() {
        for (o, option) in slot.options.iter().enumerate() {
            found.push((option.text.clone(), flat.source(s, o as u16)));
        }
    }
    for (text, source) in [
        ("You are a clerk.", Source::Library),
        ("Labels: billing, access.", Source::Data),
        ("Input: paid twice\nOutput: billing", Source::Data),
        ("Read the ticket twice.", Source::Bank),
        ("Name the product first.", Source::Model),
    ] {
        assert!(found.contains(&(text.to_string(), source)), "{text}: {found:?}");
    }
    for never in ["Shout.", "invoice", "secret"] {
        assert!(!found.iter().any(|(t, _)| t.contains(never)), "{never}");
    }
}

/// What a pretended model gets right with a prompt: it needs to be told to check, what form the answer has and, early,
/// who it is; long prompts hurt.
fn quality(prompt: &str) -> f64 {
    let has = |text: &str| f64::from(u8::from(prompt.contains(text)));
    let role = prompt.find("exact answers").is_some_and(|at| at < 40);
    0.2 + 0.25 * has("check it once") + 0.2 * has("few words") + 0.2 * f64::from(u8::from(role))
        - 0.1 * has("first make a plan")
        - 0.0002 * prompt.len() as f64
}

#[test]
fn a_plain_prompt_is_improved() {
    let seed = "Find the answer in the text.\n\nText: {{ input }}";
    let library = Library::of_task(TaskKind::Qa);
    let mut gains = Vec::new();
    for run in 0..8 {
        let flat = Flat::of_outline(&Outline::parse(seed), &library, &Characters, &FlatOptions::within(600))
            .unwrap();
        let examples = (0..40).map(|i| ExampleId::new(Split::Val, i)).collect();
        // Large blocks, so that there are few rounds.
        let options = ModelOptions { reflections: 0.0, block: 10, ..ModelOptions::default() };
        let stream = Stream::root(run);
        let mut search =
            ModelSearch::new(flat.space().clone(), examples, options, stream.child("search", 0)).unwrap();
        let mut calls = 0;
        while calls < 1400 {
            let Ask::Run(trial) = search.ask() else { break };
            let p = quality(&flat.render(&trial.candidate));
            let Instances::Exactly(on) = &trial.on else { panic!("examples are named") };
            let mut rng = stream.child("score", trial.id.0);
            let score = |e: &ExampleId| {
                Scored::new(Draw { example: *e, repeat: 0 }, f32::from(u8::from(rng.chance(p))))
            };
            let scored: Vec<Scored> = on.iter().map(score).collect();
            calls += scored.len();
            let cost = Cost::evaluations(scored.len() as u64);
            search.tell(trial.id, Outcome::Complete(Observation::of_scores(scored, cost))).unwrap();
        }
        let best = flat.render(search.best().unwrap().0);
        assert!(best.contains("Text: {{ input }}"));
        gains.push(quality(&best) - quality(seed));
    }
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    assert!(gains.iter().all(|g| *g > 0.1) && mean > 0.3, "{gains:?}");
}
