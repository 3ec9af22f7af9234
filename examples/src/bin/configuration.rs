//! Settings of the whole orchestrator: profiles, own values, environment, files, and where each value came from.
//!
//! ```text
//! cargo run -p metaorch-examples --bin configuration
//! ```

use std::error::Error;

use orchestrator_core::config::meta::{
    BudgetAllocationStrategy, ConfigProfiles, Format, MetaOrchestratorConfig, OptimizationMode, RawConfig,
};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    println!("profile       mode          rounds  compute  rl/topology/hyperopt/prompt");
    for name in ConfigProfiles::names() {
        let config = ConfigProfiles::get_profile(name)?;
        let shares = <[f64; 4]>::from(config.optimization_mode.shares()).map(|s| format!("{:.0}", 100.0 * s));
        let (mode, rounds) = (config.optimization_mode.name(), config.max_optimization_rounds);
        println!("{name:12}  {mode:12}  {rounds:6}  {:7}  {}", config.total_compute_budget, shares.join("/"));
    }

    let own = MetaOrchestratorConfig {
        enabled: true,
        optimization_mode: OptimizationMode::Balanced,
        budget_allocation_strategy: BudgetAllocationStrategy::Adaptive,
        max_optimization_rounds: 100,
        total_compute_budget: 200.0,
        auto_tuning_enabled: true,
        checkpoint_enabled: true,
        export_metrics: true,
        max_parallel_components: 4,
        memory_limit_mb: Some(1024),
        approximation_fallback: true,
        ..Default::default()
    };
    let own = own.update_from_dict(&json!({"topology": {"mutation_rate": 0.4}}))?;
    let text = own.to_text(Format::Yaml)?;
    println!("\nA file of own settings begins:\n{}", text.lines().take(4).collect::<Vec<_>>().join("\n"));

    // A program passes `std::env::vars()` here.
    let environment = [("GEPA_META_PROFILE", "research"), ("GEPA_META_MAX_ROUNDS", "150")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let layers = RawConfig::default().text(&text, Format::Yaml, "own.yaml")?.environment(environment);
    let resolved = layers.set("rl.gamma", "0.95")?.resolve()?;
    println!("\nWhere values came from:");
    for path in ["optimization_mode", "max_optimization_rounds", "profile", "rl.gamma"] {
        let (_, value, origin) = resolved.rows().find(|(field, ..)| field.path() == path).ok_or(path)?;
        println!("{path:24} {value:14} {origin}");
    }

    let fault = RawConfig::default().set("topology.mutation_rate", "1.4")?.resolve().unwrap_err();
    println!("\n{fault}");
    Ok(())
}
