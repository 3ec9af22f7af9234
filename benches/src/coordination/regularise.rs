//! What regularisation is worth to a learner that has more weights than evidence, on domains that take no part at all.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use coordination::CoordinationConfig;
use coordination::regularise::{Advice, Domains};
use meta_traits::Stream;
use serde::Serialize;

/// Features of a task, of which [`SHARED`] matter alike in every domain.
const FEATURES: usize = 24;
const SHARED: usize = 3;
/// Tasks of a domain.
const TASKS: usize = 6;
/// Domains that are learnt from or judge, half of each.
const DOMAINS: u64 = 8;
/// Domains that take no part until the end.
const UNSEEN: u64 = 24;
/// Rounds of learning, ten steps each.
const ROUNDS: u32 = 40;
/// Mean squared value of a task, by which errors are judged: three weights of 1, 21 of variance 0.09, noise of variance 0.25.
const SPREAD: f64 = 3.0 + 21.0 * 0.09 + 0.25;

/// One world.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which.
    pub seed: u64,
    /// Score on unseen domains without regularisation: 1 less the squared error by the spread of values.
    pub plain: f64,
    /// The same with it.
    pub regularised: f64,
    /// Score on the domains learnt from, without.
    pub plain_training: f64,
    /// The same with it.
    pub regularised_training: f64,
    /// The round after which learning was vetoed, if it was.
    pub stopped: Option<u32>,
}

struct Domain {
    name: String,
    tasks: Vec<([f64; FEATURES], f64)>,
}

fn normal(rng: &mut Stream) -> f64 {
    (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (TAU * rng.unit()).cos()
}

fn domain(seed: u64, number: u64) -> Domain {
    let mut rng = Stream::root(seed).child("domain", number);
    let own: [f64; FEATURES] = std::array::from_fn(|i| if i < SHARED { 1.0 } else { 0.3 * normal(&mut rng) });
    let mut task = || {
        let x: [f64; FEATURES] = std::array::from_fn(|_| normal(&mut rng));
        let y = x.iter().zip(own).map(|(x, w)| x * w).sum::<f64>() + 0.5 * normal(&mut rng);
        (x, y)
    };
    Domain { name: format!("domain {number}"), tasks: (0..TASKS).map(|_| task()).collect() }
}

/// Learns one linear value for all domains, by gradient descent.
#[derive(Clone)]
struct Learner([f64; FEATURES]);

impl Learner {
    fn error(&self, (x, y): &([f64; FEATURES], f64)) -> f64 {
        x.iter().zip(self.0).map(|(x, w)| x * w).sum::<f64>() - y
    }

    fn score(&self, domain: &Domain) -> f64 {
        let squares: f64 = domain.tasks.iter().map(|task| self.error(task).powi(2)).sum();
        1.0 - squares / TASKS as f64 / SPREAD
    }

    fn learn(&mut self, domains: &[Domain], weight: f64) {
        let tasks: Vec<_> = domains.iter().flat_map(|d| &d.tasks).collect();
        for _ in 0..10 {
            let mut slope = self.0.map(|w| 2.0 * weight * w);
            for task in &tasks {
                let error = self.error(task);
                for (slope, x) in slope.iter_mut().zip(task.0) {
                    *slope += 2.0 * error * x / tasks.len() as f64;
                }
            }
            for (w, slope) in self.0.iter_mut().zip(slope) {
                *w -= 0.05 * slope;
            }
        }
    }
}

fn scores(learner: &Learner, domains: &[Domain]) -> BTreeMap<String, f64> {
    domains.iter().map(|d| (d.name.clone(), learner.score(d))).collect()
}

fn mean(scores: &BTreeMap<String, f64>) -> f64 {
    scores.values().sum::<f64>() / scores.len().max(1) as f64
}

/// Unseen score, training score, and when learning was vetoed.
fn learn(seed: u64, regularised: bool) -> anyhow::Result<(f64, f64, Option<u32>)> {
    let all: Vec<Domain> = (0..DOMAINS).map(|number| domain(seed, number)).collect();
    let split = Domains::split(all.iter().map(|d| d.name.clone()), 0.5, &Stream::root(seed))?;
    let (held_out, training): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|d| split.held_out().any(|name| name == d.name));
    let config = CoordinationConfig { regularization_enabled: regularised, ..CoordinationConfig::default() };
    let mut regulariser = config.regulariser(split);
    let (mut learner, mut history, mut advice) = (Learner([0.0; FEATURES]), Vec::new(), Advice::default());
    let mut stopped = None;
    for round in 0..ROUNDS {
        learner.learn(&training, advice.complexity_weight());
        history.push(learner.clone());
        let (up, judged) = (scores(&learner, &training), scores(&learner, &held_out));
        advice = regulariser.observe(f64::from(round) / f64::from(ROUNDS), &up, &judged, &[])?;
        if let Some(best) = advice.go_back_to() {
            learner = history[best].clone();
            stopped = Some(round);
            break;
        }
    }
    let unseen: Vec<Domain> = (0..UNSEEN).map(|number| domain(seed, 1000 + number)).collect();
    Ok((mean(&scores(&learner, &unseen)), mean(&scores(&learner, &training)), stopped))
}

/// Learns in the world `seed` without regularisation and with it.
///
/// # Errors
/// When the regulariser refuses a score, which would be a fault of it.
pub fn measure(seed: u64) -> anyhow::Result<Row> {
    let (plain, plain_training, _) = learn(seed, false)?;
    let (regularised, regularised_training, stopped) = learn(seed, true)?;
    Ok(Row { seed, plain, regularised, plain_training, regularised_training, stopped })
}

/// Over all worlds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub worlds: usize,
    /// Mean score on unseen domains without.
    pub plain: f64,
    /// The same with.
    pub regularised: f64,
    /// Mean paired difference.
    pub gain: f64,
    /// How likely a mean difference at least as large were if signs were chance: paired, one-sided, 100,000 draws.
    pub p: f64,
}

impl Summary {
    /// Summarises rows.
    pub fn of(rows: &[Row]) -> Self {
        let average = |of: fn(&Row) -> f64| rows.iter().map(of).sum::<f64>() / rows.len().max(1) as f64;
        let gain = average(|r| r.regularised - r.plain);
        Self {
            worlds: rows.len(),
            plain: average(|r| r.plain),
            regularised: average(|r| r.regularised),
            gain,
            p: p(rows, gain),
        }
    }
}

/// Sign-flip test.
fn p(rows: &[Row], gain: f64) -> f64 {
    const DRAWS: u32 = 100_000;
    let mut rng = Stream::root(0).child("signs", 0);
    let mut as_large = 0_u32;
    for _ in 0..DRAWS {
        let (mut sum, mut bits) = (0.0, 0);
        for (i, row) in rows.iter().enumerate() {
            if i % 64 == 0 {
                bits = rng.bits();
            }
            let difference = row.regularised - row.plain;
            sum += if bits >> (i % 64) & 1 == 0 { difference } else { -difference };
        }
        as_large += u32::from(sum / rows.len().max(1) as f64 >= gain);
    }
    f64::from(as_large + 1) / f64::from(DRAWS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(plain: f64, regularised: f64) -> Row {
        Row { seed: 0, plain, regularised, plain_training: 0.0, regularised_training: 0.0, stopped: None }
    }

    #[test]
    fn signs_that_are_chance_are_not_significant_and_others_are() {
        let even: Vec<Row> = (0..20).map(|i| row(0.0, if i % 2 == 0 { 1.0 } else { -1.0 })).collect();
        assert!((0.4..0.7).contains(&Summary::of(&even).p), "{:?}", Summary::of(&even));
        let all: Vec<Row> = (0..10).map(|_| row(0.0, 1.0)).collect();
        let p = Summary::of(&all).p;
        assert!((p - 1.0 / 1024.0).abs() < 4e-4, "one draw in 1,024 has ten heads: {p}");
    }
}
