//! Keeps what learns across tasks from learning them by heart.
//!
//! Some domains are held out: the learner never sees their scores as something to improve, they only judge ([`Domains`]). From
//! the scores of a round on both kinds, a [`Regulariser`] draws [`Advice`]: penalties to add to losses, and vetoes.
//! Scores are maximised here, as users write them.

mod advice;
mod diversity;
mod domains;
mod gap;
mod regulariser;
mod strength;

pub use advice::{Advice, Penalty, Veto};
pub use diversity::entropy;
pub use domains::{Domains, DomainsError, Role};
pub use gap::Gap;
pub use regulariser::{Regulariser, RegulariserSettings};
pub use strength::strength;
