//! Random workloads under hard budgets, with time-outs, cancellations, failures and crashes: what was truly spent against the
//! limits.

use std::time::Duration;

use coordination::Component;
use coordination::budget::{CallCap, Hold, OptimizationMode, Purse, Strategy};
use meta_traits::{Budget, Cost, Meter, Snapshot, Stream, Unit};
use serde::Serialize;

/// Tasks in flight at a time.
const IN_FLIGHT: usize = 8;
/// Turns of a workload: in each a task is asked for, and maybe one ends.
const TURNS: usize = 400;

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which.
    pub seed: u64,
    /// Tasks that ran.
    pub granted: u64,
    /// Tasks that were refused.
    pub refused: u64,
    /// Crashes after which the purse was taken up from what was saved.
    pub crashes: u64,
    /// True spending beyond the limit, the most of any unit in percent of its limit.
    pub overspend: f64,
    /// True spending of a component beyond its part, the most of any in points of the limit.
    pub beyond_share: f64,
    /// What `overspend` would be had the same tasks reserved about the P90 of what they use.
    pub by_quantiles: f64,
}

/// A task: what it may use at the most, and what it truly uses.
struct Task {
    cap: Cost,
    truth: Cost,
    end: End,
}

/// How a task ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Its use is known.
    Well,
    /// It was given up: the server may have worked on, and nobody knows.
    Unknown,
    /// It was taken back before it began.
    Never,
}

fn budget(rng: &mut Stream) -> Budget {
    let mut budget = Budget::UNLIMITED;
    // Limits of the size of a few to a few hundred tasks.
    let tasks = 300_f64.powf(rng.unit());
    let mut limit = |typical: f64| {
        let spread = tasks * typical * (0.5 + rng.unit());
        rng.chance(0.7).then_some(spread as u64)
    };
    budget.evaluations = limit(4.0);
    budget.model_calls = limit(4.0);
    budget.tokens = limit(6000.0);
    budget.nano_usd = limit(2e6);
    budget.wall = limit(60e9).map(Duration::from_nanos);
    budget
}

fn task(rng: &mut Stream) -> Task {
    let attempts = 1 + rng.below(3) as u32;
    let call = CallCap {
        tokens_in: (100.0 * 40_f64.powf(rng.unit())) as u64,
        max_tokens: 64 << rng.below(5),
        pico_usd_in: 150_000,
        pico_usd_out: 600_000,
        timeout: Duration::from_secs(1 + rng.below(60) as u64),
        attempts,
    };
    let calls = 1 + rng.below(6) as u64;
    let mut cap = call.cost().times(calls);
    cap.evaluations = calls;
    // Each call truly uses its input, and any part of what it may write and of its time: now and then all of it.
    let part = |rng: &mut Stream| if rng.chance(0.1) { 1.0 } else { rng.unit().powi(3) };
    let mut truth = Cost::ZERO;
    let begun = calls * u64::from(1 + rng.below(attempts as usize) as u32);
    for _ in 0..begun {
        let one = CallCap {
            max_tokens: (call.max_tokens as f64 * part(rng)) as u64,
            timeout: call.timeout.mul_f64(part(rng)),
            attempts: 1,
            ..call
        };
        truth += one.cost();
    }
    truth.evaluations = calls;
    let end = match rng.unit() {
        u if u < 0.10 => End::Unknown,
        u if u < 0.15 => End::Never,
        _ => End::Well,
    };
    if end == End::Never {
        truth = Cost::ZERO;
    }
    Task { cap, truth, end }
}

fn beyond(truth: Cost, budget: Budget) -> f64 {
    let over = |unit: Unit| {
        let limit = budget.limit(unit)?;
        Some(truth.of(unit).saturating_sub(limit) as f64 * 100.0 / limit.max(1) as f64)
    };
    Unit::ALL.into_iter().filter_map(over).fold(0.0, f64::max)
}

/// Drives a purse through the workload `seed`.
///
/// # Errors
/// When what was saved cannot be taken up again, which would be a fault of the purse.
pub fn drive(seed: u64) -> anyhow::Result<Row> {
    let mut rng = Stream::root(seed).child("budget", 0);
    let budget = budget(&mut rng);
    let mode = OptimizationMode::ALL[rng.below(5)];
    let strategy = [Strategy::Fixed, Strategy::Dynamic, Strategy::Adaptive, Strategy::Priority][rng.below(4)];
    let unit = Unit::ALL[rng.below(5)];
    let mut purse = Purse::new(budget, unit, mode.shares(), strategy);
    let mut by_quantiles = Meter::new(budget);
    let mut in_flight: Vec<(Task, Hold)> = Vec::new();
    let (mut truth, mut by_component, mut planned) = (Cost::ZERO, [0_u64; 4], Cost::ZERO);
    let mut row = Row {
        seed,
        granted: 0,
        refused: 0,
        crashes: 0,
        overspend: 0.0,
        beyond_share: 0.0,
        by_quantiles: 0.0,
    };
    for _ in 0..TURNS {
        // Mostly whoever is due, now and then anybody.
        let due = purse.allocation().next(&Component::ALL).filter(|_| rng.chance(0.8));
        let component = due.unwrap_or(Component::ALL[rng.below(4)]);
        let task = task(&mut rng);
        if let Ok(lease) = by_quantiles.reserve(p90(&task)) {
            by_quantiles.commit(lease, task.truth);
            planned += task.truth;
        }
        if in_flight.len() < IN_FLIGHT {
            match purse.reserve(component, task.cap) {
                Ok(hold) => {
                    row.granted += 1;
                    // A task that runs uses what it uses, whatever anybody comes to know of it.
                    truth += task.truth;
                    by_component[component as usize] += task.truth.of(unit);
                    in_flight.push((task, hold));
                }
                Err(_) => row.refused += 1,
            }
        }
        while in_flight.len() == IN_FLIGHT || (!in_flight.is_empty() && rng.chance(0.4)) {
            let (task, hold) = in_flight.swap_remove(rng.below(in_flight.len()));
            match task.end {
                End::Well => {
                    purse.settle_with_gain(hold, task.truth, rng.unit());
                }
                End::Unknown => purse.settle_unknown(hold),
                End::Never => purse.refund(hold),
            }
        }
        if rng.chance(0.01) {
            // The process dies with tasks in flight; another one takes up what was saved.
            in_flight.clear();
            let saved = serde_json::to_string(&purse.snapshot())?;
            purse = Purse::new(Budget::UNLIMITED, unit, mode.shares(), strategy);
            purse.restore(serde_json::from_str(&saved)?)?;
            row.crashes += 1;
        }
    }
    row.overspend = beyond(truth, budget);
    row.by_quantiles = beyond(planned, budget);
    if let Some(limit) = budget.limit(unit) {
        for component in Component::ALL {
            // The widest that any strategy allows; 5 points for the one that does not move.
            let points = if strategy == Strategy::Fixed { 0.05 } else { 0.15 };
            let most = (mode.shares().of(component) + points) * limit as f64 + 1.0;
            let over = (by_component[component as usize] as f64 - most).max(0.0);
            row.beyond_share = row.beyond_share.max(100.0 * over / limit.max(1) as f64);
        }
    }
    Ok(row)
}

/// What a planner would reserve who trusts quantiles: about nine of ten tasks stay below 0.7 of their cap.
fn p90(task: &Task) -> Cost {
    let share = |n: u64| (n as f64 * 0.7) as u64;
    let mut cost = Cost::tokens(share(task.cap.calls), share(task.cap.tokens_in), share(task.cap.tokens_out))
        .with_nano_usd(share(task.cap.nano_usd))
        .with_wall(task.cap.wall.mul_f64(0.7));
    cost.evaluations = task.cap.evaluations;
    cost
}

/// Over all workloads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub workloads: usize,
    /// Those in which more was spent than the budget allows, in any unit.
    pub overspend: usize,
    /// Those in which a component spent more than its part.
    pub beyond_share: usize,
    /// Those in which reserving quantiles would have overspent.
    pub overspend_by_quantiles: usize,
    /// Tasks that ran.
    pub granted: u64,
    /// Tasks that were refused.
    pub refused: u64,
    /// Crashes.
    pub crashes: u64,
}

impl Summary {
    /// Summarises rows.
    pub fn of(rows: &[Row]) -> Self {
        let count = |of: fn(&Row) -> f64| rows.iter().filter(|r| of(r) > 0.0).count();
        Self {
            workloads: rows.len(),
            overspend: count(|r| r.overspend),
            beyond_share: count(|r| r.beyond_share),
            overspend_by_quantiles: count(|r| r.by_quantiles),
            granted: rows.iter().map(|r| r.granted).sum(),
            refused: rows.iter().map(|r| r.refused).sum(),
            crashes: rows.iter().map(|r| r.crashes).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overspent_and_the_check_can_fail() {
        let rows: Vec<Row> = (0..60).map(|seed| drive(seed).unwrap()).collect();
        let summary = Summary::of(&rows);
        assert_eq!((summary.overspend, summary.beyond_share), (0, 0), "{summary:?}");
        assert!(summary.granted > 1000 && summary.refused > 1000 && summary.crashes > 50, "{summary:?}");
        assert!(summary.overspend_by_quantiles > 5, "quantiles are no guarantee: {summary:?}");
    }
}
