use meta_traits::TrialId;
use serde::{Deserialize, Serialize};

use super::{Arm, WorkflowSearch};
use crate::draw::Diagram;
use crate::workflow::Workflow;

/// What came of one trial: one line of the log when written as JSON.
///
/// Records stand in the order of asking, whatever order the trials ended in, and hold nothing of clocks or threads, so the
/// log of a run is the same bytes for any number of threads.
///
/// ```
/// use meta_traits::{Ask, Observation, Optimizer as _, Outcome, Stream};
/// use topology_neat::{Library, SearchOptions, WorkflowSearch, WorkflowSpace};
/// let space = WorkflowSpace::new(Library::default(), 6, 4)?;
/// let mut search = WorkflowSearch::new(space, SearchOptions::default(), Stream::root(1))?;
/// let Ask::Run(trial) = search.ask() else { unreachable!() };
/// search.tell(trial.id, Outcome::Complete(Observation::of_loss(0.25)))?;
/// let log: Vec<String> = search.take_log().iter().map(|r| serde_json::to_string(r).unwrap()).collect();
/// assert!(log[0].contains("\"trial\":0") && log[0].contains("\"loss\":0.25"), "{}", log[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// The trial.
    pub trial: TrialId,
    /// What was evaluated.
    pub workflow: Workflow,
    /// Its [`Workflow::fingerprint`], in hexadecimal.
    pub fingerprint: String,
    /// Arms ([`WorkflowSearch::arms`]) that it was made from; none for one drawn anew or evaluated again.
    pub parents: Vec<usize>,
    /// Whether the predictor chose it.
    pub screened: bool,
    /// Its first loss, penalty left out; none when the evaluation failed.
    pub loss: Option<f64>,
    /// The 90 % interval in which its loss was expected, for a workflow new to a predictor that knows eight others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Evaluations of it so far, this one counted.
    pub times: u32,
    /// The arm that is recommended from here on.
    pub best: Option<usize>,
}

impl WorkflowSearch {
    /// The records since the last call, oldest first. They are kept until taken; snapshots hold those not taken yet.
    pub fn take_log(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.log)
    }

    /// The family tree of the arms: node `i` is arm `i` with its number, mean loss and evaluations, edges lead from parents
    /// to children. The recommended arm is marked with a star.
    pub fn lineage(&self) -> Diagram {
        let mut diagram = Diagram::default();
        for (i, arm) in self.arms.iter().enumerate() {
            let star = if self.best == Some(i) { " *" } else { "" };
            let Arm { times, observation, workflow, .. } = arm;
            let size = workflow.modules().len();
            diagram.add(format!("{i}: {:.3} x{times}, {size} modules{star}", observation.losses[0]));
        }
        for (i, arm) in self.arms.iter().enumerate() {
            arm.parents.iter().for_each(|parent| diagram.join(*parent, i));
        }
        diagram
    }
}
