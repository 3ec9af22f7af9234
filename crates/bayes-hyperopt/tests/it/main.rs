//! Laws of the public interface.

mod baselines;
mod beyond;
mod multi;
mod optimizer;
mod settings;
mod space;
mod stopping;
