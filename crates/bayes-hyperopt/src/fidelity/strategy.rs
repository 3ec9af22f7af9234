use meta_traits::{Cost, Fidelity, Stream, Unit};
use serde::{Deserialize, Serialize};

use super::choice::{AtFull, incumbent, level};
use super::model::Fits;
use super::rows::{Row, Rows, same};
use crate::baseline::{Ended, Ending, Step, Strategy};
use crate::doe::Sobol;
use crate::full::{self, EFFORT, is_new, latent_of};
use crate::kernel::Layout;
use crate::maximize::{Landscape as _, search};
use crate::optimizer::engine::{Engine, Flat, Query};
use crate::optimizer::regime::Regime;
use crate::optimizer::subset::Data;
use crate::{Acquisition, KernelKind, SearchSpace};

/// The least share of all costs that goes into full evaluations.
const FULL_SHARE: f64 = 1.0 / 3.0;

/// Every so many full evaluations the point comes from a model of full evaluations alone: at first, and later.
const ALONE: [usize; 2] = [4, 2];
/// Full evaluations a parameter after which it is later.
const LATER: usize = 10;

/// Bayesian optimisation with one Gaussian process over points and fidelities.
///
/// A point is chosen by expected improvement at full fidelity, then the fidelity that tells most about the full one for
/// its cost, unless it has nothing more to teach there (the rule of BOCA, Kandasamy et al. 2017). At least a third of
/// all costs goes into full evaluations. Costs are learnt from what is told (see [`MultiFidelity::unit`]); trials that
/// cost nothing count as their fidelity. Where evaluations [resume](MultiFidelity::resuming), a point goes up by one level
/// at a time and competes with all others for going on (freeze-thaw, Swersky et al. 2014): that costs no more than going
/// to the top at once. The search begins with a small bracket: 2 (d + 1) even points at the lowest level, as many fewer
/// of the best at each further level as that costs more (27 points or so where evaluations resume). Otherwise every fourth
/// full evaluation, and later every second, is chosen by a model of full evaluations alone, so that cheap ones that
/// mislead cost at most a part of the budget.
///
/// ```
/// use bayes_hyperopt::baseline::Search;
/// use bayes_hyperopt::fidelity::MultiFidelity;
/// use bayes_hyperopt::{Domain, FidelityLevel, Parameter, SearchSpace};
/// use meta_traits::{Ask, Observation, Optimizer, Outcome, Stream};
///
/// let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
/// let space = SearchSpace::new(vec![x]).unwrap();
/// let levels = FidelityLevel::ALL.map(FidelityLevel::fidelity);
/// let strategy = MultiFidelity::new(&space, &levels, &Stream::root(1));
/// let mut search = Search::new(space, strategy, Stream::root(1));
/// for _ in 0..30 {
///     let Ask::Run(trial) = search.ask() else { break };
///     let x = trial.candidate.number("x").unwrap();
///     let bias = 0.1 * (1.0 - trial.fidelity.get()) * x;
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss((x - 0.7).powi(2) + bias))).unwrap();
/// }
/// assert!(search.best().unwrap().1.losses[0] < 1e-3);
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MultiFidelity {
    levels: Vec<Fidelity>,
    unit: Unit,
    resumes: bool,
    design: Sobol,
    rows: Rows,
    fits: Fits,
    /// The model of full evaluations alone.
    alone: Engine,
    asked: u64,
    /// Costs told so far: all, and those of full evaluations.
    spent: f64,
    spent_full: f64,
}

impl MultiFidelity {
    /// A search at these fidelities; the full one is added where it is missing. The first points are spread by `rng`.
    pub fn new(space: &SearchSpace, levels: &[Fidelity], rng: &Stream) -> Self {
        let mut levels: Vec<Fidelity> = levels.iter().copied().chain([Fidelity::FULL]).collect();
        levels.sort_by(|a, b| a.get().total_cmp(&b.get()));
        levels.dedup();
        Self {
            levels,
            unit: Unit::Wall,
            resumes: false,
            design: Sobol::new(space.len(), rng),
            rows: Rows::default(),
            fits: Fits::new(KernelKind::Matern52),
            alone: Engine::of(Regime::new(KernelKind::Matern52)),
            asked: 0,
            spent: 0.0,
            spent_full: 0.0,
        }
    }

    /// Says that raising a point from one fidelity to another costs only the difference.
    #[must_use]
    pub fn resuming(mut self) -> Self {
        self.resumes = true;
        self
    }

    /// Counts costs in this unit; the default is time.
    #[must_use]
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    fn full(&self) -> usize {
        self.levels.len() - 1
    }

    fn shares(&self) -> Vec<f64> {
        self.levels.iter().map(|level| level.get()).collect()
    }

    fn amount(&self, cost: &Cost, share: f64) -> f64 {
        match cost.of(self.unit) {
            0 => share,
            amount if self.unit == Unit::Wall => amount as f64 * 1e-9,
            amount => amount as f64,
        }
    }

    /// Points of the first bracket at each level.
    fn quota(&self, dimensions: usize, level: usize) -> usize {
        // Where evaluations resume, a bracket costs about as much as one full evaluation a level.
        let even = (1.0 / self.levels[0].get()).round() as usize;
        let first = if self.resumes { even.clamp(6, 40) } else { (2 * (dimensions + 1)).clamp(6, 20) };
        let share = self.levels[0].get() / self.levels[level].get();
        ((first as f64 * share).round() as usize).max(1)
    }

    /// What the first bracket still asks for.
    fn first(&self, space: &SearchSpace) -> Option<(Vec<f64>, usize)> {
        if self.asked >= 3 * self.quota(space.len(), 0) as u64 {
            return None;
        }
        let level = (0..=self.full()).find(|l| self.rows.count(*l) < self.quota(space.len(), *l))?;
        let point = |i: u64| (self.design.at(i), 0);
        if level == 0 {
            return Some(point(self.asked));
        }
        let due = self
            .rows
            .ranking(level - 1)
            .into_iter()
            .find(|row| self.rows.reached(&row.features).is_none_or(|reached| reached < level));
        Some(due.map_or_else(|| point(self.asked), |row| (latent_of(&row.features), level)))
    }

    /// What the model asks for.
    fn best(&mut self, space: &SearchSpace, rng: &mut Stream) -> Option<(Vec<f64>, usize)> {
        let shares = self.shares();
        let full = self.full();
        let mut joint = self.fits.model(space, &shares, &self.rows)?;
        let feature: Vec<f64> = (0..=full).map(|l| joint.scale.feature(&shares, l)).collect();
        let sound: Vec<&Row> = self.rows.told.values().filter(|row| row.loss.is_some()).collect();
        let targets = sound.iter().zip(&joint.targets.z);
        let at_full: Vec<f64> = targets.filter(|(row, _)| row.level == full).map(|(_, z)| *z).collect();
        let points: Vec<&[f64]> = sound.iter().map(|row| row.features.as_slice()).collect();
        let best = incumbent(&joint, &points, &at_full, feature[full]);
        for (features, level) in self.rows.running.values() {
            let x: Vec<f64> = features.iter().copied().chain([feature[*level]]).collect();
            joint.gp.append(&x, None);
        }
        let mut good: Vec<(f64, &[f64])> = {
            let mut predictor = joint.gp.predictor();
            let mean = |x: &&[f64]| {
                let x: Vec<f64> = x.iter().copied().chain([feature[full]]).collect();
                predictor.marginal(&x).mean
            };
            points.iter().map(mean).zip(points.iter().copied()).collect()
        };
        good.sort_by(|a, b| a.0.total_cmp(&b.0));
        good.dedup_by(|a, b| same(a.1, b.1));
        let good: Vec<Vec<f64>> = good.iter().take(5).map(|(_, x)| latent_of(x)).collect();
        let reach = full::reach(&joint.gp, space.len());
        let started = self.rows.running.values().filter(|(_, level)| *level == full);
        let ended =
            self.rows.told.values().filter(|row| row.level == full).map(|row| row.features.as_slice());
        let done = ended.chain(started.map(|(features, _)| features.as_slice())).collect();
        let mut landscape = AtFull::new(&joint.gp, best, feature[full], done);
        if self.resumes && full > 0 && self.spent_full < FULL_SHARE * self.spent {
            // Of what has come near the top the most promising goes there.
            let near = self.rows.ranking(full - 1);
            let near = near.into_iter().filter(|row| self.rows.reached(&row.features) == Some(full - 1));
            let value = near.map(|row| (landscape.value(&row.features), row));
            if let Some((_, row)) = value.max_by(|a, b| a.0.total_cmp(&b.0)) {
                return Some((latent_of(&row.features), full));
            }
        }
        let found = search(space, &mut landscape, &good, &reach, EFFORT, rng)?;
        let features = space.features(&found.latent);
        let reached = self.rows.reached(&features);
        let least = reached.map_or(0, |level| level + 1);
        if least > full {
            return None;
        }
        if !self.resumes && self.spent_full < FULL_SHARE * self.spent {
            return Some((found.latent, full));
        }
        if self.resumes {
            // To go up by one level and think again costs no more than to go to the top at once.
            return Some((found.latent, least));
        }
        let costs = self.rows.costs(&shares);
        Some((found.latent, level(&joint, &features, &feature, &costs, least)))
    }

    /// What a model of the full evaluations alone asks for.
    fn best_alone(&mut self, space: &SearchSpace, rng: &mut Stream) -> Option<Vec<f64>> {
        let full = self.full();
        let mut data = Data::default();
        for row in self.rows.told.values().filter(|row| row.level == full) {
            if let Some(loss) = row.loss {
                data.push(&row.features, loss);
            }
        }
        let layout = Layout::new(space);
        let query = Query {
            space,
            layout: &layout,
            data: &data,
            pending: self.rows.running.values().map(|(features, _)| features).collect(),
            acquisition: Acquisition::ExpectedImprovement,
            weight: 0.0,
            turn: data.losses.len() as u64 / 2,
            local: false,
        };
        let found = self.alone.suggest(&query, &mut Flat, rng)?;
        let ended = self.rows.told.values().filter(|row| row.level == full).map(|row| &row.features);
        let known = ended.chain(self.rows.running.values().map(|(features, _)| features));
        is_new(space, &found.latent, known).then_some(found.latent)
    }
}

impl Strategy for MultiFidelity {
    const SCHEMA: &'static str = "bayes-hyperopt/multi-fidelity";
    type Note = u64;

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<u64> {
        let (mut latent, level) = match self.first(space) {
            Some(first) => first,
            None => self.best(space, rng).unwrap_or_else(|| (space.sample_latent(rng), self.full())),
        };
        let full = self.full();
        let count = self.rows.count(full);
        let every = ALONE[usize::from(count >= LATER * space.len())];
        if !self.resumes && level == full && count % every == every - 1 {
            latent = self.best_alone(space, rng).unwrap_or(latent);
        }
        let note = self.asked;
        self.asked += 1;
        self.rows.running.insert(note, (space.features(&latent), level));
        Step::Run { latent, fidelity: self.levels[level], note }
    }

    fn learn(&mut self, space: &SearchSpace, ended: Ended<u64>) {
        self.rows.running.remove(&ended.note);
        if ended.ending == Ending::Abandoned {
            return;
        }
        let features = space.features(&ended.latent);
        // A trial that was stopped between two levels counts for the lower one.
        let level =
            self.levels.iter().rposition(|l| l.get() <= ended.fidelity.get() * (1.0 + 1e-9)).unwrap_or(0);
        let paid = if self.resumes { self.rows.paid(&features) } else { 0.0 };
        let share = self.levels[level].get();
        let cost = self.amount(&ended.cost, share);
        self.spent += cost;
        if level == self.full() {
            self.spent_full += cost;
        }
        let row = Row { features, level, loss: ended.ending.loss(), cost: paid + cost };
        self.rows.told.insert(ended.note, row);
    }

    fn fits(&self, space: &SearchSpace) -> bool {
        self.levels.last() == Some(&Fidelity::FULL)
            && self.levels.windows(2).all(|w| w[0] < w[1])
            && self.design.dimensions() == space.len()
            && self.rows.fits(self.levels.len(), space.len())
            && self.fits.is_sound()
    }
}
