use std::sync::atomic::{AtomicU64, Ordering};

use meta_traits::conformance::{SPACE_LAWS, SpaceCheck, check_space, space};
use meta_traits::{Space, Stream};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    SamplesOutside,
    ContainsAll,
    SharedCounter,
}

/// The interval [0, 1).
pub(super) struct Interval(pub(super) Fault);

impl Space for Interval {
    type Point = f64;
    fn sample(&self, rng: &mut Stream) -> f64 {
        match self.0 {
            Fault::SamplesOutside => rng.unit() * 1.01,
            Fault::SharedCounter => rng.unit() / (1 + CALLS.fetch_add(1, Ordering::Relaxed)) as f64,
            _ => rng.unit(),
        }
    }
    fn contains(&self, point: &f64) -> bool {
        self.0 == Fault::ContainsAll || (0.0..1.0).contains(point)
    }
}

fn kit_for(fault: Fault) -> SpaceCheck<'static, Interval> {
    SpaceCheck::new(move || Interval(fault)).outside([-0.1, 1.0, f64::NAN])
}

#[test]
fn a_sound_space_passes() {
    check_space(&kit_for(Fault::None));
}

#[test]
fn each_law_is_enforced() {
    let cases = [
        ("sample-in-space", Fault::SamplesOutside),
        ("outsider-refused", Fault::ContainsAll),
        ("same-stream-same-sample", Fault::SharedCounter),
    ];
    super::check(SPACE_LAWS, &cases, |fault| space(&kit_for(fault)));
}
