//! Search for a workflow by evolution that is screened by a predictor.
//!
//! Every module that answers alone is evaluated first. Then each evaluation goes to what promises most: a repeat of a
//! workflow seen, by its knowledge gradient (Frazier, Powell & Dayanik 2009), or a new one, by its expected improvement.
//! New ones are made by small edits of the best and by grafting one good workflow into another; of a pool of them that
//! one is taken whose value, drawn from the posterior of a [`crate::StructurePredictor`] (Thompson 1933), is lowest.
//! Drawing from a small pool and not taking the expected best of a large one keeps what was never tried in play. A tenth
//! of all proposals is screened by nothing, and by these the predictor is judged in turn. The recommendation is the
//! workflow with the lowest posterior mean, never the best single observation.

mod arm;
mod candidates;
mod options;
mod snapshot;

use std::collections::BTreeMap;

use meta_traits::{
    Ask, Fidelity, Instances, Observation, Optimizer, Outcome, Space as _, Stream, TellError, Trial, TrialId,
};
use serde::{Deserialize, Serialize};

pub use self::arm::Arm;
pub use self::options::SearchOptions;
pub use self::snapshot::SearchState;
use super::{Workflow, WorkflowError, WorkflowSpace};
use crate::predictor::{Calibration, Posterior, StructurePredictor, Trust};

/// Most trials that may be pending.
const MOST_PENDING: usize = 256;
/// Failed workflows that are remembered, so as not to be proposed again.
const MOST_FAILED: usize = 64;
/// Observations between two searches for the predictor's scales.
const REFIT: u64 = 4;

/// An evolutionary search over workflows; see the [module](self) for the method.
///
/// The first loss counts, with `complexity_penalty` on top. Trials may be told in any order; they are taken up in the order
/// of asking, so completion order and thread count change nothing. All draws come from the key path of the trial's number.
/// An evaluation that fails, or whose losses are not finite, says nothing about its workflow but that it is not to be
/// proposed again soon. The search never ends by itself. Memory grows with the workflows seen; an ask costs
/// O(pool n^2), a tell O(n^3) for n of them.
///
/// ```
/// use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Stream};
/// use topology_neat::{Library, ModuleKind, SearchOptions, WorkflowSearch, WorkflowSpace};
/// let space = WorkflowSpace::new(Library::default(), 6, 4)?;
/// let mut search = WorkflowSearch::new(space, SearchOptions::default(), Stream::root(1))?;
/// for _ in 0..60 {
///     let Ask::Run(trial) = search.ask() else { break };
///     // A task that wants its answers checked.
///     let checks = trial.candidate.modules().iter().filter(|m| m.kind == ModuleKind::Verify).count();
///     let loss = 1.0 - 0.5 * checks.min(1) as f64 + 0.01 * trial.candidate.modules().len() as f64;
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss)))?;
/// }
/// assert!(search.best().unwrap().1.losses[0] < 0.6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WorkflowSearch {
    space: WorkflowSpace,
    options: SearchOptions,
    stream: Stream,
    asked: u64,
    taken: u64,
    /// Asked and not taken up yet, with what was told.
    pending: BTreeMap<TrialId, Proposal>,
    arms: Vec<Arm>,
    failed: Vec<Workflow>,
    /// Sum and number of reported variances.
    reported: (f64, f64),
    trust: Trust,
    model: StructurePredictor,
    /// Posteriors of the arms.
    seen: Vec<Posterior>,
    best: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Proposal {
    workflow: Workflow,
    /// Whether the predictor chose it.
    screened: bool,
    told: Option<Told>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Told {
    Sound(Observation),
    Failed,
    Abandoned,
}

impl WorkflowSearch {
    /// A search of `space`.
    ///
    /// # Errors
    /// [`WorkflowError::Option`] when an option is outside its range.
    pub fn new(space: WorkflowSpace, options: SearchOptions, stream: Stream) -> Result<Self, WorkflowError> {
        options.check()?;
        let model = fresh(&options);
        Ok(Self {
            space,
            options,
            stream,
            asked: 0,
            taken: 0,
            pending: BTreeMap::new(),
            arms: Vec::new(),
            failed: Vec::new(),
            reported: (0.0, 0.0),
            trust: Trust::default(),
            model,
            seen: Vec::new(),
            best: None,
        })
    }

    /// The workflows seen, in the order of finding, with what was observed of each.
    pub fn arms(&self) -> &[Arm] {
        &self.arms
    }

    /// The arms that no other one beats in every loss and in size (the first front of NSGA-II), in the order of finding.
    pub fn front(&self) -> Vec<&Arm> {
        let point = |arm: &Arm| {
            let size = arm.workflow.modules().len() as f64;
            arm.observation.losses.iter().copied().chain([size]).collect()
        };
        let points: Vec<Vec<f64>> = self.arms.iter().map(point).collect();
        let first = crate::pareto::fronts(&points).into_iter().next().unwrap_or_default();
        first.into_iter().map(|i| &self.arms[i]).collect()
    }

    /// How the predictions made before evaluations came true.
    pub fn calibration(&self) -> Calibration {
        self.trust.calibration()
    }

    /// Whether new workflows are being screened: the predictor is on and has not lost to knowing nothing.
    pub fn is_screening(&self) -> bool {
        self.options.predictor && self.trust.follows()
    }

    fn is_pending(&self, workflow: &Workflow) -> bool {
        self.pending.values().any(|p| p.workflow == *workflow)
    }

    fn is_known(&self, workflow: &Workflow) -> bool {
        self.arms.iter().any(|a| a.workflow == *workflow)
            || self.is_pending(workflow)
            || self.failed.contains(workflow)
    }

    fn penalty(&self, workflow: &Workflow) -> f64 {
        if self.options.complexity_penalty == 0.0 {
            return 0.0;
        }
        self.options.complexity_penalty * workflow.complexity()
    }

    /// What to evaluate next, and whether the predictor chose it.
    fn propose(&self, rng: &mut Stream) -> (Workflow, bool) {
        for module in self.space.library().answering() {
            if let Ok(single) = Workflow::single(module)
                && !self.is_known(&single)
            {
                return (single, false);
            }
        }
        let Some(best) = self.best else { return (self.space.sample(rng), false) };
        let seen = &self.seen;
        let mut order: Vec<usize> = (0..seen.len()).collect();
        order.sort_by(|a, b| seen[*a].mean.total_cmp(&seen[*b].mean));
        let repeat = self.best_repeat(seen, &order);
        let parents: Vec<&Workflow> = order.iter().map(|i| &self.arms[*i].workflow).collect();
        let pool = candidates::pool(&parents, &self.space, &self.options, rng, |w| self.is_known(w));
        if rng.chance(self.options.unscreened)
            && let Some(new) = pool.first()
        {
            return (new.clone(), false);
        }
        let screened = self.is_screening();
        let new = if screened {
            let drawn = pool.into_iter().map(|w| {
                let p = self.model.posterior(&w);
                (p.mean + p.variance.sqrt() * normal(rng), p, w)
            });
            drawn.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, p, w)| (p, w))
        } else {
            pool.into_iter().next().map(|w| (self.model.posterior(&w), w))
        };
        let least = self.options.min_improvement.max(repeat.map_or(0.0, |r| r.0));
        let lowest = seen[order[0]].mean;
        match (new, repeat) {
            (Some((p, new)), _) if gain(p, lowest) > least => (new, screened),
            (_, Some((_, arm))) => (self.arms[arm].workflow.clone(), false),
            (Some((_, new)), None) => (new, screened),
            (None, None) => (self.arms[best].workflow.clone(), false),
        }
    }

    /// The arm whose repeat promises most, and how much.
    fn best_repeat(&self, seen: &[Posterior], order: &[usize]) -> Option<(f64, usize)> {
        let (first, second) = (*order.first()?, order.get(1));
        let valued = order.iter().filter(|i| !self.is_pending(&self.arms[**i].workflow)).map(|&i| {
            let rival =
                if i == first { second.map_or(f64::INFINITY, |s| seen[*s].mean) } else { seen[first].mean };
            let informed = self.informed(seen[i]);
            // For the leader: what is gained by learning that it is worse than the second.
            let value = if i == first {
                gain(Posterior { mean: -informed.mean, ..informed }, -rival)
            } else {
                gain(informed, rival)
            };
            (value, i)
        });
        valued.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// How the mean may move by one more observation.
    fn informed(&self, p: Posterior) -> Posterior {
        Posterior { variance: p.variance * p.variance / (p.variance + self.model.noise()), ..p }
    }

    /// Takes up what was told, in the order of asking.
    fn take_up(&mut self) {
        while self.pending.first_key_value().is_some_and(|(_, p)| p.told.is_some()) {
            let Some((_, Proposal { workflow, screened, told })) = self.pending.pop_first() else { return };
            match told {
                Some(Told::Sound(observation)) => self.learn(&workflow, screened, observation),
                Some(Told::Failed) if self.arms.iter().all(|a| a.workflow != workflow) => {
                    if self.failed.len() == MOST_FAILED {
                        self.failed.remove(0);
                    }
                    self.failed.push(workflow);
                }
                _ => {}
            }
        }
    }

    fn learn(&mut self, workflow: &Workflow, screened: bool, observation: Observation) {
        let penalty = self.penalty(workflow);
        let y = observation.losses[0] + penalty;
        if let Some(variance) = observation.variance.filter(|v| v.is_finite() && *v > 0.0) {
            self.reported.0 += variance;
            self.reported.1 += 1.0;
        }
        if let Some(arm) = self.arms.iter_mut().find(|a| a.workflow == *workflow) {
            arm.add(penalty, &observation);
        } else {
            if let (Some(overall), true) = (self.model.overall(), self.arms.len() >= 8) {
                let predicted = self.model.posterior(workflow);
                self.trust.observe(predicted, overall, self.model.noise(), y, screened);
            }
            self.arms.push(Arm::new(workflow.clone(), penalty, observation));
        }
        self.model.add(workflow, y, 1.0);
        self.taken += 1;
        self.fit(self.taken.is_multiple_of(REFIT));
    }

    fn fit(&mut self, search: bool) {
        if self.reported.1 > 0.0 {
            self.model.set_noise(self.reported.0 / self.reported.1);
        }
        self.model.update(search);
        self.seen = self.model.seen();
        self.best = (0..self.seen.len()).min_by(|a, b| self.seen[*a].mean.total_cmp(&self.seen[*b].mean));
    }
}

fn fresh(options: &SearchOptions) -> StructurePredictor {
    if options.predictor { StructurePredictor::default() } else { StructurePredictor::blind() }
}

impl Optimizer for WorkflowSearch {
    type Candidate = Workflow;

    fn ask(&mut self) -> Ask<Workflow> {
        if self.pending.len() >= MOST_PENDING {
            return Ask::Wait;
        }
        let id = TrialId(self.asked);
        self.asked += 1;
        let (workflow, screened) = self.propose(&mut self.stream.child("trial", id.0));
        self.pending.insert(id, Proposal { workflow: workflow.clone(), screened, told: None });
        Ask::Run(Trial::new(id, workflow, Fidelity::FULL, Instances::Driver))
    }

    fn tell(&mut self, id: TrialId, outcome: Outcome) -> Result<(), TellError> {
        let unknown = || TellError::UnknownTrial(id);
        let proposal = self.pending.get_mut(&id).filter(|p| p.told.is_none()).ok_or_else(unknown)?;
        proposal.told = Some(match outcome {
            Outcome::Complete(o) if o.is_sound() => Told::Sound(o),
            Outcome::Complete(_) | Outcome::Failed { .. } => Told::Failed,
            _ => Told::Abandoned,
        });
        self.take_up();
        Ok(())
    }

    fn best(&self) -> Option<(&Workflow, &Observation)> {
        self.best.map(|i| (&self.arms[i].workflow, &self.arms[i].observation))
    }
}

/// A standard normal number (Box & Muller 1958).
fn normal(rng: &mut Stream) -> f64 {
    (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos()
}

/// How far a normal number is expected to fall below `least`: (least - mean) P + sd p at u = (least - mean) / sd.
fn gain(p: Posterior, least: f64) -> f64 {
    let sd = p.variance.sqrt();
    let u = (least - p.mean) / sd;
    if !u.is_finite() {
        return 0.0;
    }
    let density = (-0.5 * u * u).exp() / std::f64::consts::TAU.sqrt();
    sd * (u * below(u) + density)
}

/// The standard normal distribution function, to 1.5e-7 (Abramowitz & Stegun 7.1.26).
fn below(u: f64) -> f64 {
    let x = u.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let poly = series.iter().rev().fold(0.0, |sum, c| t * (sum + c));
    let tail = 0.5 * poly * (-x * x).exp();
    if u < 0.0 { tail } else { 1.0 - tail }
}
