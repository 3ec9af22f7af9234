//! Laws under random inputs.

mod forms;
mod meter;
mod stream;
