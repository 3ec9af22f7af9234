//! Compound systems: description, checks, execution, evaluation.
mod candidates;
mod evaluation;
mod flows;
mod forecast;
mod graphs;
mod invalid;
mod kinds;
mod properties;
mod settings;
mod tools;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ::evaluation::{Dataset, Example};
use inference::{Generate, LlmClient, Prompt, Score, ScriptedClient};
use meta_traits::Stream;
use orchestrator_core::system::{CompoundAISystem, Execution, Failure, SystemSpec};

/// The text a model was given.
pub(super) fn text(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Text(text) => text.clone(),
        Prompt::Chat(messages) => messages.iter().map(|m| m.content.as_str()).collect(),
    }
}

/// Writes the prompt in angle brackets; finds the label likeliest that the prompt holds, else the first.
pub(super) fn echo() -> ScriptedClient {
    ScriptedClient::answering(|r: &Generate| format!("<{}>", text(&r.prompt))).scoring(|r: &Score| {
        let prompt = text(&r.prompt);
        let score = |(i, c): (usize, &String)| {
            if prompt.contains(c.trim()) { -0.5 } else { -2.0 - i as f64 }
        };
        r.continuations.iter().enumerate().map(score).collect()
    })
}

/// Writes a digit drawn from the seed.
pub(super) fn dice() -> ScriptedClient {
    ScriptedClient::answering(|r: &Generate| (r.seed % 3).to_string())
}

/// Fails always.
pub(super) fn broken() -> ScriptedClient {
    ScriptedClient::rules([])
}

pub(super) fn models() -> BTreeMap<String, Arc<dyn LlmClient>> {
    let mut models: BTreeMap<String, Arc<dyn LlmClient>> = BTreeMap::new();
    models.insert("echo".into(), Arc::new(echo()));
    models.insert("dice".into(), Arc::new(dice()));
    models.insert("broken".into(), Arc::new(broken()));
    models
}

pub(super) fn data() -> Dataset {
    let rows = [
        ("the parcel is late", "delivery"),
        ("the card was charged twice", "billing"),
        ("the parcel is lost", "delivery"),
        ("cannot log in", "account"),
    ];
    let rows = rows.map(|(input, expected)| Example::new(input, expected)).to_vec();
    let val =
        vec![Example::new("a parcel for delivery", "delivery"), Example::new("billing question", "billing")];
    Dataset::from_examples(rows, Some(val), None).unwrap()
}

#[track_caller]
pub(super) fn system(yaml: &str) -> CompoundAISystem {
    system_in(Path::new("."), yaml)
}

#[track_caller]
pub(super) fn system_in(folder: &Path, yaml: &str) -> CompoundAISystem {
    let spec = SystemSpec::from_yaml(yaml).unwrap_or_else(|e| panic!("{e}"));
    CompoundAISystem::new(spec, folder, models(), &data()).unwrap_or_else(|e| panic!("{e}"))
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs with the system's own prompts, traced.
pub(super) fn run(
    system: &CompoundAISystem,
    input: impl Into<serde_json::Value>,
) -> Result<Execution, Box<Failure>> {
    block_on(system.run(&system.components(), &input.into(), &Stream::root(1), true))
}

#[track_caller]
pub(super) fn output(yaml: &str, input: impl Into<serde_json::Value>) -> String {
    run(&system(yaml), input).unwrap_or_else(|f| panic!("{f}")).output
}

pub(super) fn ran(execution: &Execution) -> Vec<&str> {
    execution.trace.iter().map(|t| t.module.as_str()).collect()
}
