//! Examples of MetaOrchestrator.
//!
//! - `ticket-triage/`: data and configuration of the README's first command;
//! - `external-evaluator/`: an evaluator in another language;
//! - `src/bin/library.rs`: the library without the program;
//! - `src/bin/configuration.rs`: profiles, layers and files of settings.
