//! Laws of the public interface.

mod baselines;
mod optimizer;
mod space;
