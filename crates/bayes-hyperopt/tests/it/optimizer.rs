use bayes_hyperopt::{Acquisition, BayesOptimizer, Configuration, HyperOptConfig, KernelKind};
use meta_traits::conformance::{Check, check_optimizer, check_optimizer_snapshot};
use meta_traits::{Observation, Outcome, Space as _, Stream, Trial};

use crate::space::everything;

fn loss(point: &Configuration) -> f64 {
    let x = point.number("x").unwrap() - 1.0;
    let lr = point.number("lr").unwrap().log10() + 2.0;
    let momentum = point.number("momentum").map_or(0.5, |m| (m - 0.9).abs());
    x * x + lr * lr + 0.1 * point.number("layers").unwrap() + momentum
}

fn check(config: &HyperOptConfig) -> Check<'static, BayesOptimizer> {
    let config = HyperOptConfig { n_initial_points: 3, ..config.clone() };
    let space = everything();
    Check::new(
        move |seed| BayesOptimizer::new(everything(), config.clone(), seed).unwrap(),
        move |point| space.contains(point),
        |trial: &Trial<Configuration>, rng: &mut Stream| {
            Outcome::Complete(Observation::of_loss(loss(&trial.candidate) + 0.01 * rng.unit()))
        },
    )
    .seeds([0])
    .steps(8)
    .width(2)
}

#[test]
fn conforms_with_the_default_settings() {
    check_optimizer(&check(&HyperOptConfig::default()));
}

#[test]
fn goes_on_bit_for_bit_from_every_snapshot() {
    check_optimizer_snapshot(&check(&HyperOptConfig::default()));
}

#[test]
fn conforms_with_every_acquisition_and_kernel() {
    let kernels = KernelKind::ALL.map(|gp_kernel| HyperOptConfig { gp_kernel, ..HyperOptConfig::default() });
    let acquisitions = Acquisition::ALL
        .map(|acquisition_function| HyperOptConfig { acquisition_function, ..HyperOptConfig::default() });
    for config in kernels.into_iter().skip(1).chain(acquisitions.into_iter().skip(1)) {
        check_optimizer(&check(&config).steps(5));
    }
}
