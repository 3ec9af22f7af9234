//! The practices and remedies that the guide advises, each as a user would write it.

use serde_json::json;

use super::{
    BudgetAllocationStrategy, ConfigProfiles, Format, MetaOrchestratorConfig, OptimizationMode, Profile,
    RawConfig,
};
use bayes_hyperopt::{Acquisition, HyperOptConfig};
use coordination::CoordinationConfig;
use meta_traits::{Classify as _, ErrorKind};
use prompt_grammar::PromptConfig;
use rl_selector::RLConfig;
use topology_neat::TopologyConfig;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

#[test]
fn practice_1_each_use_has_a_profile() {
    for (use_case, mode) in [
        ("development", OptimizationMode::Balanced),
        ("production", OptimizationMode::Exploitation),
        ("research", OptimizationMode::Exploration),
        ("conservative", OptimizationMode::Conservative),
        ("aggressive", OptimizationMode::Aggressive),
    ] {
        let config = ConfigProfiles::get_profile(use_case).unwrap();
        assert!(config.enabled);
        assert_eq!(config.optimization_mode, mode);
    }
}

#[test]
fn practice_2_resources_are_limited() {
    let config = MetaOrchestratorConfig {
        total_compute_budget: 200.0,
        memory_limit_mb: Some(1024),
        max_parallel_components: 4,
        approximation_fallback: true,
        ..Default::default()
    };
    config.validate().unwrap();
    let text = config.to_text(Format::Yaml).unwrap();
    assert!(text.contains("memory_limit_mb: 1024\n"), "{text}");
}

#[test]
fn practice_3_monitoring_is_switched_on() {
    let config = MetaOrchestratorConfig {
        detailed_logging: true,
        performance_tracking: true,
        component_metrics: true,
        export_metrics: true,
        metrics_export_interval: 60,
        ..Default::default()
    };
    config.validate().unwrap();
    assert_ne!(config, MetaOrchestratorConfig::default());
}

#[test]
fn practice_4_production_is_set_up_by_the_environment() {
    let variables = environment(&[
        ("GEPA_META_ENABLED", "true"),
        ("GEPA_META_PROFILE", "production"),
        ("GEPA_META_COMPUTE_BUDGET", "500.0"),
        ("GEPA_META_MEMORY_LIMIT", "2048"),
    ]);
    let config = MetaOrchestratorConfig::from_env("GEPA_META", variables).unwrap();
    let production = ConfigProfiles::get_profile("production").unwrap();
    let expected =
        MetaOrchestratorConfig { total_compute_budget: 500.0, memory_limit_mb: Some(2048), ..production };
    assert_eq!(config, expected);
}

#[test]
fn practice_5_a_fault_is_a_typed_error_to_recover_from() {
    let base = ConfigProfiles::get_profile("development").unwrap();
    let fault = base.update_from_dict(&json!({"total_compute_budget": 5000})).unwrap_err();
    assert_eq!(fault.kind(), ErrorKind::Config);
    let recovered = base.update_from_dict(&json!({"total_compute_budget": 1000})).unwrap();
    assert!((recovered.total_compute_budget - 1000.0).abs() < f64::EPSILON);
}

#[test]
fn remedy_1_less_memory() {
    let config = MetaOrchestratorConfig {
        memory_limit_mb: Some(512),
        max_parallel_components: 2,
        approximation_fallback: true,
        ..Default::default()
    };
    config.validate().unwrap();
    let less = config.update_from_dict(&json!({"memory_limit_mb": 511})).unwrap_err().to_string();
    assert_eq!(less, "config: memory_limit_mb = 511 is below 512. Allowed 512 and more, or none.");
}

#[test]
fn remedy_2_a_smaller_budget_after_construction() {
    let mut config = ConfigProfiles::get_profile("conservative").unwrap();
    config.total_compute_budget = 50.0;
    config.validate().unwrap();
    assert_eq!(config.max_parallel_components, 2);
}

#[test]
fn remedy_3_a_profile_and_what_differs_from_it() {
    let profile = ConfigProfiles::get_profile("development").unwrap();
    let config = profile.update_from_dict(&json!({"max_optimization_rounds": 100})).unwrap();
    assert_eq!(config, MetaOrchestratorConfig { max_optimization_rounds: 100, ..profile.clone() });
    // What stands beside a nested setting stays.
    let nested = ConfigProfiles::get_profile("research").unwrap();
    let nested = nested.update_from_dict(&json!({"topology_config": {"elitism_rate": 0.2}})).unwrap();
    let topology = (nested.topology_config.elitism_rate, nested.topology_config.mutation_rate);
    assert_eq!(topology, (0.2, 0.4));
    let switched = profile.update_from_dict(&json!({"profile": "minimal", "enabled": false})).unwrap();
    assert_eq!((switched.profile, switched.enabled), (Some(Profile::Minimal), false));
    assert_eq!((switched.max_optimization_rounds, switched.checkpoint_enabled), (10, true));
}

#[test]
fn remedy_4_patience_with_components() {
    let config = MetaOrchestratorConfig {
        coordination_config: CoordinationConfig {
            timeout_seconds: 60.0,
            retry_attempts: 3,
            deadlock_detection: true,
            ..Default::default()
        },
        ..Default::default()
    };
    config.validate().unwrap();
    assert!(config.to_text(Format::Toml).unwrap().contains("[coordination]\n"));
}

#[test]
fn custom_settings_with_the_mode_named_and_the_fallback_not() {
    let config = MetaOrchestratorConfig {
        enabled: true,
        optimization_mode: OptimizationMode::Aggressive,
        budget_allocation_strategy: BudgetAllocationStrategy::Adaptive,
        rl_config: RLConfig {
            hidden_dims: vec![512, 512, 256],
            learning_rate: 1e-4,
            buffer_capacity: 50_000,
            ..Default::default()
        },
        topology_config: TopologyConfig {
            max_complexity_threshold: 5.0,
            mutation_rate: 0.4,
            crossover_rate: 0.8,
            ..Default::default()
        },
        hyperopt_config: HyperOptConfig {
            acquisition_function: Acquisition::UpperConfidenceBound,
            n_initial_points: 10,
            ..Default::default()
        },
        prompt_config: PromptConfig { evolution_temperature: 0.8, ..Default::default() },
        ..Default::default()
    };
    config.validate().unwrap();
}

#[test]
fn an_environment_of_another_prefix_and_a_file_named_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "profile = \"minimal\"\n[rl]\ngamma = 0.9\n").unwrap();
    let path = file.to_str().unwrap();
    let variables = environment(&[
        ("GEPA_META_ENVIRONMENT_PREFIX", "MINE"),
        ("GEPA_META_MODE", "exploration"),
        ("MINE_CONFIG_FILE_PATH", path),
        ("MINE_MODE", "Conservative"),
    ]);
    let resolved = RawConfig::default().environment(variables).resolve().unwrap();
    let config = &resolved.config;
    assert_eq!((config.environment_prefix.as_str(), config.profile), ("MINE", Some(Profile::Minimal)));
    assert_eq!((config.optimization_mode, config.rl_config.gamma), (OptimizationMode::Conservative, 0.9));
    let origins =
        ["environment_prefix", "optimization_mode", "profile", "rl.gamma", "max_optimization_rounds"];
    let origins = origins.map(|path| resolved.origin(path).unwrap().to_string());
    assert_eq!(origins[..2], ["variable GEPA_META_ENVIRONMENT_PREFIX", "variable MINE_MODE"]);
    assert_eq!(origins[2..], [format!("{path} line 1"), format!("{path} line 3"), "profile minimal".into()]);
}

#[test]
fn the_file_of_a_run_has_a_section_under_environment_and_flags() {
    use crate::config::RunConfig;
    let text =
        "simulated: {}\nbudget: {calls: 10}\nmeta:\n  profile: research\n  topology: {mutation_rate: 0.2}\n";
    let plain = RunConfig::from_text(text, "run.yaml").unwrap().meta.unwrap();
    assert_eq!((plain.max_optimization_rounds, plain.topology_config.mutation_rate), (500, 0.2));
    assert!((plain.topology_config.crossover_rate - 0.6).abs() < 1e-12);
    let layers = || {
        let environment = environment(&[("GEPA_META_MAX_ROUNDS", "70"), ("GEPA_META_RL_GAMMA", "0.95")]);
        RawConfig::default().environment(environment).set("max_optimization_rounds", "80").unwrap()
    };
    let over = RunConfig::from_text_under(text, "run.yaml", layers()).unwrap();
    let meta = over.meta.as_ref().unwrap();
    assert_eq!((meta.max_optimization_rounds, meta.rl_config.gamma), (80, 0.95));
    // What a run's directory keeps reads back as it was.
    let kept = serde_saphyr::to_string(&over).unwrap();
    let back: RunConfig = crate::config::from_text(&kept, "kept").unwrap();
    assert_eq!(back.meta, over.meta);
    let bare = "simulated: {}\nbudget: {calls: 10}\n";
    assert_eq!(RunConfig::from_text(bare, "run.yaml").unwrap().meta, None);
    assert!(RunConfig::from_text_under(bare, "run.yaml", layers()).unwrap().meta.is_some());
    let fault = RunConfig::from_text(&text.replace("0.2", "1.4"), "run.yaml").unwrap_err().to_string();
    assert_eq!(
        fault,
        "config: topology.mutation_rate = 1.4 is above 1.0 (run.yaml line 5). Allowed 0.1 to 1.0."
    );
}
