use std::collections::BTreeMap;

use evaluation::race::{Effects, PartId, choose};
use meta_traits::{Cost, Observation, QueryId, Scored, StopReason, Stream, TrialId};
use serde::{Deserialize, Serialize};

use super::{Best, Entrant, Racing, is_train};

/// Where the loop stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Step {
    /// To be planned.
    Next,
    /// A text is to be rewritten.
    Write { part: PartId, evidence: Vec<Scored> },
    /// A combination is to meet examples.
    Block { parts: Vec<PartId>, on: Vec<usize> },
    /// Nothing will be asked any more.
    Over(StopReason),
}

/// What was asked for and has not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Pending {
    Trial(TrialId),
    Query(QueryId),
}

/// Examples are thinned by this where combinations are only compared.
const EVERY: usize = 4;
/// Rounds of rewriting in a row that may bring nothing new before an evaluation is due.
const BARREN: u64 = 3;
/// Combinations that are estimated in full for the recommendation.
const CONTENDERS: usize = 10;

impl Racing {
    /// Plans the next step.
    pub(super) fn plan(&mut self) -> Step {
        self.rounds += 1;
        let stream = self.stream.child("round", self.rounds);
        let met = self.entrants.first().map_or(0, |seed| seed.scores.len());
        let enough = (self.options.first * self.options.block).min(self.examples.len());
        let leader = match &self.best {
            Some(best) if met >= enough => self.entrants[best.entrant].parts.clone(),
            _ => return self.meet_seed(&stream),
        };
        if let Some(slot) = self.todo.pop() {
            return self.write(slot, &stream);
        }
        if !self.fresh.is_empty() {
            let mut parts = leader.clone();
            for part in std::mem::take(&mut self.fresh) {
                parts[self.versions.slot(part)] = part;
            }
            (self.idle, self.barren) = (0, 0);
            return self.block(parts, &leader, &stream);
        }
        let drawn = self.thompson(&leader, &self.posterior.draw(&stream));
        let undecided = drawn != leader && self.idle < self.options.patience;
        if undecided || self.barren >= BARREN {
            self.idle += 1;
            self.barren = 0;
            return self.block(drawn, &leader, &stream);
        }
        self.idle = 0;
        self.barren += 1;
        self.base = if stream.child("base", 0).chance(self.options.loyal) { leader } else { drawn };
        let mut blame = self.posterior.blame(&self.base);
        let mut rng = stream.child("slots", 0);
        for _ in 0..self.options.fresh.min(self.names.len()) {
            let slot = rng.weighted(&blame).unwrap_or_else(|| rng.below(blame.len()));
            blame[slot] = 0.0;
            if !self.todo.contains(&slot) {
                self.todo.push(slot);
            }
        }
        let slot = self.todo.pop().unwrap_or(0);
        self.write(slot, &stream)
    }

    /// The seed meets its first examples.
    fn meet_seed(&self, stream: &Stream) -> Step {
        let met = |example| self.entrants.iter().flat_map(|e| &e.scores).any(|s| s.example == example);
        let mut on: Vec<usize> = (0..self.examples.len()).filter(|j| !met(self.examples[*j])).collect();
        stream.child("examples", 0).shuffle(&mut on);
        on.truncate(self.options.block);
        Step::Block { parts: self.base.clone(), on }
    }

    fn write(&self, slot: usize, stream: &Stream) -> Step {
        let part = self.base[slot];
        let mut rng = stream.child("evidence", slot as u64);
        // Complaints that recur are heard more often.
        let mut groups: BTreeMap<&str, Vec<&Scored>> = BTreeMap::new();
        for failure in self.versions.failures(part) {
            let note = failure.notes.iter().find(|n| n.component == self.names[slot]);
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
        Step::Write { part, evidence }
    }

    pub(super) fn written(&mut self, parent: PartId, text: String) {
        let slot = self.versions.slot(parent);
        if self.versions.find(slot, &text).is_none() {
            let part = self.posterior.part(slot, Some(parent));
            self.versions.add(slot, text);
            self.fresh.push(part);
        }
    }

    /// The best combination if effects are as drawn, slot by slot from the leader.
    fn thompson(&self, leader: &[PartId], effects: &Effects) -> Vec<PartId> {
        let mut parts = leader.to_vec();
        let mut value = self.posterior.value(effects, &parts, EVERY);
        for _ in 0..2 {
            let before = parts.clone();
            for slot in 0..parts.len() {
                for part in self.versions.of(slot) {
                    let old = std::mem::replace(&mut parts[slot], part);
                    let new = self.posterior.value(effects, &parts, EVERY);
                    if new > value {
                        value = new;
                    } else {
                        parts[slot] = old;
                    }
                }
            }
            if parts == before {
                break;
            }
        }
        parts
    }

    /// Examples for a combination: those that would tell most of what the leader does not have, and that its new parts met
    /// least.
    fn block(&self, parts: Vec<PartId>, leader: &[PartId], stream: &Stream) -> Step {
        let mut open: Vec<PartId> = parts.iter().copied().filter(|p| !leader.contains(p)).collect();
        if open.is_empty() {
            open.clone_from(&parts);
        }
        let scores = self.entrants.iter().find(|e| e.parts == parts).map_or(&[][..], |e| &e.scores);
        let met = |j: usize| scores.iter().filter(|s| s.example == self.examples[j]).count();
        let met: Vec<usize> = (0..self.examples.len()).map(met).collect();
        let fewest = met.iter().min().copied().unwrap_or(0);
        let told = self.posterior.information(&parts, &open);
        let weight = |(j, told): (usize, &f64)| {
            let runs: u32 = open.iter().map(|&p| self.versions.runs(p)[j]).sum();
            (met[j] == fewest).then(|| (told / (1.0 + f64::from(runs))).powi(2))
        };
        let weights: Vec<Option<f64>> = told.iter().enumerate().map(weight).collect();
        let mut rng = stream.child("examples", 0);
        let drawn = choose(&weights, self.options.floor, self.options.block, &mut rng);
        Step::Block { parts, on: drawn.into_iter().map(|(j, _)| j).collect() }
    }

    pub(super) fn complete(&mut self, parts: Vec<PartId>, on: &[usize], seen: Observation) {
        let combination = self.posterior.combination(&parts);
        for (&j, scored) in on.iter().zip(&seen.instances) {
            let blamed: Vec<usize> = (0..self.names.len())
                .filter(|&slot| scored.notes.iter().any(|n| n.component == self.names[slot]))
                .collect();
            self.posterior.observe(combination, j, f64::from(scored.score), &blamed);
            for &part in &parts {
                self.versions.ran(part, j);
            }
            if is_train(scored.example) {
                for &slot in &blamed {
                    self.versions.failed(parts[slot], scored.clone());
                }
            }
        }
        let entrant = self.entrants.iter().position(|e| e.parts == parts).unwrap_or_else(|| {
            self.entrants.push(Entrant { parts, scores: Vec::new() });
            self.entrants.len() - 1
        });
        self.entrants[entrant].scores.extend(seen.instances.into_iter().map(|mut scored| {
            scored.notes = Vec::new();
            scored
        }));
        self.posterior.update();
        self.recommend();
    }

    /// Names the combination that is recommended now.
    fn recommend(&mut self) {
        let center = self.posterior.center();
        let value = |(i, e): (usize, &Entrant)| (self.posterior.value(&center, &e.parts, EVERY), i);
        let mut ranked: Vec<(f64, usize)> = self.entrants.iter().enumerate().map(value).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let estimate = |(_, i): &(f64, usize)| (*i, self.posterior.estimate(&self.entrants[*i].parts));
        let contenders = ranked.iter().take(CONTENDERS).map(estimate);
        let caution = self.options.caution;
        let best = contenders
            .max_by(|(_, a), (_, b)| (a.mean - caution * a.sd).total_cmp(&(b.mean - caution * b.sd)));
        let Some((entrant, estimate)) = best else { return };
        let Entrant { parts, scores } = &self.entrants[entrant];
        let mut seen = Observation::of_scores(scores.clone(), Cost::ZERO);
        seen.losses = vec![1.0 - estimate.mean];
        seen.variance = Some(estimate.sd * estimate.sd);
        if self.best.as_ref().is_some_and(|best| best.entrant != entrant) {
            let (n, mean, sd) = (scores.len(), estimate.mean, estimate.sd);
            self.said = Some(format!("#{} lead    {mean:.3} +- {sd:.3} after {n} examples", self.rounds));
        }
        self.best = Some(Best { entrant, candidate: self.candidate(parts), seen });
    }
}
