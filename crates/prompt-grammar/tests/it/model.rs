//! The model-guided search under the laws of the contracts.

use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{
    Cost, Draw, ExampleId, Instances, Observation, Outcome, Query, Reply, Scored, Space as _, Split, Stream,
    Trial,
};
use prompt_grammar::optimizer::{ModelOptions, ModelSearch};
use prompt_grammar::script::{self, EditScript};
use prompt_grammar::space::{Choices, Condition, PromptSpace, Section, Slot, SlotOption};

use crate::drive::ids;

fn space() -> PromptSpace {
    let options = |n: u32| (0..n).map(|i| SlotOption::new(format!("o{i}"), 3 * i)).collect::<Vec<_>>();
    let mut slots: Vec<Slot> =
        [3, 4, 2, 3].iter().enumerate().map(|(i, n)| Slot::new(format!("s{i}"), options(*n))).collect();
    slots[2].when = Some(Condition { slot: 1, above: 0 });
    let section = |name: &str, by: &[usize]| Section { name: name.into(), shown_by: by.to_vec() };
    PromptSpace::new(slots, vec![section("a", &[0]), section("b", &[]), section("c", &[1])], Some(20))
        .unwrap()
}

fn examples() -> Vec<ExampleId> {
    let mut all = ids(Split::Train, 7);
    all.extend(ids(Split::Val, 6));
    all
}

fn make(options: &ModelOptions, seed: u64) -> ModelSearch {
    ModelSearch::new(space(), examples(), options.clone(), Stream::root(seed)).unwrap()
}

fn outcome(trial: &Trial<Choices>, _: &mut Stream) -> Outcome {
    let Instances::Exactly(on) = &trial.on else { panic!("the search names its examples") };
    let score = |e: &ExampleId| {
        let parts = trial.candidate.options().iter().chain(trial.candidate.order());
        let sum = parts.fold(u64::from(e.index), |h, o| h.wrapping_mul(31).wrapping_add(u64::from(*o)));
        (sum % 5) as f32 / 4.0
    };
    let scored: Vec<Scored> =
        on.iter().map(|&e| Scored::new(Draw { example: e, repeat: 0 }, score(&e))).collect();
    let cost = Cost::evaluations(scored.len() as u64);
    Outcome::Complete(Observation::of_scores(scored, cost))
}

/// A random edit in two cases of three, else nonsense.
fn reply(query: &Query, rng: &mut Stream) -> Reply {
    let space = space();
    let parent = script::read(query.candidate.get(&query.component).unwrap(), &space).unwrap();
    let child = space.mutated(&parent, 1, rng);
    Reply::Text(match rng.below(3) {
        0 => "I would rather not.".into(),
        _ => EditScript::between(&parent, &child, &space).write(&space),
    })
}

#[test]
fn the_search_keeps_every_law() {
    // Without random prompts at the start every round has as many trials, so the law on memory sees no ebb and flow.
    for (initial, reflections) in [(4, 0.0), (0, 0.5)] {
        let options =
            ModelOptions { block: 3, initial, reflections, learn_every: 2, ..ModelOptions::default() };
        let check = Check::new(|seed| make(&options, seed), |c| space().contains(c), outcome)
            .answering(reply)
            .seeds([0, 1])
            .steps(16);
        check_optimizer(&check);
        if initial == 0 {
            check_optimizer_snapshot(&check);
        }
    }
}
