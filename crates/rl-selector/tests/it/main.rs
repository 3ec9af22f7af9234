//! The selectors against worlds with known answers, and against the laws of the contracts.

mod bandits;
mod cart_pole;
mod diversity;
mod dqn;
mod simulator;
mod switch;
