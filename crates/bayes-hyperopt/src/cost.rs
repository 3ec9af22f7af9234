//! Search that weighs what an evaluation is expected to cost.

use std::collections::BTreeMap;

use meta_traits::{Fidelity, Stream, Unit};
use serde::{Deserialize, Serialize};

use crate::acquisition::Criterion;
use crate::baseline::{Ended, Ending, Step, Strategy};
use crate::doe::Sobol;
use crate::full::{CHALLENGES, Less, Table, best_new, incumbent, reach};
use crate::gp::NoiseKind;
use crate::optimizer::regime::{Memory, Regime};
use crate::{KernelKind, SearchSpace};

/// Spread of the logarithm of costs below which they count as constant.
const CONSTANT: f64 = 0.02;

/// Expected improvement over cost^a, with a that cools from 1 to 0 as the budget is spent (EI-cool, Lee et al. 2020).
///
/// Costs are modelled by a Gaussian process on their logarithm, told by [`CostAware::new`]'s unit. The exponent is
/// a = (budget - spent) / (budget - spent on the first points), so that at the end the search is the plain one; where
/// costs do not differ it is the plain one throughout. Points are evaluated at full fidelity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CostAware {
    unit: Unit,
    budget: f64,
    initial: u64,
    design: Sobol,
    losses: Memory,
    costs: Memory,
    told: BTreeMap<u64, Told>,
    running: BTreeMap<u64, Vec<f64>>,
    asked: u64,
    spent: f64,
    spent_first: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    features: Vec<f64>,
    loss: Option<f64>,
    cost: f64,
}

impl CostAware {
    /// A search for `budget` of `unit` (seconds for [`Unit::Wall`]) that begins with `initial` points spread by `rng`.
    ///
    /// A budget that is not above 0 makes it the plain search.
    pub fn new(space: &SearchSpace, unit: Unit, budget: f64, initial: usize, rng: &Stream) -> Self {
        let kind = Regime::new(KernelKind::Matern52);
        Self {
            unit,
            budget: if budget > 0.0 && budget.is_finite() { budget } else { 0.0 },
            initial: initial as u64,
            design: Sobol::new(space.len(), rng),
            losses: Memory::new(kind),
            costs: Memory::new(Regime { noise: NoiseKind::Inferred, ..kind }),
            told: BTreeMap::new(),
            running: BTreeMap::new(),
            asked: 0,
            spent: 0.0,
            spent_first: 0.0,
        }
    }

    /// The exponent of the cost, in [0, 1].
    pub fn exponent(&self) -> f64 {
        let after_first = self.budget - self.spent_first;
        if after_first > 0.0 { ((self.budget - self.spent) / after_first).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn best(&mut self, space: &SearchSpace, rng: &mut Stream) -> Option<Vec<f64>> {
        let mut table = Table::default();
        for told in self.told.values() {
            let Some(loss) = told.loss else { continue };
            table.features.push(told.features.clone());
            table.losses.push(loss);
        }
        let mut model = table.model(space, &mut self.losses, CHALLENGES)?;
        let level = incumbent(&model);
        for features in self.running.values() {
            model.gp.append(features, None);
        }
        let exponent = self.exponent();
        let mut costs = Table::default();
        for told in self.told.values().filter(|told| told.cost > 0.0) {
            costs.features.push(told.features.clone());
            costs.losses.push(told.cost.ln());
        }
        let spread = spread(&costs.losses);
        let cost_model =
            if exponent > 0.0 && spread > CONSTANT { costs.model(space, &mut self.costs, 0) } else { None };
        // Without challenges the model's targets stay a linear function of the logarithm, with this slope.
        let less = cost_model.as_ref().map(|m| (m.gp.predictor(), exponent * spread));
        let criterion = Criterion::LogExpectedImprovement { best: level };
        let mut landscape = Less { predictor: model.gp.predictor(), criterion, other: less };
        let known = self.told.values().map(|t| &t.features).chain(self.running.values());
        let reach = reach(&model.gp, space.len());
        best_new(space, &mut landscape, &table.good(), &reach, known, rng)
    }
}

/// Standard deviation.
fn spread(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}

impl Strategy for CostAware {
    const SCHEMA: &'static str = "bayes-hyperopt/cost-aware";
    type Note = u64;

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<u64> {
        let note = self.asked;
        let latent = if note < self.initial {
            self.design.at(note)
        } else {
            self.best(space, rng).unwrap_or_else(|| space.sample_latent(rng))
        };
        self.asked += 1;
        self.running.insert(note, space.features(&latent));
        Step::Run { latent, fidelity: Fidelity::FULL, note }
    }

    fn learn(&mut self, space: &SearchSpace, ended: Ended<u64>) {
        self.running.remove(&ended.note);
        if ended.ending == Ending::Abandoned {
            return;
        }
        let amount = ended.cost.of(self.unit) as f64;
        let cost = if self.unit == Unit::Wall { amount * 1e-9 } else { amount };
        self.spent += cost;
        if ended.note < self.initial {
            self.spent_first += cost;
        }
        let told = Told { features: space.features(&ended.latent), loss: ended.ending.loss(), cost };
        self.told.insert(ended.note, told);
    }

    fn fits(&self, space: &SearchSpace) -> bool {
        let features = self.told.values().map(|t| &t.features).chain(self.running.values());
        self.design.dimensions() == space.len() && features.into_iter().all(|f| f.len() == space.len())
    }
}
