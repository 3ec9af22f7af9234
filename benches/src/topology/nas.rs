//! Search for the architecture of small networks, each trained with gradients.
//!
//! An architecture is a [`topology_neat::Workflow`]: the task is the input, a module a layer that reads the concatenation of
//! what it is joined to, the output a linear layer over what it reads.
//!
//! | module | layer |
//! |---|---|
//! | generate v | dense, width 4, 8, 16, 32 (v mod 4), activation tanh, relu, sine (v / 4) |
//! | refine v | residual: x + act(Wx), tanh or relu |
//! | retrieve 0, 1 | squares, or sines, of the inputs beside them |
//! | enhancer | every row to mean 0 and variance 1 |
//!
//! Networks are trained with Adam (Kingma & Ba 2015) at full batch, a fixed number of steps. The loss of an evaluation is the
//! error on validation data after training from weights of its own, so it is noisy. Beside it stands the error on test data
//! that no search sees.

mod data;
mod network;
mod search;
mod summary;

pub use data::{Data, Problem};
pub use network::{Errors, space, train};
pub use search::{Method, Run, run};
pub use summary::Summary;
