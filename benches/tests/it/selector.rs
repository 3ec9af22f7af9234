use metaorch_benches::selector::bbob::Problem;
use serde::Deserialize;

/// Values of the reference implementation (`ioh` 0.3.22 on PyPI): see `tests/data/bbob.py`.
#[derive(Deserialize)]
struct Fixture {
    points: Vec<Vec<f64>>,
    problems: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    f: u8,
    instance: u32,
    x_opt: Vec<f64>,
    f_opt: f64,
    values: Vec<f64>,
}

#[test]
fn the_functions_are_those_of_the_reference() {
    let fixture: Fixture = serde_json::from_str(include_str!("../data/bbob.json")).unwrap();
    let mut compared = 0;
    for known in &fixture.problems {
        let problem = Problem::new(known.f, known.instance, 5).unwrap();
        let place = |what: &str| format!("f{} instance {}: {what}", known.f, known.instance);
        assert!((problem.f_opt() - known.f_opt).abs() < 1e-12, "{}", place("f_opt"));
        for (own, reference) in problem.x_opt().iter().zip(&known.x_opt) {
            assert!((own - reference).abs() < 1e-9, "{} {own} {reference}", place("x_opt"));
        }
        let at_optimum = problem.value(problem.x_opt()) - known.f_opt;
        assert!(at_optimum.abs() < 1e-5, "{} {at_optimum}", place("value at the optimum"));
        for (x, reference) in fixture.points.iter().zip(&known.values) {
            let own = problem.value(x);
            assert!(
                (own - reference).abs() <= 1e-9 * reference.abs(),
                "{} {own} {reference}",
                place("value")
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 216);
}

#[test]
fn other_numbers_are_no_problems() {
    for (function, instance, dim) in [(0, 1, 5), (25, 1, 5), (1, 0, 5), (1, 1, 1), (1, 1, 41)] {
        assert!(Problem::new(function, instance, dim).is_none());
    }
    assert!(Problem::new(1, 1, 2).unwrap().value(&[f64::NAN, 0.0]).is_nan());
}
