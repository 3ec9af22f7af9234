//! The joint search keeps the laws of the contract.

mod experience;
mod inner;
mod meta;
mod operators;
mod runs;

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{
    Ask, Components, Cost, Draw, DynSnapshot, ErrorKind, ExampleId, Instances, Note, Observation, Optimizer,
    Outcome, Reply, Scored, Split, StopReason, Stream, TellError, Trial,
};
use orchestrator_core::algorithms::Joint;
use orchestrator_core::algorithms::joint::{Operator, Options};
use proptest::prelude::*;

fn ids(split: Split, n: u32) -> Vec<ExampleId> {
    (0..n).map(|i| ExampleId::new(split, i)).collect()
}

fn make(seed: u64) -> Joint {
    let texts: Components = [("a", "x\nk=1"), ("b", "y")].into_iter().collect();
    let options = Options { blocks: vec![(0, 3)], rewrites: 1, ..Options::default() };
    Joint::new(&texts, ids(Split::Train, 7), ids(Split::Val, 6), options, Stream::root(seed)).unwrap()
}

fn inside(candidate: &Components) -> bool {
    candidate.names().eq(["a", "b"])
}

fn outcome(trial: &Trial<Components>, _: &mut Stream) -> Outcome {
    let Instances::Exactly(on) = &trial.on else { panic!("examples are named") };
    let score = |example: &ExampleId| {
        let bytes = trial.candidate.iter().flat_map(|(_, text)| text.bytes());
        let sum = bytes.fold(u64::from(example.index), |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
        let mut scored = Scored::new(Draw { example: *example, repeat: 0 }, (sum % 5) as f32 / 4.0);
        if sum % 5 < 4 {
            let component = if sum % 2 == 0 { "a" } else { "b" };
            scored.notes = vec![Note { component: component.into(), text: format!("n{}", sum % 3) }];
        }
        scored
    };
    let scored: Vec<Scored> = on.iter().map(score).collect();
    let cost = Cost::evaluations(scored.len() as u64);
    Outcome::Complete(Observation::of_scores(scored, cost))
}

#[test]
fn every_law_is_kept() {
    let check = Check::new(make, inside, outcome).steps(40);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
}

/// Without notes, with failing evaluations, and with a proposer that has nothing to say.
#[test]
fn every_law_is_kept_without_feedback() {
    let silent = |trial: &Trial<Components>, rng: &mut Stream| match outcome(trial, rng) {
        Outcome::Complete(mut seen) => {
            seen.instances.iter_mut().for_each(|s| s.notes.clear());
            Outcome::Complete(seen)
        }
        other => other,
    };
    let check = Check::new(make, inside, silent).steps(40);
    check_optimizer(&check);
    check_optimizer_snapshot(&check);
    let mute = Check::new(make, inside, outcome).answering(|_, _| Reply::Failed("no".into())).steps(40);
    check_optimizer(&mute);
    check_optimizer_snapshot(&mute);
}

/// Drives `steps` steps with new texts; gives what was asked.
fn drive(joint: &mut Joint, steps: u64) -> Vec<Ask<Components>> {
    let mut asked = Vec::new();
    for step in 0..steps {
        let ask = joint.ask();
        match &ask {
            Ask::Run(trial) => {
                joint.tell(trial.id, outcome(trial, &mut Stream::root(0))).unwrap();
            }
            Ask::Query(query) => {
                joint.answer(query.id, Reply::Text(format!("t{}\nk={}", step % 7, step % 5))).unwrap();
            }
            other => panic!("{other:?}"),
        }
        asked.push(ask);
    }
    asked
}

#[test]
fn one_combination_meets_an_example_again_only_after_all_others() {
    let mut met = std::collections::BTreeMap::<String, Vec<u32>>::new();
    for ask in drive(&mut make(4), 400) {
        let Ask::Run(trial) = ask else { continue };
        let Instances::Exactly(on) = &trial.on else { panic!("examples are named") };
        let runs = met.entry(format!("{:?}", trial.candidate)).or_insert_with(|| vec![0; 13]);
        for e in on {
            runs[if e.split == Split::Train { 0 } else { 7 } + e.index as usize] += 1;
        }
        let (least, most) = (runs.iter().min().unwrap(), runs.iter().max().unwrap());
        assert!(most - least <= 1, "{runs:?}");
    }
    let most = met.values().map(|runs| runs.iter().sum::<u32>()).max();
    assert!(most >= Some(9), "the best are looked at again: {most:?}");
}

#[test]
fn proposers_see_failures_of_training_examples_on_their_component_alone() {
    let mut seen = 0;
    for ask in drive(&mut make(2), 200) {
        let Ask::Query(query) = ask else { continue };
        assert!(query.evidence.len() <= 3);
        for scored in &query.evidence {
            assert_eq!(scored.example.split, Split::Train);
            assert!(scored.score < 1.0 && scored.notes.iter().any(|n| n.component == query.component));
            seen += 1;
        }
    }
    assert!(seen > 30);
}

#[test]
fn texts_of_the_component_that_is_to_blame_are_rewritten_more_often() {
    let mut joint = make(9);
    let (mut a, mut b) = (0, 0);
    for step in 0..300 {
        match joint.ask() {
            Ask::Run(trial) => {
                let Outcome::Complete(mut seen) = outcome(&trial, &mut Stream::root(0)) else {
                    unreachable!()
                };
                for scored in &mut seen.instances {
                    scored.notes.iter_mut().for_each(|n| n.component = "b".into());
                }
                joint.tell(trial.id, Outcome::Complete(seen)).unwrap();
            }
            Ask::Query(query) => {
                if query.component == "a" {
                    a += 1;
                } else {
                    b += 1;
                }
                let text = if query.component == "a" { "same".into() } else { format!("t{step}") };
                joint.answer(query.id, Reply::Text(text)).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(b > 20 && b >= a, "{a} and {b}");
}

/// Component a is rewritten from the start, b from 90 results on.
#[test]
fn components_are_rewritten_when_it_is_their_turn() {
    let texts: Components = [("a", "x"), ("b", "y")].into_iter().collect();
    let turns = vec![(0, vec!["a".to_owned()]), (90, vec!["b".to_owned()])];
    let options = Options { blocks: vec![(0, 3)], turns, ..Options::default() };
    let new =
        |options| Joint::new(&texts, ids(Split::Train, 7), ids(Split::Val, 6), options, Stream::root(5));
    let (mut results, mut asked) = (0, [0, 0]);
    for ask in drive(&mut new(options).unwrap(), 200) {
        match ask {
            Ask::Query(query) => {
                assert_eq!(query.component, if results < 90 { "a" } else { "b" });
                asked[usize::from(results >= 90)] += 1;
            }
            Ask::Run(trial) => {
                assert!(results >= 90 || trial.candidate.get("b") == Some("y"));
                results += 3;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(asked[0] > 10 && asked[1] > 10, "{asked:?}");
    let fault = new(Options { turns: vec![(0, vec!["c".into()])], ..Options::default() }).unwrap_err();
    assert!(fault.to_string().contains("joint.turns") && fault.to_string().contains("a, b"), "{fault}");
}

/// Proposers put the placeholder into different lines, so that lines combined at will would lose or repeat it.
#[test]
fn combined_texts_keep_their_placeholders_and_length() {
    let seed = "intro: none\nask: {{ input }}";
    let texts: Components = [("a", seed)].into_iter().collect();
    let options = Options { blocks: vec![(0, 3)], longest: 60, ..Options::default() };
    let mut joint =
        Joint::new(&texts, ids(Split::Train, 7), ids(Split::Val, 6), options, Stream::root(8)).unwrap();
    let (mut written, mut combined) = (vec![seed.to_owned()], 0);
    for step in 0..300 {
        match joint.ask() {
            Ask::Run(trial) => {
                let text = trial.candidate.get("a").unwrap();
                assert_eq!(text.matches("{{ input }}").count(), 1, "{text:?}");
                if !written.iter().any(|w| w == text) {
                    assert!(text.chars().count() <= 60, "{text:?}");
                    combined += 1;
                }
                joint.tell(trial.id, outcome(&trial, &mut Stream::root(0))).unwrap();
            }
            Ask::Query(query) => {
                let text = match step % 3 {
                    0 => format!("intro: {{{{ input }}}} {step}\nask: it"),
                    1 => format!("intro: none\nask: {{{{ input }}}}\nnote {step}: be brief"),
                    _ => format!("intro: n{step}\nask: this: {{{{ input }}}}"),
                };
                written.push(text.clone());
                joint.answer(query.id, Reply::Text(text)).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(combined > 10, "{combined}");
}

#[test]
fn what_is_refused_changes_nothing_and_a_seed_that_cannot_run_ends_the_search() {
    let mut joint = make(1);
    let Ask::Run(trial) = joint.ask() else { panic!("the seed comes first") };
    let Outcome::Complete(seen) = outcome(&trial, &mut Stream::root(0)) else { unreachable!() };
    let before = joint.save();
    let mut short = seen.clone();
    short.instances.pop();
    let mut other = seen.clone();
    other.instances[0].example = ExampleId::new(Split::Test, 0);
    let mut broken = seen.clone();
    broken.losses = vec![f64::NAN];
    for wrong in [short, other, broken] {
        let refused = joint.tell(trial.id, Outcome::Complete(wrong));
        assert!(matches!(refused, Err(TellError::Mismatch(_))), "{refused:?}");
    }
    assert_eq!(joint.save(), before);
    let message = "the model is gone".to_owned();
    let failed = Outcome::Failed { kind: ErrorKind::InvalidInput, message, cost: Cost::ZERO };
    joint.tell(trial.id, failed).unwrap();
    assert_eq!(joint.ask(), Ask::Done(StopReason::Failures));
    assert!(joint.best().is_none());

    for (train, val, options) in [
        (0, 3, Options::default()),
        (3, 0, Options::default()),
        (3, 3, Options { blocks: Vec::new(), ..Options::default() }),
        (3, 3, Options { first: 0, ..Options::default() }),
        (3, 3, Options { caution: f64::NAN, ..Options::default() }),
        (3, 3, Options { operators: [(Operator::Crossover, -1.0)].into(), ..Options::default() }),
    ] {
        let texts: Components = [("a", "x")].into_iter().collect();
        let (train, val) = (ids(Split::Train, train), ids(Split::Val, val));
        Joint::new(&texts, train, val, options, Stream::root(1)).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_snapshot_is_refused_or_usable(seed: u64, steps in 1..60_u64, at: prop::sample::Index, with: u8) {
        let mut joint = make(seed);
        drive(&mut joint, steps);
        joint.ask();
        let mut saved = joint.save();
        let at = at.index(saved.body.len());
        saved.body[at] = b"0123456789,:]}\"-.e"[usize::from(with) % 18];
        let mut joint = make(seed);
        if joint.load(saved).is_ok() {
            for _ in 0..30 {
                match joint.ask() {
                    Ask::Run(trial) => drop(joint.tell(trial.id, outcome(&trial, &mut Stream::root(0)))),
                    Ask::Query(query) => drop(joint.answer(query.id, Reply::Text("new".into()))),
                    _ => break,
                }
            }
        }
    }
}
