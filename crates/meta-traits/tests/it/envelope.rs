//! Saving and loading through [`DynSnapshot`]: what is refused, why, and that a refusal changes nothing.

use meta_traits::{Classify, DynSnapshot, Envelope, ErrorKind, RestoreError, Snapshot};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq)]
struct Tank {
    level: f64,
}

#[derive(Serialize, Deserialize)]
struct State {
    level: f64,
    /// Written since version 2.
    #[serde(default)]
    unit: String,
}

impl Snapshot for Tank {
    const SCHEMA: &'static str = "tests/tank";
    const VERSION: u32 = 2;
    type State = State;
    fn snapshot(&self) -> State {
        State { level: self.level, unit: "l".into() }
    }
    fn restore(&mut self, state: State) -> Result<(), RestoreError> {
        if !(0.0..=1.0).contains(&state.level) {
            return Err(RestoreError::Body(format!("level {} is outside 0 to 1", state.level)));
        }
        self.level = state.level;
        Ok(())
    }
}

fn envelope(schema: &str, version: u32, body: &str) -> Envelope {
    let text = serde_json::json!({"schema": schema, "version": version, "body": body.as_bytes()});
    serde_json::from_value(text).unwrap()
}

#[track_caller]
fn check(envelope: Envelope, expected: &str) {
    let mut tank = Tank { level: 0.5 };
    let error = tank.load(envelope).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(!error.retryable());
    assert_eq!(tank, Tank { level: 0.5 });
}

#[test]
fn what_does_not_fit_is_refused() {
    let good = r#"{"level":0.25,"unit":"l"}"#;
    check(envelope("tests/pump", 2, good), "snapshot holds 'tests/pump', this object restores 'tests/tank'");
    check(envelope("tests/tank", 3, good), "snapshot version 3 is newer than 2; use a newer program");
    check(
        envelope("tests/tank", 2, r#"{"level":7.0}"#),
        "snapshot body is not usable: level 7 is outside 0 to 1",
    );
    for body in ["", "{", "null", "[]", r#"{"level":"high"}"#, r#"{"level":0.25} trailing"#] {
        let mut tank = Tank { level: 0.5 };
        assert!(matches!(tank.load(envelope("tests/tank", 2, body)), Err(RestoreError::Body(_))), "{body}");
        assert_eq!(tank, Tank { level: 0.5 });
    }
}

#[test]
fn a_saved_state_and_an_older_one_are_taken_up() {
    let full = Tank { level: 0.495_710_565_853_806_25 };
    let mut tank = Tank { level: 0.0 };
    tank.load(full.save()).unwrap();
    assert_eq!(tank.level.to_bits(), full.level.to_bits(), "floats come back bit for bit");
    assert_eq!((full.save().schema.as_str(), full.save().version), ("tests/tank", 2));
    tank.load(envelope("tests/tank", 1, r#"{"level":0.75}"#)).unwrap();
    assert_eq!(tank, Tank { level: 0.75 });
}

#[test]
fn works_behind_a_trait_object() {
    let mut objects: Vec<Box<dyn DynSnapshot>> =
        vec![Box::new(Tank { level: 0.1 }), Box::new(Tank { level: 0.9 })];
    let saved = objects[0].save();
    objects[1].load(saved.clone()).unwrap();
    assert_eq!(objects[1].save(), saved);
}
