use meta_traits::{Components, ExampleId, Observation, StopReason, TellError};

use super::Gepa;
use super::decision::{Decision, Stage};
use super::options::ComponentChoice;
use super::pool::Member;
use super::step::{Step, Sum};

/// The steps from one state of the loop to the next.
impl Gepa {
    /// Draws the next iteration: a merge where one is due and possible, else a parent and a minibatch.
    fn begin(&mut self) -> Step {
        let stream = self.stream.child("iteration", self.iteration);
        let position = self.iteration;
        self.iteration += 1;
        if let Some(options) = self.options.merge
            && let Some(plan) = self.merger.plan(&self.pool, options, &mut stream.child("merge", 0))
        {
            let on = plan.on.iter().map(|&v| self.val[v]).collect();
            return Step::Merge {
                parents: plan.parents,
                on,
                before: Sum::new(plan.bar),
                child: plan.candidate,
            };
        }
        let given = usize::try_from(self.selected).ok().and_then(|i| self.draws.parents.get(i)).copied();
        self.selected += 1;
        let parent = given
            .filter(|m| self.pool.survivors().any(|s| s == *m))
            .unwrap_or_else(|| self.pool.draw(self.options.parent, &mut stream.child("parent", 0)));
        let batch = self.batches.at(position, self.train.len(), &self.draws.epochs, &self.stream);
        Step::Parent { parent, batch: batch.iter().map(|&t| self.train[t]).collect() }
    }

    /// The examples of the evaluation under way.
    pub(super) fn examples(&self) -> &[ExampleId] {
        match &self.step {
            Step::Seed | Step::Full { .. } => &self.val,
            Step::Parent { batch, .. } | Step::Child { batch, .. } => batch,
            Step::Merge { on, .. } => on,
            Step::Reflect { .. } | Step::Over(_) => &[],
        }
    }

    /// Refuses what would harm the pool: other examples than asked for, scores that are no numbers.
    pub(super) fn check(&self, seen: &Observation) -> Result<(), TellError> {
        let asked = self.examples();
        if seen.instances.len() != asked.len() {
            let (n, m) = (asked.len(), seen.instances.len());
            return Err(TellError::Mismatch(format!("{n} examples were asked for, {m} are reported")));
        }
        for (i, (scored, example)) in seen.instances.iter().zip(asked).enumerate() {
            if scored.example != *example {
                let found = scored.example;
                return Err(TellError::Mismatch(format!("example {i} should be {example}, is {found}")));
            }
            if !scored.score.is_finite() {
                let score = scored.score;
                return Err(TellError::Mismatch(format!(
                    "the score of {example} is {score}; report a failure"
                )));
            }
        }
        if seen.losses.is_empty() || seen.losses.iter().any(|l| !l.is_finite()) {
            return Err(TellError::Mismatch(format!("the losses {:?} are not all finite", seen.losses)));
        }
        Ok(())
    }

    /// Goes on after a complete evaluation.
    pub(super) fn complete(&mut self, seen: Observation) {
        let iteration = self.iteration;
        self.step = match std::mem::replace(&mut self.step, Step::Seed) {
            Step::Seed => {
                let mean = self.join(self.seed.clone(), Vec::new(), seen).1;
                self.log.push(Decision::Seeded { mean });
                self.begin()
            }
            Step::Parent { parent, batch } => {
                let perfect = |limit: f64| seen.instances.iter().all(|s| f64::from(s.score) >= limit);
                if self.options.skip_perfect && self.options.perfect_score.is_some_and(perfect) {
                    self.log.push(Decision::Skipped { iteration, parent });
                    self.begin()
                } else {
                    let todo = match self.options.component {
                        ComponentChoice::RoundRobin => vec![self.pool.turn(parent, self.names.len())],
                        ComponentChoice::All => (0..self.names.len()).rev().collect(),
                    };
                    let child = self.pool.member(parent).candidate.clone();
                    Step::Reflect { parent, batch, before: seen.instances, todo, child }
                }
            }
            Step::Child { parent, before, child, .. } => {
                let after = Sum::of(&seen.instances);
                if self.options.acceptance.admits(before.get(), after.get()) {
                    Step::Full { parents: vec![parent], before, after, child }
                } else {
                    let (before, after) = (before.get(), after.get());
                    self.log.push(Decision::Rejected { iteration, parent, before, after });
                    self.begin()
                }
            }
            Step::Merge { parents, before, child, .. } => {
                let after = Sum::of(&seen.instances);
                if after.get() >= before.get() {
                    Step::Full { parents: parents.to_vec(), before, after, child }
                } else {
                    let (before, after) = (before.get(), after.get());
                    self.log.push(Decision::MergeRejected { iteration, parents, before, after });
                    self.begin()
                }
            }
            Step::Full { parents, before, after, child } => {
                self.admit(&parents, before.get(), after.get(), child, seen);
                self.begin()
            }
            step @ (Step::Reflect { .. } | Step::Over(_)) => step,
        };
    }

    /// A candidate that passed its test becomes a member.
    fn admit(&mut self, parents: &[usize], before: f64, after: f64, child: Components, seen: Observation) {
        let iteration = self.iteration;
        let (member, mean) = self.join(child, parents.to_vec(), seen);
        let best = self.best_index() == Some(member);
        let decision = if let [a, b] = *parents {
            self.merger.merged();
            Decision::Merged { iteration, parents: [a, b], before, after, member, mean, best }
        } else {
            if let Some(options) = self.options.merge {
                self.merger.grew(options);
            }
            let parent = parents.first().copied().unwrap_or_default();
            Decision::Accepted { iteration, parent, before, after, member, mean, best }
        };
        self.log.push(decision);
    }

    /// Adds a member; gives its position and mean.
    fn join(&mut self, candidate: Components, parents: Vec<usize>, mut seen: Observation) -> (usize, f64) {
        for scored in &mut seen.instances {
            scored.notes = Vec::new();
        }
        let next = parents.iter().map(|&p| self.pool.member(p).next).max().unwrap_or(0);
        let iteration = self.iteration;
        let index = self.pool.add(Member { candidate, parents, observation: seen, iteration, next });
        (index, self.pool.mean(index))
    }

    /// Goes on after something that came to nothing.
    pub(super) fn dropped(&mut self, reason: String, failed: bool) {
        let Some(stage) = self.step.stage() else { return };
        self.log.push(Decision::Dropped { iteration: self.iteration, stage, reason });
        self.step = match stage {
            Stage::Seed if failed => Step::Over(StopReason::Failures),
            Stage::Seed => Step::Seed,
            _ => self.begin(),
        };
    }

    /// Takes up a new text.
    pub(super) fn written(&mut self, text: String) {
        let Step::Reflect { parent, batch, before, mut todo, mut child } =
            std::mem::replace(&mut self.step, Step::Seed)
        else {
            return;
        };
        if let Some(name) = todo.pop().and_then(|c| self.names.get(c)) {
            child.set(name, text);
        }
        self.step = if todo.is_empty() {
            Step::Child { parent, batch, before: Sum::of(&before), child }
        } else {
            Step::Reflect { parent, batch, before, todo, child }
        };
    }
}
