use crate::{Fidelity, Outcome, Stream};

/// A synchronous function to minimise: simulators, test functions, anything that needs no waiting.
///
/// # Determinism
/// All randomness comes from `rng`; the same candidate, fidelity and stream give the same outcome.
///
/// ```
/// use meta_traits::{Fidelity, Objective, Observation, Outcome, Stream};
/// struct Sphere;
/// impl Objective<[f64]> for Sphere {
///     fn evaluate(&self, x: &[f64], _at: Fidelity, _rng: &mut Stream) -> Outcome {
///         Outcome::Complete(Observation::of_loss(x.iter().map(|v| v * v).sum()))
///     }
/// }
/// let out = Sphere.evaluate(&[3.0, 4.0], Fidelity::FULL, &mut Stream::root(0));
/// assert_eq!(out.loss(), Some(25.0));
/// ```
pub trait Objective<C: ?Sized> {
    /// Evaluates `candidate` at fidelity `at`. A fault is [`Outcome::Failed`], never a panic.
    fn evaluate(&self, candidate: &C, at: Fidelity, rng: &mut Stream) -> Outcome;
}

impl<C: ?Sized, O: Objective<C> + ?Sized> Objective<C> for &O {
    fn evaluate(&self, candidate: &C, at: Fidelity, rng: &mut Stream) -> Outcome {
        (**self).evaluate(candidate, at, rng)
    }
}
