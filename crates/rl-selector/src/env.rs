//! Worlds to learn in.

use meta_traits::{Selector, Stream};

mod cart_pole;

pub use cart_pole::CartPole;

/// How an episode stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It goes on.
    Running,
    /// It ended by itself: nothing can be gained after it.
    Terminated,
    /// It was cut off by a limit: the state after it still has a value.
    Truncated,
}

/// What one action brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The reward.
    pub reward: f64,
    /// How the episode stands.
    pub status: Status,
}

/// A world with numbered actions and states of fixed width.
///
/// Determinism: the streams given are the only source of chance.
pub trait Environment {
    /// Number of actions.
    fn actions(&self) -> usize;

    /// The present state.
    fn state(&self) -> &[f64];

    /// Which actions are possible now; all by default.
    fn allowed(&self) -> Vec<bool> {
        vec![true; self.actions()]
    }

    /// Begins an episode.
    fn reset(&mut self, rng: &mut Stream);

    /// Does an action that is allowed.
    fn step(&mut self, action: usize, rng: &mut Stream) -> Step;
}

/// Lets a selector act and learn for one decision; `None` when nothing was allowed or the selector chose nothing.
///
/// A truncated episode is reported as one that goes on, so that its last state keeps its value.
///
/// ```
/// use meta_traits::Stream;
/// use rl_selector::env::{CartPole, Environment, Status, act};
/// use rl_selector::{DoubleDqn, DqnConfig, RLConfig};
/// let rl = RLConfig { state_dim: 4, action_dim: 2, ..RLConfig::default() };
/// let mut agent = DoubleDqn::new(DqnConfig { rl, ..DqnConfig::default() }, 0)?;
/// let (mut world, mut rng) = (CartPole::new(), Stream::root(0));
/// world.reset(&mut rng);
/// let mut steps = 0;
/// while act(&mut agent, &mut world, &mut rng).is_some_and(|step| step.status == Status::Running) {
///     steps += 1;
/// }
/// assert!(steps > 5);
/// # Ok::<(), rl_selector::DqnError>(())
/// ```
pub fn act<S, E>(selector: &mut S, world: &mut E, rng: &mut Stream) -> Option<Step>
where
    S: Selector<Context = [f64]> + ?Sized,
    E: Environment + ?Sized,
{
    let choice = selector.select(world.state(), &world.allowed())?;
    let step = world.step(choice.arm, rng);
    let next = (step.status != Status::Terminated).then(|| world.state());
    // The selector gave the id a moment ago, so it awaits this reward.
    selector.reward(choice.id, step.reward, next).ok()?;
    Some(step)
}
