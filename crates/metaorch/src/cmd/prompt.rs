//! `prompt`: takes prompts apart. Nothing is called and nothing but the page is written.

mod colour;
mod diff;
mod page;
mod parse;
mod shorten;
mod show;
mod source;

use meta_traits::{Classify, ErrorKind};
use orchestrator_core::Error;
use orchestrator_core::run::RunError;
use prompt_grammar::{GrammarError, PromptError};

use crate::args::Prompt;
use crate::exit;
use crate::progress::print_error;

/// What these commands refuse.
#[derive(Debug)]
enum Fault {
    Prompt(PromptError),
    /// A file that cannot be read, or does not hold what it should; the message names it.
    File(String),
    Core(Error),
}

impl From<PromptError> for Fault {
    fn from(fault: PromptError) -> Self {
        Self::Prompt(fault)
    }
}

impl From<GrammarError> for Fault {
    fn from(fault: GrammarError) -> Self {
        Self::Prompt(fault.into())
    }
}

impl From<RunError> for Fault {
    fn from(fault: RunError) -> Self {
        Self::Core(fault.into())
    }
}

/// Does what the subcommand says.
pub(crate) fn prompt(action: Prompt, json: bool) -> Result<u8, Error> {
    let done = match action {
        Prompt::Parse { prompt, grammar, features } => {
            parse::parse(&prompt, grammar.as_deref(), features, json)
        }
        Prompt::Show(args) => show::show(&args, json),
        Prompt::Diff { old, new } => diff::diff(&old, &new, json),
        Prompt::Shorten(args) => shorten::shorten(&args, json),
    };
    match done {
        Ok(code) => Ok(code),
        Err(Fault::Core(error)) => Err(error),
        Err(Fault::Prompt(fault)) => {
            print_error(json, fault.kind(), &fault);
            Ok(exit::CONFIG)
        }
        Err(Fault::File(message)) => {
            print_error(json, ErrorKind::InvalidInput, &message);
            Ok(exit::CONFIG)
        }
    }
}
