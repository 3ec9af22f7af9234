use meta_traits::{Components, Cost, Query, QueryId, Scored, Space as _, Split, Stream};

use super::{Entrant, Evolution, Method};
use crate::optimizer::PROMPT;
use crate::script;
use crate::space::Choices;

/// Drawings of a child before its place is given up.
const ATTEMPTS: u64 = 24;
/// Of the children that no model writes, the share that is drawn from the weights, and the share of crossings whose
/// mate is.
const DRAWN: f64 = 0.6;
const FRESH: f64 = 0.3;

impl Evolution {
    /// Plans a round: its children, and the order in which they meet examples.
    pub(super) fn plan(&mut self) {
        let stream = self.stream.child("round", self.round);
        self.round += 1;
        self.block = 0;
        self.entered = 0;
        self.order = (0..self.examples.len()).collect();
        stream.child("examples", 0).shuffle(&mut self.order);
        if self.members.is_empty() {
            self.enter(self.space.seed());
        }
        let mut rng = stream.child("written", 0);
        for place in 0..self.options.children as u64 {
            let parent = rng.pick(&self.members).map(|m| m.prompt.clone());
            if let Some(parent) = parent.filter(|_| rng.chance(self.options.reflections)) {
                self.unwritten.push_back(parent);
            } else {
                let stream = stream.child("place", place);
                let new = (0..ATTEMPTS).any(|i| {
                    let child = self.child(&mut stream.child("attempt", i));
                    self.enter(child)
                });
                if !new {
                    break;
                }
            }
        }
    }

    fn child(&self, rng: &mut Stream) -> Choices {
        let (Some(parent), Some(mate)) = (rng.pick(&self.members), rng.pick(&self.members)) else {
            return self.space.sample(rng);
        };
        match self.options.method {
            Method::MuLambda => {
                let edits = 1 + usize::from(rng.chance(self.options.second_edit));
                self.space.mutated(&parent.prompt, edits, rng)
            }
            Method::Eda if rng.chance(DRAWN) => self.weights.draw(&self.space, rng),
            Method::Eda => {
                let fresh = rng.chance(FRESH);
                let mate = if fresh { self.weights.draw(&self.space, rng) } else { mate.prompt.clone() };
                let child = self.space.crossed(&parent.prompt, &mate, rng);
                self.space.mutated(&child, 1, rng)
            }
        }
    }

    /// Lets a prompt into the round; false for one that was evaluated before or is in it.
    pub(super) fn enter(&mut self, prompt: Choices) -> bool {
        let new = self.known.insert(prompt.clone());
        if new {
            let number = self.entered;
            self.entered += 1;
            self.todo.push_back(number);
            self.entrants.insert(number, Entrant { prompt, scores: Vec::new(), cost: Cost::ZERO });
        }
        new
    }

    /// The next child that a model is to write. A parent without failed training examples gets an edit at random.
    pub(super) fn query(&mut self) -> Option<Query> {
        while let Some(parent) = self.unwritten.pop_front() {
            let mut rng = self.stream.child("reflection", self.queries);
            let scores = self.members.iter().find(|m| m.prompt == parent).map(|m| &m.observation.instances);
            let mut failures: Vec<Scored> = scores.cloned().unwrap_or_default();
            failures.retain(|s| s.example.split == Split::Train && s.score < 1.0);
            rng.shuffle(&mut failures);
            failures.truncate(self.options.failures);
            let id = QueryId(self.queries);
            self.queries += 1;
            if failures.is_empty() {
                let child = self.space.mutated(&parent, 1, &mut rng);
                self.enter(child);
                continue;
            }
            let shown = Components::from_iter([(PROMPT, script::describe(&parent, &self.space))]);
            self.asked = Some((id, parent));
            return Some(Query::new(id, PROMPT.into(), shown, failures));
        }
        None
    }
}
