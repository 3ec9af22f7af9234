use meta_traits::{Classify, ErrorKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Directives;

/// By how much more must be left than a threshold before a rung is climbed again.
const MARGIN: f64 = 0.05;

/// Parts of the budget below which components work cheaper: first and second rung, 0 to 1, none rising.
///
/// ```
/// use coordination::approx::Thresholds;
/// let usual = Thresholds::default();
/// assert_eq!((usual.selector, usual.topology), ([0.8, 0.5], [0.7, 0.4]));
/// assert_eq!((usual.hyperopt, usual.prompt), ([0.6, 0.3], [0.5]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Reduced exploration, greedy selection.
    pub selector: [f64; 2],
    /// Limited mutations, no evolution.
    pub topology: [f64; 2],
    /// Reduced iterations, default parameters.
    pub hyperopt: [f64; 2],
    /// Simple mutations.
    pub prompt: [f64; 1],
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { selector: [0.8, 0.5], topology: [0.7, 0.4], hyperopt: [0.6, 0.3], prompt: [0.5] }
    }
}

/// Thresholds that make no ladder.
#[derive(Clone, Debug, PartialEq, Error)]
#[error(
    "coordination: approximation thresholds {found:?} of {component} are no ladder; allowed: 0 to 1, each at most the one before it"
)]
pub struct ThresholdsError {
    component: crate::Component,
    found: Vec<f64>,
}

impl Classify for ThresholdsError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}

/// Tells components to work cheaper as the budget runs short, and in full again when there is more.
///
/// The share is what is left of the budget ([`Purse::share_left`](crate::budget::Purse::share_left)), or what is left by what
/// the rest of a plan is predicted to need. A rung is taken as soon as the share is below its threshold, and left only when
/// the share is 5 points above it: reservations that come and go do not make components change their ways back and forth.
///
/// ```
/// use coordination::approx::{HyperoptDirective, Ladder, Thresholds};
/// let mut ladder = Ladder::new(Thresholds::default())?;
/// assert!(ladder.observe(1.0).in_force().is_empty());
/// assert_eq!(ladder.observe(0.59).hyperopt, HyperoptDirective::ReducedIterations);
/// assert_eq!(ladder.observe(0.62).hyperopt, HyperoptDirective::ReducedIterations);
/// assert_eq!(ladder.observe(0.66).hyperopt, HyperoptDirective::Full);
/// # Ok::<(), coordination::approx::ThresholdsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    thresholds: Option<Thresholds>,
    rungs: [u8; 4],
}

impl Ladder {
    /// Starts with everybody working in full.
    ///
    /// # Errors
    /// [`ThresholdsError`].
    pub fn new(thresholds: Thresholds) -> Result<Self, ThresholdsError> {
        for (component, steps) in crate::Component::ALL.into_iter().zip(rows(&thresholds)) {
            let falling = steps.windows(2).all(|pair| pair[1] <= pair[0]);
            if !(falling && steps.iter().all(|t| (0.0..=1.0).contains(t))) {
                return Err(ThresholdsError { component, found: steps.to_vec() });
            }
        }
        Ok(Self { thresholds: Some(thresholds), rungs: [0; 4] })
    }

    /// A ladder that is never stepped down: everybody works in full until the money is spent.
    pub fn never() -> Self {
        Self { thresholds: None, rungs: [0; 4] }
    }

    /// Takes notice of the share that is left, and says how everybody is to work now. NaN changes nothing.
    pub fn observe(&mut self, share: f64) -> Directives {
        if let Some(thresholds) = self.thresholds.filter(|_| !share.is_nan()) {
            for (rung, steps) in self.rungs.iter_mut().zip(rows(&thresholds)) {
                let down = steps.iter().filter(|t| share < **t).count();
                let held = steps.iter().filter(|t| share < **t + MARGIN).count();
                // Between `down` and `held` rungs the present one stays.
                *rung = usize::from(*rung).clamp(down, held) as u8;
            }
        }
        self.directives()
    }

    /// How everybody is to work.
    pub fn directives(&self) -> Directives {
        Directives::of(self.rungs)
    }
}

fn rows(thresholds: &Thresholds) -> [&[f64]; 4] {
    [&thresholds.selector, &thresholds.topology, &thresholds.hyperopt, &thresholds.prompt]
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    fn usual() -> Ladder {
        Ladder::new(Thresholds::default()).unwrap()
    }

    /// Share left, and the rungs that a ladder that only saw 1 before is on.
    #[test]
    fn every_threshold_is_a_step() {
        let cases = [
            (0.8, [0, 0, 0, 0]),
            (0.799, [1, 0, 0, 0]),
            (0.7, [1, 0, 0, 0]),
            (0.699, [1, 1, 0, 0]),
            (0.599, [1, 1, 1, 0]),
            (0.5, [1, 1, 1, 0]),
            (0.499, [2, 1, 1, 1]),
            (0.399, [2, 2, 1, 1]),
            (0.3, [2, 2, 1, 1]),
            (0.299, [2, 2, 2, 1]),
            (0.0, [2, 2, 2, 1]),
            (-1.0, [2, 2, 2, 1]),
            (f64::NAN, [0, 0, 0, 0]),
            (f64::INFINITY, [0, 0, 0, 0]),
        ];
        for (share, rungs) in cases {
            assert_eq!(usual().observe(share), Directives::of(rungs), "{share}");
        }
    }

    #[test]
    fn a_share_that_trembles_does_not_make_it_flap() {
        let mut ladder = usual();
        let mut rng = Stream::root(1);
        let (mut changes, mut naive, mut before) = (0, 0, (ladder.directives(), Directives::default()));
        for step in 0..2000 {
            // Falls from 1 to 0; reservations come and go.
            let share = 1.0 - f64::from(step) / 2000.0 + 0.04 * (rng.unit() - 0.5);
            let now = (ladder.observe(share), usual().observe(share));
            changes += u32::from(now.0 != before.0);
            naive += u32::from(now.1 != before.1);
            before = now;
        }
        assert_eq!(changes, 6, "two of the seven steps share a threshold");
        assert!(naive > 60, "{naive} changes without the margin");
    }

    #[test]
    fn it_climbs_again_when_there_is_more() {
        let mut ladder = usual();
        ladder.observe(0.0);
        assert_eq!(ladder.observe(0.42), Directives::of([2, 2, 1, 1]));
        assert_eq!(ladder.observe(0.46), Directives::of([2, 1, 1, 1]));
        assert_eq!(ladder.observe(f64::NAN), Directives::of([2, 1, 1, 1]));
        assert_eq!(ladder.observe(1.0), Directives::default());
        let mut never = Ladder::never();
        assert_eq!(never.observe(0.0), Directives::default());
    }

    #[test]
    fn thresholds_are_checked() {
        let bad = [[0.5, 0.6], [f64::NAN, 0.1], [1.1, 0.5], [0.5, -0.1]];
        for topology in bad {
            let error =
                Ladder::new(Thresholds { topology, ..Thresholds::default() }).unwrap_err().to_string();
            assert!(error.contains("of topology are no ladder; allowed: 0 to 1"), "{error}");
        }
        assert!(serde_json::from_str::<Thresholds>(r#"{"rl":[0.8,0.5]}"#).is_err());
    }
}
