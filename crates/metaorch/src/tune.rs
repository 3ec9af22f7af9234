//! Search over the parameters of any program: `metaorch tune`.
//!
//! A [`study::Study`] is a search with its log; [`drive`] feeds it with the results of a command, [`stdio`] with those
//! of whoever speaks its protocol.

mod algorithm;
mod answer;
mod command;
pub(crate) mod drive;
mod engine;
mod import;
mod page;
mod record;
mod settings;
pub(crate) mod show;
pub(crate) mod stdio;
pub(crate) mod study;

pub(crate) use algorithm::Algorithm;
pub(crate) use command::Program;
pub(crate) use import::read as read_trials;
pub(crate) use page::page;
pub(crate) use settings::{Settings, read_space};
