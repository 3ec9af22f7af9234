//! What the scores seen so far say about every prompt of a space.
//!
//! The score of prompt x on example j is a success with log odds `b_j + f(x)`. `f` is a sum of effects: one for each
//! option, one for each pair of options in two slots, one for each pair of sections in this order, a few for the
//! length, and one of the prompt's own. Effects are normal with mean 0; their variances are learnt from the evidence
//! (one for the options of each slot, one for each pair of slots, one for order, one for length, one for prompts). So
//! every result teaches something about every prompt with a choice in common, and a variance that shrinks to 0 drops
//! an interaction.
//!
//! Text that a reflecting model proposed is evidence too: going from the parent to its child changes `f` by a step
//! whose mean and spread over all such proposals are learnt along ("source effect"). With a proposer that guesses the
//! mean stays near 0 and nothing is believed; with one that sees the failures it does not.
//!
//! The posterior is that of Laplace's approximation, Rasmussen & Williams (2006), section 3.4, in the dual: cost grows
//! with the prompts tried, not with the effects. Draws use Matheron's rule (Wilson et al. 2020): a draw of the prior
//! corrected by the data, which gives every effect at once.

mod cholesky;
mod climb;
mod code;
mod draw;
mod kernel;
mod merge;
mod posterior;
mod state;
mod variance;

pub(crate) use self::cholesky::{Lower, dot};
pub use self::code::Effects;
pub use self::kernel::Variances;
pub use self::posterior::Posterior;
pub use self::state::PosteriorState;
