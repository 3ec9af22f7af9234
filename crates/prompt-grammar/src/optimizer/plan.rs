use std::collections::BTreeSet;

use meta_traits::{Components, Query, QueryId, Scored, Space as _, Split, Stream};

use super::{Fate, ModelSearch, Origin, PROMPT, Planned, Proposal};
use crate::model::Effects;
use crate::script::{self, EditScript};
use crate::space::Choices;

/// Children of reflection that are remembered as places to climb from.
const CHILDREN: usize = 4;
/// Good prompts to climb from and to reflect on.
const ELITE: usize = 6;

/// A prompt to try, where it comes from, and the prompt it was made from.
type Chosen = (Choices, Origin, Option<Choices>);

impl ModelSearch {
    /// Plans a round: which prompts, on which examples.
    pub(super) fn make_plan(&mut self) {
        self.reflected = false;
        let stream = self.stream.child("round", self.round);
        self.round += 1;
        let order = self.by_use(&mut stream.child("examples", 0));
        let mut chosen: Vec<Chosen> = Vec::new();
        if self.tried.is_empty() {
            chosen.push((self.space.seed(), Origin::Seed, None));
            let initial =
                (0..self.options.initial as u64).map(|i| self.space.sample(&mut stream.child("initial", i)));
            chosen.extend(initial.map(|prompt| (prompt, Origin::Random, None)));
        } else {
            self.propose(&stream, &mut chosen);
        }
        let mut known = BTreeSet::new();
        for (prompt, origin, parent) in chosen {
            if known.insert(prompt.clone())
                && let Some(planned) = self.block(prompt, origin, parent, &order)
            {
                self.plan.push_back(planned);
            }
        }
        if let (true, Some(seed)) = (self.tried.is_empty(), self.plan.front_mut()) {
            for &anchor in &self.anchors {
                if !seed.examples.contains(&anchor) {
                    seed.examples.push(anchor);
                    self.uses[anchor] += 1;
                }
            }
        }
        if let Some((prompt, missing)) = self.to_anchor()
            && !self.plan.iter().any(|p| p.prompt == prompt)
        {
            for &e in &missing {
                self.uses[e] += 1;
            }
            let planned = Planned { prompt, examples: missing, origin: Origin::Anchor, parent: None };
            self.plan.push_back(planned);
        }
        if !self.tried.is_empty() {
            self.plan_toggles(&order, &stream.child("toggles", 0));
        }
        if self.plan.is_empty() {
            let left = self.leftover(&order, &mut stream.child("leftover", 0));
            self.plan.extend(left);
        }
    }

    /// What the posterior mean likes best, and what draws from the posterior like best.
    fn propose(&self, stream: &Stream, chosen: &mut Vec<Chosen>) {
        let mean = self.posterior.mean_effects();
        let elite: Vec<Choices> = self.elite().into_iter().map(|i| self.tried[i].prompt.clone()).collect();
        let mut starts = elite.clone();
        starts.extend(self.posterior.merge(&mean, &elite).map(|(merged, _)| merged));
        chosen.push(self.climbed(&mean, &starts, Origin::Mean));
        // As long as the seed is returned only because nothing is clearly better, it is tried along with its rivals.
        let seed = self.space.seed();
        let held_back =
            self.best.is_some_and(|b| self.tried[b].prompt == seed && elite.first() != Some(&seed));
        if held_back {
            chosen.push((seed, Origin::Seed, None));
        }
        for d in 0..self.options.draws as u64 {
            let mut rng = stream.child("draw", d);
            let effects = self.posterior.draw(&mut rng).tempered(&mean, self.options.temperature);
            let mut starts: Vec<Choices> = elite.iter().take(2).cloned().collect();
            starts.extend(rng.pick(&elite).cloned());
            starts.extend(self.children.iter().cloned());
            starts.push(self.space.sample(&mut rng));
            chosen.push(self.climbed(&effects, &starts, Origin::Draw));
        }
    }

    fn climbed(&self, effects: &Effects, starts: &[Choices], origin: Origin) -> Chosen {
        let tops = starts.iter().map(|start| (self.posterior.climb(effects, start), start));
        let top = tops.reduce(|best, next| if next.0.1 > best.0.1 { next } else { best });
        top.map_or_else(
            || (self.space.seed(), Origin::Seed, None),
            |((prompt, _), start)| (prompt, origin, Some(start.clone())),
        )
    }

    /// The tried prompts of the highest posterior means, best first.
    pub(super) fn elite(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.tried.len()).collect();
        order.sort_by(|a, b| self.posterior.value(*b).total_cmp(&self.posterior.value(*a)));
        order.truncate(ELITE);
        order
    }

    /// Examples, those used least first, in random order among equals.
    fn by_use(&self, rng: &mut Stream) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.examples.len()).filter(|e| !self.is_held_out(*e)).collect();
        rng.shuffle(&mut order);
        order.sort_by_key(|e| self.uses[*e]);
        order
    }

    /// A trial of `prompt` on the first examples of `order` it has not met; `None` when it has met all.
    fn block(
        &mut self,
        prompt: Choices,
        origin: Origin,
        parent: Option<Choices>,
        order: &[usize],
    ) -> Option<Planned> {
        let met: BTreeSet<_> = match self.numbers.get(&prompt) {
            Some(&i) => self.tried[i].observation.instances.iter().map(|s| s.example).collect(),
            None => BTreeSet::new(),
        };
        let new = order.iter().copied().filter(|e| !met.contains(&self.examples[*e]));
        let examples: Vec<usize> = new.take(self.options.block).collect();
        for &e in &examples {
            self.uses[e] += 1;
        }
        (!examples.is_empty()).then_some(Planned { prompt, examples, origin, parent })
    }

    /// Something to try when the model wants nothing that is new: neighbours of the best, random prompts, and whatever
    /// has examples left.
    fn leftover(&mut self, order: &[usize], rng: &mut Stream) -> Option<Planned> {
        let best = self.best.map_or_else(|| self.space.seed(), |i| self.tried[i].prompt.clone());
        for i in 0..32 {
            let prompt =
                if i % 4 == 3 { self.space.sample(rng) } else { self.space.mutated(&best, 1 + i / 8, rng) };
            if let Some(planned) = self.block(prompt, Origin::Leftover, None, order) {
                return Some(planned);
            }
        }
        (0..self.tried.len())
            .find_map(|i| self.block(self.tried[i].prompt.clone(), Origin::Leftover, None, order))
    }

    /// A reflection, if one is due and there is a failure to show.
    pub(super) fn query(&mut self) -> Option<Query> {
        let due = (self.queries as f64) < self.options.reflections * self.calls as f64;
        if !due || self.reflected || self.asked.is_some() {
            return None;
        }
        self.reflected = true;
        let mut rng = self.stream.child("reflection", self.round);
        let elite = self.elite();
        // The best in half of the cases, the next in half of the rest, and so on.
        let at = elite.iter().position(|_| rng.chance(0.5)).unwrap_or(0);
        let parent = &self.tried[*elite.get(at)?];
        let mut failures: Vec<Scored> = parent.observation.instances.clone();
        failures.retain(|s| s.example.split == Split::Train && s.score < 1.0);
        rng.shuffle(&mut failures);
        failures.sort_by(|a, b| a.score.total_cmp(&b.score));
        failures.truncate(self.options.failures);
        if failures.is_empty() {
            return None;
        }
        let id = QueryId(self.queries);
        self.queries += 1;
        let shown = Components::from_iter([(PROMPT, script::describe(&parent.prompt, &self.space))]);
        self.asked = Some((id, parent.prompt.clone()));
        Some(Query::new(id, PROMPT.into(), shown, failures))
    }

    /// Takes up the reply to a reflection on `parent`. One that is no usable script, or that was made before for the
    /// same prompt, is dropped.
    pub(super) fn edited(&mut self, parent: Choices, reply: &str) {
        let script = EditScript::parse(reply, &self.space);
        let child = script.ok().and_then(|s| self.space.edited(&parent, s.edits()));
        let child = child.filter(|c| *c != parent);
        let made = |(from, to): &(Choices, Choices)| *from == parent && Some(to) == child.as_ref();
        let fate = match &child {
            None => Fate::Unusable,
            Some(_) if self.posterior.suggestions().iter().chain(&self.steps).any(made) => Fate::Repeated,
            Some(_) => Fate::Followed,
        };
        let planned = Planned {
            prompt: child.clone().unwrap_or_else(|| parent.clone()),
            examples: Vec::new(),
            origin: Origin::Reflection,
            parent: Some(parent.clone()),
        };
        let proposal = self.proposal(&planned, fate);
        let prompt = proposal.prompt.filter(|_| child.is_some());
        self.manifest.push(Proposal { prompt, ..proposal });
        if let Some(child) = child.filter(|_| fate == Fate::Followed) {
            self.children.push_back(child.clone());
            if self.children.len() > CHILDREN {
                self.children.pop_front();
            }
            self.steps.push((parent, child));
        }
    }
}
