//! Experience replay: a ring of transitions, drawn uniformly or by priority.

mod prioritized;
mod ring;
mod sum_tree;

pub(crate) use prioritized::{Draw, Priorities, Replay};
pub(crate) use ring::{Next, Transition};
