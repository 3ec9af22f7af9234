//! Laws of the public interface.

mod space;
