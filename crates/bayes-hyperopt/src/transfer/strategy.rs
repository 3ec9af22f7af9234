use std::collections::BTreeMap;

use meta_traits::{Fidelity, Stream};
use serde::{Deserialize, Serialize};

use super::aligned::Aligned;
use super::library::Experience;
use super::portfolio::portfolio;
use super::stacked::Stacked;
use super::weights::{FADE, OWN, weights};
use crate::baseline::{Ended, Ending, Step, Strategy};
use crate::doe::Sobol;
use crate::full::{CHALLENGES, EFFORT, is_new, latent_of, reach};
use crate::gp::{Breadth, Gp, NoiseKind, Warp};
use crate::kernel::Layout;
use crate::maximize::search;
use crate::optimizer::engine::{Engine, Flat, Query};
use crate::optimizer::memory::{Memory, Model, Terms};
use crate::optimizer::regime::Regime;
use crate::optimizer::subset::Data;
use crate::{Acquisition, KernelKind, SearchSpace};

/// First points that old tasks offer.
const OFFERED: u64 = 2;
/// First points before old tasks are judged by what was told.
const BLIND: u64 = 3;
/// Weight of all old tasks from which they are trusted to have led to the right place.
const TRUST: f64 = 0.5;
/// The least standard deviation of what old tasks teach of the logarithm of a lengthscale.
const LEAST_SD: f64 = 0.35;
/// Points of an old task that are taken, best and latest first.
const MOST: usize = 200;
/// Points of an old task above which a Bayesian linear model of all of them speaks, at `MOST` points that cover them.
const MANY: usize = 1000;

/// A search that begins where old tasks were good and goes on with what they teach, as long as they rank well.
///
/// The first two points are those that together are best for the old tasks' models (a zero-shot portfolio), the third is of
/// an even design. Then old models are weighted by how well each ranks what the new task has shown (ranking-weighted
/// ensemble, Feurer et al. 2018), against the new task's own model left out one by one; one that ranks worse is dropped, and
/// all fade out. The loss is modelled as a multiple of the weighted old means plus a process for what they leave, where that
/// explains it better than the own model; otherwise the search is the plain one. Kinds of model and lengthscales that old
/// tasks agree on compete with the usual ones. Points are evaluated at full fidelity. Old losses enter standardised by
/// task, so their scales do not matter; old points outside of the space are left out.
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
    own: Engine,
    rest: Memory,
    /// Whether old tasks ranked well as long as they were asked.
    trusted: bool,
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

impl Old {
    /// What `all` points of a large task say at some that cover them (Bayesian linear regression on covariances with these, in
    /// place of the features that ABLR learns, Perrone et al. 2018); of a small one, these points as they are.
    fn summarised(self, layout: &Layout, all: &[(Vec<f64>, f64)]) -> Self {
        if all.is_empty() {
            return self;
        }
        let mut taken = Data::default();
        for (features, loss) in self.features.iter().zip(&self.losses) {
            taken.push(features, *loss);
        }
        let mut data = Data::default();
        for (features, loss) in all {
            data.push(features, *loss);
        }
        let noisy = Regime { noise: NoiseKind::Inferred, ..Regime::new(KernelKind::Matern52) };
        let Some(model) = Memory::new(noisy).model(layout, &taken, CHALLENGES) else { return self };
        let summary = model.summary(&data, MOST);
        if summary.len() < 3 {
            return self;
        }
        let (features, losses) = summary.into_iter().map(|(i, loss)| (data.point(i), loss)).unzip();
        Self { features, losses }
    }
}

impl Transfer {
    /// A search with the help of `experiences`; the first `initial` points come from an even design spread by `rng` and,
    /// in turn, from the old models. Without usable experiences it is the plain search.
    pub fn new(space: &SearchSpace, experiences: &[&Experience], initial: usize, rng: &Stream) -> Self {
        let layout = Layout::new(space);
        let old = |experience: &&Experience| {
            let sound = experience.points.iter().filter(|(_, loss)| loss.is_finite());
            let mut rows: Vec<(Vec<f64>, f64)> =
                sound.filter_map(|(point, loss)| Some((space.encode(point)?, *loss))).collect();
            let all = if rows.len() > MANY { rows.clone() } else { Vec::new() };
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
            Old { features, losses }.summarised(&layout, &all)
        };
        let usual = Regime::new(KernelKind::Matern52);
        Self {
            design: Sobol::new(space.len(), rng),
            initial: initial as u64,
            old: experiences.iter().map(old).filter(|old| old.losses.len() >= 3).collect(),
            own: Engine::of(usual),
            rest: Memory::new(usual),
            trusted: false,
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

    /// Models of the old tasks; the first time, the new task's models are taught by them.
    fn old_models(&mut self, space: &SearchSpace) -> Vec<Gp> {
        if let Some(models) = &self.models {
            return models.clone();
        }
        let layout = Layout::new(space);
        let fit = |old: &Old| {
            let mut data = Data::default();
            old.features.iter().zip(&old.losses).for_each(|(features, loss)| data.push(features, *loss));
            Memory::new(Regime::new(KernelKind::Matern52)).model(&layout, &data, 2 * CHALLENGES)
        };
        let models: Vec<Model> = self.old.iter().filter_map(fit).collect();
        if self.asked == 0 && !models.is_empty() {
            let (champion, terms) = teach(&models, space.len());
            self.rest = Memory::with(
                Regime { warp: Warp::Plain, ..champion },
                Terms { bends: false, ..terms.clone() },
            );
            self.own = Engine::new(Memory::with(champion, terms));
        }
        let models: Vec<Gp> = models.into_iter().map(|model| model.gp).collect();
        self.models = Some(models.clone());
        models
    }

    /// The most promising point, or one of the even design as long as that is due and old tasks do not help.
    fn best(&mut self, space: &SearchSpace, note: u64, rng: &mut Stream) -> Option<Vec<f64>> {
        let layout = Layout::new(space);
        let mut data = Data::default();
        for (features, loss) in self.told.values() {
            if let Some(loss) = loss {
                data.push(features, *loss);
            }
        }
        let old = self.old_models(space);
        if let Some(found) = self.with_old(space, &layout, &data, &old, rng) {
            return Some(found);
        }
        if note < self.initial && !self.trusted {
            return Some(self.design.at(note));
        }
        let query = Query {
            space,
            layout: &layout,
            data: &data,
            pending: self.running.values().collect(),
            acquisition: Acquisition::ExpectedImprovement,
            weight: 0.0,
            turn: note,
            local: self.trusted && !note.is_multiple_of(6),
        };
        let found = self.own.suggest(&query, &mut Flat, rng)?;
        is_new(space, &found.latent, self.known()).then_some(found.latent)
    }

    /// The most promising point of the old models with what they leave unexplained; `None` where they do not help.
    fn with_old(
        &mut self,
        space: &SearchSpace,
        layout: &Layout,
        data: &Data,
        old: &[Gp],
        rng: &mut Stream,
    ) -> Option<Vec<f64>> {
        let n = data.losses.len();
        if n < OWN || old.is_empty() {
            return None;
        }
        let own = self.own.memory.model(layout, data, CHALLENGES)?;
        let points: Vec<Vec<f64>> = (0..n).map(|i| data.point(i)).collect();
        let aligned: Vec<Aligned<'_>> =
            old.iter().map(|gp| Aligned::new(gp, layout, &points, &data.losses)).collect();
        let (weights, trust) = weights(&aligned, Some(&own.gp), &points, &data.losses, rng);
        if n <= FADE * space.len() {
            self.trusted = trust >= TRUST;
        }
        let total: f64 = weights[..old.len()].iter().sum();
        let helpful: Vec<(f64, &Aligned<'_>)> =
            weights.iter().map(|w| w / total).zip(&aligned).filter(|(w, _)| *w > 0.0).collect();
        if helpful.is_empty() {
            return None;
        }
        let mut stacked = Stacked::new(helpful, layout, data, &mut self.rest, CHALLENGES)?;
        if stacked.rest().evidence <= own.evidence {
            return None;
        }
        for features in self.running.values() {
            stacked.rest().gp.append(features, None);
        }
        let good: Vec<Vec<f64>> = data.order().iter().take(5).map(|i| latent_of(&points[*i])).collect();
        let reach = reach(&stacked.rest().gp, space.len());
        let mut landscape = stacked.landscape();
        let found = search(space, &mut landscape, &good, &reach, EFFORT, rng)?;
        is_new(space, &found.latent, self.known()).then_some(found.latent)
    }

    fn known(&self) -> impl Iterator<Item = &Vec<f64>> {
        self.told.values().map(|(features, _)| features).chain(self.running.values())
    }
}

/// The kind of model that explains most old tasks, and laws of its lengthscales; without a majority the usual kind.
fn teach(models: &[Model], dimensions: usize) -> (Regime, Terms) {
    let votes = |regime: Regime| models.iter().filter(|model| model.regime == regime).count();
    let leader = models.iter().map(|model| model.regime).max_by_key(|regime| votes(*regime));
    let usual = Regime::new(KernelKind::Matern52);
    let champion = leader.filter(|leader| 2 * votes(*leader) > models.len()).unwrap_or(usual);
    let law = |d: usize| {
        let logs: Vec<f64> = models.iter().map(|model| model.gp.theta[d]).collect();
        let n = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / n;
        let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / n;
        (mean, variance.sqrt().max(LEAST_SD))
    };
    let taught = (0..dimensions).map(law).collect();
    (Regime { breadth: Breadth::Taught, ..champion }, Terms { taught, ..Terms::default() })
}

impl Strategy for Transfer {
    const SCHEMA: &'static str = "bayes-hyperopt/transfer";
    type Note = u64;

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<u64> {
        let note = self.asked;
        let blind = if self.old.is_empty() { self.initial } else { BLIND };
        let offered = if note < OFFERED {
            let old = self.old_models(space);
            portfolio(space, &old, OFFERED as usize).get(note as usize).cloned()
        } else {
            None
        };
        let latent = match offered {
            Some(latent) => latent,
            None if note < blind => self.design.at(note),
            None => self.best(space, note, rng).unwrap_or_else(|| space.sample_latent(rng)),
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
