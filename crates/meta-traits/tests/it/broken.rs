//! The kit catches what it claims to catch: for every law one implementation that breaks it and is otherwise sound.

mod evaluator;
mod optimizer;
mod predictor;
mod selector;
mod snapshot;
mod space;

use meta_traits::conformance::Violation;

/// Sees to it that every law of a table is broken by exactly one case and caught by its name.
#[track_caller]
fn check<F: Copy + std::fmt::Debug>(
    laws: &[&str],
    cases: &[(&str, F)],
    run: impl Fn(F) -> Result<(), Violation>,
) {
    let covered: Vec<&str> = cases.iter().map(|(law, _)| *law).collect();
    assert_eq!(covered, laws, "one broken implementation a law, in the order of the table");
    for (law, fault) in cases {
        let violation = run(*fault).expect_err(law);
        assert_eq!(violation.law, *law, "{fault:?} was caught as: {violation}");
        assert!(!violation.detail.is_empty());
    }
}

#[test]
#[should_panic(expected = "law 'sample-in-space' is broken")]
fn assertions_panic_with_the_violation() {
    use meta_traits::conformance::{SpaceCheck, check_space};
    check_space(&SpaceCheck::new(|| space::Interval(space::Fault::SamplesOutside)));
}
