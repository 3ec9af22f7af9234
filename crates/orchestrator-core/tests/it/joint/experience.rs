//! What a run leaves to later ones.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Ask, Components, Instances, Optimizer, Reply, Split, Stream};
use orchestrator_core::algorithms::Joint;
use orchestrator_core::algorithms::joint::Options;
use orchestrator_core::experience::{Experience, Learned};

use super::{ids, inside, make, outcome};

fn learned(lines: &[(&str, f64)]) -> Vec<Learned> {
    let one =
        |(line, effect): &(&str, f64)| Learned { line: (*line).to_owned(), effect: *effect, variance: 0.1 };
    lines.iter().map(one).collect()
}

fn experience(a: &[(&str, f64)], b: &[(&str, f64)]) -> Experience {
    let components = [("a".to_owned(), learned(a)), ("b".to_owned(), learned(b))];
    Experience { results: 100, components: components.into() }
}

#[test]
fn the_laws_are_kept_with_experience() {
    let earlier = experience(&[("x", 0.2), ("k=1", -0.5), ("k=3", 1.0)], &[("y", 0.1)]);
    let make = |seed| make(seed).with_experience(std::slice::from_ref(&earlier));
    let check = Check::new(make, inside, outcome).steps(20);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
}

/// Which texts of `a` meet examples in the first trials after the seed's, with a proposer that has nothing to say.
fn first_texts(mut joint: Joint, trials: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < trials {
        match joint.ask() {
            Ask::Run(trial) => {
                texts.push(trial.candidate.get("a").unwrap().to_owned());
                joint.tell(trial.id, outcome(&trial, &mut Stream::root(0))).unwrap();
            }
            Ask::Query(query) => joint.answer(query.id, Reply::Failed("nothing".into())).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    texts
}

#[test]
fn lines_remembered_well_are_proposed_first() {
    let earlier = experience(&[("x", 0.0), ("k=1", -1.0), ("k=2", 0.0), ("k=3", 2.0)], &[("y", 0.0)]);
    let (mut best, mut second) = (0, 0);
    for seed in 0..10 {
        let texts = first_texts(make(seed).with_experience(std::slice::from_ref(&earlier)), 8);
        best += texts.iter().filter(|t| t.contains("k=3")).count();
        second += texts.iter().filter(|t| t.contains("k=2")).count();
    }
    assert!(best > 20 && best > second, "{best} and {second}");
    let alone = first_texts(make(1), 8);
    assert!(alone.iter().all(|t| t == "x\nk=1"), "nothing is known without experience: {alone:?}");
}

#[test]
fn other_tasks_teach_nothing() {
    let foreign = experience(&[("another prompt", 0.5), ("k=3", 2.0), ("k=4", 1.0)], &[("z", 0.0)]);
    assert!(first_texts(make(1).with_experience(&[foreign]), 8).iter().all(|t| t == "x\nk=1"));
    let broken = experience(&[("x", f64::NAN), ("k=1", f64::INFINITY)], &[]);
    assert_eq!(first_texts(make(1).with_experience(&[broken]), 8), first_texts(make(1), 8));
}

#[test]
fn effects_are_learned_and_saved() {
    let texts: Components = [("a", "x\nk=1"), ("b", "y")].into_iter().collect();
    let options = Options { blocks: vec![(0, 6)], ..Options::default() };
    let mut joint =
        Joint::new(&texts, ids(Split::Train, 12), ids(Split::Val, 12), options, Stream::root(3)).unwrap();
    let mut step = 0;
    while step < 60 {
        step += 1;
        match joint.ask() {
            // `k=2` succeeds always, the others seldom; failures are blamed on `a`.
            Ask::Run(trial) => {
                let good = trial.candidate.get("a").unwrap().contains("k=2");
                let Instances::Exactly(on) = &trial.on else { panic!("examples are named") };
                let score = |e: &meta_traits::ExampleId| {
                    let draw = meta_traits::Draw { example: *e, repeat: 0 };
                    let ok = good || e.index.is_multiple_of(4);
                    let mut scored = meta_traits::Scored::new(draw, f32::from(u8::from(ok)));
                    if !ok {
                        scored.notes = vec![meta_traits::Note { component: "a".into(), text: "k".into() }];
                    }
                    scored
                };
                let scored: Vec<_> = on.iter().map(score).collect();
                let cost = meta_traits::Cost::evaluations(scored.len() as u64);
                let seen = meta_traits::Observation::of_scores(scored, cost);
                joint.tell(trial.id, meta_traits::Outcome::Complete(seen)).unwrap();
            }
            Ask::Query(query) if query.component == "a" => {
                joint.answer(query.id, Reply::Text(format!("x\nk={}", step % 4))).unwrap();
            }
            Ask::Query(query) => joint.answer(query.id, Reply::Failed("nothing".into())).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let learned = joint.experience();
    let effect = |line: &str| learned.components["a"].iter().find(|l| l.line == line).unwrap().effect;
    assert!(effect("k=2") > effect("k=1") + 0.3, "{learned:?}");
    let text = serde_json::to_string(&learned).unwrap();
    assert_eq!(serde_json::from_str::<Experience>(&text).unwrap(), learned);
}
