//! Trials of an Optuna study, as it exports them, as experience for another search.

use std::collections::BTreeMap;
use std::path::Path;

use bayes_hyperopt::transfer::Experience;
use bayes_hyperopt::{Configuration, Domain, SearchSpace, Value as Setting};
use orchestrator_core::config::ConfigError;
use serde_json::Value;

/// Trials below which an earlier study says nothing.
const LEAST: usize = 3;
/// What `trials_dataframe()` writes before the names of parameters.
const PREFIX: &str = "params_";

/// One trial: its columns by name; absent ones are null.
type Row = BTreeMap<String, Value>;

/// Reads a table of trials: CSV of `study.trials_dataframe().to_csv()`, or JSON of `.to_json()` in either orientation, or a
/// list of trials with `params`, `value` and `state`.
///
/// Complete trials with a finite value whose parameters lie in `space` are taken; further parameters are passed over.
///
/// # Errors
/// When the file is no such table, or holds fewer than three trials that can be used.
pub(crate) fn read(path: &Path, space: &SearchSpace, maximize: bool) -> Result<Experience, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let file = path.display();
    let fault = |what: String| ConfigError::Inconsistent { message: format!("import: {file}: {what}") };
    let json = text.trim_start().starts_with(['[', '{']);
    let rows = if json { json_rows(&text) } else { csv_rows(&text) }.map_err(fault)?;
    let complete: Vec<&Row> = rows.iter().filter(|row| is_complete(row)).collect();
    let sign = if maximize { -1.0 } else { 1.0 };
    let usable = complete.iter().filter_map(|row| Some((point(row, space)?, sign * value(row)?)));
    let points: Vec<(Configuration, f64)> = usable.collect();
    if points.len() < LEAST {
        let message = format!(
            "{} of {} complete trials have a value and parameters of the space. Allowed: {LEAST} or more; \
             compare its columns {PREFIX}* with the space",
            points.len(),
            complete.len()
        );
        return Err(fault(message));
    }
    Ok(Experience { name: file.to_string(), points, ..Experience::default() })
}

fn csv_rows(text: &str) -> Result<Vec<Row>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    if !names.iter().any(|n| n == "value" || n == "values_0") {
        return Err("there is no column value. Export it with study.trials_dataframe().to_csv()".into());
    }
    let cell = |text: &str| if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) };
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(|e| e.to_string())?;
        Ok(names.iter().map(str::to_owned).zip(record.iter().map(cell)).collect())
    };
    reader.records().map(row).collect()
}

fn json_rows(text: &str) -> Result<Vec<Row>, String> {
    let table: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let wrong = || "it is no table of trials. Export it with study.trials_dataframe().to_json()".to_owned();
    match table {
        Value::Array(rows) => rows.into_iter().map(|row| flat(row).ok_or_else(wrong)).collect(),
        Value::Object(columns) => {
            let mut rows: BTreeMap<u64, Row> = BTreeMap::new();
            for (name, column) in columns {
                for (index, cell) in column.as_object().ok_or_else(wrong)? {
                    let index = index.parse().map_err(|_| wrong())?;
                    rows.entry(index).or_default().insert(name.clone(), cell.clone());
                }
            }
            Ok(rows.into_values().collect())
        }
        _ => Err(wrong()),
    }
}

/// A trial with its `params` among the columns.
fn flat(row: Value) -> Option<Row> {
    let Value::Object(row) = row else { return None };
    let mut row: Row = row.into_iter().collect();
    if let Some(Value::Object(parameters)) = row.remove("params") {
        row.extend(parameters.into_iter().map(|(name, value)| (format!("{PREFIX}{name}"), value)));
    }
    Some(row)
}

/// Whether a trial ran to its end; one that does not say counts as such.
fn is_complete(row: &Row) -> bool {
    let state = row.get("state").and_then(Value::as_str).unwrap_or("COMPLETE");
    state.rsplit('.').next() == Some("COMPLETE")
}

fn value(row: &Row) -> Option<f64> {
    let values = || row.get("values")?.get(0);
    let cell = row.get("value").or_else(|| row.get("values_0")).or_else(values)?;
    number(cell).filter(|value| value.is_finite())
}

fn number(cell: &Value) -> Option<f64> {
    cell.as_f64().or_else(|| cell.as_str()?.trim().parse().ok())
}

/// The point of a trial; `None` where it is not of the space.
fn point(row: &Row, space: &SearchSpace) -> Option<Configuration> {
    let given = |name: &str| row.get(&format!("{PREFIX}{name}")).filter(|cell| !cell.is_null());
    let mut settings: Vec<(String, Setting)> = Vec::new();
    for parameter in space.parameters() {
        // A parameter whose parent has another value is left out, whatever the table says of it.
        let active = parameter.when.as_ref().is_none_or(|when| {
            settings.iter().any(|(name, value)| *name == when.parameter && when.is.contains(value))
        });
        if active {
            settings.push((parameter.name.clone(), setting(given(&parameter.name)?, &parameter.domain)?));
        }
    }
    let point: Configuration = settings.into_iter().collect();
    space.encode(&point).map(|_| point)
}

/// A cell as a value of the domain. Tables write 3 as 3.0 and true as True.
fn setting(cell: &Value, domain: &Domain) -> Option<Setting> {
    match domain {
        Domain::Float { .. } | Domain::Log { .. } => number(cell).map(Setting::Float),
        Domain::Int { .. } | Domain::LogInt { .. } => {
            number(cell).filter(|x| x.fract() == 0.0 && x.abs() < 1e15).map(|x| Setting::Int(x as i64))
        }
        Domain::Ordinal { levels: choices } | Domain::Categorical { choices } => {
            let text = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
            let same = |choice: &&Setting| {
                let numbers = choice.as_f64().zip(number(cell));
                numbers.is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
                    || choice.to_string() == text
                    || matches!(choice, Setting::Bool(b) if b.to_string() == text.to_lowercase())
            };
            choices.iter().find(same).cloned()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> SearchSpace {
        let text = r#"{"parameters": [
            {"name": "lr", "type": "log", "low": 1e-4, "high": 1},
            {"name": "n", "type": "int", "low": 1, "high": 5},
            {"name": "on", "type": "categorical", "choices": [true, false]},
            {"name": "depth", "type": "int", "low": 1, "high": 9, "when": {"parameter": "on", "is": [true]}}]}"#;
        serde_json::from_str(text).unwrap()
    }

    const CSV: &str = ",number,value,duration,params_depth,params_lr,params_n,params_on,state
0,0,0.5,0 days 00:00:01,3.0,0.1,2,True,COMPLETE
1,1,0.25,0 days 00:00:01,,0.01,5.0,False,COMPLETE
2,2,,0 days 00:00:01,2.0,0.01,5,True,FAIL
3,3,1.5,0 days 00:00:01,4.0,0.02,3,True,COMPLETE
4,4,1.0,0 days 00:00:01,1.0,7.5,3,True,COMPLETE
5,5,inf,0 days 00:00:01,1.0,0.5,3,True,COMPLETE
";

    fn imported(text: &str, maximize: bool) -> Result<Experience, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path(), &space(), maximize).map_err(|e| e.to_string())
    }

    #[test]
    fn complete_trials_of_the_space_are_taken() {
        let experience = imported(CSV, false).unwrap();
        let losses: Vec<f64> = experience.points.iter().map(|(_, loss)| *loss).collect();
        assert_eq!(losses, [0.5, 0.25, 1.5]);
        assert_eq!(experience.points[0].0.get("depth"), Some(&Setting::Int(3)));
        assert_eq!(experience.points[1].0.get("depth"), None);
        assert!(imported(CSV, true).unwrap().points[0].1 < 0.0);
    }

    #[test]
    fn json_in_any_orientation() {
        let columns = r#"{"value": {"0": 1, "1": 2, "2": 3}, "params_lr": {"0": 0.1, "1": 0.2, "2": 0.3},
            "params_n": {"0": 1, "1": 2, "2": 3}, "params_on": {"0": false, "1": false, "2": false}}"#;
        let trial = |v: u8| {
            format!(
                r#"{{"values": [{v}], "state": "TrialState.COMPLETE", "params": {{"lr": 0.{v}, "n": {v}, "on": false, "other": "x"}}}}"#
            )
        };
        let records = format!("[{},{},{}]", trial(1), trial(2), trial(3));
        for text in [columns, &records] {
            let losses: Vec<f64> = imported(text, false).unwrap().points.iter().map(|p| p.1).collect();
            assert_eq!(losses, [1.0, 2.0, 3.0]);
        }
    }

    #[test]
    fn tables_without_use_are_refused() {
        for (text, part) in [
            ("a,b\n1,2\n", "there is no column value"),
            ("value,params_lr\n1,0.1\n2,0.1\n3,0.1\n", "0 of 3 complete trials"),
            ("[1]", "no table of trials"),
            ("{\"value\": 3}", "no table of trials"),
            ("{\"value\": ", "EOF"),
            ("value,params_lr\n1,0.1,7\n", "found record with 3 fields"),
        ] {
            let error = imported(text, false).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
