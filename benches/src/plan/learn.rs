//! Learns the factors that make intervals hold what they promise.

use orchestrator_core::plan::{Calibration, Factors};

use super::run::Recorded;
use super::summary::Unit;

/// The factors under which each side of each interval misses 5 % of `runs`, and metric calls miss 10 % in all.
pub fn learn(runs: &[Recorded], made_by: String) -> Calibration {
    let [lengths, probe, history] = [0, 1, 2].map(|source| factors(runs, source));
    Calibration { made_by, runs: runs.len(), lengths, probe, history }
}

fn factors(runs: &[Recorded], source: usize) -> Factors {
    let plain = Calibration::none();
    let predictions: Vec<_> = runs.iter().map(|r| r.plans[source].predict(&plain)).collect();
    let sides = |unit: Unit| {
        let mut factors: [Vec<f64>; 2] = Default::default();
        for (run, prediction) in runs.iter().zip(&predictions) {
            let Some(i) = unit.interval(prediction) else { continue };
            let x = unit.actual(&run.actual);
            for (side, end) in [i.low, i.high].into_iter().enumerate() {
                let away = if i.mid > 0.0 && end > 0.0 && x > 0.0 {
                    (x / i.mid).ln() / (end / i.mid).ln()
                } else {
                    (x - i.mid) / (end - i.mid)
                };
                // On the other side of the middle, or where both ends meet there: any factor will do.
                let other = (x < i.mid) != (side == 0) || x.total_cmp(&i.mid).is_eq();
                factors[side].push(if other || away.is_nan() { 0.0 } else { away });
            }
        }
        factors.map(|mut side| {
            side.sort_by(f64::total_cmp);
            let at = (0.95 * (side.len() + 1) as f64).ceil() as usize;
            let factor = side.get(at.min(side.len()).saturating_sub(1)).copied().unwrap_or(1.0);
            (factor.clamp(0.05, 19.0) * 1000.0).round() / 1000.0
        })
    };
    Factors {
        metric_calls: level(runs, source),
        proposals: sides(Unit::Proposals),
        model_calls: sides(Unit::ModelCalls),
        tokens_in: sides(Unit::TokensIn),
        tokens_out: sides(Unit::TokensOut),
        tokens: sides(Unit::Tokens),
        nano_usd: sides(Unit::NanoUsd),
        seconds: sides(Unit::Seconds),
    }
}

/// The share of simulated runs to be held so that 90 % of the recorded ones are.
fn level(runs: &[Recorded], source: usize) -> f64 {
    let held = |level: f64| {
        let mut trial = Calibration::none();
        for factors in [&mut trial.lengths, &mut trial.probe, &mut trial.history] {
            factors.metric_calls = level;
        }
        let held =
            runs.iter().filter(|r| r.plans[source].predict(&trial).calls.contains(r.actual.calls)).count();
        held as f64 / runs.len().max(1) as f64
    };
    let levels = (0..=49).map(|i| 0.5 + f64::from(i) * 0.01);
    levels
        .map(|level| (level, (held(level) - 0.9).abs()))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0.9, |(level, _)| (level * 100.0).round() / 100.0)
}
