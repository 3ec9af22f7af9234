use meta_traits::{RestoreError, Snapshot, Stream};
use serde::{Deserialize, Serialize};

use super::{Neat, NeatOptions, State};

/// The saved form of [`Neat`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NeatState {
    options: NeatOptions,
    root: Stream,
    state: State,
}

impl Snapshot for Neat {
    const SCHEMA: &'static str = "topology-neat/neat";
    const VERSION: u32 = 1;
    type State = NeatState;

    fn snapshot(&self) -> NeatState {
        NeatState { options: self.options.clone(), root: self.root.clone(), state: self.state.clone() }
    }

    fn restore(&mut self, saved: NeatState) -> Result<(), RestoreError> {
        let refuse = |why: &str| Err(RestoreError::Body(why.to_owned()));
        if let Err(fault) = saved.options.validate() {
            return Err(RestoreError::Body(fault.to_string()));
        }
        let state = &saved.state;
        if state.asked > state.batch.len() || state.told != state.batch.iter().filter(|m| m.told).count() {
            return refuse("the counts of the generation do not fit its members");
        }
        for (at, member) in state.batch.iter().enumerate() {
            let Some(species) = state.species.get(member.species) else {
                return refuse("a member has no species");
            };
            if member.draw.len() != species.strategy.len() || member.told && at >= state.asked {
                return refuse("a member does not fit its species");
            }
        }
        if !state.species.iter().all(|s| s.strategy.fits(&s.genome)) {
            return refuse("a strategy does not fit its structure");
        }
        *self = Self { options: saved.options, root: saved.root, state: saved.state, report: None };
        Ok(())
    }
}
