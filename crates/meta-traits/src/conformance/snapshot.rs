use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::Violation;
use super::violation::assert_held;
use crate::{DynSnapshot, Envelope, Snapshot};

pub(super) const CONTINUES: &str = "snapshot-continues";
pub(super) const STABLE: &str = "snapshot-is-stable";
const FOREIGN: &str = "foreign-snapshot-refused";
const UNCHANGED: &str = "refused-restore-changes-nothing";

/// The laws of [`snapshot`].
pub const SNAPSHOT_LAWS: &[&str] = &[CONTINUES, STABLE, FOREIGN, UNCHANGED];

type Step<'a, T> = Box<dyn Fn(&mut T, u64) -> String + 'a>;

/// What [`snapshot`] checks: how to make an object from a seed, and how to drive it one step.
pub struct SnapshotCheck<'a, T> {
    factory: Box<dyn Fn(u64) -> T + 'a>,
    step: Step<'a, T>,
    steps: u64,
}

impl<'a, T: Snapshot> SnapshotCheck<'a, T> {
    /// Checks over 32 steps. `step` is given the number of the step and returns all that can be seen of it.
    pub fn new(factory: impl Fn(u64) -> T + 'a, step: impl Fn(&mut T, u64) -> String + 'a) -> Self {
        Self { factory: Box::new(factory), step: Box::new(step), steps: 32 }
    }

    /// Drives so many steps.
    #[must_use]
    pub fn steps(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }
}

/// Checks the laws of [`Snapshot`].
///
/// - `snapshot-continues`: an object that is saved after every step and taken up by a new object of another seed
///   shows the same as one that is never saved.
/// - `snapshot-is-stable`: saving what was just restored gives the same bytes.
/// - `foreign-snapshot-refused`: another schema, a newer version, and a body cut short are errors.
/// - `refused-restore-changes-nothing`: after a refused restore (those three, and the body with each of its values
///   in turn replaced by null or left out, where that is refused) the object saves the same bytes as before.
///
/// # Errors
/// The first [`Violation`], with a law of [`SNAPSHOT_LAWS`].
pub fn snapshot<T: Snapshot>(check: &SnapshotCheck<'_, T>) -> Result<(), Violation> {
    for seed in [1, 2] {
        let mut whole = (check.factory)(seed);
        let mut chained = (check.factory)(seed);
        for step in 0..check.steps {
            chained = reborn(&chained, || (check.factory)(seed ^ 0xabcd))?;
            let (expected, found) = ((check.step)(&mut whole, step), (check.step)(&mut chained, step));
            if expected != found {
                return Err(Violation::new(
                    CONTINUES,
                    format!("step {step}: {expected} without snapshots, {found} with"),
                ));
            }
        }
        refusals(&mut whole)?;
    }
    Ok(())
}

/// [`snapshot`] as an assertion.
///
/// # Panics
/// With the violation.
#[track_caller]
pub fn check_snapshot<T: Snapshot>(check: &SnapshotCheck<'_, T>) {
    assert_held(snapshot(check));
}

/// A new object that took up the state of `old`.
pub(super) fn reborn<T: Snapshot>(old: &T, make: impl Fn() -> T) -> Result<T, Violation> {
    let saved = old.save();
    let mut new = make();
    if let Err(error) = new.load(saved.clone()) {
        return Err(Violation::new(CONTINUES, format!("its own snapshot is refused: {error}")));
    }
    let again = new.save();
    if again != saved {
        let (a, b) = (text(&saved), text(&again));
        return Err(Violation::new(STABLE, format!("saved {a}, restored, and saved {b}")));
    }
    Ok(new)
}

/// Offers `object` envelopes that it must refuse or may refuse, and sees to it that refusals leave it as it is.
fn refusals<T: Snapshot>(object: &mut T) -> Result<(), Violation> {
    let good = object.save();
    let foreign = [
        ("another schema", Envelope { schema: format!("{}/other", good.schema), ..good.clone() }),
        ("a newer version", Envelope { version: good.version.saturating_add(1), ..good.clone() }),
        ("a body cut short", Envelope { body: cut(&good.body), ..good.clone() }),
    ];
    for (what, envelope) in foreign {
        if object.load(envelope).is_ok() {
            return Err(Violation::new(FOREIGN, format!("{what} was accepted")));
        }
        unchanged(object, &good, what)?;
    }
    let Ok(body) = serde_json::from_slice::<Value>(&good.body) else { return Ok(()) };
    for index in 0..200 {
        for mutation in [Mutation::Null, Mutation::Leave] {
            let mut mutant = body.clone();
            if !mutate(&mut mutant, &mut { index }, mutation) {
                continue;
            }
            let bytes = serde_json::to_vec(&mutant).unwrap_or_default();
            if object.load(Envelope { body: bytes, ..good.clone() }).is_err() {
                unchanged(object, &good, &format!("the body {mutant}"))?;
            } else if object.load(good.clone()).is_err() {
                return Err(Violation::new(CONTINUES, "its own snapshot is refused the second time"));
            }
        }
    }
    Ok(())
}

fn unchanged<T: Snapshot>(object: &T, good: &Envelope, what: &str) -> Result<(), Violation> {
    let now = object.save();
    if now == *good {
        return Ok(());
    }
    let (a, b) = (text(good), text(&now));
    Err(Violation::new(UNCHANGED, format!("{what} was refused, yet the state went from {a} to {b}")))
}

/// All but the last byte: never a whole JSON text, unless the body is a bare number, which loses its meaning too.
fn cut(body: &[u8]) -> Vec<u8> {
    let mut cut = Vec::from(&body[..body.len().saturating_sub(1)]);
    if serde_json::from_slice::<Value>(&cut).is_ok() {
        cut.clear();
    }
    cut
}

fn text(envelope: &Envelope) -> String {
    let text = String::from_utf8_lossy(&envelope.body);
    text.chars().take(400).collect()
}

#[derive(Clone, Copy)]
enum Mutation {
    Null,
    Leave,
}

/// Applies `mutation` to the `left`-th value below the root, in depth-first order; false when there are fewer.
fn mutate(value: &mut Value, left: &mut usize, mutation: Mutation) -> bool {
    match value {
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            for key in keys {
                if *left == 0 {
                    match mutation {
                        Mutation::Null => drop(map.insert(key, Value::Null)),
                        Mutation::Leave => drop(map.remove(&key)),
                    }
                    return true;
                }
                *left -= 1;
                if map.get_mut(&key).is_some_and(|inner| mutate(inner, left, mutation)) {
                    return true;
                }
            }
            false
        }
        Value::Array(items) => {
            for index in 0..items.len() {
                if *left == 0 {
                    match mutation {
                        Mutation::Null => items[index] = Value::Null,
                        Mutation::Leave => drop(items.remove(index)),
                    }
                    return true;
                }
                *left -= 1;
                if mutate(&mut items[index], left, mutation) {
                    return true;
                }
            }
            false
        }
        _ => false,
    }
}
