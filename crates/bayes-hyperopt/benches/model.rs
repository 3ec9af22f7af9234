//! Times of the parts of one suggestion: fit, append, posterior, acquisition, and of one trade-off between two losses.

use std::hint::black_box;
use std::num::NonZeroUsize;

use bayes_hyperopt::multi::ParetoOptimizer;
use bayes_hyperopt::{
    BayesOptimizer, Configuration, Domain, HyperOptConfig, Parameter, SearchSpace, Surrogate,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Space as _, Stream};

const SIZES: [usize; 3] = [50, 100, 200];

fn space() -> SearchSpace {
    let unit = |i: usize| Parameter::new(format!("x{i}"), Domain::Float { low: 0.0, high: 1.0 });
    SearchSpace::new((0..6).map(unit).collect()).expect("six plain parameters")
}

fn loss(point: &Configuration) -> f64 {
    let terms = point.iter().enumerate().filter_map(|(i, (_, v))| Some((i, v.as_f64()?)));
    terms.map(|(i, x)| ((3.0 + i as f64) * x).sin() + (x - 0.4).powi(2)).sum()
}

fn points(n: usize) -> Vec<(Configuration, f64)> {
    let (space, mut rng) = (space(), Stream::root(1));
    let mut point = || space.sample(&mut rng);
    (0..n).map(|_| point()).map(|p| (p.clone(), loss(&p))).collect()
}

fn model(c: &mut Criterion) {
    let space = space();
    for n in SIZES {
        let points = points(n);
        let make = || Surrogate::fit(&space, &points).expect("a model");
        let (model, at) = (make(), space.decode(&[0.3; 6]));
        c.bench_function(&format!("fit/{n}"), |b| b.iter(|| black_box(make().len())));
        c.bench_function(&format!("append/{n}"), |b| {
            b.iter_batched(make, |mut model| model.append(black_box(&at)), BatchSize::LargeInput);
        });
        c.bench_function(&format!("posterior/{n}"), |b| b.iter(|| model.predict(black_box(&at))));
        c.bench_function(&format!("acquisition/{n}"), |b| b.iter(|| model.suggest(&mut Stream::root(3))));
    }
}

fn suggestion(c: &mut Criterion) {
    for n in SIZES {
        let told = || {
            let mut search =
                BayesOptimizer::new(space(), HyperOptConfig::default(), 1).expect("default settings");
            for (point, loss) in points(n) {
                let outcome = Outcome::Complete(Observation::of_loss(loss));
                search.observe(point, outcome).expect("a point of the space");
            }
            search
        };
        c.bench_function(&format!("suggestion/{n}"), |b| {
            b.iter_batched(told, |mut search| black_box(search.ask()), BatchSize::LargeInput);
        });
    }
}

fn trade_off(c: &mut Criterion) {
    let told = || {
        let two = NonZeroUsize::new(2).expect("two is not zero");
        let mut search = ParetoOptimizer::new(space(), two, 50, 1);
        for _ in 0..50 {
            let Ask::Run(trial) = search.ask() else { break };
            let mut seen = Observation::of_loss(loss(&trial.candidate));
            seen.losses.push(trial.candidate.number("x0").unwrap_or_default());
            search.tell(trial.id, Outcome::Complete(seen)).expect("a pending trial");
        }
        search
    };
    c.bench_function("trade-off/50", |b| {
        b.iter_batched(told, |mut search| black_box(search.ask()), BatchSize::LargeInput);
    });
}

criterion_group!(benches, model, suggestion, trade_off);
criterion_main!(benches);
