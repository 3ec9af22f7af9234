//! `experience`: what earlier runs learned.

use orchestrator_core::Error;
use orchestrator_core::experience::{ExperienceStore, PastRun};

use crate::args::Experience;
use crate::exit;
use crate::progress::print_json;

/// Lines shown of a component.
const SHOWN: usize = 10;

/// Shows or cuts the file.
pub(crate) fn experience(action: Experience, json: bool) -> Result<u8, Error> {
    match action {
        Experience::Show { file } => {
            for run in ExperienceStore::new(file).runs()? {
                if json { print_json(&run) } else { print!("{}", written(&run)) }
            }
        }
        Experience::Prune { file, keep } => {
            let gone = ExperienceStore::new(file).prune(keep)?;
            if json {
                print_json(&serde_json::json!({"removed": gone}));
            } else {
                println!("{gone} runs removed");
            }
        }
    }
    Ok(exit::OK)
}

fn written(run: &PastRun) -> String {
    let PastRun { name, run, score, experience, .. } = run;
    let mut out = vec![format!("{name} ({run})   validation {score:.3}   {} results", experience.results)];
    for (component, lines) in &experience.components {
        let mut lines: Vec<_> = lines.iter().collect();
        lines.sort_by(|a, b| b.effect.total_cmp(&a.effect));
        out.push(format!("  {component}"));
        for learned in lines.iter().take(SHOWN) {
            let (sd, line) = (learned.variance.sqrt(), learned.line.replace('\n', " "));
            out.push(format!("    {:+.2} +- {sd:.2}  {line}", learned.effect));
        }
        if lines.len() > SHOWN {
            out.push(format!("    and {} more", lines.len() - SHOWN));
        }
    }
    out.join("\n") + "\n"
}
