use super::field::Field;
use super::kind::Kind;

pub(super) const MODES: [&str; 5] = ["exploration", "exploitation", "balanced", "conservative", "aggressive"];
pub(super) const STRATEGIES: [&str; 4] = ["fixed", "dynamic", "adaptive", "priority"];
pub(super) const PROFILES: [&str; 6] =
    ["development", "production", "research", "conservative", "aggressive", "minimal"];
pub(super) const MUTATIONS: [&str; 5] =
    ["add_module", "remove_module", "reconnect", "control_flow", "parameter_mutation"];
pub(super) const ACQUISITIONS: [&str; 5] = [
    "expected_improvement",
    "probability_improvement",
    "upper_confidence_bound",
    "noisy_expected_improvement",
    "thompson_sampling",
];
pub(super) const KERNELS: [&str; 4] = ["matern52", "matern32", "rbf", "linear"];
pub(super) const DEPTHS: [&str; 2] = ["basic", "deep"];
pub(super) const ALLOCATIONS: [&str; 3] = ["adaptive", "fixed", "priority"];

const fn field(path: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { path, kind, about, short: None }
}

const fn switch(path: &'static str, about: &'static str) -> Field {
    field(path, Kind::Switch, about)
}

const fn count(path: &'static str, low: u64, high: u64, about: &'static str) -> Field {
    field(path, Kind::Count { low, high }, about)
}

const fn at_least(path: &'static str, low: u64, about: &'static str) -> Field {
    field(path, Kind::AtLeast { low }, about)
}

const fn real(path: &'static str, low: f64, high: f64, about: &'static str) -> Field {
    field(path, Kind::Real { low, high }, about)
}

const fn open_unit(path: &'static str, about: &'static str) -> Field {
    field(path, Kind::OpenUnit, about)
}

const fn choice(path: &'static str, names: &'static [&'static str], about: &'static str) -> Field {
    field(path, Kind::Choice(names), about)
}

const fn maybe(path: &'static str, names: &'static [&'static str], about: &'static str) -> Field {
    field(path, Kind::Maybe(names), about)
}

const fn set(path: &'static str, names: &'static [&'static str], about: &'static str) -> Field {
    field(path, Kind::Set(names), about)
}

const fn layers(path: &'static str, about: &'static str) -> Field {
    field(path, Kind::Layers, about)
}

const fn prefix(path: &'static str, about: &'static str) -> Field {
    field(path, Kind::Prefix, about)
}

const fn path(path: &'static str, about: &'static str) -> Field {
    field(path, Kind::Path, about)
}

impl Field {
    /// The same with a variable of its own name.
    const fn short(self, name: &'static str) -> Self {
        Self { short: Some(name), ..self }
    }
}

/// Every field.
pub(super) static FIELDS: [Field; 78] = [
    switch("enabled", "whether the pillars work together; else static GEPA runs").short("ENABLED"),
    choice("optimization_mode", &MODES, "what the search is after; decides the pillars' shares")
        .short("MODE"),
    choice("budget_allocation_strategy", &STRATEGIES, "how far spending may leave these shares")
        .short("BUDGET_STRATEGY"),
    real("performance_threshold", 0.001, 0.5, "gain that counts as an improvement")
        .short("PERFORMANCE_THRESHOLD"),
    count("max_optimization_rounds", 10, 1000, "rounds of the search").short("MAX_ROUNDS"),
    count("max_parallel_components", 1, 10, "components that work at the same time"),
    real("total_compute_budget", 10.0, 1000.0, "budget in passes over the validation examples")
        .short("COMPUTE_BUDGET"),
    switch("resource_prediction_enabled", "whether the cost of updates is predicted"),
    switch("approximation_fallback", "whether work is cut down when resources are short"),
    at_least("memory_limit_mb", 512, "megabytes the run may take").short("MEMORY_LIMIT"),
    switch("detailed_logging", "whether every decision is logged").short("DETAILED_LOGGING"),
    switch("performance_tracking", "whether the score is tracked over time"),
    switch("component_metrics", "whether what each component brought is measured"),
    switch("export_metrics", "whether metrics are written for other programs"),
    count("metrics_export_interval", 10, 3600, "seconds between two exports"),
    switch("auto_tuning_enabled", "whether settings follow what earlier runs showed"),
    switch("adaptive_timeout", "whether timeouts follow what answers take"),
    switch("checkpoint_enabled", "whether checkpoints are kept besides the log"),
    count("checkpoint_interval", 10, 1000, "rounds between two checkpoints"),
    path("config_file_path", "file to read where none is named"),
    prefix("environment_prefix", "beginning of the variables' names"),
    maybe("profile", &PROFILES, "settings that all others are laid over").short("PROFILE"),
    count("rl.state_dim", 1, 100, "numbers that describe a state"),
    count("rl.action_dim", 2, 20, "algorithms to choose among"),
    layers("rl.hidden_dims", "widths of the hidden layers"),
    open_unit("rl.learning_rate", "step size of learning"),
    count("rl.buffer_capacity", 1000, 100_000, "experiences kept"),
    count("rl.batch_size", 16, 512, "experiences a learning step"),
    real("rl.gamma", 0.9, 0.999, "discount of later rewards"),
    open_unit("rl.tau", "share of the target network replaced a step"),
    real("rl.exploration_noise", 0.0, 1.0, "noise on choices"),
    count("rl.warmup_steps", 100, 10_000, "decisions before learning begins"),
    count("rl.update_frequency", 1, 100, "decisions between learning steps"),
    switch("rl.prioritized_replay", "whether surprising experiences are replayed more often"),
    switch("rl.double_q_learning", "whether a second network judges the choice of the first"),
    switch("rl.dueling_network", "whether value and advantage have heads of their own"),
    real("topology.max_complexity_threshold", 1.0, 10.0, "complexity a system may reach"),
    count("topology.min_topology_budget", 5, 100, "budget below which structure is left alone"),
    real(
        "topology.min_improvement_threshold",
        0.01,
        0.5,
        "predicted gain below which structure is left alone",
    ),
    set("topology.mutation_types", &MUTATIONS, "kinds of change that are tried"),
    real("topology.complexity_penalty", 0.0, 1.0, "what a unit of complexity costs in score"),
    switch("topology.performance_prediction_enabled", "whether gains are predicted before anything is tried"),
    switch("topology.diversity_maintenance", "whether species protect new structures"),
    real("topology.elitism_rate", 0.0, 0.5, "share of the best kept as they are"),
    real("topology.mutation_rate", 0.1, 1.0, "probability that a child is mutated"),
    real("topology.crossover_rate", 0.0, 1.0, "probability that a child has two parents"),
    choice("hyperopt.acquisition_function", &ACQUISITIONS, "how points are ranked"),
    count("hyperopt.n_initial_points", 3, 20, "points drawn before the model decides"),
    count("hyperopt.n_suggestions", 1, 10, "points suggested at once"),
    switch("hyperopt.transfer_learning_enabled", "whether earlier searches help"),
    switch("hyperopt.multi_fidelity_enabled", "whether cheap evaluations come first"),
    count("hyperopt.max_similar_contexts", 5, 50, "earlier searches that may help"),
    real("hyperopt.similarity_threshold", 0.5, 0.95, "how alike an earlier search must be to help"),
    choice("hyperopt.gp_kernel", &KERNELS, "kernel of the model"),
    real("hyperopt.exploration_weight", 0.0, 1.0, "weight of the unknown against the promising"),
    open_unit("hyperopt.noise_level", "variance of the noise the model starts from"),
    switch("hyperopt.normalize_inputs", "whether inputs are brought to one scale"),
    switch("hyperopt.optimize_hyperparameters", "whether the model's own parameters are fitted"),
    switch("prompt.grammar_evolution_enabled", "whether the structure of prompts evolves"),
    switch("prompt.semantic_pattern_discovery", "whether patterns of good prompts are looked for"),
    switch("prompt.compositional_generation", "whether prompts are composed of parts"),
    choice("prompt.component_analysis_depth", &DEPTHS, "how deeply parts are analysed"),
    switch("prompt.linguistic_feature_extraction", "whether features of the wording are extracted"),
    real("prompt.discriminative_pattern_threshold", 0.3, 0.9, "how discriminative a pattern must be"),
    count("prompt.max_prompt_length", 100, 10_000, "characters a prompt may have"),
    count("prompt.min_component_frequency", 1, 10, "how often a part must occur to be analysed"),
    count("prompt.pattern_cache_size", 100, 10_000, "patterns kept"),
    real("prompt.evolution_temperature", 0.1, 2.0, "how adventurous evolution is"),
    switch("coordination.conflict_resolution_enabled", "whether conflicts among updates are resolved"),
    switch("coordination.async_execution", "whether independent updates run at once"),
    choice("coordination.resource_allocation_strategy", &ALLOCATIONS, "how resources are shared"),
    switch("coordination.priority_scheduling", "whether urgent updates go first"),
    switch("coordination.complexity_management", "whether work is cut down when resources are short"),
    switch("coordination.regularization_enabled", "whether what was learnt is regularised"),
    count("coordination.max_coordination_cycles", 10, 1000, "rounds of coordination in a run"),
    real("coordination.timeout_seconds", 1.0, 300.0, "seconds an update may take"),
    count("coordination.retry_attempts", 1, 10, "attempts at an update"),
    switch("coordination.deadlock_detection", "whether circles of waiting are looked for"),
];
