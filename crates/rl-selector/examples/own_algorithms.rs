//! Chooses among a user's own algorithms: `cargo run --release -p rl-selector --no-default-features --example own_algorithms`.
//!
//! Three moves shorten a round trip through 60 cities; which one pays changes as the trip gets better. A bandit learns it
//! within the run. All it needs from the algorithms is a number that says what a step brought.

use meta_traits::{Selector as _, Stream};
use rl_selector::bandit::{Bandit, SlidingWindowUcb};
use rl_selector::{RewardShape, Step};

/// Tries of a move between two decisions.
const BLOCK: usize = 200;

type City = (f64, f64);
type Move = fn(&mut [City], &mut Stream);

fn main() -> Result<(), meta_traits::TellError> {
    let moves: [(&str, Move); 3] = [("exchange", exchange), ("reverse", reverse), ("carry", carry)];
    let mut rng = Stream::root(1);
    let mut trip: Vec<City> = (0..60).map(|_| (rng.unit(), rng.unit())).collect();
    let mut bandit = Bandit::new(SlidingWindowUcb::default(), moves.len(), Stream::root(2));
    let shape = RewardShape::LogImprovement { decades: 3.0, cost_aware: false };
    let first = length(&trip);
    let mut chosen = String::new();
    for _ in 0..100 {
        // A mask says what may run now; here everything may.
        let Some(choice) = bandit.select(&[], &[true; 3]) else { break };
        let before = length(&trip);
        improve(&mut trip, moves[choice.arm].1, &mut rng);
        let after = length(&trip);
        let reward = shape.reward(&Step { before, after, range: first, cost: 1.0, typical_cost: 1.0 });
        bandit.reward(choice.id, reward, Some(&[]))?;
        chosen.push_str(&moves[choice.arm].0[..1]);
    }
    println!("{first:.2} -> {:.2} with the moves\n{chosen}", length(&trip));
    Ok(())
}

/// Tries a move some times and keeps what shortens the trip.
fn improve(trip: &mut Vec<City>, change: Move, rng: &mut Stream) {
    for _ in 0..BLOCK {
        let mut other = trip.clone();
        change(&mut other, rng);
        if length(&other) < length(trip) {
            *trip = other;
        }
    }
}

fn length(trip: &[City]) -> f64 {
    let leg = |(a, b): (&City, &City)| (a.0 - b.0).hypot(a.1 - b.1);
    trip.iter().zip(trip.iter().cycle().skip(1)).map(leg).sum()
}

/// Two cities change places.
fn exchange(trip: &mut [City], rng: &mut Stream) {
    let (a, b) = (rng.below(trip.len()), rng.below(trip.len()));
    trip.swap(a, b);
}

/// A stretch is travelled the other way round.
fn reverse(trip: &mut [City], rng: &mut Stream) {
    let (a, b) = (rng.below(trip.len()), rng.below(trip.len()));
    trip[a.min(b)..=a.max(b)].reverse();
}

/// A stretch of up to three cities is moved elsewhere.
fn carry(trip: &mut [City], rng: &mut Stream) {
    let (a, b) = (rng.below(trip.len()), rng.below(trip.len()));
    let stretch = &mut trip[a.min(b)..=a.max(b)];
    let by = (1 + rng.below(3)).min(stretch.len());
    stretch.rotate_left(by);
}
