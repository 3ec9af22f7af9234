use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::violation::assert_held;
use super::{DIMENSIONS, TestFunction, Violation};
use crate::{Prediction, Predictor, Stream};

const FINITE: &str = "prediction-is-finite";
const SPREAD: &str = "sd-not-negative";
const IGNORED: &str = "non-finite-observation-ignored";
const SAME: &str = "same-data-same-prediction";
const FORGETS: &str = "refit-forgets";
const COVERAGE: &str = "interval-coverage";
const SHARP: &str = "interval-sharpness";

/// The laws of [`predictor`].
pub const PREDICTOR_LAWS: &[&str] = &[FINITE, SPREAD, IGNORED, SAME, FORGETS, COVERAGE, SHARP];

/// Half the width of a central 90 % interval of a normal distribution, in standard deviations.
const Z90: f64 = 1.645;

type Embed<'a, X> = Box<dyn Fn(&[f64; DIMENSIONS]) -> Box<X> + 'a>;

/// What [`predictor`] checks: how to make one of a seed, and how a point of the unit square becomes an input.
pub struct PredictorCheck<'a, X: ?Sized, P: Predictor<X>> {
    factory: Box<dyn Fn(u64) -> P + 'a>,
    embed: Embed<'a, X>,
    train: usize,
    least_coverage: f64,
    most_width: f64,
}

impl<'a, X: ?Sized, P: Predictor<X>> PredictorCheck<'a, X, P> {
    /// Checks with 40 training rows, coverage of at least 0.80 and intervals of at most 1.5 times the prior's width.
    ///
    /// `embed` must be one-to-one, so that what can be learnt of the point can be learnt of the input.
    pub fn new(factory: impl Fn(u64) -> P + 'a, embed: impl Fn(&[f64; DIMENSIONS]) -> Box<X> + 'a) -> Self {
        let (train, least_coverage, most_width) = (40, 0.80, 1.5);
        Self { factory: Box::new(factory), embed: Box::new(embed), train, least_coverage, most_width }
    }

    /// Trains on so many rows.
    #[must_use]
    pub fn train(mut self, rows: usize) -> Self {
        self.train = rows;
        self
    }

    fn rows(&self, function: TestFunction, seed: u64) -> Vec<(Box<X>, f64)> {
        let mut rng = Stream::root(seed).child("conformance/train", function as u64);
        self.embedded(function.rows(seed, self.train, &mut rng))
    }

    fn embedded(&self, rows: Vec<([f64; DIMENSIONS], f64)>) -> Vec<(Box<X>, f64)> {
        rows.into_iter().map(|(point, y)| ((self.embed)(&point), y)).collect()
    }

    /// Inputs that predictions are looked at, none of them trained on.
    fn probes(&self, function: TestFunction, seed: u64, count: usize) -> Vec<(Box<X>, f64)> {
        let mut rng = Stream::root(seed).child("conformance/probe", function as u64);
        self.embedded(function.rows(seed, count, &mut rng))
    }
}

/// Checks the laws of [`Predictor`] on the [`TestFunction`]s.
///
/// - `prediction-is-finite`: mean and sd are finite before any data, after each observation, and after
///   observations that are NaN, infinite, or as large as 1e100.
/// - `sd-not-negative`: sd is at least 0 at all those times.
/// - `non-finite-observation-ignored`: a twin that is also shown NaN and infinities predicts the same, bit for bit.
/// - `same-data-same-prediction`: the same seed and data give the same predictions, bit for bit.
/// - `refit-forgets`: after `refit` an old object predicts what a fresh one does after the same `refit`.
/// - `interval-coverage`: nominal 90 % intervals cover the function at 80 % to 100 % of unseen points, pooled over
///   the four families, five members each, 100 points each.
/// - `interval-sharpness`: those intervals are on average at most 1.5 times as wide as the 90 % interval of one who
///   knows only the mean and spread of the values, so that a large sd does not buy coverage.
///
/// Coverage is of the function itself: the data carry no noise.
///
/// # Errors
/// The first [`Violation`], with a law of [`PREDICTOR_LAWS`].
pub fn predictor<X: ?Sized, P: Predictor<X>>(check: &PredictorCheck<'_, X, P>) -> Result<(), Violation> {
    for function in TestFunction::ALL {
        always_sound(check, function)?;
        repeats_and_forgets(check, function)?;
        ignores_unsound(check, function)?;
    }
    calibrated(check)
}

/// [`predictor`] as an assertion.
///
/// # Panics
/// With the violation.
#[track_caller]
pub fn check_predictor<X: ?Sized, P: Predictor<X>>(check: &PredictorCheck<'_, X, P>) {
    assert_held(predictor(check));
}

fn look<X: ?Sized, P: Predictor<X>>(
    predictor: &P,
    probes: &[(Box<X>, f64)],
    when: &str,
) -> Result<Vec<Prediction>, Violation> {
    let mut seen = Vec::new();
    for (x, _) in probes {
        let p = predictor.predict(x);
        if !p.mean.is_finite() || !p.sd.is_finite() {
            return Err(Violation::new(FINITE, format!("{p:?} {when}")));
        }
        if p.sd < 0.0 {
            return Err(Violation::new(SPREAD, format!("{p:?} {when}")));
        }
        seen.push(p);
    }
    Ok(seen)
}

fn always_sound<X: ?Sized, P: Predictor<X>>(
    check: &PredictorCheck<'_, X, P>,
    function: TestFunction,
) -> Result<(), Violation> {
    let probes = check.probes(function, 0, 8);
    let mut predictor = (check.factory)(0);
    look(&predictor, &probes, "before any data")?;
    for (x, y) in check.rows(function, 0) {
        predictor.observe(&x, y);
        look(&predictor, &probes, "after an observation")?;
        predictor.observe(&x, y);
        look(&predictor, &probes, "after the same observation again")?;
    }
    for (x, _) in &probes {
        for y in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e100, -1e100] {
            predictor.observe(x, y);
            look(&predictor, &probes, &format!("after an observation of {y:?}"))?;
        }
    }
    predictor.refit(&mut core::iter::empty());
    look(&predictor, &probes, "after refit with no rows").map(drop)
}

fn ignores_unsound<X: ?Sized, P: Predictor<X>>(
    check: &PredictorCheck<'_, X, P>,
    function: TestFunction,
) -> Result<(), Violation> {
    let probes = check.probes(function, 1, 20);
    let (mut clean, mut shown) = ((check.factory)(1), (check.factory)(1));
    for (index, (x, y)) in check.rows(function, 1).into_iter().enumerate() {
        let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][index % 3];
        clean.observe(&x, y);
        shown.observe(&x, bad);
        shown.observe(&x, y);
    }
    let (a, b) = (look(&clean, &probes, "")?, look(&shown, &probes, "after non-finite values")?);
    differ(IGNORED, &a, &b, "without and with non-finite observations")
}

fn repeats_and_forgets<X: ?Sized, P: Predictor<X>>(
    check: &PredictorCheck<'_, X, P>,
    function: TestFunction,
) -> Result<(), Violation> {
    let probes = check.probes(function, 2, 20);
    let (old, new) = (check.rows(function, 2), check.rows(function, 3));
    let (mut one, mut two, mut fresh) = ((check.factory)(2), (check.factory)(2), (check.factory)(2));
    for (x, y) in &old {
        one.observe(x, *y);
        two.observe(x, *y);
    }
    let (a, b) = (look(&one, &probes, "")?, look(&two, &probes, "")?);
    differ(SAME, &a, &b, "by two objects of one seed")?;
    one.refit(&mut new.iter().map(|(x, y)| (&**x, *y, 1.0)));
    fresh.refit(&mut new.iter().map(|(x, y)| (&**x, *y, 1.0)));
    let (a, b) = (look(&one, &probes, "after refit")?, look(&fresh, &probes, "after refit")?);
    differ(FORGETS, &a, &b, "after the same refit by one that had seen other data and one that had not")
}

fn differ(law: &'static str, a: &[Prediction], b: &[Prediction], how: &str) -> Result<(), Violation> {
    match a.iter().zip(b).find(|(x, y)| format!("{x:?}") != format!("{y:?}")) {
        Some((x, y)) => Err(Violation::new(law, format!("{x:?} and {y:?} {how}"))),
        None => Ok(()),
    }
}

fn calibrated<X: ?Sized, P: Predictor<X>>(check: &PredictorCheck<'_, X, P>) -> Result<(), Violation> {
    let (mut covered, mut total, mut width) = (0.0, 0.0, 0.0);
    for function in TestFunction::ALL {
        for seed in 10..15 {
            let mut predictor = (check.factory)(seed);
            let rows = check.rows(function, seed);
            for (x, y) in &rows {
                predictor.observe(x, *y);
            }
            let n = rows.len().max(1) as f64;
            let mean = rows.iter().map(|(_, y)| y).sum::<f64>() / n;
            let prior = (rows.iter().map(|(_, y)| (y - mean) * (y - mean)).sum::<f64>() / n).sqrt();
            let probes = check.probes(function, seed, 100);
            for (p, (_, y)) in look(&predictor, &probes, "after training")?.iter().zip(&probes) {
                let (low, high) = p.interval(Z90);
                covered += f64::from(u8::from(low <= *y && *y <= high));
                width += p.sd / prior.max(f64::MIN_POSITIVE);
                total += 1.0;
            }
        }
    }
    let (coverage, width) = (covered / total, width / total);
    if coverage < check.least_coverage {
        let least = check.least_coverage;
        return Err(Violation::new(
            COVERAGE,
            format!(
                "nominal 90 % intervals cover {coverage:.3} of {total} unseen values; allowed: {least} to 1"
            ),
        ));
    }
    if width > check.most_width {
        let most = check.most_width;
        return Err(Violation::new(
            SHARP,
            format!(
                "intervals are {width:.2} times as wide as the spread of the data allows for; allowed: {most}"
            ),
        ));
    }
    Ok(())
}
