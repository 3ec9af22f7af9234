use meta_traits::{Components, Draw, ExampleId, Query, QueryId, Scored, Split, Stream};
use prompt_grammar::PromptError;
use prompt_grammar::structural::{Bank, Structural, StructuralOptions};
use proptest::prelude::*;

const LABELS: [&str; 3] = ["billing", "access", "bug {x}"];

fn input(i: u32) -> String {
    format!("ticket {i} says {{{{ hello }}}} and {{% raw %}} in \"quotes\"{{")
}

fn bank() -> Bank {
    let item = |i: u32| (ExampleId::new(Split::Train, i), input(i), LABELS[i as usize % 3].to_string());
    Bank::new((0..30).map(item)).unwrap().with_task("Send the ticket to the right team.")
}

fn query(text: &str, wrong: &[u32]) -> Query {
    let candidate: Components = [("sort", text)].into_iter().collect();
    let evidence = wrong
        .iter()
        .map(|&i| Scored::new(Draw { example: ExampleId::new(Split::Train, i), repeat: 0 }, 0.0))
        .collect();
    Query::new(QueryId(0), "sort".into(), candidate, evidence)
}

fn rendered(template: &str, question: &str) -> String {
    minijinja::Environment::new()
        .render_str(template, minijinja::context! { input => question, draft => "D" })
        .expect("every proposal is a template")
}

/// How often each training input stands word for word in a rendered prompt.
fn shots(prompt: &str) -> usize {
    (0..30).map(|i| prompt.matches(&input(i)).count()).sum()
}

const SEEDS: [(&str, &str); 6] = [
    ("Sort the ticket. Never guess.\n\nTicket: {{ input }}\nTeam:", "Sort the ticket. Never guess."),
    ("{{input}}", ""),
    ("Decide who answers this ticket: {{ input }}", "Decide who answers this ticket: "),
    ("Rules:\n- be fair\n- be quick\n{{ input }} ->", "Rules:\n- be fair\n- be quick"),
    ("Compare with {{ draft }}.\nTicket: {{ input }}\nTeam:", "Compare with D.\nTicket: QUESTION\nTeam:"),
    ("{% if input %}Ticket: {{ input }}{% endif %}", "Ticket: QUESTION"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// However long the walk: placeholders, the user's words and the limits are kept, and whatever is shown renders
    /// word for word.
    #[test]
    fn a_walk_of_edits_keeps_what_matters(which in 0..SEEDS.len(), seed in 0..10_000_u64, shots_allowed in 0..9_usize) {
        let (start, kept) = SEEDS[which];
        let options = StructuralOptions { max_shots: shots_allowed, max_length: 900, ..StructuralOptions::default() };
        let proposer = Structural::new(bank(), options).unwrap();
        let mut text = start.to_string();
        for i in 0..25 {
            let asked = query(&text, &[1, 4]);
            let new = proposer.propose(&asked, Stream::root(seed).child("walk", i)).unwrap();
            prop_assert_eq!(&new, &proposer.propose(&asked, Stream::root(seed).child("walk", i)).unwrap());
            prop_assert_ne!(&new, &text);
            prop_assert!(new.chars().count() <= 900);
            let prompt = rendered(&new, "QUESTION");
            prop_assert_eq!(prompt.matches("QUESTION").count(), 1);
            prop_assert!(prompt.contains(kept), "{}", prompt);
            prop_assert!(shots(&prompt) <= shots_allowed, "{}", prompt);
            text = new;
        }
    }
}

#[test]
fn every_kind_of_edit_is_reached() {
    let proposer = Structural::new(bank(), StructuralOptions::default()).unwrap();
    let start = "Which team does the ticket belong to?\n\nTicket: {{ input }}\nTeam:";
    let new: Vec<String> =
        (0..400).map(|i| proposer.propose(&query(start, &[]), Stream::root(i)).unwrap()).collect();
    let some = |what: &str, holds: &dyn Fn(&str) -> bool| {
        assert!(new.iter().any(|t| holds(&rendered(t, "Q?"))), "{what}");
    };
    for n in 1..=8 {
        some(&format!("{n} examples"), &|t| shots(t) == n);
    }
    some("a list of labels", &|t| t.contains("\nLabels: billing, access, bug {x}.\n\n"));
    some("bullets", &|t| t.contains("Labels:\n- billing\n- access"));
    some("tags", &|t| t.contains("<ticket>Q?</ticket>\n<team>"));
    some("an arrow", &|t| t.ends_with("Q? ->"));
    some("headings", &|t| t.contains("## Ticket\nQ?\n## Team"));
    some("other names", &|t| t.ends_with("Message: Q?\nTopic:"));
    some("quotes", &|t| t.contains("Ticket: \"Q?\"\n"));
    some("another cue", &|t| t.ends_with("Best team:"));
    some("a rule", &|t| t.contains("\n---\nTicket:"));
    some("a role", &|t| t.starts_with("You are a careful expert. Which team"));
    some("an ending", &|t| t.contains("belong to? Answer with one word.\n"));
    some("the task", &|t| t.starts_with("Send the ticket to the right team."));
}

#[test]
fn balanced_examples_and_blamed_answers() {
    let proposer =
        Structural::new(bank(), StructuralOptions { second_edit: 0.0, ..Default::default() }).unwrap();
    let start = "Sort it.\n\nText: {{ input }}\nTopic:";
    let answers = |text: &str| -> Vec<usize> {
        LABELS.iter().map(|l| text.matches(&format!("\nTopic: {l}")).count()).collect()
    };
    let (mut one, mut blamed) = (0, 0);
    for i in 0..600 {
        // Everything that went wrong has the second label.
        let new = rendered(&proposer.propose(&query(start, &[1, 4, 7]), Stream::root(i)).unwrap(), "Q");
        let n = answers(&new);
        let (least, most) = (n.iter().min().unwrap(), n.iter().max().unwrap());
        assert!(most - least <= 1, "uneven: {n:?}");
        if n.iter().sum::<usize>() == 1 {
            one += 1;
            blamed += n[1];
        }
    }
    assert!(one > 50, "{one}");
    let share = blamed as f64 / f64::from(one);
    // One half for the blame, one sixth by chance.
    assert!((0.5..0.85).contains(&share), "{share}");
}

#[test]
fn examples_of_the_evidence_are_not_shown() {
    let proposer = Structural::new(bank(), StructuralOptions::default()).unwrap();
    for i in 0..300 {
        let asked = query("Sort it.\n\nText: {{ input }}\nTopic:", &[1, 4, 7]);
        let prompt = rendered(&proposer.propose(&asked, Stream::root(i)).unwrap(), "Q");
        assert!([1, 4, 7].iter().all(|&tried| !prompt.contains(&input(tried))), "{prompt}");
    }
}

#[test]
fn components_whose_answers_are_unknown_get_wording_alone() {
    let bank = bank().with_components(vec!["answer".into()]);
    let proposer = Structural::new(bank, StructuralOptions::default()).unwrap();
    let mut changed = 0;
    for i in 0..100 {
        let asked = query("Sum up the ticket.\n\nTicket: {{ input }}\nSummary:", &[1]);
        let prompt = rendered(&proposer.propose(&asked, Stream::root(i)).unwrap(), "Q");
        assert_eq!(shots(&prompt), 0);
        assert!(LABELS.iter().all(|label| !prompt.contains(label)), "{prompt}");
        changed += usize::from(prompt.contains("Sum up the ticket."));
    }
    assert_eq!(changed, 100, "the instruction stays");
}

#[test]
fn what_cannot_be_edited_is_an_error() {
    let tight = Structural::new(bank(), StructuralOptions { max_length: 12, ..Default::default() }).unwrap();
    let long = "Decide who answers this long ticket: {{ input }}";
    assert_eq!(
        tight.propose(&query(long, &[]), Stream::root(0)),
        Err(PromptError::NoEdit { component: "sort".into(), limit: 12 })
    );
    let mut other = query("x", &[]);
    other.component = "none".into();
    assert!(matches!(tight.propose(&other, Stream::root(0)), Err(PromptError::UnknownComponent { .. })));
    for options in [
        StructuralOptions { max_shots: 33, ..Default::default() },
        StructuralOptions { max_length: 0, ..Default::default() },
        StructuralOptions { second_edit: f64::NAN, ..Default::default() },
    ] {
        assert!(matches!(Structural::new(bank(), options), Err(PromptError::Range { .. })));
    }
}
