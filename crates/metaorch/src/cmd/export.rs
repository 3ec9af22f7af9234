//! `export`: what a run found, for other programs.

use std::fmt::Write as _;
use std::path::Path;

use meta_traits::Components;
use orchestrator_core::Error;

use crate::args::ExportFormat;
use crate::cmd::eval::best_of;
use crate::exit;

/// Prints the best system of a run.
pub(crate) fn export(run: &Path, format: ExportFormat) -> Result<u8, Error> {
    print!("{}", written(&best_of(run)?, format));
    Ok(exit::OK)
}

fn written(best: &Components, format: ExportFormat) -> String {
    match format {
        ExportFormat::Gepa => {
            let candidate: serde_json::Map<String, serde_json::Value> =
                best.iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
            format!("{}\n", serde_json::Value::Object(candidate))
        }
        ExportFormat::Text => {
            let mut out = String::new();
            for (name, text) in best.iter() {
                // Writing to a string cannot fail.
                let _ = writeln!(out, "=== {name} ===\n{text}\n");
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        let best: Components = [("b", "x \"y\"\n{{ input }}"), ("a", "z")].into_iter().collect();
        let json = written(&best, ExportFormat::Gepa);
        let read: std::collections::BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
        assert_eq!(read["b"], "x \"y\"\n{{ input }}");
        assert_eq!(read.len(), 2);
        assert_eq!(written(&best, ExportFormat::Text), "=== b ===\nx \"y\"\n{{ input }}\n\n=== a ===\nz\n\n");
    }
}
