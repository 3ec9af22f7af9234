use std::fmt;

use serde::{Deserialize, Serialize};

use super::WorkflowError;

/// What travels along an edge, as far as types go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// The task, with or without material gathered for it.
    Task,
    /// An answer to the task, with whatever was said about it.
    Answer,
}

/// What a module does. The written form is the name in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModuleKind {
    /// Answers the task.
    Generate,
    /// Adds material from outside.
    Retrieve,
    /// Says in words what is wrong with an answer.
    Critique,
    /// Answers again in the light of an answer and what was said about it.
    Refine,
    /// Passes or fails an answer.
    Verify,
    /// Makes one answer of several.
    Vote,
    /// Lets tasks of some sort through and no others.
    Route,
    /// Calls something that is no model.
    Tool,
    /// Takes a task apart.
    Analyzer,
    /// Says what sort of task it is.
    Classifier,
    /// Answers with less text.
    Summarizer,
    /// Checks the form of an answer.
    Validator,
    /// Improves the wording of an answer.
    Enhancer,
}

impl ModuleKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Generate,
        Self::Retrieve,
        Self::Critique,
        Self::Refine,
        Self::Verify,
        Self::Vote,
        Self::Route,
        Self::Tool,
        Self::Analyzer,
        Self::Classifier,
        Self::Summarizer,
        Self::Validator,
        Self::Enhancer,
    ];

    /// The written form.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Retrieve => "retrieve",
            Self::Critique => "critique",
            Self::Refine => "refine",
            Self::Verify => "verify",
            Self::Vote => "vote",
            Self::Route => "route",
            Self::Tool => "tool",
            Self::Analyzer => "analyzer",
            Self::Classifier => "classifier",
            Self::Summarizer => "summarizer",
            Self::Validator => "validator",
            Self::Enhancer => "enhancer",
        }
    }

    /// What at least one of the things it reads must be.
    pub fn needs(self) -> Port {
        match self {
            Self::Critique | Self::Refine | Self::Verify | Self::Vote | Self::Validator | Self::Enhancer => {
                Port::Answer
            }
            _ => Port::Task,
        }
    }

    /// What it hands on when the most it reads is `read`.
    pub fn gives(self, read: Port) -> Port {
        match self {
            Self::Generate | Self::Summarizer => Port::Answer,
            _ => read,
        }
    }
}

/// One module of a workflow: its kind, and which of the variants that are on offer.
///
/// A variant is another model, prompt or threshold for the same work; what the number stands for is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Module {
    /// What it does.
    pub kind: ModuleKind,
    /// Which variant of it, from 0.
    #[serde(default)]
    pub variant: u8,
}

impl Module {
    /// A module.
    pub const fn new(kind: ModuleKind, variant: u8) -> Self {
        Self { kind, variant }
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.name(), self.variant)
    }
}

/// The modules on offer: kinds with the number of their variants.
///
/// ```
/// use topology_neat::{Library, Module, ModuleKind};
/// let library = Library::new(vec![(ModuleKind::Generate, 2), (ModuleKind::Vote, 1)])?;
/// assert!(library.has(Module::new(ModuleKind::Generate, 1)));
/// assert!(!library.has(Module::new(ModuleKind::Vote, 1)));
/// assert!(Library::new(vec![(ModuleKind::Vote, 1)]).is_err());
/// # Ok::<(), topology_neat::WorkflowError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(ModuleKind, u8)>", into = "Vec<(ModuleKind, u8)>")]
pub struct Library(Vec<(ModuleKind, u8)>);

impl Library {
    /// A library in the order given.
    ///
    /// # Errors
    /// [`WorkflowError::Library`] when nothing in it answers a task, a kind stands there twice, or has no variants.
    pub fn new(kinds: Vec<(ModuleKind, u8)>) -> Result<Self, WorkflowError> {
        for (i, (kind, variants)) in kinds.iter().enumerate() {
            let why = if *variants == 0 {
                "no variants; give it one or leave it out"
            } else if kinds[..i].iter().any(|(k, _)| k == kind) {
                "two entries; give it one"
            } else {
                continue;
            };
            return Err(WorkflowError::Library { what: kind.name(), why });
        }
        if kinds.iter().all(|(kind, _)| kind.gives(Port::Task) != Port::Answer) {
            return Err(WorkflowError::Library {
                what: "answers",
                why: "nobody to give them; add generate or summarizer",
            });
        }
        Ok(Self(kinds))
    }

    /// Kinds and numbers of variants.
    pub fn kinds(&self) -> &[(ModuleKind, u8)] {
        &self.0
    }

    /// Variants of `kind`; 0 when it is not on offer.
    pub fn variants(&self, kind: ModuleKind) -> u8 {
        self.0.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n)
    }

    /// Whether `module` is on offer.
    pub fn has(&self, module: Module) -> bool {
        module.variant < self.variants(module.kind)
    }

    /// Every module on offer that answers a task by itself, in order.
    pub fn answering(&self) -> Vec<Module> {
        let answers = self.0.iter().filter(|(kind, _)| kind.gives(Port::Task) == Port::Answer);
        answers.flat_map(|&(kind, n)| (0..n).map(move |variant| Module { kind, variant })).collect()
    }
}

impl Default for Library {
    /// One generator, one of every kind that works on tasks and answers, and the seed modules analyzer, classifier,
    /// summarizer, validator and enhancer.
    fn default() -> Self {
        Self(ModuleKind::ALL.map(|kind| (kind, 1)).to_vec())
    }
}

impl TryFrom<Vec<(ModuleKind, u8)>> for Library {
    type Error = WorkflowError;
    fn try_from(kinds: Vec<(ModuleKind, u8)>) -> Result<Self, WorkflowError> {
        Self::new(kinds)
    }
}

impl From<Library> for Vec<(ModuleKind, u8)> {
    fn from(library: Library) -> Self {
        library.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MODULE_LIBRARY;

    #[test]
    fn names_are_the_written_form_and_hold_the_module_library() {
        for kind in ModuleKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        }
        for name in MODULE_LIBRARY {
            assert!(ModuleKind::ALL.iter().any(|kind| kind.name() == name), "{name}");
        }
    }

    #[test]
    fn faults_of_libraries_are_named() {
        let fault = |kinds| Library::new(kinds).unwrap_err().to_string();
        assert!(fault(vec![]).contains("add generate or summarizer"));
        assert!(fault(vec![(ModuleKind::Generate, 0)]).contains("no variants"));
        assert!(fault(vec![(ModuleKind::Generate, 1), (ModuleKind::Generate, 2)]).contains("two entries"));
    }
}
