use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use orchestrator_core::config::{RunConfig, from_text};
use serde::Deserialize;
use serde_json::{Value, json};

/// Most different answers that count as labels.
const LABELS: usize = 40;

/// What searches, and what it may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arm {
    /// Prompts, settings and flows together.
    Metaorch,
    /// Static GEPA on the prompt.
    StaticGepa,
    /// The joint search on the prompt.
    #[value(name = "ablation:only-prompt")]
    OnlyPrompt,
    /// Prompt and settings, one flow.
    #[value(name = "ablation:no-topology")]
    NoTopology,
    /// Prompts and flows, settings as they are.
    #[value(name = "ablation:no-hyperopt")]
    NoHyperOpt,
}

impl Arm {
    /// The name used on command lines.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn settings(self) -> bool {
        matches!(self, Self::Metaorch | Self::NoTopology)
    }

    fn flows(self) -> bool {
        matches!(self, Self::Metaorch | Self::NoHyperOpt)
    }
}

/// A folder with `train.jsonl`, `val.jsonl` and `test.jsonl`, rows of `{"input", "expected", "meta"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The task's name: `meta.task` of the first row, or the folder's name.
    pub name: String,
    folder: PathBuf,
    metric: String,
    labels: Vec<String>,
}

#[derive(Deserialize)]
struct Example {
    expected: String,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    task: Option<String>,
    metric: Option<String>,
}

impl Task {
    /// The tasks below `folder`: the folder itself, or those of its folders that hold examples and whose names are in
    /// `chosen`; all of them when that is empty.
    ///
    /// # Errors
    /// When there is none, or a task cannot be read.
    pub fn find(folder: &Path, chosen: &[String]) -> anyhow::Result<Vec<Self>> {
        if is_task(folder) {
            return Ok(vec![Self::read(folder)?]);
        }
        let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut folders: Vec<PathBuf> =
            entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| is_task(p)).collect();
        folders.sort();
        let named = |path: &PathBuf| {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            chosen.is_empty() || chosen.contains(&name)
        };
        let tasks =
            folders.iter().filter(|p| named(p)).map(|p| Self::read(p)).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!tasks.is_empty(), "{} holds no chosen task", folder.display());
        Ok(tasks)
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("train.jsonl");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let rows: Vec<Example> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| serde_json::from_str(line).with_context(|| format!("{}: no example", file.display())))
            .collect::<anyhow::Result<_>>()?;
        let Some(first) = rows.first() else { bail!("{} is empty", file.display()) };
        let folder = fs::canonicalize(folder)?;
        let own = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let answers: BTreeSet<&str> = rows.iter().map(|r| r.expected.as_str()).collect();
        let metric = first.meta.metric.clone().unwrap_or_else(|| "label".to_owned());
        let labels = if metric == "label" || metric == "yesno" {
            ensure!(answers.len() <= LABELS, "{own} has more than {LABELS} labels");
            answers.into_iter().map(str::to_owned).collect()
        } else {
            Vec::new()
        };
        Ok(Self { name: first.meta.task.clone().unwrap_or(own), folder, metric, labels })
    }

    /// The run of an arm: every arm starts from the same plain system, and what it may change besides the prompt is in
    /// `system`.
    ///
    /// # Errors
    /// When `model` does not make a valid description.
    pub fn config(&self, arm: Arm, model: &str, calls: u64, seed: u64) -> anyhow::Result<RunConfig> {
        let gepa = arm == Arm::StaticGepa;
        let config = json!({
            "name": self.name,
            "seed": seed,
            // A few inputs of some tasks stand in two splits; they do so for every arm.
            "data": {
                "train": self.split("train"), "val": self.split("val"), "test": self.split("test"),
                "allow_leakage": true,
            },
            "metric": self.metric,
            "models": {"task": served(model)},
            "system": self.system(arm),
            "optimizer": {
                "algorithm": if gepa { "reflective_mutation" } else { "joint" },
                "proposer": "structural",
                // GEPA validates what it keeps on all of these: with fewer it goes further within a small budget.
                "val_examples": if gepa { json!(60) } else { Value::Null },
            },
            "budget": {"calls": calls},
        });
        Ok(from_text(&config.to_string(), "the description of a task")?)
    }

    fn split(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.jsonl"))
    }

    fn system(&self, arm: Arm) -> Value {
        let (question, answer) = if self.labels.is_empty() { ("Task", "Answer") } else { ("Text", "Label") };
        let module = |shown: &str| {
            let mut module = json!({
                "kind": "llm",
                "model": "task",
                "prompt": format!("{shown}{question}: {{{{ input }}}}\n{answer}:"),
            });
            if self.labels.is_empty() {
                module["max_tokens"] = json!(160);
            } else {
                module["labels"] = json!(self.labels);
            }
            module
        };
        let mut modules = json!({"answer": module("")});
        let mut search = json!({});
        if arm.flows() {
            modules["shown"] = module("{{ similar }}\n\n");
            modules["similar"] = json!({
                "kind": "retrieve", "corpus": "train", "k": 4, "query": "{{ input }}", "between": "\n\n",
                "each": format!("{question}: {{{{ input }}}}\n{answer}: {{{{ expected }}}}"),
            });
        }
        if arm.settings() {
            let llm = if arm.flows() { &["answer", "shown"][..] } else { &["answer"] };
            for name in llm {
                search[format!("{name}.format")] = json!(["text", "chat"]);
                if !self.labels.is_empty() {
                    search[format!("{name}.calibrate")] = json!([false, true]);
                }
            }
            if arm.flows() {
                search["similar.k"] = json!([2, 4, 8]);
            }
        }
        let mut system = json!({"modules": modules, "search": search});
        if arm.flows() {
            system["flows"] = json!({"alone": ["answer"], "shown": ["similar", "shown"]});
        } else {
            system["flow"] = json!(["answer"]);
        }
        system
    }
}

fn is_task(folder: &Path) -> bool {
    ["train", "val", "test"].iter().all(|split| folder.join(format!("{split}.jsonl")).is_file())
}

/// A GGUF file or known name is run in this process; an address is a llama.cpp server's.
fn served(model: &str) -> Value {
    if model.starts_with("http://") || model.starts_with("https://") {
        json!({"provider": "llamacpp", "model": "default", "base_url": model, "allow_private": true})
    } else {
        json!({"provider": "embedded", "model": model, "auto_download": true, "threads": 1})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(rows: &str) -> (tempfile::TempDir, Task) {
        let folder = tempfile::tempdir().unwrap();
        for split in ["train", "val", "test"] {
            fs::write(folder.path().join(format!("{split}.jsonl")), rows).unwrap();
        }
        let task = Task::find(folder.path(), &[]).unwrap().remove(0);
        (folder, task)
    }

    #[test]
    fn every_arm_starts_from_the_same_prompt() {
        let rows = "{\"input\": \"a\", \"expected\": \"x\"}\n{\"input\": \"b\", \"expected\": \"y\"}\n";
        let (_folder, task) = task(rows);
        for arm in Arm::value_variants() {
            let config = task.config(*arm, "smollm2-135m-instruct", 100, 3).unwrap();
            let system = config.system.unwrap();
            assert!(system.validate(&["task"]).is_ok(), "{arm:?}");
            assert_eq!(system.modules["answer"].component(), Some("Text: {{ input }}\nLabel:"));
            assert_eq!(system.settings().is_empty(), !(arm.settings() || arm.flows()), "{arm:?}");
            assert_eq!((config.seed, config.budget.calls), (3, Some(100)));
        }
    }

    #[test]
    fn tasks_without_labels_write_text() {
        let rows =
            "{\"input\": \"a\", \"expected\": \"1\", \"meta\": {\"task\": \"t\", \"metric\": \"number\"}}\n";
        let (_folder, task) = task(rows);
        assert_eq!(task.name, "t");
        let config = task.config(Arm::Metaorch, "http://127.0.0.1:8080", 100, 0).unwrap();
        assert!(config.system.unwrap().validate(&["task"]).is_ok());
    }

    #[test]
    fn a_folder_without_tasks_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Task::find(folder.path(), &[]).unwrap_err().to_string().contains("no chosen task"));
    }
}
