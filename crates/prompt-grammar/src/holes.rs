//! Texts for typed holes: where they come from, and which may enter.
//!
//! Fills are looked for in order: [`DataSource`] (labels, frequent words, examples), [`FillBank`] (earlier fills by how
//! they scored), a language model ([`request`] and [`read_reply`]: one call proposes several fills for one hole), and the
//! seed text itself. Wherever a text comes from, [`FillRules::admit`] repairs it once or drops it.

mod bank;
mod copies;
mod data;
mod reply;
mod rules;
mod task;

pub use self::bank::FillBank;
pub use self::copies::Copies;
pub use self::data::DataSource;
pub use self::reply::{read_reply, request};
pub use self::rules::{FillFault, FillRules};
pub use self::task::FillTask;
