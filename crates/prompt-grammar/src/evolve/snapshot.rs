use meta_traits::{RestoreError, Snapshot, Space as _};

use super::Evolution;
use crate::gepa::check_examples;

impl Snapshot for Evolution {
    const SCHEMA: &'static str = "prompt-grammar/evolution";
    const VERSION: u32 = 1;
    /// The search is its own saved form.
    type State = Self;

    fn snapshot(&self) -> Self {
        self.clone()
    }

    /// Takes up the whole state, space and options included, whatever this object was made with.
    fn restore(&mut self, state: Self) -> Result<(), RestoreError> {
        state.check().map_err(RestoreError::Body)?;
        *self = state;
        Ok(())
    }
}

impl Evolution {
    fn check(&self) -> Result<(), String> {
        self.options.check().map_err(|e| e.to_string())?;
        check_examples("examples", &self.examples).map_err(|e| e.to_string())?;
        let mut order = self.order.clone();
        order.sort_unstable();
        if !order.into_iter().eq(0..self.examples.len()) || self.block >= self.options.blocks {
            return Err("the order of examples is none".into());
        }
        if !self.weights.fits(&self.space) {
            return Err("the weights are those of another space".into());
        }
        let prompts = self.entrants.values().map(|e| &e.prompt).chain(self.members.iter().map(|m| &m.prompt));
        let asked = self.asked.iter().map(|(_, prompt)| prompt);
        if prompts.chain(&self.known).chain(&self.unwritten).chain(asked).any(|p| !self.space.contains(p)) {
            return Err("a prompt is not in the space".into());
        }
        let waiting = self.todo.iter().chain(self.running.values());
        if waiting.chain(self.entrants.keys()).any(|e| *e >= self.entered)
            || self.running.values().any(|e| !self.entrants.contains_key(e))
        {
            return Err(format!("an entrant is none of the {}", self.entered));
        }
        if self.members.iter().any(|m| !m.loss().is_finite()) {
            return Err("a member has no finite loss".into());
        }
        let late = self.asked.as_ref().is_some_and(|(id, _)| id.0 >= self.queries);
        if late || self.running.keys().any(|id| id.0 >= self.trials) {
            return Err("what is pending was never asked".into());
        }
        Ok(())
    }
}
