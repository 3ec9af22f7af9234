use std::collections::BTreeMap;

use meta_traits::{Fidelity, Stream};
use serde::{Deserialize, Serialize};

use super::ensemble::{Ensemble, weights};
use super::library::Experience;
use crate::acquisition::Criterion;
use crate::baseline::{Ended, Ending, Step, Strategy};
use crate::doe::Sobol;
use crate::full::{CHALLENGES, Less, Table, best_new, incumbent, reach};
use crate::gp::Gp;
use crate::optimizer::regime::{Memory, Regime};
use crate::{KernelKind, SearchSpace};

/// Points of an old task that are taken, best and latest first.
const MOST: usize = 200;

/// A Gaussian process of the new task together with those of old ones, weighted by how well each ranks what the new task has
/// shown (ranking-weighted ensemble, Feurer et al. 2018).
///
/// Until the new task has three points the old models speak alone, every second of the first points being one of an even
/// design, so that old tasks that mislead cost little. Afterwards the better an old model ranks the new points the more
/// it counts; one that ranks them worse than the new task's own model would (left out one by one) is dropped, and all
/// fade out. When none is left the search is the plain one. Points are evaluated at full fidelity. Old losses enter
/// standardised by task, so their scales do not matter; old points outside of the space are left out.
///
/// ```
/// use bayes_hyperopt::baseline::Search;
/// use bayes_hyperopt::transfer::{Experience, Transfer};
/// use bayes_hyperopt::{Domain, Parameter, SearchSpace};
/// use meta_traits::{Ask, Optimizer, Space, Stream};
///
/// let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
/// let space = SearchSpace::new(vec![x]).unwrap();
/// let old = (0..20).map(|i| space.decode(&[f64::from(i) / 19.0])).map(|c| {
///     let x = c.number("x").unwrap();
///     (c, (x - 0.7).powi(2))
/// });
/// let old = Experience { name: "last week".into(), points: old.collect(), ..Experience::default() };
/// let transfer = Transfer::new(&space, &[&old], 5, &Stream::root(1));
/// let mut search = Search::new(space, transfer, Stream::root(1));
/// let Ask::Run(first) = search.ask() else { panic!("a search that has not begun") };
/// assert!((first.candidate.number("x").unwrap() - 0.7).abs() < 0.05);
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transfer {
    design: Sobol,
    initial: u64,
    old: Vec<Old>,
    own: Memory,
    told: BTreeMap<u64, (Vec<f64>, Option<f64>)>,
    running: BTreeMap<u64, Vec<f64>>,
    asked: u64,
    /// Models of the old tasks; made when first needed, the same each time.
    #[serde(skip)]
    models: Option<Vec<Gp>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Old {
    features: Vec<Vec<f64>>,
    losses: Vec<f64>,
}

impl Transfer {
    /// A search with the help of `experiences`; the first `initial` points come from an even design spread by `rng` and,
    /// in turn, from the old models. Without usable experiences it is the plain search.
    pub fn new(space: &SearchSpace, experiences: &[&Experience], initial: usize, rng: &Stream) -> Self {
        let old = |experience: &&Experience| {
            let sound = experience.points.iter().filter(|(_, loss)| loss.is_finite());
            let mut rows: Vec<(Vec<f64>, f64)> =
                sound.filter_map(|(point, loss)| Some((space.encode(point)?, *loss))).collect();
            if rows.len() > MOST {
                // The best half of what is taken, then the latest.
                let mut order: Vec<usize> = (0..rows.len()).collect();
                order.sort_by(|a, b| rows[*a].1.total_cmp(&rows[*b].1));
                let mut taken: Vec<usize> = order[..MOST / 2].to_vec();
                taken.extend((0..rows.len()).rev().filter(|i| !order[..MOST / 2].contains(i)).take(MOST / 2));
                taken.sort_unstable();
                rows = taken.into_iter().map(|i| rows[i].clone()).collect();
            }
            let (features, losses) = rows.into_iter().unzip();
            Old { features, losses }
        };
        Self {
            design: Sobol::new(space.len(), rng),
            initial: initial as u64,
            old: experiences.iter().map(old).filter(|old| old.losses.len() >= 3).collect(),
            own: Memory::new(Regime::new(KernelKind::Matern52)),
            told: BTreeMap::new(),
            running: BTreeMap::new(),
            asked: 0,
            models: None,
        }
    }

    /// Old tasks with at least three usable points.
    pub fn old_tasks(&self) -> usize {
        self.old.len()
    }

    fn old_models(&mut self, space: &SearchSpace) -> Vec<Gp> {
        if let Some(models) = &self.models {
            return models.clone();
        }
        let fit = |old: &Old| {
            let mut memory = Memory::new(Regime::new(KernelKind::Matern52));
            let table = Table { features: old.features.clone(), losses: old.losses.clone() };
            table.model(space, &mut memory, 2 * CHALLENGES).map(|model| model.gp)
        };
        let models: Vec<Gp> = self.old.iter().filter_map(fit).collect();
        self.models = Some(models.clone());
        models
    }

    fn best(&mut self, space: &SearchSpace, rng: &mut Stream) -> Option<Vec<f64>> {
        let mut table = Table::default();
        for (features, loss) in self.told.values() {
            let Some(loss) = loss else { continue };
            table.features.push(features.clone());
            table.losses.push(*loss);
        }
        let old = self.old_models(space);
        let mut own = table.model(space, &mut self.own, CHALLENGES);
        let weights = weights(&old, own.as_ref().map(|m| &m.gp), &table.features, &table.losses, rng);
        let running: Vec<&Vec<f64>> = self.running.values().collect();
        let level = own.as_ref().map(incumbent);
        if let Some(own) = &mut own {
            for features in &running {
                own.gp.append(features, None);
            }
        }
        let known = self.told.values().map(|(features, _)| features).chain(self.running.values());
        let alone = weights[old.len()] >= 1.0;
        if let (true, Some(own), Some(best)) = (alone, &own, level) {
            let criterion = Criterion::LogExpectedImprovement { best };
            let mut landscape = Less { predictor: own.gp.predictor(), criterion, other: None };
            return best_new(space, &mut landscape, &table.good(), &reach(&own.gp, space.len()), known, rng);
        }
        let mut models: Vec<(f64, &Gp)> = weights.iter().copied().zip(&old).collect();
        models.extend(own.iter().map(|own| (weights[old.len()], &own.gp)));
        let leader = models.iter().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, gp)| *gp)?;
        let mut good = table.good();
        for old in &self.old {
            good.extend(
                Table { features: old.features.clone(), losses: old.losses.clone() }
                    .good()
                    .into_iter()
                    .take(1),
            );
        }
        let told: Vec<Vec<f64>> = table.features.iter().chain(self.running.values()).cloned().collect();
        let mut landscape = Ensemble::new(&models, &told);
        best_new(space, &mut landscape, &good, &reach(leader, space.len()), known, rng)
    }
}

impl Strategy for Transfer {
    const SCHEMA: &'static str = "bayes-hyperopt/transfer";
    type Note = u64;

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<u64> {
        let note = self.asked;
        let designed =
            if self.old.is_empty() { note < self.initial } else { note % 2 == 1 && note < self.initial };
        let latent = if designed {
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
        if ended.ending != Ending::Abandoned {
            self.told.insert(ended.note, (space.features(&ended.latent), ended.ending.loss()));
        }
    }

    fn fits(&self, space: &SearchSpace) -> bool {
        let n = space.len();
        let told = self.told.values().map(|(features, _)| features).chain(self.running.values());
        let old = self.old.iter().flat_map(|old| &old.features);
        self.design.dimensions() == n
            && self.old.iter().all(|old| old.features.len() == old.losses.len())
            && told.chain(old).all(|features| features.len() == n)
    }
}
