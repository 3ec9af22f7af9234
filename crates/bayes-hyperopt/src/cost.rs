//! Search that weighs what an evaluation is expected to cost.

use std::collections::BTreeMap;

use meta_traits::{Fidelity, Stream, Unit};
use serde::{Deserialize, Serialize};

use crate::baseline::{Ended, Ending, Step, Strategy};
use crate::doe::Sobol;
use crate::full::is_new;
use crate::gp::{NoiseKind, Predictor};
use crate::kernel::Layout;
use crate::maximize::Landscape;
use crate::optimizer::engine::{Engine, Flat, Query};
use crate::optimizer::memory::{Memory, Model};
use crate::optimizer::regime::Regime;
use crate::optimizer::subset::Data;
use crate::{Acquisition, KernelKind, SearchSpace};

/// Spread of the logarithm of costs below which they count as constant.
const CONSTANT: f64 = 0.02;
/// Points of the first design that are taken as they come; the others are weighed by what these have cost.
const BLIND: u64 = 2;
/// Points among which the further ones of the first design are chosen.
const POOL: u64 = 256;

/// Expected improvement over cost^a, with a that cools from 1 to 0 as the budget is spent (EI-cool, Lee et al. 2020).
///
/// Costs are modelled by Gaussian processes on their logarithm, a linear one and a curved one of which the better explains
/// them, told by [`CostAware::new`]'s unit. The exponent is what is left of the budget, as a share of what was left after the
/// first points. So at the end the search is the plain one; where costs do not differ it is the plain one
/// throughout. Of the first points all but two are where the empty ball around them is largest for its cost. Points are
/// evaluated at full fidelity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CostAware {
    unit: Unit,
    budget: f64,
    initial: u64,
    design: Sobol,
    losses: Engine,
    costs: [Memory; 2],
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
            losses: Engine::of(kind),
            costs: [
                Memory::new(Regime::new(KernelKind::Linear)),
                Memory::new(Regime { noise: NoiseKind::Inferred, ..kind }),
            ],
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

    /// The model of the logarithm of costs and the spread that is its unit; `None` where costs do not differ or nothing is
    /// known of them.
    fn cost_model(&mut self, layout: &Layout) -> Option<(Model, f64)> {
        let mut costs = Data::default();
        for told in self.told.values().filter(|told| told.cost > 0.0) {
            costs.push(&told.features, told.cost.ln());
        }
        let spread = spread(&costs.losses);
        if costs.losses.len() < 2 || spread <= CONSTANT {
            return None;
        }
        // Without challenges the targets stay a linear function of the logarithm.
        let models = self.costs.iter_mut().filter_map(|memory| memory.model(layout, &costs, 0));
        let best = models.max_by(|a, b| a.evidence.total_cmp(&b.evidence))?;
        Some((best, spread))
    }

    /// A further point of the first design.
    fn cheap(&mut self, space: &SearchSpace, note: u64) -> Vec<f64> {
        let exponent = self.exponent();
        let Some((model, spread)) = self.cost_model(&Layout::new(space)).filter(|_| exponent > 0.0) else {
            return self.design.at(note);
        };
        let mut predictor = model.gp.predictor();
        let known: Vec<&Vec<f64>> =
            self.told.values().map(|told| &told.features).chain(self.running.values()).collect();
        let mut best = (f64::NEG_INFINITY, self.design.at(note));
        for i in note..note + POOL {
            let latent = self.design.at(i);
            let x = space.features(&latent);
            let square = |other: &&Vec<f64>| other.iter().zip(&x).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            let nearest = known.iter().map(square).fold(f64::INFINITY, f64::min);
            let volume = 0.5 * space.len() as f64 * nearest.max(1e-12).ln();
            let score = volume - exponent * spread * predictor.marginal(&x).mean;
            if score > best.0 {
                best = (score, latent);
            }
        }
        best.1
    }

    fn best(&mut self, space: &SearchSpace, rng: &mut Stream) -> Option<Vec<f64>> {
        let layout = Layout::new(space);
        let mut data = Data::default();
        for told in self.told.values() {
            if let Some(loss) = told.loss {
                data.push(&told.features, loss);
            }
        }
        let costs = self.cost_model(&layout).filter(|_| self.exponent() > 0.0);
        let exponent = self.exponent();
        let mut dear =
            costs.as_ref().map(|(model, spread)| Dear { costs: model.gp.predictor(), by: exponent * spread });
        let query = Query {
            space,
            layout: &layout,
            data: &data,
            pending: self.running.values().collect(),
            acquisition: Acquisition::ExpectedImprovement,
            weight: 0.0,
            turn: self.asked,
            local: false,
        };
        let mut flat = Flat;
        let term: &mut dyn Landscape = match &mut dear {
            Some(dear) => dear,
            None => &mut flat,
        };
        let found = self.losses.suggest(&query, term, rng)?;
        let known = self.told.values().map(|t| &t.features).chain(self.running.values());
        is_new(space, &found.latent, known).then_some(found.latent)
    }
}

/// Minus a multiple of the expected logarithm of the cost.
struct Dear<'a> {
    costs: Predictor<'a>,
    by: f64,
}

impl Landscape for Dear<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        -self.by * self.costs.marginal(features).mean
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        let value = self.value(features);
        self.costs.add_gradient(features, -self.by, 0.0, gradient);
        value
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
        let latent = if note < self.initial.min(BLIND) {
            self.design.at(note)
        } else if note < self.initial {
            self.cheap(space, note)
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
