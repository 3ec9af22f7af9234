use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Violation;
use super::violation::assert_held;
use crate::{Choice, ChoiceId, Selector, Stream};

const MASKED: &str = "masked-arm-never-chosen";
const ALL_MASKED: &str = "all-masked-gives-none";
const FOUND: &str = "allowed-arm-is-found";
const IDS: &str = "choice-ids-increase";
const ACCEPTED: &str = "awaited-reward-accepted";
const REFUSED: &str = "unknown-reward-refused";
const UNTOUCHED: &str = "refused-reward-changes-nothing";
const HARMLESS: &str = "non-finite-reward-harmless";
const SEED: &str = "same-seed-same-choices";

/// The laws of [`selector`].
pub const SELECTOR_LAWS: &[&str] =
    &[MASKED, ALL_MASKED, FOUND, IDS, ACCEPTED, REFUSED, UNTOUCHED, HARMLESS, SEED];

/// What [`selector`] checks: how to make one, how many arms it has, and contexts to choose in.
pub struct SelectorCheck<'a, S: Selector> {
    factory: Box<dyn Fn(u64) -> S + 'a>,
    arms: usize,
    contexts: Vec<Box<S::Context>>,
    steps: usize,
}

impl<'a, S: Selector> SelectorCheck<'a, S> {
    /// Checks what `factory` makes of a seed, with `arms` arms, over 200 decisions that go through `contexts` in turn.
    ///
    /// Without contexts nothing can be checked, and [`selector`] says so.
    pub fn new(
        factory: impl Fn(u64) -> S + 'a,
        arms: usize,
        contexts: impl IntoIterator<Item = Box<S::Context>>,
    ) -> Self {
        Self { factory: Box::new(factory), arms, contexts: contexts.into_iter().collect(), steps: 200 }
    }

    /// Takes so many decisions for each law and seed.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    fn context(&self, step: usize) -> &S::Context {
        &self.contexts[step % self.contexts.len()]
    }
}

/// Checks the laws of [`Selector`].
///
/// - `masked-arm-never-chosen`: under random masks the arm is one that is allowed.
/// - `all-masked-gives-none`: with every arm masked there is no choice.
/// - `allowed-arm-is-found`: with some arm allowed there is one.
/// - `choice-ids-increase`: ids increase.
/// - `awaited-reward-accepted`: a choice can be rewarded once, finite or not, in any order.
/// - `unknown-reward-refused`: rewarding an unknown or repeated id is an error.
/// - `refused-reward-changes-nothing`: one that gets many such errors goes on like a twin that gets none.
/// - `non-finite-reward-harmless`: after rewards of NaN, infinity and minus infinity three twins choose alike, and no
///   stated value is NaN.
/// - `same-seed-same-choices`: the same seed and calls give the same choices.
///
/// # Errors
/// The first [`Violation`], with a law of [`SELECTOR_LAWS`].
pub fn selector<S: Selector>(check: &SelectorCheck<'_, S>) -> Result<(), Violation> {
    if check.contexts.is_empty() || check.arms == 0 {
        return Err(Violation::new(FOUND, "the check names no context or no arm, so nothing can be chosen"));
    }
    for seed in [0, 1, 2] {
        let plain = record(check, seed, Pester::No, finite)?;
        compare(SEED, &plain, &record(check, seed, Pester::No, finite)?)?;
        compare(UNTOUCHED, &plain, &record(check, seed, Pester::Yes, finite)?)?;
        let nan = record(check, seed, Pester::No, |step, rng| sometimes(step, rng, f64::NAN))?;
        for bad in [f64::INFINITY, f64::NEG_INFINITY] {
            let other = record(check, seed, Pester::No, |step, rng| sometimes(step, rng, bad))?;
            compare(HARMLESS, &nan, &other)?;
        }
    }
    Ok(())
}

/// [`selector`] as an assertion.
///
/// # Panics
/// With the violation.
#[track_caller]
pub fn check_selector<S: Selector>(check: &SelectorCheck<'_, S>) {
    assert_held(selector(check));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pester {
    No,
    Yes,
}

fn finite(_: usize, rng: &mut Stream) -> f64 {
    rng.unit()
}

/// A finite reward, but for every third and the first few.
fn sometimes(step: usize, rng: &mut Stream, bad: f64) -> f64 {
    let good = rng.unit();
    if step < 5 || step.is_multiple_of(3) { bad } else { good }
}

/// Drives a selector and records its choices in `Debug` form. Rewards come late and out of order.
fn record<S: Selector>(
    check: &SelectorCheck<'_, S>,
    seed: u64,
    pester: Pester,
    reward: impl Fn(usize, &mut Stream) -> f64,
) -> Result<Vec<String>, Violation> {
    let mut selector = (check.factory)(seed);
    let mut rng = Stream::root(seed).child("conformance/selector", 0);
    let mut record = Vec::new();
    let mut awaiting: Vec<ChoiceId> = Vec::new();
    let mut last: Option<ChoiceId> = None;
    for step in 0..check.steps {
        let allowed: Vec<bool> = (0..check.arms).map(|_| rng.chance(0.5)).collect();
        let choice = selector.select(check.context(step), &allowed);
        if let Some(choice) = choice {
            sound(&choice, &allowed, last)?;
            last = Some(choice.id);
            awaiting.push(choice.id);
        } else if allowed.contains(&true) {
            return Err(Violation::new(FOUND, format!("no choice under the mask {allowed:?}")));
        }
        record.push(format!("{choice:?}"));
        if awaiting.len() > 2 || (step + 1 == check.steps && !awaiting.is_empty()) {
            let id = awaiting.remove(rng.below(awaiting.len()));
            let next = (step % 7 != 6).then(|| check.context(step + 1));
            let value = reward(step, &mut rng);
            if let Err(error) = selector.reward(id, value, next) {
                return Err(Violation::new(
                    ACCEPTED,
                    format!("{id:?} awaits a reward; {value} failed: {error}"),
                ));
            }
            if pester == Pester::Yes {
                refuse(&mut selector, check.context(step), id, last)?;
            }
        }
    }
    Ok(record)
}

fn sound(choice: &Choice, allowed: &[bool], last: Option<ChoiceId>) -> Result<(), Violation> {
    if !allowed.contains(&true) {
        return Err(Violation::new(ALL_MASKED, format!("every arm is masked, yet {choice:?}")));
    }
    if allowed.get(choice.arm) != Some(&true) {
        return Err(Violation::new(MASKED, format!("arm {} under the mask {allowed:?}", choice.arm)));
    }
    if last.is_some_and(|last| choice.id <= last) {
        return Err(Violation::new(IDS, format!("{:?} follows {last:?}", choice.id)));
    }
    if choice.value.is_nan() || choice.lower.is_nan() {
        return Err(Violation::new(HARMLESS, format!("{choice:?} states a value that is NaN")));
    }
    Ok(())
}

/// Rewards that must be refused: one again, one never given, one far away.
fn refuse<S: Selector>(
    selector: &mut S,
    context: &S::Context,
    done: ChoiceId,
    last: Option<ChoiceId>,
) -> Result<(), Violation> {
    let next = ChoiceId(last.map_or(0, |id| id.0.saturating_add(1)));
    for id in [done, next, ChoiceId(u64::MAX)] {
        if selector.reward(id, 1e6, Some(context)).is_ok() {
            return Err(Violation::new(
                REFUSED,
                format!("{id:?} awaits no reward, yet rewarding it succeeded"),
            ));
        }
    }
    Ok(())
}

fn compare(law: &'static str, a: &[String], b: &[String]) -> Result<(), Violation> {
    match a.iter().zip(b).enumerate().find(|(_, (x, y))| x != y) {
        Some((step, (x, y))) => {
            Err(Violation::new(law, format!("decision {step}: {x} in one twin, {y} in the other")))
        }
        None => Ok(()),
    }
}
