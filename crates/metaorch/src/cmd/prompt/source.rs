//! Where prompts and their scores come from.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use coordination::journal::{Journal, MemoryStorage};
use meta_traits::{ExampleId, Split};
use orchestrator_core::run::{Phase, Record, RunError, read_draws};
use orchestrator_core::store::RunDirectory;
use prompt_grammar::worth::ScoredPrompt;

use super::Fault;

/// Prompts with scores.
pub(super) struct Scored {
    pub(super) prompts: Vec<ScoredPrompt>,
    /// Whether equal examples of different prompts are the same, so that prompts can be compared on them.
    pub(super) shared: bool,
}

fn bytes(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(path).map(|all| bytes = all)
    };
    read.map(|()| bytes).map_err(|e| Fault::File(format!("{}: {e}", path.display())))
}

/// A text file.
pub(super) fn text(path: &Path) -> Result<String, Fault> {
    String::from_utf8(bytes(path)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Fault::File(format!("{}: byte {at} is no UTF-8; prompts must be UTF-8 text", path.display()))
    })
}

/// The prompts of a run or a file.
pub(super) fn scored(path: &Path, component: Option<&str>) -> Result<Scored, Fault> {
    if path.is_dir() {
        return of_run(path, component);
    }
    let text = text(path)?;
    let rows = if path.extension().is_some_and(|e| e == "jsonl" || e == "json") {
        of_lines(path, &text)?
    } else {
        of_csv(path, &text)?
    };
    let shared = rows.iter().all(|row| row.example.is_some());
    let mut examples: BTreeMap<String, u64> = BTreeMap::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut prompts: Vec<ScoredPrompt> = Vec::new();
    for row in rows {
        let place = *places.entry(row.prompt.clone()).or_insert(prompts.len());
        if place == prompts.len() {
            prompts.push(ScoredPrompt { text: row.prompt, scores: Vec::new() });
        }
        let next = examples.len() as u64;
        let example = match row.example {
            Some(name) if shared => *examples.entry(name).or_insert(next),
            _ => prompts[place].scores.len() as u64,
        };
        prompts[place].scores.push((example, row.score));
    }
    Ok(Scored { prompts, shared })
}

struct Row {
    prompt: String,
    example: Option<String>,
    score: f64,
}

/// A line that is no row.
fn fault(path: &Path, line: u64, what: &str) -> Fault {
    Fault::File(format!("{}: line {line}: {what}", path.display()))
}

fn of_csv(path: &Path, text: &str) -> Result<Vec<Row>, Fault> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|e| fault(path, 1, &e.to_string()))?.clone();
    let place = |name: &str| heads.iter().position(|h| h.trim() == name);
    let (Some(prompt), Some(score)) = (place("prompt"), place("score")) else {
        let found: Vec<&str> = heads.iter().collect();
        let what = format!(
            "the columns are [{}]; needed: prompt, score, and example if there is one",
            found.join(", ")
        );
        return Err(fault(path, 1, &what.replace('\n', " ")));
    };
    let example = place("example");
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| {
            let line = e.position().map_or(0, csv::Position::line);
            fault(path, line, "is no row of the table; quote texts that hold commas, quotes or line ends")
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |at: usize| record.get(at).unwrap_or_default();
        let number = field(score).trim().parse().ok().filter(|s: &f64| (0.0..=1.0).contains(s));
        let Some(number) = number else {
            return Err(fault(path, line, &format!("score = {}; allowed: 0 to 1", field(score))));
        };
        let example = example.map(|at| field(at).to_string());
        rows.push(Row { prompt: field(prompt).to_string(), example, score: number });
    }
    Ok(rows)
}

fn of_lines(path: &Path, text: &str) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    for (line, content) in (1..).zip(text.lines()).filter(|(_, content)| !content.trim().is_empty()) {
        let value: serde_json::Value = serde_json::from_str(content)
            .map_err(|e| fault(path, line, &format!("is no JSON object: {e}")))?;
        let Some(prompt) = value["prompt"].as_str() else {
            return Err(fault(path, line, "has no text under 'prompt'"));
        };
        let Some(score) = value["score"].as_f64().filter(|s| (0.0..=1.0).contains(s)) else {
            return Err(fault(path, line, &format!("score = {}; allowed: 0 to 1", value["score"])));
        };
        let example = match &value["example"] {
            serde_json::Value::Null => None,
            serde_json::Value::String(name) => Some(name.clone()),
            other => Some(other.to_string()),
        };
        rows.push(Row { prompt: prompt.into(), example, score });
    }
    Ok(rows)
}

/// A trial under way: its text, its examples, and how many are back. None in reports: the test split is not for this.
type Trial = Option<(usize, Vec<ExampleId>, usize)>;

fn of_run(path: &Path, component: Option<&str>) -> Result<Scored, Fault> {
    RunDirectory::config(path)?;
    let events = path.join("events.jsonl");
    let source = |source| RunError::Io { path: events.display().to_string(), source };
    let bytes = std::fs::read(&events).map_err(source)?;
    let (_, recovered) = Journal::open(MemoryStorage::of(bytes)).map_err(RunError::from)?;
    let mut prompts: Vec<ScoredPrompt> = Vec::new();
    let mut trials: BTreeMap<u64, Trial> = BTreeMap::new();
    for text in &recovered.records {
        let record: Record = serde_json::from_str(text)
            .map_err(|e| RunError::Log { message: format!("a record is unreadable: {e}") })?;
        match record {
            Record::Candidate { components, .. } => {
                let names: Vec<&str> = components.names().collect();
                let name = match (component, &names[..]) {
                    (Some(name), _) if names.contains(&name) => name,
                    (None, [only]) => only,
                    (wanted, _) => {
                        let wanted = wanted.map_or("the system has several components".into(), |w| {
                            format!("there is no component '{w}'")
                        });
                        let all = names.join(", ");
                        return Err(Fault::File(format!(
                            "{}: {wanted}; give --component: {all}",
                            path.display()
                        )));
                    }
                };
                let text = components.get(name).unwrap_or_default().to_string();
                prompts.push(ScoredPrompt { text, scores: Vec::new() });
            }
            Record::Trial { trial, phase, candidate, on } => {
                let examples = read_draws(&on)?;
                let searched = phase == Phase::Search;
                trials.insert(trial, searched.then_some((candidate as usize, examples, 0)));
            }
            Record::Scored { trial, scores, .. } => {
                if let Some(Some((candidate, examples, done))) = trials.get_mut(&trial)
                    && let Some(prompt) = prompts.get_mut(*candidate)
                {
                    let examples = examples.iter().skip(*done).map(|e| number(*e));
                    let sound = scores.iter().map(|s| f64::from(*s).clamp(0.0, 1.0));
                    prompt.scores.extend(examples.zip(sound));
                    *done += scores.len();
                }
            }
            Record::Failed { trial, draws, .. } => {
                if let Some(Some((_, _, done))) = trials.get_mut(&trial) {
                    *done += draws as usize;
                }
            }
            _ => {}
        }
    }
    Ok(Scored { prompts, shared: true })
}

fn number(example: ExampleId) -> u64 {
    let split = match example.split {
        Split::Train => 0,
        Split::Val => 1,
        _ => 2,
    };
    split << 32 | u64::from(example.index)
}
