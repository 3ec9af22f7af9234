use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::fmt::Debug;

use super::Violation;
use super::violation::assert_held;
use crate::{Space, Stream};

const SAMPLE_INSIDE: &str = "sample-in-space";
const OUTSIDER: &str = "outsider-refused";
const SAME_STREAM: &str = "same-stream-same-sample";

/// The laws of [`space`].
pub const SPACE_LAWS: &[&str] = &[SAMPLE_INSIDE, OUTSIDER, SAME_STREAM];

/// What [`space`] checks: a space, and points that are known to lie outside of it.
pub struct SpaceCheck<'a, S: Space> {
    space: Box<dyn Fn() -> S + 'a>,
    outside: Vec<S::Point>,
    samples: u64,
}

impl<'a, S: Space> SpaceCheck<'a, S> {
    /// Checks the space that `factory` makes with 1000 samples.
    pub fn new(factory: impl Fn() -> S + 'a) -> Self {
        Self { space: Box::new(factory), outside: Vec::new(), samples: 1000 }
    }

    /// Adds points that are no members.
    #[must_use]
    pub fn outside(mut self, points: impl IntoIterator<Item = S::Point>) -> Self {
        self.outside.extend(points);
        self
    }

    /// Draws so many samples.
    #[must_use]
    pub fn samples(mut self, samples: u64) -> Self {
        self.samples = samples;
        self
    }
}

/// Checks the laws of [`Space`]: every sample is contained, the outsiders named by the check are not, and a sample
/// depends on its stream alone (not on earlier samples or on the instance).
///
/// # Errors
/// The first [`Violation`], with a law of [`SPACE_LAWS`].
pub fn space<S: Space>(check: &SpaceCheck<'_, S>) -> Result<(), Violation>
where
    S::Point: Debug,
{
    let space = (check.space)();
    for point in &check.outside {
        if space.contains(point) {
            return Err(Violation::new(OUTSIDER, format!("{point:?} is contained, and should not be")));
        }
    }
    for index in 0..check.samples {
        let stream = Stream::root(17).child("conformance/space", index);
        let point = space.sample(&mut stream.clone());
        if !space.contains(&point) {
            return Err(Violation::new(SAMPLE_INSIDE, format!("{point:?} was sampled and is not contained")));
        }
        let again = (check.space)().sample(&mut stream.clone());
        let (first, second) = (format!("{point:?}"), format!("{again:?}"));
        if first != second {
            return Err(Violation::new(SAME_STREAM, format!("one stream gave {first} and then {second}")));
        }
    }
    Ok(())
}

/// [`space`] as an assertion.
///
/// # Panics
/// With the violation.
#[track_caller]
pub fn check_space<S: Space>(check: &SpaceCheck<'_, S>)
where
    S::Point: Debug,
{
    assert_held(space(check));
}
