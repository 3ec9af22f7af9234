use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::Landscape;

/// Writes a landscape with all that is hidden, the seed's score and the optimum, as one JSON file, so that a program
/// in another language runs on the very same one.
///
/// # Errors
/// The system's reason, naming the file.
pub fn export(landscape: &Landscape, directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let path = directory.join(format!("landscape-{}.json", landscape.number));
    let text = json!({
        "landscape": landscape,
        "seed_score": landscape.truth(&landscape.space().seed()),
        "optimum": landscape.optimum(),
    });
    std::fs::write(&path, text.to_string()).with_context(|| format!("cannot write {}", path.display()))
}
