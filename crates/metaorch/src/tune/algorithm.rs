use std::num::NonZeroUsize;

use bayes_hyperopt::baseline::{CmaEs, Even, Grid, Random, Search, Strategy, Tpe};
use bayes_hyperopt::cost::CostAware;
use bayes_hyperopt::fidelity::MultiFidelity;
use bayes_hyperopt::multi::ParetoOptimizer;
use bayes_hyperopt::scheduler::{Asha, Bohb, Dehb, Hyperband, Kde, Levels, Uniform};
use bayes_hyperopt::transfer::{Experience, Transfer};
use bayes_hyperopt::{BayesOptimizer, HyperOptConfig};
use meta_traits::{Fidelity, Stream, Unit};
use orchestrator_core::config::ConfigError;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::engine::Engine;

/// Points before the model decides.
const INITIAL: usize = 10;
/// The fidelity at which hyperband and its like begin.
const LEAST: f64 = 1.0 / 27.0;

/// How to search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Algorithm {
    /// Gaussian processes.
    #[default]
    Bayes,
    /// Tree-structured Parzen estimator.
    Tpe,
    /// Covariance matrix adaptation.
    CmaEs,
    /// Independent uniform points.
    Random,
    /// A scrambled Sobol sequence.
    Sobol,
    /// Every combination of the values of a grid.
    Grid,
    /// Successive halving in brackets.
    Hyperband,
    /// Asynchronous successive halving.
    Asha,
    /// Successive halving that adds levels while rankings change.
    Pasha,
    /// Hyperband with points from kernel densities.
    Bohb,
    /// Differential evolution in the brackets of Hyperband.
    Dehb,
}

impl Algorithm {
    /// Whether trials may be asked for at less than the full fidelity.
    pub(crate) fn uses_fidelities(self) -> bool {
        matches!(self, Self::Hyperband | Self::Asha | Self::Pasha | Self::Bohb | Self::Dehb)
    }
}

/// The search that `settings` describe, at its beginning.
pub(super) fn begin(settings: &Settings) -> Result<Box<dyn Engine>, ConfigError> {
    let rng = Stream::root(settings.seed);
    let space = &settings.space;
    let plain = settings.fidelities.is_empty() && settings.cost_budget.is_none();
    let learns = settings.algorithm == Algorithm::Bayes && plain;
    if !settings.imports.is_empty() && !learns {
        let message =
            "--import: only bayes without --fidelities and --cost-budget learns from earlier trials";
        return Err(ConfigError::Inconsistent { message: message.into() });
    }
    if settings.objectives > 1 {
        return several(settings, plain && settings.imports.is_empty());
    }
    let modelled = settings.algorithm == Algorithm::Bayes && plain && settings.imports.is_empty();
    if settings.stop_regret.is_some() && !modelled {
        let message =
            "--stop-regret: only bayes without --fidelities, --cost-budget and --import estimates its regret";
        return Err(ConfigError::Inconsistent { message: message.into() });
    }
    Ok(match settings.algorithm {
        Algorithm::Bayes => return bayes(settings, &rng),
        Algorithm::Tpe => search(settings, Tpe::new()),
        Algorithm::CmaEs => search(settings, CmaEs::new(space)),
        Algorithm::Random => search(settings, Random),
        Algorithm::Sobol => search(settings, Even::new(space, &rng)),
        Algorithm::Grid => search(settings, Grid::new(settings.resolution)),
        Algorithm::Hyperband => search(settings, Hyperband::new(levels(settings)?, Uniform)),
        Algorithm::Asha => search(settings, Asha::new(levels(settings)?, Uniform)),
        Algorithm::Pasha => search(settings, Asha::progressive(levels(settings)?, Uniform)),
        Algorithm::Bohb => search(settings, Bohb::new(levels(settings)?, Kde)),
        Algorithm::Dehb => search(settings, Dehb::new(levels(settings)?)),
    })
}

fn several(settings: &Settings, plain: bool) -> Result<Box<dyn Engine>, ConfigError> {
    let objectives = NonZeroUsize::new(settings.objectives).unwrap_or(NonZeroUsize::MIN);
    if settings.algorithm != Algorithm::Bayes || !plain || settings.stop_regret.is_some() {
        let message = "--objectives: only bayes without --fidelities, --cost-budget, --import and --stop-regret takes several";
        return Err(ConfigError::Inconsistent { message: message.into() });
    }
    Ok(Box::new(ParetoOptimizer::new(settings.space.clone(), objectives, INITIAL, settings.seed)))
}

fn bayes(settings: &Settings, rng: &Stream) -> Result<Box<dyn Engine>, ConfigError> {
    let space = &settings.space;
    if let Some(budget) = settings.cost_budget {
        return Ok(search(settings, CostAware::new(space, Unit::Wall, budget, INITIAL, rng)));
    }
    if !settings.fidelities.is_empty() {
        return Ok(search(settings, MultiFidelity::new(space, &settings.fidelities, rng)));
    }
    if !settings.imports.is_empty() {
        let old: Vec<&Experience> = settings.imports.iter().collect();
        return Ok(search(settings, Transfer::new(space, &old, INITIAL, rng)));
    }
    let config = HyperOptConfig { n_initial_points: INITIAL, ..HyperOptConfig::default() };
    let search = BayesOptimizer::new(space.clone(), config, settings.seed);
    Ok(Box::new(search.map_err(|e| ConfigError::Inconsistent { message: e.to_string() })?))
}

fn search<S: Strategy + 'static>(settings: &Settings, strategy: S) -> Box<dyn Engine> {
    Box::new(Search::new(settings.space.clone(), strategy, Stream::root(settings.seed).child("tune", 0)))
}

fn levels(settings: &Settings) -> Result<Levels, ConfigError> {
    let least = settings.fidelities.iter().map(|f| f.get()).fold(1.0, f64::min);
    let least = if settings.fidelities.is_empty() { LEAST } else { least };
    let fault =
        |e: &dyn std::fmt::Display| ConfigError::Inconsistent { message: format!("--fidelities: {e}") };
    let least = Fidelity::new(least).map_err(|e| fault(&e))?;
    Levels::new(least, settings.eta.into()).map_err(|e| fault(&e))
}
