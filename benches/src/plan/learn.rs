//! Learns the factors that make intervals hold what they promise.

use orchestrator_core::plan::{Calibration, Factors};

use super::run::Recorded;
use super::summary::Unit;

/// The share of runs that an interval may miss, and that its upper end may.
const MISSED: f64 = 0.1;
const MISSED_ABOVE: f64 = 0.05;
/// Halvings of the range of a factor.
const HALVINGS: usize = 14;
/// The range of a factor.
const RANGE: [f64; 2] = [0.02, 12.0];

/// The factors under which intervals miss 10 % of `runs`, as far as can be 5 % on either side. Ends are taken as
/// they are shown: rounded outwards, and at the limit where there is one.
pub fn learn(runs: &[Recorded], made_by: String) -> Calibration {
    let [lengths, probe, history] = [0, 1, 2].map(|source| factors(runs, source));
    Calibration { made_by, runs: runs.len(), lengths, probe, history }
}

/// Where the factors of an amount stand.
type Sides = fn(&mut Factors) -> &mut [f64; 2];

/// The amounts whose ends are stretched, and where their factors stand.
const STRETCHED: [(Unit, Sides); 7] = [
    (Unit::Proposals, |f| &mut f.proposals),
    (Unit::ModelCalls, |f| &mut f.model_calls),
    (Unit::TokensIn, |f| &mut f.tokens_in),
    (Unit::TokensOut, |f| &mut f.tokens_out),
    (Unit::Tokens, |f| &mut f.tokens),
    (Unit::NanoUsd, |f| &mut f.nano_usd),
    (Unit::Seconds, |f| &mut f.seconds),
];

/// `factors` for every source.
fn throughout(factors: Factors) -> Calibration {
    Calibration { lengths: factors, probe: factors, history: factors, ..Calibration::none() }
}

/// The shares of runs below and above the intervals of each stretched amount.
fn misses(runs: &[Recorded], source: usize, factors: Factors) -> [[f64; 2]; 7] {
    let mut counts = [[0.0; 2]; 7];
    let calibration = throughout(factors);
    for run in runs {
        let prediction = run.plans[source].predict(&calibration);
        for (count, (unit, _)) in counts.iter_mut().zip(STRETCHED) {
            let (Some(i), x) = (unit.interval(&prediction), unit.actual(&run.actual)) else { continue };
            count[0] += f64::from(u8::from(x < i.low));
            count[1] += f64::from(u8::from(x > i.high));
        }
    }
    counts.map(|c| c.map(|n| n / runs.len().max(1) as f64))
}

fn factors(runs: &[Recorded], source: usize) -> Factors {
    let mut factors = Factors { metric_calls: level(runs, source), ..Factors::NONE };
    // The upper side first; the lower one then misses what is left of the 10 %.
    for side in [1, 0] {
        let mut ranges = [RANGE; 7];
        for _ in 0..HALVINGS {
            for (range, (_, of)) in ranges.iter().zip(STRETCHED) {
                of(&mut factors)[side] = (range[0] * range[1]).sqrt();
            }
            let missed = misses(runs, source, factors);
            for ((range, missed), (_, of)) in ranges.iter_mut().zip(missed).zip(STRETCHED) {
                let too_many =
                    if side == 1 { missed[1] > MISSED_ABOVE } else { missed[0] + missed[1] > MISSED };
                range[usize::from(!too_many)] = of(&mut factors)[side];
            }
        }
        for (range, (_, of)) in ranges.iter().zip(STRETCHED) {
            of(&mut factors)[side] = (range[1] * 1000.0).ceil() / 1000.0;
        }
    }
    factors
}

/// The share of simulated runs to be held so that 90 % of the recorded ones are.
fn level(runs: &[Recorded], source: usize) -> f64 {
    let held = |level: f64| {
        let trial = throughout(Factors { metric_calls: level, ..Factors::NONE });
        let holds = |r: &&Recorded| r.plans[source].predict(&trial).calls.contains(r.actual.calls);
        runs.iter().filter(holds).count() as f64 / runs.len().max(1) as f64
    };
    let levels = (0..=49).map(|i| 0.5 + f64::from(i) * 0.01);
    levels
        .map(|level| (level, (held(level) - (1.0 - MISSED)).abs()))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0.9, |(level, _)| (level * 100.0).round() / 100.0)
}
