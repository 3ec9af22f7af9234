//! Compound AI systems: described in a file, checked, run, measured.
//!
//! A [`SystemSpec`] names modules and the flow between them. [`CompoundAISystem::new`] checks it, loads what it needs
//! and gives a system that can be run any number of times, with the prompts of any candidate
//! ([`Components`](meta_traits::Components)): the search rewrites prompts, this module never does.
//!
//! **Modules:** `llm` (free text, or the likeliest of some labels), `retrieve` (BM25), `tool` (program or HTTP), `vote`,
//! `verify`, `route`. **Flow:** a sequence of modules and of the steps `vote` (several samples of one module), `refine`
//! (draft and critique, bounded), `branch` and `graph` (every module reads what certain others made). Modules that stand side by side in a sequence and do not use each other
//! run at the same time; results, traces and costs come in the order of the description all the same.
//!
//! **Settings:** keys of modules in `search`, and one of several `flows`, are chosen by the search too; with `evolve`, it
//! makes graphs of its own. They are a component of candidates, [`SETTINGS`].
//!
//! Equal inputs, candidates and streams give equal executions, as far as models and tools do: every sampling call gets
//! its seed from the stream's child of the module's name and call number.

mod allowed;
mod compound;
mod error;
mod evaluate;
mod execute;
mod flow;
mod forecast;
mod graph;
mod http;
mod invoke;
mod raw;
mod retrieve;
mod scope;
mod settings;
mod spec;
mod template;
mod tool;
mod trace;
mod validate;

pub use allowed::{Allowed, NumberRange};
pub use compound::CompoundAISystem;
pub use error::{Failure, SystemError, ToolFault};
pub use evaluate::SystemEvaluator;
pub use flow::{BranchStep, RefineStep, Step, VoteStep};
pub use forecast::{Estimate, ModuleForecast, Spread, Writes};
pub use graph::{GraphRole, GraphStep, VOTE};
pub(crate) use settings::changed;
pub use settings::{SETTINGS, Setting};
pub use spec::{
    Choose, EvolveSpec, LlmSpec, ModuleSpec, PromptFormat, RetrieveSpec, RouteSpec, SystemSpec, ToolSpec,
    VerifySpec, VoteSpec,
};
pub use template::placeholders;
pub use trace::{Execution, ModuleTrace};
pub use validate::Fault;
