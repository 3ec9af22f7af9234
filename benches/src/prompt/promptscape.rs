//! PromptScape: a landscape over prompts whose true quality is known, without any model.
//!
//! A prompt has 20 slots (role 7 options, task 8, context 5, reasoning 6, format 6, number of shots 6, their selection
//! 4, their order 3, delimiter 4, tone 4, ten constraints 2 each) and an order of 7 sections. 300 examples belong to
//! four latent groups; 60 are for training, 40 for validation, 200 are hidden. The log odds that example j comes out
//! right with prompt x are `b_j + kappa z_g(x)`, where `z_g` sums main effects, effects of pairs of options, effects
//! of the order of sections and a price on tokens, and half of it is the group's own. An evaluation is one example and
//! comes out by a hash of landscape, prompt, example and repetition: asking again gives the same.
//!
//! Gain 0 is the seed's true score, 1 that of the best prompt coordinate ascent finds with the truth in hand.

mod ascent;
mod export;
mod generate;
mod landscape;
mod proposer;
mod run;
mod summary;

pub use export::export;
pub use landscape::{Landscape, TRAIN, VAL, Variant};
pub use proposer::{informed, mutated};
pub use run::{Finished, Preset, Settings, run};
pub use summary::{Row, Summary};
