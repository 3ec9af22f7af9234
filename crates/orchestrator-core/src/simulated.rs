//! A compound system without a model: a benchmark of search, budgeting, noise handling and credit assignment.
//!
//! The problem is shaped like a chain of three prompted modules: options that help on some hidden types of examples
//! and hurt on others, interactions inside a prompt and across an interface, evaluators whose feedback names the
//! first failing module and often, not always, the right slot. It says nothing about language. Every value derives
//! from hashes and IEEE `+ - * /` in a fixed order, so that implementations in different languages agree bit for bit.
//!
//! To the rest of the project a [`Problem`] is an [`Evaluator`](meta_traits::Evaluator) of
//! [`Components`](meta_traits::Components) like any other; nothing outside of this module knows its texts.

mod best;
mod evaluator;
mod family;
mod feedback;
mod genome;
mod hash;
mod labels;
mod measure;
mod problem;
mod reflect;
mod tables;

pub use best::BestKnown;
pub use family::{Family, Pillar, Scenario};
pub use feedback::Vote;
pub use genome::Genome;
pub use hash::{fnv1a, hash, normal, splitmix, uniform};
pub use labels::CandidateFault;
pub use measure::{Measured, Reading};
pub use problem::Problem;
