//! The racing optimizer keeps the laws of the contract.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{
    Components, Cost, Draw, ExampleId, Instances, Note, Observation, Outcome, Scored, Split, Stream, Trial,
};
use orchestrator_core::algorithms::Racing;
use orchestrator_core::algorithms::racing::Options;

fn ids(split: Split, n: u32) -> Vec<ExampleId> {
    (0..n).map(|i| ExampleId::new(split, i)).collect()
}

fn make(seed: u64) -> Racing {
    let texts: Components = [("a", "x"), ("b", "y")].into_iter().collect();
    let options = Options { block: 3, ..Options::default() };
    Racing::new(texts, ids(Split::Train, 7), ids(Split::Val, 6), options, Stream::root(seed)).unwrap()
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
