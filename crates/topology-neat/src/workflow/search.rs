//! Search for a workflow by evolution that is screened by a predictor.
//!
//! Every module that answers alone is evaluated first, then some workflows that one edit makes of the best. Small edits
//! alone seldom put a module where it does something; these do, each kind of module in the use it has, and so show soon
//! which kinds the task rewards. Then each evaluation goes to
//! what promises most: a repeat of a workflow seen, by its knowledge gradient (Frazier, Powell & Dayanik 2009), or a new
//! one, by its expected improvement; a share of all goes to the one that is recommended. New ones are drawn anew or made
//! by small edits of the best and by grafting one good workflow into another; of a pool of them that
//! one is taken whose value, drawn from the posterior of a [`crate::StructurePredictor`] (Thompson 1933), is lowest.
//! Drawing from a small pool and not taking the expected best of a large one keeps what was never tried in play. A tenth
//! of all proposals is screened by nothing, and by these the predictor is judged in turn. The recommendation is the
//! workflow with the lowest posterior mean, never the best single observation, and a single module unless another one is
//! better by a standard deviation of the difference.

mod acquire;
mod arm;
mod candidates;
mod options;
mod propose;
mod recommend;
mod record;
mod snapshot;
mod variety;

use std::collections::BTreeMap;

use meta_traits::{
    Ask, Fidelity, Instances, Observation, Optimizer, Outcome, StopReason, Stream, TellError, Trial, TrialId,
};
use serde::{Deserialize, Serialize};

pub use self::arm::Arm;
pub use self::options::SearchOptions;
pub use self::record::Record;
pub use self::snapshot::SearchState;
pub use self::variety::Variety;
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
/// proposed again soon. Without a limit of evaluations the search never ends by itself. Memory grows with the workflows seen; an ask costs
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
    log: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Proposal {
    workflow: Workflow,
    /// Arms it was made from.
    parents: Vec<usize>,
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
            log: Vec::new(),
        })
    }

    /// From now on chooses among so many candidates of at most so many edits each ([`SearchOptions::pool`] and
    /// [`SearchOptions::changes`]). A snapshot holds it.
    ///
    /// # Errors
    /// [`WorkflowError::Option`] when one is outside its range; nothing changes then.
    pub fn restrain(&mut self, pool: usize, changes: usize) -> Result<(), WorkflowError> {
        let options = SearchOptions { pool, changes, ..self.options.clone() };
        options.check()?;
        self.options = options;
        Ok(())
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

    /// The interval that is to hold the loss of one evaluation of `workflow` with probability 0.9, its width corrected by how
    /// predictions came true; `None` before the first observation.
    pub fn expected(&self, workflow: &Workflow) -> Option<[f64; 2]> {
        self.model.overall()?;
        let predicted = self.model.posterior(workflow);
        let penalty = self.penalty(workflow);
        Some(self.calibration().interval(predicted, self.model.noise()).map(|end| end - penalty))
    }

    /// Whether new workflows are being screened: the predictor is on and has not lost to knowing nothing.
    pub fn is_screening(&self) -> bool {
        self.options.predictor && self.trust.follows()
    }

    fn penalty(&self, workflow: &Workflow) -> f64 {
        if self.options.complexity_penalty == 0.0 {
            return 0.0;
        }
        self.options.complexity_penalty * workflow.complexity()
    }

    /// Takes up what was told, in the order of asking.
    fn take_up(&mut self) {
        while self.pending.first_key_value().is_some_and(|(_, p)| p.told.is_some()) {
            let Some((trial, Proposal { workflow, parents, screened, told })) = self.pending.pop_first()
            else {
                return;
            };
            let (loss, interval) = match told {
                Some(Told::Sound(observation)) => {
                    (Some(observation.losses[0]), self.learn(&workflow, &parents, screened, observation))
                }
                Some(Told::Failed) => {
                    self.avoid(&workflow);
                    (None, None)
                }
                _ => continue,
            };
            let times = self.arms.iter().find(|a| a.workflow == workflow).map_or(0, |a| a.times);
            let fingerprint = format!("{:016x}", workflow.fingerprint());
            let best = self.best;
            self.log.push(Record {
                trial,
                workflow,
                fingerprint,
                parents,
                screened,
                loss,
                interval,
                times,
                best,
            });
        }
    }

    /// Remembers a workflow whose evaluation failed, unless another one of it was sound.
    fn avoid(&mut self, workflow: &Workflow) {
        if self.arms.iter().any(|a| a.workflow == *workflow) || self.failed.contains(workflow) {
            return;
        }
        if self.failed.len() == MOST_FAILED {
            self.failed.remove(0);
        }
        self.failed.push(workflow.clone());
    }

    /// Learns from an observation; the interval in which the loss of a new workflow was expected.
    fn learn(
        &mut self,
        workflow: &Workflow,
        parents: &[usize],
        screened: bool,
        observation: Observation,
    ) -> Option<[f64; 2]> {
        let mut interval = None;
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
                let (predicted, noise) = (self.model.posterior(workflow), self.model.noise());
                interval = Some(self.calibration().interval(predicted, noise).map(|end| end - penalty));
                self.trust.observe(predicted, overall, noise, y, screened);
            }
            self.arms.push(Arm::new(workflow.clone(), parents.to_vec(), penalty, observation));
        }
        self.model.add(workflow, y, 1.0);
        self.taken += 1;
        self.fit(self.taken.is_multiple_of(REFIT));
        interval
    }

    fn fit(&mut self, search: bool) {
        if self.reported.1 > 0.0 {
            self.model.set_noise(self.reported.0 / self.reported.1);
        }
        self.model.update(search);
        self.seen = self.model.seen();
        self.best = self.recommended();
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
        if self.options.evaluations.is_some_and(|most| self.asked >= most) {
            return if self.pending.is_empty() { Ask::Done(StopReason::Budget) } else { Ask::Wait };
        }
        let id = TrialId(self.asked);
        self.asked += 1;
        let proposal = self.propose(&mut self.stream.child("trial", id.0));
        let workflow = proposal.workflow.clone();
        self.pending.insert(id, proposal);
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

impl Proposal {
    /// One that was made from no other.
    fn anew(workflow: Workflow) -> Self {
        Self { workflow, parents: Vec::new(), screened: false, told: None }
    }
}
