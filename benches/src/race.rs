//! The evaluation scheduler on a published mix of candidates; `--bin race` says what is measured.

use evaluation::race::{Decision, ELond, EProcess, Race, RaceAsk, RaceError, RaceOptions, Target};
use meta_traits::Stream;
use serde::Serialize;

/// Validation examples.
const EXAMPLES: usize = 100;
/// Candidates a stream.
const CANDIDATES: usize = 20;
/// The share of examples on which a candidate differs from the incumbent.
const DISCORDANCE: f64 = 0.3;
/// True differences and their shares.
const MIX: [(f64, f64); 3] = [(0.1, 0.1), (0.0, 0.3), (-0.1, 0.6)];
/// One-sided level of claims and tests.
const ALPHA: f64 = 0.05;

/// What one stream came to; counts of candidates unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// The stream.
    pub stream: u64,
    /// Metric calls.
    pub calls: u64,
    /// Candidates that are better, equal and worse.
    pub of: [u32; 3],
    /// Of these the search kept.
    pub kept: [u32; 3],
    /// Claims made of them, about the population.
    pub claimed: [u32; 3],
    /// The largest share of false claims at any moment.
    pub false_claims: f64,
    /// The same of claims about the mean over the 100 examples, from the same results by e-LOND without replacement; false
    /// where that mean is not above the incumbent's.
    pub false_claims_finite: f64,
    /// Candidates better in the mean over the 100 examples, and claims of them.
    pub finite: [u32; 2],
    /// Passed by a sign test on all examples.
    pub full: [u32; 3],
    /// Higher mean on all examples.
    pub higher: [u32; 3],
    /// Passed by a larger sum on 3 examples.
    pub gate: [u32; 3],
}

/// Runs one stream.
///
/// # Errors
/// None in practice: the race is told what it asks for.
pub fn stream(seed: u64, number: u64) -> Result<Row, RaceError> {
    let root = Stream::root(seed).child("stream", number);
    let mut race = Race::new(EXAMPLES, RaceOptions::default(), root.child("race", 0))?;
    let incumbent = race.enter();
    let mut rng = root.child("incumbent", 0);
    let passes: Vec<bool> = (0..EXAMPLES).map(|_| rng.chance(0.5)).collect();
    for (example, pass) in passes.iter().enumerate() {
        race.record(incumbent, example, f64::from(u8::from(*pass)))?;
    }
    let mut row = Row { stream: number, ..Row::default() };
    let mut kinds = vec![0];
    let mut results: Vec<Vec<bool>> = vec![passes.clone()];
    let mut finite_claims = ELond::new(ALPHA);
    let mut evidence = Vec::new();
    for c in 0..CANDIDATES {
        let mut rng = root.child("candidate", c as u64);
        let kind = rng.weighted(&MIX.map(|(_, share)| share)).unwrap_or(2);
        let difference = MIX[kind].0;
        // Half of the examples are passed by the incumbent, so this is the mix's difference and discordance.
        let result = |pass: &bool| {
            if *pass { !rng.chance(DISCORDANCE - difference) } else { rng.chance(DISCORDANCE + difference) }
        };
        results.push(passes.iter().map(result).collect());
        kinds.push(kind);
        row.of[kind] += 1;
        let entered = race.enter();
        race.claim(entered, Target::Population)?;
        finite_claims.open();
        evidence.push(EProcess::new(Target::Finite(EXAMPLES), 1.0));
        others(&mut row, kind, &passes, &results[entered], &mut root.child("gate", c as u64));
    }
    let better = |c: usize| difference(&passes, &results[c], 0..EXAMPLES) > 0;
    row.finite[0] = (1..=CANDIDATES).filter(|c| better(*c)).count() as u32;
    while let RaceAsk::Run(block) = race.ask() {
        let c = block.candidate;
        let scores: Vec<f64> =
            block.draws.iter().map(|d| f64::from(u8::from(results[c][d.example]))).collect();
        for (draw, score) in block.draws.iter().zip(&scores) {
            evidence[c - 1].observe(score - f64::from(u8::from(passes[draw.example])));
        }
        race.tell(block.id, &scores)?;
        let claims: Vec<usize> = (1..=CANDIDATES).filter(|c| race.is_established(*c)).collect();
        row.false_claims = row.false_claims.max(share(&claims, |c| kinds[*c] != 0));
        let sure: Vec<usize> =
            (1..=CANDIDATES).filter(|c| finite_claims.test(c - 1, evidence[c - 1].value())).collect();
        row.false_claims_finite = row.false_claims_finite.max(share(&sure, |c| !better(*c)));
        row.finite[1] = sure.iter().filter(|c| better(**c)).count() as u32;
    }
    for (c, &kind) in kinds.iter().enumerate().skip(1) {
        row.kept[kind] += u32::from(race.decision(c) == Decision::Kept);
        row.claimed[kind] += u32::from(race.is_established(c));
    }
    row.calls = race.calls();
    Ok(row)
}

fn share(claims: &[usize], is_false: impl Fn(&usize) -> bool) -> f64 {
    claims.iter().filter(|c| is_false(c)).count() as f64 / claims.len().max(1) as f64
}

/// Examples gained less examples lost.
fn difference(old: &[bool], new: &[bool], on: impl Iterator<Item = usize>) -> i32 {
    on.map(|j| i32::from(new[j]) - i32::from(old[j])).sum()
}

/// What a full validation and GEPA's gate make of a candidate.
fn others(row: &mut Row, kind: usize, old: &[bool], new: &[bool], rng: &mut Stream) {
    let gained = (0..EXAMPLES).filter(|&j| new[j] && !old[j]).count();
    let lost = (0..EXAMPLES).filter(|&j| old[j] && !new[j]).count();
    row.full[kind] += u32::from(at_least(gained, gained + lost) <= ALPHA);
    row.higher[kind] += u32::from(gained > lost);
    let mut order: Vec<usize> = (0..EXAMPLES).collect();
    rng.shuffle(&mut order);
    row.gate[kind] += u32::from(difference(old, new, order.into_iter().take(3)) > 0);
}

/// P(X >= k) of a fair binomial of n.
fn at_least(k: usize, n: usize) -> f64 {
    let mut term = (0..n).fold(1.0, |term, _| 0.5 * term);
    let mut total = 0.0;
    for i in 0..=n {
        if i >= k {
            total += term;
        }
        term *= (n - i) as f64 / (i + 1) as f64;
    }
    total
}

/// All streams; standard errors are over streams for `false_claims`, binomial for powers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Mean over streams of the largest share of false claims at any moment.
    pub false_claims: f64,
    /// Its standard error.
    pub false_claims_se: f64,
    /// The same for claims about the mean over the validation examples.
    pub false_claims_finite: f64,
    /// Its standard error.
    pub false_claims_finite_se: f64,
    /// Calls a candidate over those of a full validation.
    pub calls_ratio_full: f64,
    /// Better candidates that the search keeps.
    pub power: f64,
    /// Its standard error.
    pub power_se: f64,
    /// Equal and worse candidates that the search keeps.
    pub kept_equal: f64,
    /// Worse candidates that the search keeps.
    pub kept_worse: f64,
    /// Better candidates that are claimed, about the population.
    pub power_claims: f64,
    /// Candidates with a higher mean on the examples that are claimed, about that mean.
    pub power_claims_finite: f64,
    /// Better candidates that pass a sign test on all examples.
    pub power_full: f64,
    /// Its standard error.
    pub power_full_se: f64,
    /// Better candidates with a higher mean on all examples.
    pub power_full_mean: f64,
    /// Equal candidates with a higher mean on all examples.
    pub kept_equal_full_mean: f64,
    /// Worse candidates with a higher mean on all examples.
    pub kept_worse_full_mean: f64,
    /// Better candidates that pass GEPA's gate.
    pub power_gepa_gate: f64,
    /// Its standard error.
    pub power_gepa_gate_se: f64,
    /// Equal candidates that pass GEPA's gate.
    pub kept_equal_gepa_gate: f64,
    /// Worse candidates that pass GEPA's gate.
    pub kept_worse_gepa_gate: f64,
    /// Calls a candidate of GEPA: both on 3 examples, and 100 where the gate opens.
    pub calls_gepa_gate: f64,
    /// Streams.
    pub n: usize,
    /// Candidates, and better ones.
    pub candidates: [u32; 2],
}

impl Summary {
    /// The summary of streams.
    pub fn of(rows: &[Row]) -> Self {
        let sum = |of: fn(&Row) -> u32| rows.iter().map(of).sum::<u32>();
        let rate = |a: u32, b: u32| f64::from(a) / f64::from(b.max(1));
        let (better, equal, worse) = (sum(|r| r.of[0]), sum(|r| r.of[1]), sum(|r| r.of[2]));
        let all = better + equal + worse;
        let calls: u64 = rows.iter().map(|r| r.calls).sum();
        let se = |p: f64| (p * (1.0 - p) / f64::from(better.max(1))).sqrt();
        let moments = |of: fn(&Row) -> f64| {
            let n = rows.len().max(1) as f64;
            let mean = rows.iter().map(of).sum::<f64>() / n;
            let squares: f64 = rows.iter().map(|r| (of(r) - mean).powi(2)).sum();
            (mean, (squares / (n - 1.0).max(1.0) / n).sqrt())
        };
        let ((false_claims, false_claims_se), (false_claims_finite, false_claims_finite_se)) =
            (moments(|r| r.false_claims), moments(|r| r.false_claims_finite));
        let power = rate(sum(|r| r.kept[0]), better);
        let power_full = rate(sum(|r| r.full[0]), better);
        let power_gepa_gate = rate(sum(|r| r.gate[0]), better);
        Self {
            false_claims,
            false_claims_se,
            false_claims_finite,
            false_claims_finite_se,
            calls_ratio_full: calls as f64 / (f64::from(all) * EXAMPLES as f64),
            power,
            power_se: se(power),
            kept_equal: rate(sum(|r| r.kept[1]), equal),
            kept_worse: rate(sum(|r| r.kept[2]), worse),
            power_claims: rate(sum(|r| r.claimed[0]), better),
            power_claims_finite: rate(sum(|r| r.finite[1]), sum(|r| r.finite[0])),
            power_full,
            power_full_se: se(power_full),
            power_full_mean: rate(sum(|r| r.higher[0]), better),
            kept_equal_full_mean: rate(sum(|r| r.higher[1]), equal),
            kept_worse_full_mean: rate(sum(|r| r.higher[2]), worse),
            power_gepa_gate,
            power_gepa_gate_se: se(power_gepa_gate),
            kept_equal_gepa_gate: rate(sum(|r| r.gate[1]), equal),
            kept_worse_gepa_gate: rate(sum(|r| r.gate[2]), worse),
            calls_gepa_gate: 6.0 + EXAMPLES as f64 * rate(sum(|r| r.gate.iter().sum()), all),
            n: rows.len(),
            candidates: [all, better],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_itself_and_never_pays_twice() {
        let row = stream(1, 3).unwrap();
        assert_eq!(row, stream(1, 3).unwrap());
        assert_eq!(row.of.iter().sum::<u32>(), 20);
        assert!(row.calls <= 2000);
    }

    #[test]
    fn the_sign_test_is_exact() {
        assert!((at_least(8, 10) - 56.0 / 1024.0).abs() < 1e-12);
        assert!((at_least(0, 7) - 1.0).abs() < 1e-12);
    }
}
