//! Improves a prompt without any model: the GEPA loop proposes by structural edits, and a toy metric scores them.
//!
//! `cargo run -p prompt-grammar --example improve`

use meta_traits::{
    Ask, Components, Cost, Draw, ExampleId, Instances, Observation, Optimizer, Outcome, Reply, Scored, Split,
    Stream,
};
use prompt_grammar::gepa::{Gepa, Options};
use prompt_grammar::structural::{Bank, Structural, StructuralOptions};

const TICKETS: [(&str, &str); 6] = [
    ("I was charged twice in May", "billing"),
    ("The reset link never arrives", "access"),
    ("Export crashes on large files", "bug"),
    ("Please send the March invoice again", "billing"),
    ("My account is locked since Monday", "access"),
    ("The chart shows last year's numbers", "bug"),
];

/// Stands for a model: the more a prompt tells, the more tickets it gets right.
fn score(prompt: &str, example: ExampleId) -> f32 {
    let told = [
        prompt.contains("billing") && prompt.contains("access") && prompt.contains("bug"),
        prompt.contains("one word"),
        prompt.matches("\nTeam: ").count() >= 3 || prompt.matches(" -> ").count() >= 3,
    ];
    let hard = example.index as usize % 4;
    if told.iter().filter(|t| **t).count() >= hard { 1.0 } else { 0.0 }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stream = Stream::root(0);
    let train = |i: usize| ExampleId::new(Split::Train, i as u32);
    let bank = Bank::new(TICKETS.iter().enumerate().map(|(i, (t, l))| (train(i), (*t).into(), (*l).into())))?;
    let proposer = Structural::new(bank, StructuralOptions::default())?;
    let start: Components =
        [("sort", "Which team takes the ticket?\n\nTicket: {{ input }}\nTeam:")].into_iter().collect();
    let val = (0..12).map(|i| ExampleId::new(Split::Val, i)).collect();
    let mut gepa = Gepa::new(
        start,
        (0..TICKETS.len()).map(train).collect(),
        val,
        Options::default(),
        stream.child("gepa", 0),
    )?;
    let mut calls = 0;
    while calls < 600 {
        match gepa.ask() {
            Ask::Run(trial) => {
                let Instances::Exactly(on) = &trial.on else {
                    return Err("the loop names its examples".into());
                };
                let prompt = trial.candidate.get("sort").unwrap_or_default();
                let scored: Vec<Scored> = on
                    .iter()
                    .map(|&example| Scored::new(Draw { example, repeat: 0 }, score(prompt, example)))
                    .collect();
                calls += scored.len();
                let cost = Cost::evaluations(scored.len() as u64);
                gepa.tell(trial.id, Outcome::Complete(Observation::of_scores(scored, cost)))?;
            }
            Ask::Query(query) => {
                let reply = match proposer.propose(&query, stream.child("proposal", query.id.0)) {
                    Ok(text) => Reply::Text(text),
                    Err(fault) => Reply::Failed(fault.to_string()),
                };
                gepa.answer(query.id, reply)?;
            }
            Ask::Done(reason) => return Err(format!("the search ended: {reason:?}").into()),
            _ => return Err("nothing is pending".into()),
        }
    }
    if let Some((best, seen)) = gepa.best() {
        println!("{}\n", best.get("sort").unwrap_or_default());
        let first = gepa.pool().first().map_or(0.0, prompt_grammar::gepa::Member::mean);
        println!(
            "validation {first:.2} -> {:.2} after {calls} calls, {:?}",
            1.0 - seen.losses[0],
            gepa.counts()
        );
    }
    Ok(())
}
