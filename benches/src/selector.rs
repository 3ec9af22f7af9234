//! Which algorithm next: the black-box functions, the portfolio and the measurements of `rl-selector`.

pub mod bbob;
pub mod cartpole;
pub mod gap;
pub mod portfolio;
pub mod record;
pub mod safety;
pub mod speed;
mod targets;
