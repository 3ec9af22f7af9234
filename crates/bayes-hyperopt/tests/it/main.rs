//! Laws of the public interface.

mod baselines;
mod beyond;
mod multi;
mod optimizer;
mod space;
mod stopping;
