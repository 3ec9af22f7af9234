//! Cheaper ways to work when the budget runs short: typed directives that components obey.

mod directive;
mod ladder;

pub use directive::{
    Approximation, Directives, HyperoptDirective, PromptDirective, SelectorDirective, TopologyDirective,
};
pub use ladder::{Ladder, Thresholds, ThresholdsError};
