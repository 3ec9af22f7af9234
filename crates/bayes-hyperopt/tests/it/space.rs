use bayes_hyperopt::{Configuration, INACTIVE, SearchSpace};
use meta_traits::conformance::{SpaceCheck, check_space};
use meta_traits::{Space as _, Stream};

/// Every sort of parameter, a tree two levels deep, a forbidden combination and a constraint.
pub(crate) const EVERYTHING: &str = r#"{
    "parameters": [
        {"name": "x", "type": "float", "low": -5.0, "high": 5.0},
        {"name": "y", "type": "float", "low": -5.0, "high": 5.0},
        {"name": "lr", "type": "log", "low": 1e-5, "high": 1.0},
        {"name": "layers", "type": "int", "low": 1, "high": 8},
        {"name": "size", "type": "ordinal", "levels": ["s", "m", "l"]},
        {"name": "optimizer", "type": "categorical", "choices": ["adam", "sgd", "none"]},
        {"name": "momentum", "type": "float", "low": 0.0, "high": 1.0, "when": {"parameter": "optimizer", "is": ["sgd"]}},
        {"name": "nesterov", "type": "categorical", "choices": [true, false], "when": {"parameter": "optimizer", "is": ["sgd"]}},
        {"name": "look", "type": "log_int", "low": 1, "high": 64, "when": {"parameter": "nesterov", "is": [true]}}
    ],
    "forbidden": [{"layers": [8], "size": ["l"]}],
    "constraints": [{"weights": {"x": 1.0, "y": 1.0}, "at_most": 2.0}]
}"#;

pub(crate) fn everything() -> SearchSpace {
    serde_json::from_str(EVERYTHING).unwrap()
}

#[test]
fn conforms() {
    let outside = [
        r#"{"x":0.0,"y":0.0,"lr":0.1,"layers":8,"size":"l","optimizer":"adam"}"#,
        r#"{"x":2.0,"y":0.5,"lr":0.1,"layers":1,"size":"l","optimizer":"adam"}"#,
        r#"{"x":0.0,"y":0.0,"lr":0.1,"layers":1,"size":"l","optimizer":"sgd"}"#,
        "{}",
    ];
    let outside = outside.map(|text| serde_json::from_str::<Configuration>(text).unwrap());
    check_space(&SpaceCheck::new(everything).outside(outside));
}

#[test]
fn the_written_form_comes_back() {
    let space = everything();
    let again: SearchSpace = serde_json::from_str(&serde_json::to_string(&space).unwrap()).unwrap();
    assert_eq!(again, space);
    let fault = |text: &str| serde_json::from_str::<SearchSpace>(text).unwrap_err().to_string();
    assert!(fault(r#"{"parameters":[]}"#).contains("name at least one"));
    let never = r#"{"parameters":[{"name":"x","type":"float","low":0,"high":1}],
        "constraints":[{"weights":{"x":1.0},"at_most":-1.0}]}"#;
    assert!(fault(never).contains("loosen them"));
}

#[test]
fn features_lead_back_to_the_point() {
    let space = everything();
    for i in 0..500 {
        let point = space.sample(&mut Stream::root(i));
        let features = space.encode(&point).unwrap();
        assert!(features.iter().all(|f| *f == INACTIVE || (0.0..=1.0).contains(f)));
        let back = space.encode(&space.decode(&features)).unwrap();
        for (a, b) in features.iter().zip(&back) {
            assert!((a - b).abs() < 1e-12, "{features:?} {back:?}");
        }
        for near in space.neighbours(&features) {
            assert!(space.encode(&space.decode(&near)).is_some());
        }
    }
}
