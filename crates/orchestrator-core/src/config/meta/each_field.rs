//! Laws that hold of every field.

use serde_json::{Value, json};

use super::field::{Field, fields};
use super::kind::Kind;
use super::{Format, MetaOrchestratorConfig, OptimizationMode, Origin, RawConfig, ResolvedConfig};
use crate::config::ConfigError;

/// Values that are allowed, and such that are not, both as near to the edge as can be.
fn samples(kind: &Kind) -> (Vec<Value>, Vec<Value>) {
    match kind {
        Kind::Switch => (vec![json!(true), json!(false)], vec![json!("perhaps"), json!(1), Value::Null]),
        Kind::Count { low, high } => (
            vec![json!(low), json!(high)],
            vec![
                low.checked_sub(1).map_or(json!(-1), Value::from),
                json!(high + 1),
                json!(*low as f64 + 0.5),
                json!("x"),
                Value::Null,
            ],
        ),
        Kind::AtLeast { low } => {
            (vec![json!(low), json!(low * 4), Value::Null], vec![json!(low - 1), json!(-1), json!("x")])
        }
        Kind::Real { low, high } => (
            vec![json!(low), json!(high)],
            vec![json!(low.next_down()), json!(high.next_up()), json!("x"), json!("NaN"), Value::Null],
        ),
        Kind::OpenUnit => (
            vec![json!(f64::MIN_POSITIVE), json!(1f64.next_down())],
            vec![json!(0), json!(1.0), json!(-0.5), json!("x"), Value::Null],
        ),
        Kind::Choice(names) => {
            (names.iter().map(|n| json!(n)).collect(), vec![json!("zzz"), json!(3), Value::Null])
        }
        Kind::Maybe(names) => {
            let names = names.iter().map(|n| json!(n));
            (names.chain([Value::Null]).collect(), vec![json!("zzz"), json!(3)])
        }
        Kind::Set(names) => (
            vec![json!(names[..1]), json!(names)],
            vec![json!([]), json!([names[0], names[0]]), json!(["zzz"]), json!(names[0]), Value::Null],
        ),
        Kind::Layers => (
            vec![json!([32]), json!([1024, 32, 32, 32, 1024])],
            vec![json!([]), json!([64, 31]), json!([1025]), json!([64, 64, 64, 64, 64, 64]), json!(64)],
        ),
        Kind::Prefix => {
            (vec![json!("A"), json!("MY_APP_2")], vec![json!(""), json!("2A"), json!("A-B"), Value::Null])
        }
        Kind::Path => (vec![json!("some/file.yaml"), Value::Null], vec![json!(""), json!(3)]),
    }
}

/// A file that sets one field.
fn file(field: &Field, value: &Value) -> String {
    match field.section() {
        None => json!({field.name(): value}).to_string(),
        Some(section) => json!({section: {field.name(): value}}).to_string(),
    }
}

/// A value in the form of variables.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".into(),
        Value::Array(elements) => elements.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn resolve(layers: Result<RawConfig, ConfigError>) -> Result<ResolvedConfig, ConfigError> {
    layers?.resolve()
}

fn read(field: &Field, value: &Value) -> Result<ResolvedConfig, ConfigError> {
    resolve(RawConfig::default().text(&file(field, value), Format::Json, "test.json"))
}

fn value_of(resolved: &ResolvedConfig, field: &Field) -> Value {
    resolved.rows().find(|(other, ..)| *other == field).map(|(_, value, _)| value.clone()).unwrap()
}

/// What the component itself says of its section.
fn accepted_by_component(field: &Field, value: &Value) -> Option<bool> {
    let section = json!({field.name(): value});
    Some(match field.section()? {
        "rl" => serde_json::from_value::<rl_selector::RLConfig>(section).is_ok_and(|c| c.validate().is_ok()),
        "topology" => serde_json::from_value::<topology_neat::TopologyConfig>(section)
            .is_ok_and(|c| c.validate().is_ok()),
        "hyperopt" => serde_json::from_value::<bayes_hyperopt::HyperOptConfig>(section)
            .is_ok_and(|c| c.validate().is_ok()),
        "prompt" => serde_json::from_value::<prompt_grammar::PromptConfig>(section)
            .is_ok_and(|c| c.validate().is_ok()),
        _ => serde_json::from_value::<coordination::CoordinationConfig>(section)
            .is_ok_and(|c| c.validate().is_ok()),
    })
}

#[test]
fn edges_are_allowed_and_what_lies_outside_is_not() {
    let validator = jsonschema::validator_for(&super::schema()).unwrap();
    for field in fields() {
        let (legal, illegal) = samples(&field.kind);
        for value in &legal {
            let resolved = read(field, value).unwrap_or_else(|e| panic!("{}: {e}", field.path()));
            assert_eq!(value_of(&resolved, field), *value, "{}", field.path());
            assert_ne!(accepted_by_component(field, value), Some(false), "{} {value}", field.path());
            let text: Value = serde_json::from_str(&file(field, value)).unwrap();
            assert!(validator.is_valid(&text), "{text}");
        }
        for value in &illegal {
            let Err(fault) = read(field, value) else { panic!("{} = {value} passed", field.path()) };
            let fault = fault.to_string();
            assert!(fault.starts_with(&format!("config: {}", field.path())), "{fault}");
            assert!(fault.contains(" (test.json line 1)") && fault.contains(" Allowed "), "{fault}");
            // The components' own types say nothing of a null that stands for a default.
            assert_ne!(accepted_by_component(field, value), Some(true), "{} {value}", field.path());
            let text: Value = serde_json::from_str(&file(field, value)).unwrap();
            assert!(!validator.is_valid(&text), "{text}");
        }
    }
}

#[test]
fn a_field_changes_itself_and_nothing_else() {
    let usual = MetaOrchestratorConfig::default();
    for field in fields().iter().filter(|field| field.path() != "profile") {
        let (legal, _) = samples(&field.kind);
        let value = legal.iter().find(|value| **value != field.default()).unwrap();
        let changed = read(field, value).unwrap().config;
        assert_ne!(changed, usual, "{}", field.path());
        let (before, after) = (usual.values().unwrap(), changed.values().unwrap());
        for (other, (before, after)) in fields().iter().zip(before.iter().zip(&after)) {
            let expected = if other == field { value } else { before };
            assert_eq!(after, expected, "{} changed by {}", other.path(), field.path());
        }
    }
}

#[test]
fn layers_cover_each_other_in_order_for_every_field() {
    for field in fields().iter().filter(|f| !["config_file_path", "environment_prefix"].contains(&f.path())) {
        let (legal, _) = samples(&field.kind);
        let value = |layer: usize| &legal[layer % legal.len()];
        for present in 0..8_u8 {
            let has = |layer: usize| present & (1 << layer) != 0;
            let mut layers = RawConfig::default();
            if has(0) {
                layers = layers.text(&file(field, value(0)), Format::Json, "f.json").unwrap();
            }
            if has(1) {
                layers = layers.environment([(field.variable("GEPA_META"), words(value(1)))]);
            }
            if has(2) {
                layers = layers.set(field.path(), &words(value(2))).unwrap();
            }
            let resolved = layers.resolve().unwrap_or_else(|e| panic!("{} {present}: {e}", field.path()));
            let (expected, origin) = match (0..3).rev().find(|layer| has(*layer)) {
                None => (field.default(), Origin::Default),
                Some(0) => (value(0).clone(), Origin::File { path: "f.json".into(), line: 1 }),
                Some(1) => (value(1).clone(), Origin::Variable { name: field.variable("GEPA_META") }),
                Some(_) => (value(2).clone(), Origin::Explicit),
            };
            assert_eq!(value_of(&resolved, field).as_f64(), expected.as_f64(), "{} {present}", field.path());
            assert!(expected.is_number() || value_of(&resolved, field) == expected, "{}", field.path());
            assert_eq!(*resolved.origin(field.path()).unwrap(), origin, "{} {present}", field.path());
        }
    }
}

#[test]
fn a_profile_lies_under_every_other_layer() {
    for profile in super::Profile::ALL {
        let alone = RawConfig::default().profile(profile.name()).resolve().unwrap();
        for (field, value, origin) in alone.rows().filter(|(field, ..)| field.path() != "profile") {
            let Origin::Profile { name } = origin else { continue };
            assert_eq!(name, profile.name());
            let (legal, _) = samples(&field.kind);
            // Of the modes one needs another field: the first.
            let other = legal.iter().find(|other| *other != value).unwrap();
            if field.path() == "approximation_fallback" && profile == super::Profile::Aggressive {
                continue;
            }
            let over = |layers: RawConfig| layers.resolve().map(|r| value_of(&r, field)).unwrap();
            let base = || RawConfig::default().profile(profile.name());
            assert_eq!(over(base().text(&file(field, other), Format::Json, "f.json").unwrap()), *other);
            let variable = (field.variable("GEPA_META"), words(other));
            assert_eq!(words(&over(base().environment([variable]))), words(other));
            assert_eq!(words(&over(base().set(field.path(), &words(other)).unwrap())), words(other));
        }
    }
}

#[test]
fn every_variable_name_reaches_its_field_under_any_prefix() {
    for field in fields().iter().filter(|f| !["config_file_path", "environment_prefix"].contains(&f.path())) {
        let (legal, illegal) = samples(&field.kind);
        for prefix in ["GEPA_META", "APP2"] {
            for variable in field.variables(prefix) {
                for value in &legal {
                    let config = MetaOrchestratorConfig::from_env(prefix, [(variable.clone(), words(value))]);
                    assert_eq!(config.unwrap().environment_prefix, prefix);
                }
                let wrong = illegal.iter().map(words).find(|w| w == "zzz" || w == "x" || w == "perhaps");
                let wrong = wrong.unwrap_or_else(|| "5000".into());
                let fault =
                    MetaOrchestratorConfig::from_env(prefix, [(variable.clone(), wrong)]).unwrap_err();
                assert!(fault.to_string().contains(&format!("(variable {variable})")), "{fault}");
            }
        }
    }
    let short: Vec<String> =
        fields().iter().filter(|f| f.short.is_some()).map(|f| f.variable("GEPA_META")).collect();
    let documented = [
        "ENABLED",
        "MODE",
        "BUDGET_STRATEGY",
        "PERFORMANCE_THRESHOLD",
        "MAX_ROUNDS",
        "COMPUTE_BUDGET",
        "MEMORY_LIMIT",
        "DETAILED_LOGGING",
        "PROFILE",
    ];
    assert_eq!(short, documented.map(|name| format!("GEPA_META_{name}")));
}

#[test]
fn names_of_choices_are_those_of_the_types() {
    let named = |path: &str| match Field::named(path).unwrap().kind {
        Kind::Choice(names) | Kind::Set(names) => json!(names),
        kind => panic!("{kind:?}"),
    };
    assert_eq!(named("optimization_mode"), json!(OptimizationMode::ALL));
    assert_eq!(named("budget_allocation_strategy"), json!(super::BudgetAllocationStrategy::ALL));
    assert_eq!(named("topology.mutation_types"), json!(topology_neat::MutationKind::ALL));
    assert_eq!(named("hyperopt.acquisition_function"), json!(bayes_hyperopt::Acquisition::ALL));
    assert_eq!(named("hyperopt.gp_kernel"), json!(bayes_hyperopt::KernelKind::ALL));
}

/// The guide's table has a row for every field, saying what the code does, and no other row.
#[test]
fn the_guide_says_what_the_code_does() {
    let guide = include_str!("../../../../../docs/configuration.md");
    let documented: Vec<&str> = guide.lines().filter(|line| line.contains("| `GEPA_META_")).collect();
    let expected: Vec<String> = fields()
        .iter()
        .map(|field| {
            let (path, default, allowed) = (field.path(), words(&field.default()), field.allowed());
            let (variable, about) = (field.variable("GEPA_META"), field.about());
            format!("| `{path}` | {default} | {allowed} | `{variable}` | {about} |")
        })
        .collect();
    assert!(documented == expected, "the table should be:\n{}", expected.join("\n"));
}
