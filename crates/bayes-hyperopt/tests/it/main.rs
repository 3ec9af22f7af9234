//! Laws of the public interface.

mod baselines;
mod beyond;
mod optimizer;
mod settings;
mod space;
