//! What a user reads when something is wrong.

use serde_json::json;

use super::{Format, MetaOrchestratorConfig, RawConfig};
use crate::config::ConfigError;

#[track_caller]
fn yaml(text: &str, message: &str) {
    let fault = RawConfig::default().text(text, Format::Yaml, "metaorch.yaml").and_then(RawConfig::resolve);
    assert_eq!(fault.unwrap_err().to_string(), message);
}

#[track_caller]
fn variable(name: &str, value: &str, message: &str) {
    let fault = MetaOrchestratorConfig::from_env("GEPA_META", [(name.into(), value.into())]).unwrap_err();
    assert_eq!(fault.to_string(), message);
}

#[test]
fn a_value_outside_its_range_is_shown_with_its_line() {
    let lines = "# settings\nenabled: true\nrl:\n  gamma: 0.95\n  hidden_dims:\n  - 64\n  - 31\n\ntopology:\n\n  # bold\n  mutation_rate: 1.4\n";
    let message =
        "config: topology.mutation_rate = 1.4 is above 1.0 (metaorch.yaml line 12). Allowed 0.1 to 1.0.";
    yaml(&lines.replace("31", "32"), message);
    yaml(lines, "config: rl.hidden_dims[1] = 31 is below 32 (metaorch.yaml line 6). Allowed 32 to 1024.");
    let toml = "enabled = true\n\n[topology]\n# bold\nmutation_rate = 0.05\n";
    let fault = RawConfig::default().text(toml, Format::Toml, "m.toml").and_then(RawConfig::resolve);
    let message = "config: topology.mutation_rate = 0.05 is below 0.1 (m.toml line 5). Allowed 0.1 to 1.0.";
    assert_eq!(fault.unwrap_err().to_string(), message);
    let tabs = "{\n\t\"rl\": {\n\t\t\"tau\": 1\n\t}\n}\n";
    let fault = RawConfig::default().text(tabs, Format::Json, "m.json").and_then(RawConfig::resolve);
    let message = "config: rl.tau = 1 is not below 1.0 (m.json line 3). Allowed above 0.0, below 1.0.";
    assert_eq!(fault.unwrap_err().to_string(), message);
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest_one() {
    let message = "config: unknown key topology.mutaton_rate; did you mean mutation_rate?";
    yaml("topology: {mutaton_rate: 0.3}", message);
    let fault = RawConfig::default().set("topology.mutaton_rate", "0.3").unwrap_err();
    assert_eq!(fault.to_string(), message);
    let fault =
        MetaOrchestratorConfig::default().update_from_dict(&json!({"topology_config": {"mutaton_rate": 1}}));
    assert_eq!(fault.unwrap_err().to_string(), message);
    yaml("topolgy: {mutation_rate: 0.3}", "config: unknown key topolgy; did you mean topology?");
    yaml("mutation_rate: 0.3", "config: unknown key mutation_rate; did you mean topology.mutation_rate?");
    yaml(
        "rl: {mutation_rate: 0.3}",
        "config: unknown key rl.mutation_rate; did you mean topology.mutation_rate?",
    );
    let known = "config: unknown key coordination.zzz. Known: conflict_resolution_enabled, async_execution, \
                 resource_allocation_strategy, priority_scheduling, complexity_management, regularization_enabled, \
                 max_coordination_cycles, timeout_seconds, retry_attempts, deadlock_detection";
    yaml("coordination: {zzz: 1}", known);
}

#[test]
fn values_of_the_wrong_type_are_named() {
    yaml(
        "enabled: perhaps",
        "config: enabled = perhaps is neither true nor false (metaorch.yaml line 1). Allowed true or false.",
    );
    yaml(
        "max_optimization_rounds: 99.5",
        "config: max_optimization_rounds = 99.5 is no whole number (metaorch.yaml line 1). Allowed 10 to 1000.",
    );
    yaml(
        "optimization_mode: agressive",
        "config: optimization_mode = agressive is unknown (metaorch.yaml line 1); did you mean aggressive? \
         Allowed exploration, exploitation, balanced, conservative, aggressive.",
    );
    yaml(
        "gibberish",
        "config: settings = gibberish is no map of settings (metaorch.yaml line 1). Allowed the keys \
        enabled, optimization_mode, budget_allocation_strategy, performance_threshold, max_optimization_rounds, \
        max_parallel_components, total_compute_budget, resource_prediction_enabled, approximation_fallback, \
        memory_limit_mb, detailed_logging, performance_tracking, component_metrics, export_metrics, \
        metrics_export_interval, auto_tuning_enabled, adaptive_timeout, checkpoint_enabled, checkpoint_interval, \
        config_file_path, environment_prefix, profile.",
    );
    yaml(
        "enabled: true\nrl: 3",
        "config: rl = 3 is no map of settings (metaorch.yaml line 2). Allowed the keys \
        state_dim, action_dim, hidden_dims, learning_rate, buffer_capacity, batch_size, gamma, tau, \
        exploration_noise, warmup_steps, update_frequency, prioritized_replay, double_q_learning, dueling_network.",
    );
}

#[test]
fn a_malformed_variable_is_named() {
    variable(
        "GEPA_META_MAX_ROUNDS",
        "many",
        "config: max_optimization_rounds = many is no whole number (variable GEPA_META_MAX_ROUNDS). Allowed 10 to 1000.",
    );
    variable(
        "GEPA_META_ENABLED",
        "",
        "config: enabled = \"\" is neither true nor false (variable GEPA_META_ENABLED). Allowed true or false.",
    );
    variable(
        "GEPA_META_TOPOLOGY_MUTATON_RATE",
        "0.3",
        "config: unknown key GEPA_META_TOPOLOGY_MUTATON_RATE (variable); did you mean GEPA_META_TOPOLOGY_MUTATION_RATE?",
    );
    let both = [("GEPA_META_MODE", "balanced"), ("GEPA_META_OPTIMIZATION_MODE", "balanced")];
    let both = both.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(
        MetaOrchestratorConfig::from_env("GEPA_META", both).unwrap_err().to_string(),
        "config: variable GEPA_META_MODE and GEPA_META_OPTIMIZATION_MODE set the same field. Keep one"
    );
}

#[test]
fn switches_have_many_words_and_foreign_variables_are_left_alone() {
    for (word, value) in
        [("TRUE", true), ("1", true), ("Yes", true), ("oN", true), ("false", false), ("OFF", false)]
    {
        let set = [("P_ENABLED".to_owned(), word.to_owned()), ("P_HOME".to_owned(), "x".to_owned())];
        assert_eq!(MetaOrchestratorConfig::from_env("P", set).unwrap().enabled, value, "{word}");
    }
}

#[test]
fn what_is_given_twice_is_refused() {
    yaml(
        "rl: {gamma: 0.95}\nrl_config: {gamma: 0.96}",
        "config: rl.gamma is given twice (metaorch.yaml line 2). Keep one",
    );
}

#[test]
fn aggressive_needs_the_fallback_which_is_on_by_default() {
    assert!(MetaOrchestratorConfig::from_env("P", [("P_MODE".into(), "aggressive".into())]).is_ok());
    yaml(
        "enabled: true\noptimization_mode: aggressive\napproximation_fallback: false",
        "config: optimization_mode = aggressive (metaorch.yaml line 2) needs approximation_fallback = true. Set it, or choose another mode",
    );
    let config = MetaOrchestratorConfig {
        optimization_mode: super::OptimizationMode::Aggressive,
        approximation_fallback: false,
        ..Default::default()
    };
    assert!(config.validate().unwrap_err().to_string().contains("needs approximation_fallback"));
}

#[test]
fn settings_of_a_program_are_checked_as_well() {
    let mut config = MetaOrchestratorConfig { performance_threshold: f64::NAN, ..Default::default() };
    assert_eq!(
        config.validate().unwrap_err().to_string(),
        "config: performance_threshold = NaN or infinity is no number. Allowed 0.001 to 0.5."
    );
    config.performance_threshold = 0.05;
    config.rl_config.hidden_dims = vec![64, 2048];
    assert_eq!(
        config.validate().unwrap_err().to_string(),
        "config: rl.hidden_dims[1] = 2048 is above 1024. Allowed 32 to 1024."
    );
}

#[test]
fn a_file_that_is_not_there_or_not_readable_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let fault = MetaOrchestratorConfig::from_file(&folder.path().join("no.yaml")).unwrap_err().to_string();
    assert!(fault.starts_with("config: cannot read ") && fault.contains("no.yaml: "), "{fault}");
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "enabled = true\nprofile = \n").unwrap();
    let fault = MetaOrchestratorConfig::from_file(&broken).unwrap_err().to_string();
    assert!(fault.contains("broken.toml line 2, column "), "{fault}");
    let fault =
        MetaOrchestratorConfig::default().to_file(&folder.path().join("no/such.yaml"), None).unwrap_err();
    assert!(fault.to_string().starts_with("config: cannot write "), "{fault}");
}

#[test]
fn empty_files_say_nothing_and_broken_ones_are_named() {
    for (text, format) in [
        ("", Format::Yaml),
        ("# nothing\n", Format::Yaml),
        ("{}", Format::Json),
        ("", Format::Toml),
        ("rl:\n", Format::Yaml),
    ] {
        let resolved = RawConfig::default().text(text, format, "x").and_then(RawConfig::resolve).unwrap();
        assert_eq!(resolved.config, MetaOrchestratorConfig::default());
        assert!(!resolved.is_given());
    }
    for (text, format, line) in [
        ("enabled: true\nenabled: false\n", Format::Yaml, 2),
        ("rl: [\n", Format::Yaml, 2),
        ("{\"enabled\": true,\n", Format::Json, 2),
        ("enabled = true\nenabled = false\n", Format::Toml, 2),
        ("[rl\n", Format::Toml, 1),
    ] {
        let fault = RawConfig::default().text(text, format, "x").unwrap_err();
        let ConfigError::Text { line: found, .. } = &fault else { panic!("{fault}") };
        assert!((1..=line).contains(found), "{fault}");
        assert!(fault.to_string().contains("(x line "), "{fault}");
    }
}
