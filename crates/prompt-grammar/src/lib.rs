//! Evolves which words, in which structure, a prompt should have.
//!
//! - [`gepa`]: the GEPA loop as an ask/tell optimizer. It decides which text to rewrite and which to keep.
//! - [`Ge`]: grammatical evolution of derivations as an ask/tell optimizer.
//! - [`Reflection`]: has a language model write a new text: renders the request and reads the reply.
//! - [`Structural`]: writes a new text by small typed edits, without any model.
//! - [`Grammar`]: what texts are made of; [`Sampler`] and [`BudgetSampler`] draw derivations ([`Tree`]) from it.
//! - [`outline`], [`library`], [`holes`]: a user's prompt read into sections, and the texts it can be varied with.
//! - [`flat`]: the bridge from a grammar to [`space`]; [`forest`]: several modules whose weights learn from each other.
//! - [`space`]: prompts as choices, the flat view that learning needs; [`script`]: edits of them as text.
//! - [`model`]: what the scores seen so far say about every prompt of a space.
//! - [`optimizer`]: search guided by that model. It asks for few evaluations, and for reflection where it pays.
//! - [`evolve`]: search without a model: the (mu + lambda) strategy, and learnt weights of options.
//! - [`pattern`]: which structures tell good prompts from bad ones, at a bounded rate of false findings.
//! - [`attribution`]: which parts of a prompt its quality comes from, with intervals.
//! - [`simplify`]: shorter prompts at no significant loss.
//! - [`anatomy`], [`worth`]: prompts of any origin taken apart, and what their components are worth by recorded scores.
//! - [`preflight`]: what a budget affords, before it is spent.
//! - [`prepare`]: from a user's prompt and settings to a search.
//! - [`PromptConfig`]: the settings users write.
//!
//! Everything here is a pure function of its arguments: no clock, no file, no network, no thread. Random draws come
//! from [`meta_traits::Stream`] key paths.

pub mod anatomy;
pub mod attribution;
pub mod evolve;
pub mod features;
pub mod flat;
pub mod forest;
pub mod ge;
pub mod gepa;
pub mod grammar;
pub mod holes;
pub mod library;
pub mod model;
pub mod optimizer;
pub mod outline;
pub mod pattern;
pub mod preflight;
pub mod prepare;
pub mod reflect;
pub mod script;
pub mod simplify;
pub mod space;
pub mod structural;
pub mod tree;
pub mod worth;

mod config;
mod crossover;
mod error;
mod mutate;
mod placeholder;
mod sample;
mod tokens;

pub use config::{AnalysisDepth, PromptConfig};
pub use crossover::merge;
pub use error::PromptError;
pub use evolve::Evolution;
pub use ge::Ge;
pub use gepa::Gepa;
pub use grammar::{
    Arrange, Attribute, Body, Draft, Fill, Grammar, GrammarError, Grown, Growth, Guard, Hole, HoleKind,
    Learning, Member, Pair, Parse, Part, Production, Pruning, Recurring, Rule, RuleId, Source, Text, Value,
    Warning,
};
pub use mutate::{Limits, Mutator, Operator, OperatorBandit};
pub use placeholder::keeps_placeholders;
pub use reflect::Reflection;
pub use sample::{BudgetSampler, Sampler};
pub use structural::Structural;
pub use tokens::{Characters, Estimate, Tokens};
pub use tree::Tree;
