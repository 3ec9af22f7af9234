use serde::{Deserialize, Serialize};

use crate::grammar::HoleKind;

/// What a section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SectionKind {
    /// Who answers, or for whom.
    Role,
    /// What to do.
    Task,
    /// What is to be known.
    Context,
    /// What must and must not be.
    Constraints,
    /// How to think.
    Reasoning,
    /// Worked examples.
    Examples,
    /// What the answer looks like.
    Format,
    /// Anything else.
    General,
}

impl SectionKind {
    /// All kinds, in the usual order of a prompt.
    pub const ALL: [Self; 8] = [
        Self::Role,
        Self::Task,
        Self::Context,
        Self::Constraints,
        Self::Reasoning,
        Self::Examples,
        Self::Format,
        Self::General,
    ];

    /// The usual title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::Task => "Task",
            Self::Context => "Context",
            Self::Constraints => "Rules",
            Self::Reasoning => "Approach",
            Self::Examples => "Examples",
            Self::Format => "Output format",
            Self::General => "Notes",
        }
    }

    /// What sort of text its content is.
    pub fn hole(self) -> HoleKind {
        match self {
            Self::Role => HoleKind::Domain,
            Self::Constraints => HoleKind::RuleItem,
            Self::Examples => HoleKind::Example,
            Self::Context => HoleKind::Glossary,
            Self::Format => HoleKind::Criteria,
            _ => HoleKind::Instruction,
        }
    }

    /// The kind that titles with this word name.
    fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "role" | "persona" | "identity" | "audience" => Self::Role,
            "task" | "instruction" | "instructions" | "goal" | "objective" | "question" | "input"
            | "query" | "problem" | "request" | "text" => Self::Task,
            "context" | "background" | "information" | "data" | "glossary" | "schema" | "definitions"
            | "labels" => Self::Context,
            "rules" | "constraints" | "constraint" | "requirements" | "guidelines" | "restrictions"
            | "rule" => Self::Constraints,
            "approach" | "reasoning" | "steps" | "method" | "process" | "thinking" | "strategy" | "plan" => {
                Self::Reasoning
            }
            "examples" | "example" | "demonstrations" | "shots" | "samples" => Self::Examples,
            "format" | "output" | "answer" | "response" | "result" => Self::Format,
            "notes" | "note" | "general" | "remarks" => Self::General,
            _ => return None,
        })
    }

    /// The kind that a title names, the last telling word first: `output format` is a format, `task rules` are rules.
    pub fn of_title(title: &str) -> Option<Self> {
        let lower = title.to_lowercase();
        lower.split(|c: char| !c.is_alphanumeric()).rev().find_map(Self::of_word)
    }

    /// What a text without a title seems to be.
    pub(super) fn of_text(text: &str) -> Self {
        let start: String = text.trim_start().chars().take(200).collect::<String>().to_lowercase();
        let begins = |cues: &[&str]| cues.iter().any(|cue| start.starts_with(cue));
        let holds = |cues: &[&str]| cues.iter().any(|cue| start.contains(cue));
        if begins(&["you are ", "you're ", "act as ", "as an expert", "imagine you"]) {
            Self::Role
        } else if holds(&[
            "step by step",
            "think carefully",
            "think through",
            "before answering",
            "first, plan",
        ]) {
            Self::Reasoning
        } else if begins(&["example", "for example", "here are some examples", "q:", "input:"]) {
            Self::Examples
        } else if begins(&[
            "answer with",
            "respond with",
            "reply with",
            "output",
            "return ",
            "give only",
            "format",
        ]) || holds(&["as json", "in json", "json object"])
        {
            Self::Format
        } else if begins(&["- ", "* ", "do not", "never ", "always ", "you must", "rules"]) {
            Self::Constraints
        } else if begins(&["context", "background", "note that", "labels:", "options:"]) {
            Self::Context
        } else {
            Self::Task
        }
    }
}
