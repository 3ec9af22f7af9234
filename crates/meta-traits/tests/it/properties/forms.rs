//! Written forms: what is written is read back as it was, and nothing else is read.

use meta_traits::{
    Components, Cost, Draw, ErrorKind, Event, ExampleId, Fidelity, Instances, Observation, Outcome, Scored,
    Split, Trial, TrialId,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn split() -> impl Strategy<Value = Split> {
    prop_oneof![Just(Split::Train), Just(Split::Val), Just(Split::Test)]
}

fn finite() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |x| x.is_finite())
}

proptest! {
    #[test]
    fn example_ids_round_trip(split in split(), index: u32) {
        let id = ExampleId::new(split, index);
        prop_assert_eq!(id.to_string().parse::<ExampleId>().unwrap(), id);
        prop_assert_eq!(again(&id), id);
        prop_assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{}/{index}\"", split.name()));
    }

    #[test]
    fn other_text_names_no_example(text in "[a-z]{0,6}[/:]?[-+]?[0-9]{0,12}") {
        match text.parse::<ExampleId>() {
            Ok(id) => {
                let (_, index) = text.split_once('/').unwrap();
                prop_assert_eq!(index.parse::<u32>().unwrap(), id.index);
            }
            Err(message) => prop_assert!(message.contains(&text) && message.contains("write train/N")),
        }
    }

    #[test]
    fn components_keep_the_order_of_insertion(pairs in proptest::collection::vec(("[a-d]", ".{0,8}"), 0..9)) {
        let components: Components = pairs.iter().cloned().collect();
        let mut first_seen: Vec<&str> = Vec::new();
        for (name, _) in &pairs {
            if !first_seen.contains(&name.as_str()) {
                first_seen.push(name);
            }
        }
        prop_assert_eq!(components.names().collect::<Vec<_>>(), first_seen);
        for (name, _) in &pairs {
            let last = pairs.iter().rev().find(|(n, _)| n == name).map(|(_, t)| t.as_str());
            prop_assert_eq!(components.get(name), last);
        }
        prop_assert_eq!(again(&components), components);
    }

    #[test]
    fn fidelities_are_checked_on_reading_too(value in prop_oneof![-1.0..2.0_f64, any::<f64>()]) {
        let legal = value > 0.0 && value <= 1.0;
        prop_assert_eq!(Fidelity::new(value).is_ok(), legal);
        if value.is_finite() {
            prop_assert_eq!(serde_json::from_value::<Fidelity>(value.into()).is_ok(), legal);
        }
        if let Ok(fidelity) = Fidelity::new(value) {
            prop_assert_eq!(again(&fidelity).get().to_bits(), value.to_bits());
        }
    }

    #[test]
    fn outcomes_round_trip_bit_for_bit(losses in proptest::collection::vec(finite(), 0..4), score: f32, repeat: u32) {
        prop_assume!(score.is_finite());
        let draw = Draw { example: ExampleId::new(Split::Train, 7), repeat };
        let mut observation = Observation::of_loss(0.5);
        observation.losses = losses;
        observation.instances = vec![Scored::new(draw, score)];
        let outcome = Outcome::Complete(observation.clone());
        let back = again(&outcome);
        prop_assert_eq!(format!("{back:?}"), format!("{outcome:?}"), "floats print exactly");
        let pruned = Outcome::Pruned { at: Fidelity::FULL, last: observation };
        prop_assert_eq!(again(&pruned), pruned);
        let trial = Trial::new(TrialId(u64::MAX), 0.1_f64, Fidelity::FULL, Instances::Draws(vec![draw])).traced();
        prop_assert_eq!(again(&trial), trial);
    }
}

#[test]
fn forms_are_short_and_stable() {
    #[track_caller]
    fn check(value: &impl Serialize, expected: &str) {
        assert_eq!(serde_json::to_string(value).unwrap(), expected);
    }
    check(&Cost::evaluations(2), r#"{"evaluations":2}"#);
    check(&ErrorKind::InvalidInput, r#""invalid_input""#);
    check(&Outcome::Abandoned, r#""abandoned""#);
    check(&Instances::Exactly(vec![ExampleId::new(Split::Val, 3)]), r#"{"exactly":["val/3"]}"#);
    let event = Event::info("tests", "thing.happened", serde_json::json!({"n": 1}));
    check(&event, r#"{"level":"info","source":"tests","name":"thing.happened","details":{"n":1}}"#);
    assert_eq!(again(&event), event);
}
