use std::collections::BTreeMap;

use meta_traits::{Predictor, RestoreError, Snapshot};
use serde::{Deserialize, Serialize};

use super::model::{CostModel, Quantiles};
use super::usage::{Resource, Usage};

/// Predicts what tasks use, learning from each that ended.
///
/// One [`CostModel`] a component and resource, on the logarithm of one plus the amount. Features are the caller's choice, in a
/// fixed order: what is known before the task starts and bears on its cost, such as examples, tokens of the prompt,
/// fidelity. Memory grows with the number of component names.
///
/// ```
/// use coordination::predict::{CostPredictor, Resource, Usage};
/// use meta_traits::Cost;
/// let mut predictor = CostPredictor::new(1);
/// assert!(predictor.forecast("prompt", &[10.0]).is_none());
/// for examples in (1..40).cycle().take(200) {
///     let used = Cost::tokens(examples, 100 * examples, 20 * examples);
///     predictor.observe("prompt", &[examples as f64], &Usage::new(used, 0));
/// }
/// let forecast = predictor.forecast("prompt", &[20.0]).unwrap();
/// let tokens = forecast.of(Resource::Tokens);
/// assert!((2300.0..2500.0).contains(&tokens.p50), "{tokens:?}");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostPredictor {
    features: usize,
    components: BTreeMap<String, [CostModel; 4]>,
}

/// Quantiles of what a task will use. They serve planning, never a guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostForecast {
    seen: u64,
    quantiles: [Quantiles; 4],
}

impl CostForecast {
    /// Tasks of this component that the forecast has learnt from.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Quantiles of one resource: finite, ascending, at least 0.
    pub fn of(&self, resource: Resource) -> Quantiles {
        self.quantiles[resource as usize]
    }
}

impl CostPredictor {
    /// Knows nothing yet; every task is described by so many features.
    pub fn new(features: usize) -> Self {
        Self { features, components: BTreeMap::new() }
    }

    /// What a task of these features will use; `None` while no task of the component has ended.
    pub fn forecast(&self, component: &str, features: &[f64]) -> Option<CostForecast> {
        let models = self.components.get(component)?;
        let amount = |log: f64| log.clamp(0.0, 700.0).exp_m1();
        let quantiles = models.each_ref().map(|model| {
            let Quantiles { p50, p90, p99 } = model.quantiles(features);
            Quantiles { p50: amount(p50), p90: amount(p90), p99: amount(p99) }
        });
        Some(CostForecast { seen: models[0].seen(), quantiles })
    }

    /// Learns from a task that ended. Failed and cut ones count too: what they used was used.
    pub fn observe(&mut self, component: &str, features: &[f64], used: &Usage) {
        if !self.components.contains_key(component) {
            let fresh = std::array::from_fn(|_| CostModel::new(self.features));
            self.components.insert(component.to_owned(), fresh);
        }
        let Some(models) = self.components.get_mut(component) else { return };
        for (model, resource) in models.iter_mut().zip(Resource::ALL) {
            model.observe(features, used.of(resource).ln_1p());
        }
    }
}

impl Snapshot for CostPredictor {
    const SCHEMA: &'static str = "coordination/cost-predictor";
    const VERSION: u32 = 1;
    type State = Self;

    fn snapshot(&self) -> Self {
        self.clone()
    }

    fn restore(&mut self, state: Self) -> Result<(), RestoreError> {
        if state.features != self.features {
            let text = format!("it has {} features, this predictor {}", state.features, self.features);
            return Err(RestoreError::Body(text));
        }
        for (component, models) in &state.components {
            for model in models {
                let fits = if model.features() == state.features {
                    model.check()
                } else {
                    Err("its features differ".into())
                };
                fits.map_err(|why| RestoreError::Body(format!("component '{component}': {why}")))?;
            }
        }
        *self = state;
        Ok(())
    }
}
