use std::fmt::Write as _;

use meta_traits::{Query, Reply};
use serde::{Deserialize, Serialize};

use crate::attribution::Share;
use crate::script::{self, EditScript};
use crate::space::{Choices, Edit, PromptSpace};

/// What a reflecting model is told beside the query: what the parts of the prompt are worth, and what was tried on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Brief {
    /// The prompt to be edited.
    pub prompt: Choices,
    /// What each choice that differs from the seed is worth, in log odds.
    pub shares: Vec<Share>,
    /// Edits that a model made of this prompt and that did not make it better.
    pub rejected: Vec<Vec<Edit>>,
    /// Tokens that may be added, where there is a limit.
    pub tokens_left: Option<u32>,
    /// Patterns that randomised toggles confirmed, with the mean score they are worth, positive or not.
    #[serde(default)]
    pub confirmed: Vec<(String, f64)>,
}

/// Writes edit scripts: a language model behind [`Brief::request`], or a program.
///
/// It is the driver's: the search asks ([`meta_traits::Ask::Query`]) and never calls it.
pub trait Proposer {
    /// The reply to a query, in the light of the brief. Any text will do; what is no script of edits is refused.
    fn propose(&mut self, query: &Query, brief: &Brief, space: &PromptSpace) -> Reply;
}

impl<F: FnMut(&Query, &Brief, &PromptSpace) -> Reply> Proposer for F {
    fn propose(&mut self, query: &Query, brief: &Brief, space: &PromptSpace) -> Reply {
        self(query, brief, space)
    }
}

impl Brief {
    /// The request for a language model: the prompt by its parts, what may stand in each, what they are worth, what
    /// failed, what was rejected, and the form of the answer.
    pub fn request(&self, query: &Query, space: &PromptSpace) -> String {
        let mut out = String::from(
            "A prompt is made of slots, each with one of several options, and sections in an order.\n",
        );
        let _ = writeln!(
            out,
            "\nThe present prompt:\n{}\n\nThe slots and their options:",
            script::describe(&self.prompt, space)
        );
        for (i, slot) in space.slots().iter().enumerate().filter(|(i, _)| space.is_active(&self.prompt, *i)) {
            let texts: Vec<&str> = slot.options.iter().map(|o| o.text.as_str()).collect();
            let options = serde_json::to_string(&texts).unwrap_or_default();
            let worth = self.shares.iter().find(|s| s.slot == Some(i)).map_or_else(String::new, |s| {
                format!(
                    " (the present one is worth {:+.2}, between {:+.2} and {:+.2})",
                    s.value, s.low, s.high
                )
            });
            let _ = writeln!(out, "- {}: {options}{worth}", slot.name);
        }
        let names: Vec<&str> = space.sections().iter().map(|s| s.name.as_str()).collect();
        let _ = writeln!(out, "The sections: {}", names.join(", "));
        if let Some(left) = self.tokens_left {
            let _ = writeln!(out, "At most {left} tokens may be added.");
        }
        for (name, effect) in &self.confirmed {
            let _ = writeln!(out, "Trials have shown: {name} is worth {effect:+.2}.");
        }
        out += "\nExamples that failed:\n";
        for (i, scored) in query.evidence.iter().enumerate() {
            let _ = writeln!(out, "{}. score {:.2}", i + 1, scored.score);
            let lines = scored.notes.iter().flat_map(|n| n.text.trim().lines());
            out.extend(lines.map(|line| format!("   {line}\n")));
        }
        if !self.rejected.is_empty() {
            out += "\nThese edits were tried on it and did not help:\n";
            let scripts = self.rejected.iter().map(|edits| EditScript::of(edits.clone()).write(space));
            out.extend(scripts.map(|script| format!("- {script}\n")));
        }
        out + "\nFind out what the failures have in common, and change what would mend it: one or two edits. Answer with a \
               JSON list and nothing else, such as [{\"set\": \"SLOT\", \"to\": \"OPTION\"}, {\"move\": \"SECTION\", \
               \"to\": 0}].\n"
    }
}
