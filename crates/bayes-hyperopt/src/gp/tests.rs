use meta_traits::Stream;

use super::*;
use crate::kernel::{Layout, Shape, Smoothness, Structure};
use crate::{Domain, Parameter, SearchSpace};

/// Two plain numbers, a choice, and two conditional numbers.
fn space() -> SearchSpace {
    let unit = || Domain::Float { low: 0.0, high: 1.0 };
    SearchSpace::new(vec![
        Parameter::new("a", unit()),
        Parameter::new("kind", Domain::Categorical { choices: vec!["x".into(), "y".into(), "z".into()] }),
        Parameter::new("b", unit()),
        Parameter::new("c", unit()).when("kind", ["x", "y"]),
        Parameter::new("e", Domain::Int { low: 1, high: 5 }).when("kind", ["z"]),
    ])
    .unwrap()
}

struct Case {
    layout: Layout,
    columns: Vec<Vec<f64>>,
    z: Vec<f64>,
}

fn case(space: &SearchSpace, n: u64, seed: u64) -> Case {
    let mut columns = vec![vec![]; space.len()];
    let mut z = vec![];
    for i in 0..n {
        let mut rng = Stream::root(seed).child("point", i);
        let features = space.features(&space.sample_latent(&mut rng));
        z.push((3.0 * features[0]).sin() + features[2] + 0.3 * features[1] + 0.1 * rng.unit());
        columns.iter_mut().zip(&features).for_each(|(column, f)| column.push(*f));
    }
    Case { layout: Layout::new(space), columns, z: Targets::new(&z, Warp::Plain).z }
}

fn shapes() -> impl Iterator<Item = Shape> {
    let smooth = [Smoothness::Matern32, Smoothness::Matern52, Smoothness::Rbf];
    let structures = [Structure::Radial, Structure::Additive, Structure::Linear];
    structures.into_iter().flat_map(move |s| smooth.map(|m| Shape::new(s, m)))
}

fn theta(prior: &Prior, rng: &mut Stream) -> Vec<f64> {
    prior
        .start
        .iter()
        .zip(&prior.low)
        .zip(&prior.high)
        .map(|((s, l), h)| (s + 2.0 * rng.unit() - 1.0).clamp(*l, *h))
        .collect()
}

#[test]
fn gradients_of_the_posterior_agree_with_differences() {
    let spaces = [
        space(),
        SearchSpace::new(vec![Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 })]).unwrap(),
    ];
    for (space, n) in [(&spaces[0], 23), (&spaces[1], 9)] {
        let mut case = case(&space_or(space), n, 4);
        if space.len() == 1 {
            case = one_dimension(n);
        }
        for shape in shapes() {
            for noise in [NoiseKind::Fixed, NoiseKind::Inferred] {
                let prior = Prior::new(&case.layout, shape.structure, noise, Breadth::Narrow);
                let problem = Problem {
                    layout: &case.layout,
                    shape,
                    noise,
                    nugget: 1e-4,
                    prior: &prior,
                    columns: &case.columns,
                    z: &case.z,
                };
                let at = theta(&prior, &mut Stream::root(9));
                let mut w = Workspace::new(case.z.len());
                let mut gradient = vec![0.0; at.len()];
                let value = problem.negative_log_posterior(&at, &mut gradient, &mut w);
                assert!(value.is_finite());
                for i in 0..at.len() {
                    let mut unused = vec![0.0; at.len()];
                    let mut shifted = |by: f64| {
                        let mut at = at.clone();
                        at[i] += by;
                        problem.negative_log_posterior(&at, &mut unused, &mut w)
                    };
                    let difference = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                    let error = (difference - gradient[i]).abs() / (1.0 + difference.abs());
                    assert!(
                        error < 1e-5,
                        "{shape:?} {noise:?} parameter {i}: {} against {difference}",
                        gradient[i]
                    );
                }
            }
        }
    }
}

fn space_or(space: &SearchSpace) -> SearchSpace {
    if space.len() == 1 { self::space() } else { space.clone() }
}

fn one_dimension(n: u64) -> Case {
    let space = SearchSpace::new(vec![Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 })]).unwrap();
    let column: Vec<f64> = (0..n).map(|i| Stream::root(1).child("x", i).unit()).collect();
    let z: Vec<f64> = column.iter().map(|x| (9.0 * x).sin()).collect();
    Case { layout: Layout::new(&space), columns: vec![column], z: Targets::new(&z, Warp::Plain).z }
}

#[test]
fn gradients_of_predictions_agree_with_differences() {
    let space = space();
    let case = case(&space, 30, 5);
    for shape in shapes() {
        let prior = Prior::new(&case.layout, shape.structure, NoiseKind::Inferred, Breadth::Narrow);
        let problem = Problem {
            layout: &case.layout,
            shape,
            noise: NoiseKind::Inferred,
            nugget: 0.0,
            prior: &prior,
            columns: &case.columns,
            z: &case.z,
        };
        let at = theta(&prior, &mut Stream::root(10));
        let gp = Gp::new(&problem, &at, &mut Workspace::new(30)).unwrap();
        let mut predictor = gp.predictor();
        for i in 0..5 {
            let x = space.features(&space.sample_latent(&mut Stream::root(11).child("x", i)));
            let mut gradient = vec![0.0; 5];
            predictor.marginal(&x);
            predictor.add_gradient(&x, 0.7, -1.3, &mut gradient);
            for d in [0, 2, 3].into_iter().filter(|d| x[*d] >= 0.0) {
                let mut shifted = |by: f64| {
                    let mut x = x.clone();
                    x[d] += by;
                    let m = predictor.marginal(&x);
                    0.7 * m.mean - 1.3 * m.variance
                };
                let difference = (shifted(1e-6) - shifted(-1e-6)) / 2e-6;
                assert!((difference - gradient[d]).abs() < 1e-6 * (1.0 + difference.abs()), "{shape:?} {d}");
            }
        }
    }
}

#[test]
fn appending_is_fitting_with_the_same_parameters() {
    let space = space();
    let (short, long) = (case(&space, 24, 6), case(&space, 27, 6));
    for shape in shapes() {
        let prior = Prior::new(&short.layout, shape.structure, NoiseKind::Fixed, Breadth::Narrow);
        let make = |case: &Case, z: &[f64]| {
            let problem = Problem {
                layout: &case.layout,
                shape,
                noise: NoiseKind::Fixed,
                nugget: 1e-6,
                prior: &prior,
                columns: &case.columns,
                z,
            };
            Gp::new(&problem, &prior.start, &mut Workspace::new(z.len())).unwrap()
        };
        let mut grown = make(&short, &long.z[..24]);
        for i in 24..27 {
            let x: Vec<f64> = long.columns.iter().map(|c| c[i]).collect();
            grown.append(&x, Some(long.z[i]));
        }
        let whole = make(&long, &long.z);
        let x = space.features(&space.sample_latent(&mut Stream::root(3)));
        let (a, b) = (grown.predictor().marginal(&x), whole.predictor().marginal(&x));
        assert!(
            (a.mean - b.mean).abs() < 1e-8 && (a.variance - b.variance).abs() < 1e-8,
            "{shape:?} {a:?} {b:?}"
        );
    }
}

#[test]
fn kernels_are_positive_on_random_conditional_points() {
    let space = space();
    for seed in 0..20 {
        let case = case(&space, 40, seed);
        for shape in shapes() {
            let prior = Prior::new(&case.layout, shape.structure, NoiseKind::Fixed, Breadth::Narrow);
            let problem = Problem {
                layout: &case.layout,
                shape,
                noise: NoiseKind::Fixed,
                nugget: 1e-9,
                prior: &prior,
                columns: &case.columns,
                z: &case.z,
            };
            let at = theta(&prior, &mut Stream::root(seed));
            assert!(Gp::new(&problem, &at, &mut Workspace::new(40)).is_some(), "{shape:?} seed {seed}");
        }
    }
}
