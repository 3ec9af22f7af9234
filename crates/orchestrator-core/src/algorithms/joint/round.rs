use std::collections::BTreeMap;

use evaluation::race::choose;
use meta_traits::{Cost, Observation, QueryId, Scored, StopReason, Stream, TrialId};
use serde::{Deserialize, Serialize};

use super::operator::Operator;
use super::propose::Text;
use super::versions::VersionId;
use super::{Best, Entrant, Joint, Mark, is_train};

/// Where the loop stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Step {
    /// To be planned.
    Next,
    /// A text is to be rewritten.
    Write { version: VersionId, evidence: Vec<Scored> },
    /// A system is to meet examples.
    Block { system: Vec<VersionId>, on: Vec<usize> },
    /// Nothing will be asked any more.
    Over(StopReason),
}

/// What was asked for and has not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Pending {
    Trial(TrialId),
    Query(QueryId),
}

/// Systems that are estimated in full for the recommendation.
const CONTENDERS: usize = 10;

impl Joint {
    /// Plans the next step.
    pub(super) fn plan(&mut self) -> Step {
        let stream = self.stream.child("round", self.rounds);
        let met = self.entrants.first().map_or(0, |seed| seed.scores.len());
        let enough = (self.options.first * self.options.block(0)).min(self.examples.len());
        let leader = match &self.best {
            Some(best) if met >= enough => self.entrants[best.entrant].system.clone(),
            _ => return self.meet_seed(&stream),
        };
        if !self.written {
            self.written = true;
            self.choose_rewrites(&leader, &stream);
        }
        if let Some(component) = self.todo.pop() {
            return self.write(component, &stream);
        }
        self.written = false;
        self.rounds += 1;
        if self.options.most_results.is_some_and(|most| self.results >= most) {
            return Step::Over(StopReason::Rounds);
        }
        if self.options.patience.is_some_and(|most| self.results - self.mark.results >= most) {
            return Step::Over(StopReason::Stagnation);
        }
        let stream = self.stream.child("round", self.rounds);
        let able = Operator::ALL.map(|operator| self.can(operator));
        let operator = self.allocator.next(able, &self.context(), &stream);
        let system = if let Some(system) = self.invented(operator, &leader, &stream) {
            system
        } else {
            let texts = self.proposed(operator, &leader, &stream);
            texts.into_iter().enumerate().map(|(component, text)| self.realise(component, text)).collect()
        };
        self.block(system, &leader, &stream)
    }

    pub(super) fn realise(&mut self, component: usize, text: Text) -> VersionId {
        match text {
            Text::Known(version) => version,
            Text::New { text, .. } => {
                let known = self.versions.find(component, &text);
                known.unwrap_or_else(|| self.versions.add(&mut self.posterior, component, text).0)
            }
        }
    }

    /// Chooses whose texts are rewritten this round: those that are to blame.
    fn choose_rewrites(&mut self, leader: &[VersionId], stream: &Stream) {
        let mut rng = stream.child("rewrites", 0);
        self.fresh.clear();
        if self.dry >= self.options.dry && !rng.chance(self.options.rare) {
            return;
        }
        self.base = match self.entrants.last() {
            Some(last) if !rng.chance(self.options.loyal) => last.system.clone(),
            _ => leader.to_vec(),
        };
        let mut blame = self.posterior.blame(&self.versions.features(&self.base));
        let mut open: Vec<usize> =
            (0..blame.len()).filter(|c| self.options.rewrites(&self.names[*c], self.results)).collect();
        (0..blame.len()).filter(|c| !open.contains(c)).for_each(|c| blame[c] = 0.0);
        while self.todo.len() < self.options.rewrites && !open.is_empty() {
            let component = rng.weighted(&blame).unwrap_or_else(|| open[rng.below(open.len())]);
            blame[component] = 0.0;
            open.retain(|c| *c != component);
            self.todo.push(component);
        }
    }

    /// The seed meets its first examples.
    fn meet_seed(&self, stream: &Stream) -> Step {
        let met = |example| self.entrants.iter().flat_map(|e| &e.scores).any(|s| s.example == example);
        let mut on: Vec<usize> = (0..self.examples.len()).filter(|j| !met(self.examples[*j])).collect();
        stream.child("examples", 0).shuffle(&mut on);
        on.truncate(self.options.block(0));
        Step::Block { system: self.base.clone(), on }
    }

    fn write(&self, component: usize, stream: &Stream) -> Step {
        let version = self.base[component];
        let mut rng = stream.child("evidence", component as u64);
        // Complaints that recur are heard more often.
        let mut groups: BTreeMap<&str, Vec<&Scored>> = BTreeMap::new();
        for failure in &self.versions.get(version).failures {
            let note = failure.notes.iter().find(|n| n.component == self.names[component]);
            groups.entry(note.map_or("", |n| &n.text)).or_default().push(failure);
        }
        let groups: Vec<Vec<&Scored>> = groups.into_values().collect();
        let weights: Vec<f64> = groups.iter().map(|g| (g.len() as f64).powf(self.options.power)).collect();
        let mut evidence = Vec::new();
        if let Some(g) = rng.weighted(&weights) {
            let mut group = groups[g].clone();
            rng.shuffle(&mut group);
            evidence.extend(group.into_iter().take(self.options.evidence).cloned());
        }
        Step::Write { version, evidence }
    }

    pub(super) fn written(&mut self, parent: VersionId, text: String) {
        let component = self.versions.get(parent).component;
        let mut news = false;
        if self.versions.find(component, &text).is_none() {
            let (version, line) = self.versions.add(&mut self.posterior, component, text);
            self.fresh.push(version);
            news = line;
        }
        self.dry = if news { 0 } else { self.dry + 1 };
    }

    /// Examples for a system: those that would tell most of what the leader does not have, and that its new texts met
    /// least.
    fn block(&self, system: Vec<VersionId>, leader: &[VersionId], stream: &Stream) -> Step {
        let mut open: Vec<VersionId> = system.iter().copied().filter(|v| !leader.contains(v)).collect();
        if open.is_empty() {
            open.clone_from(&system);
        }
        let scores = self.entrants.iter().find(|e| e.system == system).map_or(&[][..], |e| &e.scores);
        let met = |j: usize| scores.iter().filter(|s| s.example == self.examples[j]).count();
        let met: Vec<usize> = (0..self.examples.len()).map(met).collect();
        let fewest = met.iter().min().copied().unwrap_or(0);
        let told = self.posterior.information(&self.versions.features(&system));
        let weight = |(j, told): (usize, &f64)| {
            let runs: u32 = open.iter().map(|&v| self.versions.get(v).runs[j]).sum();
            (met[j] == fewest).then(|| (told / (1.0 + f64::from(runs))).powi(2))
        };
        let weights: Vec<Option<f64>> = told.iter().enumerate().map(weight).collect();
        let mut rng = stream.child("examples", 0);
        let drawn = choose(&weights, self.options.floor, self.options.block(self.results), &mut rng);
        Step::Block { system, on: drawn.into_iter().map(|(j, _)| j).collect() }
    }

    pub(super) fn complete(&mut self, system: Vec<VersionId>, on: &[usize], seen: Observation) {
        let features = self.versions.complete(&mut self.posterior, &system);
        let number = self.posterior.system(&features);
        let mut results = Vec::with_capacity(on.len());
        for (&j, scored) in on.iter().zip(&seen.instances) {
            let mut blamed = Vec::new();
            for (component, name) in self.names.iter().enumerate() {
                let mut notes = scored.notes.iter().filter(|n| n.component == *name).peekable();
                if notes.peek().is_some() {
                    blamed.push(component);
                }
                for note in notes {
                    self.versions.hear(system[component], &note.text);
                }
            }
            for &version in &system {
                self.versions.get_mut(version).runs[j] += 1;
            }
            if is_train(scored.example) {
                for &component in &blamed {
                    self.versions.get_mut(system[component]).failures.push(scored.clone());
                }
            }
            results.push((j, f64::from(scored.score), blamed));
        }
        self.results += results.len() as u64;
        self.posterior.observe(number, &results);
        let entrant = self.entrants.iter().position(|e| e.system == system).unwrap_or_else(|| {
            self.entrants.push(Entrant { system, scores: Vec::new() });
            self.entrants.len() - 1
        });
        self.entrants[entrant].scores.extend(seen.instances.into_iter().map(|mut scored| {
            scored.notes = Vec::new();
            scored
        }));
        self.versions.tell(&mut self.posterior);
        self.posterior.update();
        let measured = self.entrants[entrant].system.clone();
        self.hand_in(&measured);
        let before = self.best.as_ref().map(|best| best.entrant);
        self.recommend();
        let after = self.best.as_ref().map(|best| best.entrant);
        self.progress();
        let gain = match (before, after) {
            (Some(before), Some(after)) if before != after => {
                (self.cautious(after) - self.cautious(before)).max(0.0)
            }
            _ => 0.0,
        };
        let (led, context) = (before != after && after == Some(entrant), self.context());
        self.allocator.settle(on.len() as u64, gain, led, &context);
    }

    /// Marks where the recommendation's mean last rose by enough.
    fn progress(&mut self) {
        let Some(mean) = self.best.as_ref().and_then(|best| Some(1.0 - best.seen.losses.first()?)) else {
            return;
        };
        if self.mark.results == 0 || mean > self.mark.mean + self.options.progress {
            self.mark = Mark { results: self.results, mean };
        }
    }

    /// What an entrant is judged by.
    fn cautious(&self, entrant: usize) -> f64 {
        let estimate = self.posterior.estimate(&self.versions.features(&self.entrants[entrant].system));
        estimate.mean - self.options.caution * estimate.sd
    }

    /// Names the system that is recommended now.
    fn recommend(&mut self) {
        let center = self.posterior.draw(None);
        let value = |(i, e): (usize, &Entrant)| {
            let features = self.versions.features(&e.system);
            let mut sums = vec![0.0; center.stages()];
            let mut price = 0.0;
            for feature in features {
                sums.iter_mut().zip(center.effects(feature)).for_each(|(s, e)| *s += e);
                price += self.posterior.price(feature);
            }
            (center.passing(&sums) - price, i)
        };
        let mut ranked: Vec<(f64, usize)> = self.entrants.iter().enumerate().map(value).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let estimate = |(_, i): &(f64, usize)| {
            (*i, self.posterior.estimate(&self.versions.features(&self.entrants[*i].system)))
        };
        let contenders = ranked.iter().take(CONTENDERS).map(estimate);
        let caution = self.options.caution;
        let best = contenders
            .max_by(|(_, a), (_, b)| (a.mean - caution * a.sd).total_cmp(&(b.mean - caution * b.sd)));
        let Some((entrant, estimate)) = best else { return };
        let Entrant { system, scores } = &self.entrants[entrant];
        let mut seen = Observation::of_scores(scores.clone(), Cost::ZERO);
        seen.losses = vec![1.0 - estimate.mean];
        seen.variance = Some(estimate.sd * estimate.sd);
        if self.best.as_ref().is_some_and(|best| best.entrant != entrant) {
            let (n, mean, sd) = (scores.len(), estimate.mean, estimate.sd);
            let by = self.allocator.proposer().map_or("re-measurement", Operator::name);
            self.said =
                Some(format!("#{} lead    {mean:.3} +- {sd:.3} after {n} examples, by {by}", self.rounds));
        }
        self.best = Some(Best { entrant, candidate: self.candidate(system), seen });
    }
}
