use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use meta_traits::{
    Ask, Fidelity, Instances, Observation, Optimizer, Outcome, RestoreError, Snapshot, Space as _, Stream,
    TellError, Trial, TrialId,
};
use serde::{Deserialize, Serialize};

use super::front::front;
use super::improvement::Improvement;
use crate::doe::Sobol;
use crate::full::{CHALLENGES, best_new, latent_of, reach};
use crate::gp::{Marginal, NoiseKind, Predictor};
use crate::kernel::Layout;
use crate::maximize::Landscape;
use crate::optimizer::regime::{Memory, Model, Regime};
use crate::{Configuration, KernelKind, SearchSpace};

/// Trials with losses below which no model is made.
const LEAST: usize = 3;
/// How far beyond the worst of the front the reference lies, as a share of the front's extent.
const MARGIN: f64 = 0.1;

/// Bayesian optimisation of several losses at once: points that push the front of best trade-offs outwards.
///
/// One Gaussian process an objective, its kind chosen by evidence; each suggestion maximises the logarithm of the expected
/// hypervolume improvement, exact for any number of objectives (Yang et al. 2019; logarithms as in Ament et al. 2023),
/// with gradients. Volumes are counted in the units of the models, which bend and standardise losses one by one; a front
/// is a front in any such units. The reference lies a tenth of the front's extent beyond its worst, and at the worst of all
/// trials while the front has no more points than there are objectives. Pending trials count as told what is expected of them.
///
/// All trials are at full fidelity. A trial that fails or violates a constraint is not suggested again and teaches
/// nothing else. Meant for up to some hundreds of trials and two to four objectives.
///
/// Deterministic: the same seed and calls give the same suggestions, bit for bit, and so does a restored snapshot.
///
/// ```
/// use std::num::NonZeroUsize;
/// use bayes_hyperopt::multi::ParetoOptimizer;
/// use bayes_hyperopt::{Domain, Parameter, SearchSpace};
/// use meta_traits::{Ask, Observation, Optimizer, Outcome};
///
/// let x = Parameter::new("x", Domain::Float { low: -1.0, high: 2.0 });
/// let two = NonZeroUsize::new(2).unwrap();
/// let mut search = ParetoOptimizer::new(SearchSpace::new(vec![x]).unwrap(), two, 4, 1);
/// for _ in 0..12 {
///     let Ask::Run(trial) = search.ask() else { break };
///     let x = trial.candidate.number("x").unwrap();
///     let mut seen = Observation::of_loss(x * x);
///     seen.losses.push((x - 1.0).powi(2));
///     search.tell(trial.id, Outcome::Complete(seen)).unwrap();
/// }
/// // Every point between 0 and 1 is a best trade-off.
/// assert!(search.front().count() >= 5);
/// ```
#[derive(Clone, Debug)]
pub struct ParetoOptimizer {
    space: SearchSpace,
    layout: Layout,
    state: ParetoState,
}

/// Everything that changes: the saved form of a [`ParetoOptimizer`]; the space is not part of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParetoState {
    root: Stream,
    design: Sobol,
    initial: u64,
    asked: u64,
    memories: Vec<Memory>,
    told: BTreeMap<TrialId, Told>,
    pending: BTreeMap<TrialId, Point>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    candidate: Configuration,
    features: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    point: Point,
    /// None when the trial failed.
    seen: Option<Observation>,
}

impl ParetoOptimizer {
    /// A search of `space` for the best trade-offs of so many losses, the first `initial` points spread evenly.
    pub fn new(space: SearchSpace, objectives: NonZeroUsize, initial: usize, seed: u64) -> Self {
        let root = Stream::root(seed).child("bayes-hyperopt/pareto", 0);
        let state = ParetoState {
            design: Sobol::new(space.len(), &root.child("design", 0)),
            root,
            initial: initial as u64,
            asked: 0,
            memories: vec![Memory::new(Regime::new(KernelKind::Matern52)); objectives.get()],
            told: BTreeMap::new(),
            pending: BTreeMap::new(),
        };
        Self { layout: Layout::new(&space), space, state }
    }

    /// The space searched.
    pub fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// Number of losses a trial is told with.
    pub fn objectives(&self) -> usize {
        self.state.memories.len()
    }

    /// The trials that no other dominates, in the order of asking.
    pub fn front(&self) -> impl Iterator<Item = (&Configuration, &Observation)> {
        let sound: Vec<(&Told, &Observation)> = self.sound().collect();
        let losses: Vec<Vec<f64>> = sound.iter().map(|(_, seen)| seen.losses.clone()).collect();
        front(&losses).into_iter().map(move |i| (&sound[i].0.point.candidate, sound[i].1))
    }

    /// Takes an evaluation of a point that was not asked for; it counts as the next trial.
    ///
    /// # Errors
    /// [`TellError::Mismatch`] when the point is not of the space or the losses are of another number; nothing is changed
    /// then.
    pub fn observe(&mut self, candidate: Configuration, outcome: Outcome) -> Result<TrialId, TellError> {
        let Some(features) = self.space.encode(&candidate) else {
            return Err(TellError::Mismatch(format!("{candidate:?} is no point of the space")));
        };
        let id = TrialId(self.state.asked);
        self.state.pending.insert(id, Point { candidate, features });
        match self.tell(id, outcome) {
            Ok(()) => self.state.asked += 1,
            Err(error) => {
                self.state.pending.remove(&id);
                return Err(error);
            }
        }
        Ok(id)
    }

    fn sound(&self) -> impl Iterator<Item = (&Told, &Observation)> {
        self.state.told.values().filter_map(|told| told.seen.as_ref().map(|seen| (told, seen)))
    }

    fn suggest(&mut self, rng: &mut Stream) -> Option<Vec<f64>> {
        let sound: Vec<(Vec<f64>, Vec<f64>)> =
            self.sound().map(|(told, seen)| (told.point.features.clone(), seen.losses.clone())).collect();
        if sound.len() < LEAST {
            return None;
        }
        let columns: Vec<Vec<f64>> =
            (0..self.space.len()).map(|d| sound.iter().map(|(x, _)| x[d]).collect()).collect();
        let mut models = Vec::new();
        for (j, memory) in self.state.memories.iter_mut().enumerate() {
            let losses: Vec<f64> = sound.iter().map(|(_, losses)| losses[j]).collect();
            models.push(memory.fit(&self.layout, &columns, &losses, CHALLENGES)?);
        }
        let levels: Vec<Vec<f64>> = models.iter().map(levels).collect();
        let points: Vec<Vec<f64>> =
            (0..sound.len()).map(|i| levels.iter().map(|level| level[i]).collect()).collect();
        let best = front(&points);
        let reference = reference(&points, &best);
        let good: Vec<Vec<f64>> = spread(&best).map(|i| latent_of(&sound[i].0)).collect();
        let mut known: Vec<Vec<f64>> = best.iter().map(|i| points[*i].clone()).collect();
        for pending in self.state.pending.values() {
            let expected =
                models.iter().map(|model| model.gp.predictor().marginal(&pending.features).mean).collect();
            known.push(expected);
            for model in &mut models {
                model.gp.append(&pending.features, None);
            }
        }
        let best = front(&known);
        let known: Vec<Vec<f64>> = best.into_iter().map(|i| known[i].clone()).collect();
        let mut volume = Volume {
            predictors: models.iter().map(|model| model.gp.predictor()).collect(),
            improvement: Improvement::new(&known, &reference),
            marginals: Vec::new(),
            slopes: vec![(0.0, 0.0); models.len()],
        };
        let mut distance = reach(&models[0].gp, self.space.len());
        for model in &models[1..] {
            let other = reach(&model.gp, self.space.len());
            distance.iter_mut().zip(other).for_each(|(a, b)| *a = a.min(b));
        }
        let told = self.state.told.values().map(|told| &told.point.features);
        let tried = told.chain(self.state.pending.values().map(|point| &point.features));
        best_new(&self.space, &mut volume, &good, &distance, tried, rng)
    }
}

/// What the front is made of: targets, or where they are noisy what the model makes of them.
fn levels(model: &Model) -> Vec<f64> {
    match model.regime.noise {
        NoiseKind::Fixed => model.targets.z.clone(),
        NoiseKind::Inferred => {
            let mut predictor = model.gp.predictor();
            (0..model.gp.len()).map(|i| predictor.marginal(&model.gp.point(i)).mean).collect()
        }
    }
}

/// Where volumes are counted from.
fn reference(points: &[Vec<f64>], best: &[usize]) -> Vec<f64> {
    let objectives = points[0].len();
    let of_all = best.len() <= objectives;
    let ends = |j: usize| {
        let of_best = best.iter().map(|i| points[*i][j]);
        let all = points.iter().map(|p| p[j]);
        let low = of_best.clone().fold(f64::INFINITY, f64::min);
        let high = if of_all { all.fold(low, f64::max) } else { of_best.fold(low, f64::max) };
        (low, high)
    };
    // Targets have variance 1, so that a front without extent still leaves room to gain.
    (0..objectives).map(ends).map(|(low, high)| high + MARGIN * (high - low).max(MARGIN)).collect()
}

/// Up to five positions, evenly along the front.
fn spread(best: &[usize]) -> impl Iterator<Item = usize> {
    let n = best.len().min(5);
    (0..n).map(move |i| best[i * best.len() / n])
}

/// The expected gain in volume over features.
struct Volume<'a> {
    predictors: Vec<Predictor<'a>>,
    improvement: Improvement,
    marginals: Vec<Marginal>,
    slopes: Vec<(f64, f64)>,
}

impl Landscape for Volume<'_> {
    fn value(&mut self, features: &[f64]) -> f64 {
        self.marginals.clear();
        self.marginals.extend(self.predictors.iter_mut().map(|p| p.marginal(features)));
        self.improvement.score(&self.marginals, &mut self.slopes)
    }

    fn gradient(&mut self, features: &[f64], gradient: &mut [f64]) -> f64 {
        let value = self.value(features);
        for (predictor, (by_mean, by_variance)) in self.predictors.iter_mut().zip(&self.slopes) {
            predictor.add_gradient(features, *by_mean, *by_variance, gradient);
        }
        value
    }
}

impl Optimizer for ParetoOptimizer {
    type Candidate = Configuration;

    fn ask(&mut self) -> Ask<Configuration> {
        let id = TrialId(self.state.asked);
        let mut rng = self.state.root.child("trial", id.0);
        let designed = (id.0 < self.state.initial).then(|| self.state.design.at(id.0));
        let found = designed.or_else(|| self.suggest(&mut rng));
        let legal = found.filter(|latent| self.space.allows(&self.space.decode(latent)));
        let latent = legal.unwrap_or_else(|| self.space.sample_latent(&mut rng));
        let candidate = self.space.decode(&latent);
        let features = self.space.features(&latent);
        self.state.asked += 1;
        self.state.pending.insert(id, Point { candidate: candidate.clone(), features });
        Ask::Run(Trial::new(id, candidate, Fidelity::FULL, Instances::Driver))
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let objectives = self.objectives();
        if let Outcome::Complete(seen) = &outcome
            && seen.is_sound()
            && seen.losses.len() != objectives
        {
            let found = seen.losses.len();
            return Err(TellError::Mismatch(format!(
                "{found} losses; this search has {objectives} objectives"
            )));
        }
        let point = self.state.pending.remove(&id).ok_or(TellError::UnknownTrial(id))?;
        let seen = match outcome {
            Outcome::Complete(seen) => Some(seen).filter(Observation::is_sound),
            Outcome::Failed { .. } => None,
            // Seen in part only, or not at all: says nothing about a full evaluation.
            _ => return Ok(()),
        };
        self.state.told.insert(id, Told { point, seen });
        Ok(())
    }

    /// The point of the front with the least sum of losses, each scaled to the front's extent.
    fn best(&self) -> Option<(&Configuration, &Observation)> {
        let front: Vec<(&Configuration, &Observation)> = self.front().collect();
        let ends = |j: usize| {
            let losses = front.iter().map(|(_, seen)| seen.losses[j]);
            (losses.clone().fold(f64::INFINITY, f64::min), losses.fold(f64::NEG_INFINITY, f64::max))
        };
        let ends: Vec<(f64, f64)> = (0..self.objectives()).map(ends).collect();
        let sum = |seen: &Observation| -> f64 {
            let scaled = |(loss, (low, high)): (&f64, &(f64, f64))| {
                if high > low { (loss / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.0 }
            };
            seen.losses.iter().zip(&ends).map(scaled).sum()
        };
        front.iter().min_by(|a, b| sum(a.1).total_cmp(&sum(b.1))).copied()
    }
}

impl Snapshot for ParetoOptimizer {
    const SCHEMA: &'static str = "bayes-hyperopt/pareto";
    const VERSION: u32 = 1;
    type State = ParetoState;

    fn snapshot(&self) -> ParetoState {
        self.state.clone()
    }

    fn restore(&mut self, state: ParetoState) -> Result<(), RestoreError> {
        let points = state.told.iter().map(|(id, told)| (id, &told.point)).chain(&state.pending);
        for (id, point) in points {
            let fits = self.space.contains(&point.candidate) && point.features.len() == self.space.len();
            if id.0 >= state.asked || !fits {
                let why = format!("trial {} does not belong to this space", id.0);
                return Err(RestoreError::Body(why));
            }
        }
        let losses = state.told.values().filter_map(|told| told.seen.as_ref());
        if state.memories.len() != self.objectives()
            || state.design.dimensions() != self.space.len()
            || losses.into_iter().any(|seen| seen.losses.len() != self.objectives())
        {
            return Err(RestoreError::Body("the saved search has other objectives or another space".into()));
        }
        self.state = state;
        Ok(())
    }
}
