use std::f64::consts::PI;

use meta_traits::Stream;

use super::{Environment, Status, Step};

const GRAVITY: f64 = 9.8;
const CART_MASS: f64 = 1.0;
const POLE_MASS: f64 = 0.1;
const TOTAL_MASS: f64 = CART_MASS + POLE_MASS;
/// Half of the pole.
const LENGTH: f64 = 0.5;
const POLE_MASS_LENGTH: f64 = POLE_MASS * LENGTH;
const FORCE: f64 = 10.0;
/// Seconds between decisions.
const TAU: f64 = 0.02;
const ANGLE_LIMIT: f64 = 12.0 * 2.0 * PI / 360.0;
const PLACE_LIMIT: f64 = 2.4;
/// Steps after which an episode is cut off.
const STEPS: u32 = 500;

/// A pole balanced on a cart that is pushed left (0) or right (1); 1 a step until it falls, 500 steps at most.
///
/// State: place and speed of the cart, angle and angular speed of the pole. The equations are those of Barto, Sutton &
/// Anderson (1983) as Gym's `CartPole-v1` integrates them (Euler, 0.02 s); the tests hold a trajectory of Gymnasium's.
///
/// ```
/// use meta_traits::Stream;
/// use rl_selector::env::{CartPole, Environment};
/// let mut world = CartPole::new();
/// world.reset(&mut Stream::root(1));
/// assert!(world.state().iter().all(|x| x.abs() <= 0.05));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CartPole {
    state: [f64; 4],
    steps: u32,
}

impl CartPole {
    /// A pole upright and at rest.
    pub fn new() -> Self {
        Self::default()
    }

    /// An episode that begins in `state`.
    pub fn starting_in(state: [f64; 4]) -> Self {
        Self { state, steps: 0 }
    }
}

impl Environment for CartPole {
    fn actions(&self) -> usize {
        2
    }

    fn state(&self) -> &[f64] {
        &self.state
    }

    fn reset(&mut self, rng: &mut Stream) {
        self.state = std::array::from_fn(|_| 0.1 * rng.unit() - 0.05);
        self.steps = 0;
    }

    fn step(&mut self, action: usize, _: &mut Stream) -> Step {
        let [x, speed, angle, turn] = self.state;
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = (angle.sin(), angle.cos());
        let push = (force + POLE_MASS_LENGTH * (turn * turn) * sin) / TOTAL_MASS;
        let fall =
            (GRAVITY * sin - cos * push) / (LENGTH * (4.0 / 3.0 - POLE_MASS * (cos * cos) / TOTAL_MASS));
        let drive = push - POLE_MASS_LENGTH * fall * cos / TOTAL_MASS;
        self.state = [x + TAU * speed, speed + TAU * drive, angle + TAU * turn, turn + TAU * fall];
        self.steps += 1;
        let down = self.state[0].abs() > PLACE_LIMIT || self.state[2].abs() > ANGLE_LIMIT;
        let status = match (down, self.steps >= STEPS) {
            (true, _) => Status::Terminated,
            (false, true) => Status::Truncated,
            (false, false) => Status::Running,
        };
        Step { reward: 1.0, status }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushing_one_way_topples_the_pole() {
        let mut world = CartPole::new();
        let mut rng = Stream::root(0);
        let steps = (1..100).find(|_| world.step(1, &mut rng).status == Status::Terminated);
        assert_eq!(steps, Some(9));
    }
}
