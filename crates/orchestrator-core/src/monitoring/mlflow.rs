use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Metrics;
use crate::result::RunResult;
use crate::run::RunError;

/// Writes a finished run as MLflow's file store has it, below `directory/mlruns`: the score over metric calls and all values
/// of `metrics`. `id` is 32 hexadecimal digits.
///
/// `mlflow ui --backend-store-uri DIRECTORY/mlruns` shows it.
pub(crate) fn write_mlflow(
    directory: &Path,
    name: &str,
    id: &str,
    metrics: &Metrics,
    result: &RunResult,
) -> Result<(), RunError> {
    let store = directory.join("mlruns");
    let experiment = store.join("0");
    let run = experiment.join(id);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    let start = now.saturating_sub(result.optimization_time.as_millis());
    let uri = |path: &Path| serde_json::json!(format!("file://{}", path.display()));
    let io = |path: &Path| {
        let path = path.display().to_string();
        move |source| RunError::Io { path, source }
    };
    for part in ["metrics", "params", "tags", "artifacts"] {
        let folder = run.join(part);
        fs::create_dir_all(&folder).map_err(io(&folder))?;
    }
    let write = |path: &Path, text: String| fs::write(path, text).map_err(io(path));
    let place = uri(&absolute(&experiment));
    write(
        &experiment.join("meta.yaml"),
        format!(
            "artifact_location: {place}\ncreation_time: {start}\nexperiment_id: '0'\nlast_update_time: {now}\n\
             lifecycle_stage: active\nname: Default\n"
        ),
    )?;
    let (artifacts, quoted) = (uri(&absolute(&run.join("artifacts"))), serde_json::json!(name));
    write(
        &run.join("meta.yaml"),
        format!(
            "artifact_uri: {artifacts}\nend_time: {now}\nentry_point_name: ''\nexperiment_id: '0'\n\
             lifecycle_stage: active\nrun_id: {id}\nrun_name: {quoted}\nrun_uuid: {id}\nsource_name: ''\n\
             source_type: 4\nsource_version: ''\nstart_time: {start}\nstatus: 3\ntags: []\nuser_id: ''\n"
        ),
    )?;
    write(&run.join("tags").join("mlflow.runName"), name.to_owned())?;
    let score = result.performance_trajectory.iter();
    let score: Vec<String> = score.map(|p| format!("{now} {} {}", p.score, p.evaluations)).collect();
    write(&run.join("metrics").join("score"), score.join("\n") + "\n")?;
    for (name, value) in metrics.values() {
        write(&run.join("metrics").join(name), format!("{now} {value} {}\n", result.total_rollouts))?;
    }
    for (name, _) in result.best_system.iter() {
        let text = result.best_system.get(name).unwrap_or_default();
        write(&run.join("artifacts").join(format!("{name}.txt")), text.to_owned())?;
    }
    Ok(())
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
