use std::path::Path;
use std::sync::Arc;

use super::{EmbeddedClient, EmbeddedOptions, SentenceEmbedder};
use crate::{InferenceError, LlmClient};

/// Opens whatever model lies at `path`: a sentence encoder where it is a folder or a `.safetensors` file, else a
/// language model in a GGUF file.
///
/// # Errors
/// Those of [`SentenceEmbedder::open_with`] and [`EmbeddedClient::open_with`].
pub fn open(path: impl AsRef<Path>, options: &EmbeddedOptions) -> Result<Arc<dyn LlmClient>, InferenceError> {
    let path = path.as_ref();
    let weights = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("safetensors"));
    if path.is_dir() || weights {
        return Ok(Arc::new(SentenceEmbedder::open_with(path, options)?));
    }
    Ok(Arc::new(EmbeddedClient::open_with(path, options)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_at_the_path_decides() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| open(path, &EmbeddedOptions::default()).err().unwrap().to_string();
        assert!(error(folder.path()).contains("config.json"), "{}", error(folder.path()));
        let file = folder.path().join("x.gguf");
        std::fs::write(&file, b"GGUX").unwrap();
        assert!(error(&file).contains("x.gguf"));
    }
}
