//! What is written reads back as the same.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::field::fields;
use super::kind::Kind;
use super::{Format, MetaOrchestratorConfig, RawConfig};

/// A value of a field, anywhere in its range.
fn any_value(kind: &'static Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Switch => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Count { low, high } => (*low..=*high).prop_map(Value::from).boxed(),
        Kind::AtLeast { low } => proptest::option::of(*low..1 << 40).prop_map(|n| json!(n)).boxed(),
        Kind::Real { low, high } => (*low..=*high).prop_map(Value::from).boxed(),
        Kind::OpenUnit => (f64::MIN_POSITIVE..1.0).prop_map(Value::from).boxed(),
        Kind::Choice(names) => proptest::sample::select(*names).prop_map(Value::from).boxed(),
        Kind::Maybe(names) => {
            proptest::option::of(proptest::sample::select(*names)).prop_map(|name| json!(name)).boxed()
        }
        Kind::Set(names) => {
            proptest::sample::subsequence(*names, 1..=names.len()).prop_map(|names| json!(names)).boxed()
        }
        Kind::Layers => proptest::collection::vec(32_u64..=1024, 1..=5).prop_map(|w| json!(w)).boxed(),
        Kind::Prefix => "[A-Za-z_][A-Za-z0-9_]{0,63}".prop_map(Value::from).boxed(),
        // Words that a format might take for something else, and characters that need quotes.
        Kind::Path => prop_oneof![
            Just(Value::Null),
            proptest::sample::select(
                &["true", "null", "~", "1e5", "0x1f", "- a", "a: b # c", "yes", "'", "\""][..]
            )
            .prop_map(Value::from),
            "[ -~äß\\n\\t]{1,40}".prop_map(Value::from),
        ]
        .boxed(),
    }
}

fn any_config() -> impl Strategy<Value = MetaOrchestratorConfig> {
    let values: Vec<_> = fields().iter().map(|field| any_value(&field.kind)).collect();
    values.prop_map(|values| {
        let mut whole = json!({"rl": {}, "topology": {}, "hyperopt": {}, "prompt": {}, "coordination": {}});
        for (field, value) in fields().iter().zip(values) {
            match field.section() {
                None => whole[field.name()] = value,
                Some(section) => whole[section][field.name()] = value,
            }
        }
        let mut config: MetaOrchestratorConfig = serde_json::from_value(whole).unwrap();
        config.approximation_fallback |= config.optimization_mode == super::OptimizationMode::Aggressive;
        config
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_form_of_file_reads_back_as_written(config in any_config()) {
        prop_assert!(config.validate().is_ok());
        for format in Format::ALL {
            let text = config.to_text(format).unwrap();
            let resolved = RawConfig::default().text(&text, format, "x").and_then(RawConfig::resolve);
            let back = resolved.map(|r| r.config).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
            prop_assert_eq!(&back, &config, "{}", text);
        }
    }

    #[test]
    fn an_update_with_all_values_makes_the_same_of_any_other(config in any_config(), other in any_config()) {
        let mut dict = serde_json::to_value(&config).unwrap();
        for name in ["memory_limit_mb", "config_file_path", "profile"] {
            dict[name] = dict.get(name).cloned().unwrap_or_default();
        }
        // An explicit path would be read.
        dict.as_object_mut().unwrap().remove("config_file_path");
        let updated = other.update_from_dict(&dict).unwrap();
        prop_assert_eq!(updated, MetaOrchestratorConfig { config_file_path: other.config_file_path, ..config });
    }
}

#[test]
fn files_choose_their_form_by_their_ending() {
    let folder = tempfile::tempdir().unwrap();
    let config = MetaOrchestratorConfig::from_profile("research").unwrap();
    for (name, format, beginning) in [
        ("a.yaml", None, "enabled: true\n"),
        ("a.yml", None, "enabled: true\n"),
        ("a.json", None, "{\n  \"enabled\": true,\n"),
        ("a.toml", None, "enabled = true\n"),
        ("a.conf", Some(Format::Yaml), "enabled: true\n"),
    ] {
        let path = folder.path().join(name);
        config.to_file(&path, format).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().starts_with(beginning), "{name}");
        assert_eq!(MetaOrchestratorConfig::from_file(&path).unwrap(), config, "{name}");
    }
    let text = config.to_text(Format::Yaml).unwrap();
    assert!(
        text.contains("optimization_mode: exploration\n") && text.contains("profile: research\n"),
        "{text}"
    );
}
