//! The search: ask, tell, and everything in between.

mod basin;
mod draws;
mod elsewhere;
pub(crate) mod engine;
mod explanation;
mod feasibility;
mod local;
pub(crate) mod memory;
mod propose;
mod record;
pub(crate) mod regime;
mod regret;
pub(crate) mod sampled;
pub(crate) mod subset;
pub(crate) mod surface;
mod trust;

use std::collections::BTreeMap;

use meta_traits::{
    Ask, Fidelity, Instances, Observation, Optimizer, Outcome, RestoreError, Snapshot, Space as _, Stream,
    TellError, Trial, TrialId,
};
use serde::{Deserialize, Serialize};

use crate::gp::NoiseKind;
use crate::kernel::Layout;
use crate::{ConfigError, Configuration, HyperOptConfig, SearchSpace};

use engine::Engine;
pub use explanation::Explanation;
use memory::{Memory, Terms};
use record::{Pending, Queued, Record, Told};
use regime::Regime;

/// Bayesian optimisation with Gaussian processes over a [`SearchSpace`].
///
/// The first `n_initial_points` suggestions spread over the space; then each maximises the acquisition of a model that is
/// chosen by evidence: radial or additive, smooth or rough, exact or noisy, losses plain, on a log scale, towards a normal law
/// (Yeo & Johnson 2000) or with their worst pressed together, inputs plain or bent (Kumaraswamy 1980). Of up to 8 trials
/// pending the results are drawn jointly, 8 times, for an expected improvement of all together; of more, or with other
/// acquisitions, what is expected counts as told. With `n_suggestions` above 1 so many points are made at once and given
/// one by one: what is told meanwhile counts for the next batch. Losses are minimised; one loss a trial.
///
/// Deterministic: the same seed and calls give the same suggestions, bit for bit, and so does a restored snapshot. Up
/// to 2,000 trials all are in the model, its parameters learnt from 300; above, the best and the nearest to the best, 900
/// in all, and 100 inducing points that speak for the others. Above 20 parameters, and where nothing improves, it keeps to a box around the best that grows and shrinks (TuRBO).
///
/// Failed trials and violated constraints are learnt from, too: a second process says where results can be had.
///
/// ```
/// use bayes_hyperopt::{BayesOptimizer, Domain, HyperOptConfig, Parameter, SearchSpace};
/// use meta_traits::{Ask, Observation, Optimizer, Outcome};
/// let space = SearchSpace::new(vec![
///     Parameter::new("x", Domain::Float { low: -5.0, high: 5.0 }),
///     Parameter::new("lr", Domain::Log { low: 1e-5, high: 1.0 }),
/// ]).unwrap();
/// let mut search = BayesOptimizer::new(space, HyperOptConfig::default(), 7).unwrap();
/// for _ in 0..25 {
///     let Ask::Run(trial) = search.ask() else { break };
///     let x = trial.candidate.number("x").unwrap() - 1.0;
///     let lr = trial.candidate.number("lr").unwrap().log10() + 2.0;
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss(x * x + lr * lr))).unwrap();
/// }
/// assert!(search.best().unwrap().1.losses[0] < 0.01);
/// ```
#[derive(Clone, Debug)]
pub struct BayesOptimizer {
    space: SearchSpace,
    layout: Layout,
    state: State,
}

/// Everything that changes, and the settings: the saved form of a [`BayesOptimizer`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    config: HyperOptConfig,
    root: Stream,
    asked: u64,
    told: BTreeMap<TrialId, Record>,
    pending: BTreeMap<TrialId, Pending>,
    /// The rest of a batch that was made at once.
    queue: Vec<Queued>,
    engine: Engine,
    outcomes: Memory,
}

impl BayesOptimizer {
    /// A search of `space`; all random draws come from `seed`.
    ///
    /// # Errors
    /// [`ConfigError`] when a field of `config` is outside its range.
    pub fn new(space: SearchSpace, config: HyperOptConfig, seed: u64) -> Result<Self, ConfigError> {
        config.validate()?;
        let layout = layout(&space, &config);
        let terms = Terms {
            noise: config.noise_level,
            learns: config.optimize_hyperparameters,
            inputs: true,
            ..Terms::default()
        };
        let kind = Regime::new(config.gp_kernel);
        let noise = if terms.learns { kind.noise } else { NoiseKind::Inferred };
        let engine = Engine::new(Memory::with(Regime { noise, ..kind }, terms));
        let outcomes = feasibility::memory();
        let root = Stream::root(seed).child("bayes-hyperopt", 0);
        let (told, pending) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self {
            space,
            layout,
            state: State { config, root, asked: 0, told, pending, queue: Vec::new(), engine, outcomes },
        })
    }

    /// The space searched.
    pub fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// Takes an evaluation of a point that was not asked for: an earlier run, or a user's own guess.
    ///
    /// It counts as the next trial and ends like one; the initial design is shortened by it.
    ///
    /// # Errors
    /// [`TellError::Mismatch`] when the point is not of the space; nothing is changed then.
    pub fn observe(&mut self, candidate: Configuration, outcome: Outcome) -> Result<TrialId, TellError> {
        let Some(features) = self.space.encode(&candidate) else {
            return Err(TellError::Mismatch(format!("{candidate:?} is no point of the space")));
        };
        let id = TrialId(self.state.asked);
        self.state.asked += 1;
        self.state.pending.insert(id, Pending { candidate, features, why: None });
        self.tell(id, outcome).map(|()| id)
    }

    /// Why trial `id` was suggested; `None` for those of the initial design, drawn at random, told or unknown.
    pub fn explain(&self, id: TrialId) -> Option<&Explanation> {
        self.state.pending.get(&id).and_then(|pending| pending.why.as_ref())
    }

    /// Drops a trial that was told or is pending, as if it had never been; whether there was one.
    pub fn forget(&mut self, id: TrialId) -> bool {
        self.state.pending.remove(&id).is_some() | self.state.told.remove(&id).is_some()
    }

    fn sound(&self) -> impl Iterator<Item = (&Record, &Observation)> {
        self.state.told.values().filter_map(|record| match &record.told {
            Told::Sound(seen) => Some((record, seen)),
            _ => None,
        })
    }
}

fn layout(space: &SearchSpace, config: &HyperOptConfig) -> Layout {
    let layout = Layout::new(space);
    if config.normalize_inputs { layout } else { layout.in_own_units(space) }
}

impl Optimizer for BayesOptimizer {
    type Candidate = Configuration;

    fn ask(&mut self) -> Ask<Configuration> {
        let id = TrialId(self.state.asked);
        let Queued { latent, why, .. } = self.propose(id);
        let candidate = self.space.decode(&latent);
        let features = self.space.encode(&candidate).unwrap_or_else(|| self.space.features(&latent));
        self.state.asked += 1;
        self.state.pending.insert(id, Pending { candidate: candidate.clone(), features, why });
        Ask::Run(Trial::new(id, candidate, Fidelity::FULL, Instances::Driver))
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let Some(Pending { candidate, features, .. }) = self.state.pending.remove(&id) else {
            return Err(TellError::UnknownTrial(id));
        };
        let told = match outcome {
            Outcome::Complete(seen) if seen.is_sound() => Told::Sound(seen),
            Outcome::Complete(seen)
                if !seen.losses.is_empty() && seen.losses.iter().all(|l| l.is_finite()) =>
            {
                Told::Violated(seen)
            }
            Outcome::Complete(_) | Outcome::Failed { .. } => Told::Failed,
            // Seen in part only, or not at all: says nothing about a full evaluation.
            _ => return Ok(()),
        };
        self.state.told.insert(id, Record { candidate, features, told });
        Ok(())
    }

    fn best(&self) -> Option<(&Configuration, &Observation)> {
        let least = |a: &(&Record, &Observation), b: &(&Record, &Observation)| {
            a.1.losses[0].total_cmp(&b.1.losses[0])
        };
        self.sound().min_by(least).map(|(record, seen)| (&record.candidate, seen))
    }
}

impl Snapshot for BayesOptimizer {
    const SCHEMA: &'static str = "bayes-hyperopt/optimizer";
    const VERSION: u32 = 2;
    type State = State;

    fn snapshot(&self) -> State {
        self.state.clone()
    }

    fn restore(&mut self, state: State) -> Result<(), RestoreError> {
        let body = |why: String| Err(RestoreError::Body(why));
        if let Err(error) = state.config.validate() {
            return body(error.to_string());
        }
        let points = state.told.iter().map(|(id, r)| (id, &r.candidate, &r.features));
        let pending = state.pending.iter().map(|(id, p)| (id, &p.candidate, &p.features));
        for (id, candidate, features) in points.chain(pending) {
            if id.0 >= state.asked || !self.space.contains(candidate) || features.len() != self.space.len() {
                return body(format!("trial {} does not belong to this space", id.0));
            }
        }
        if state
            .queue
            .iter()
            .any(|q| q.latent.len() != self.space.len() || q.features.len() != self.space.len())
        {
            return body("the points of a batch do not belong to this space".into());
        }
        self.layout = layout(&self.space, &state.config);
        self.state = state;
        Ok(())
    }
}
