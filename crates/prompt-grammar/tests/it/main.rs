//! Laws and parity of the prompt optimizers, through their public interface.

mod conformance;
mod drive;
mod gepa_laws;
mod landscape;
mod model;
mod parity;
mod structural;
