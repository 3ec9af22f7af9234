//! Damaged model files: each is refused with one line, or runs.

use std::fs;

use candle_core::quantized::GgmlDType;
use inference::embedded::{EmbeddedClient, EmbeddedOptions};
use inference::{Generate, LlmClient, Prompt};
use proptest::prelude::*;
use tempfile::TempDir;

use super::tiny::Parts;

fn cases() -> ProptestConfig {
    let n = std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(64);
    ProptestConfig { cases: n, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn damaged_files_are_refused_or_run(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        header: bool,
    ) {
        let folder = TempDir::new().unwrap();
        let path = Parts::sound(GgmlDType::Q4_1).write(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        // Half of the damage goes where the structure is.
        let reach = if header { 600 } else { bytes.len() };
        for (at, byte) in &edits {
            bytes[at.index(reach)] = *byte;
        }
        fs::write(&path, bytes).unwrap();
        let mut options = EmbeddedOptions::default();
        options.context = Some(64);
        match EmbeddedClient::open_with(&path, &options) {
            Ok(client) => {
                let mut request = Generate::new(Prompt::Text("hello".to_owned()));
                request.max_tokens = 2;
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                if let Err(error) = runtime.block_on(client.generate(&request)) {
                    prop_assert!(!error.to_string().contains("please report"), "{error}");
                }
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
}
