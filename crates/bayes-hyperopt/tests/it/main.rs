//! Laws of the public interface.

mod optimizer;
mod space;
