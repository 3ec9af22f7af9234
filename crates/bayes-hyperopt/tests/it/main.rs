//! Laws of the public interface.

mod baselines;
mod space;
