use std::collections::BTreeMap;

use evaluation::race::{Effects, PartId};
use meta_traits::{Cost, Observation, QueryId, Scored, StopReason, Stream, TrialId};

use super::{Entrant, Racing, is_train};

/// Where the loop stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Next,
    Write { part: PartId, evidence: Vec<Scored> },
    Block { parts: Vec<PartId>, on: Vec<usize> },
    Over(StopReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Trial(TrialId),
    Query(QueryId),
}

/// Examples are thinned by this where combinations are only compared.
const EVERY: usize = 4;

impl Racing {
    pub(super) fn plan(&mut self) -> Step {
        self.rounds += 1;
        let stream = self.stream.child("round", self.rounds);
        let seen = self.entrants.first().map_or(0, |e| e.scores.len());
        let leader = match &self.best {
            Some((leader, ..)) if seen >= self.options.first * self.options.block => {
                self.entrants[*leader].parts.clone()
            }
            _ => {
                let parts = self.base.clone();
                let mut open: Vec<usize> = (0..self.examples.len()).collect();
                if let Some(e) = self.entrants.first() {
                    open.retain(|j| !e.scores.iter().any(|s| s.example == self.examples[*j]));
                }
                stream.child("examples", 0).shuffle(&mut open);
                open.truncate(self.options.block);
                if open.is_empty() {
                    open.push(0);
                }
                return Step::Block { parts, on: open };
            }
        };
        if let Some(slot) = self.todo.pop() {
            return self.write(slot, &stream);
        }
        if !self.fresh.is_empty() {
            let mut parts = leader.clone();
            let mut held = Vec::new();
            for part in std::mem::take(&mut self.fresh) {
                let slot = self.versions.slot(part);
                if parts[slot] == leader[slot] { parts[slot] = part } else { held.push(part) }
            }
            self.fresh = held;
            self.idle = 0;
            return self.block(parts, &leader, &stream);
        }
        let drawn = self.thompson(&leader, &self.posterior.draw(&stream));
        if drawn != leader && self.idle < self.options.patience {
            self.idle += 1;
            return self.block(drawn, &leader, &stream);
        }
        self.idle = 0;
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
                for part in self.versions.alive(slot) {
                    let old = std::mem::replace(&mut parts[slot], part);
                    let new = self.posterior.value(effects, &parts, EVERY);
                    if new > value { value = new } else { parts[slot] = old }
                }
            }
            if parts == before {
                break;
            }
        }
        parts
    }

    fn block(&self, parts: Vec<PartId>, leader: &[PartId], stream: &Stream) -> Step {
        let mut open: Vec<PartId> = parts.iter().copied().filter(|p| !leader.contains(p)).collect();
        if open.is_empty() {
            open.clone_from(&parts);
        }
        let told = self.posterior.information(&parts, &open);
        let mut rng = stream.child("examples", 0);
        let entrant = self.entrants.iter().find(|e| e.parts == parts);
        let mut done = vec![0_u32; self.examples.len()];
        for (j, id) in self.examples.iter().enumerate() {
            if let Some(e) = entrant {
                done[j] = e.scores.iter().filter(|s| s.example == *id).count() as u32;
            }
        }
        let least = done.iter().min().copied().unwrap_or(0);
        let mut weights: Vec<f64> = told
            .iter()
            .enumerate()
            .map(|(j, t)| {
                if done[j] > least {
                    return 0.0;
                }
                let runs: u32 = open.iter().map(|&p| self.versions.runs(p)[j]).sum();
                (t / (1.0 + f64::from(runs))).powi(2)
            })
            .collect();
        let total: f64 = weights.iter().sum();
        let eligible = done.iter().filter(|d| **d == least).count() as f64;
        for (w, d) in weights.iter_mut().zip(&done) {
            if *d == least {
                *w = self.options.floor / eligible
                    + if total > 0.0 { (1.0 - self.options.floor) * *w / total } else { 0.0 };
            }
        }
        let mut on = Vec::new();
        for _ in 0..self.options.block.min(self.examples.len()) {
            let Some(j) = rng.weighted(&weights) else { break };
            weights[j] = 0.0;
            on.push(j);
        }
        Step::Block { parts, on }
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
        let entrant = match self.entrants.iter().position(|e| e.parts == parts) {
            Some(at) => at,
            None => {
                self.entrants.push(Entrant { parts, scores: Vec::new() });
                self.entrants.len() - 1
            }
        };
        self.entrants[entrant].scores.extend(seen.instances.into_iter().map(|mut s| {
            s.notes = Vec::new();
            s
        }));
        self.posterior.update();
        if self.entrants.len() == 1 {
            self.posterior.update();
        }
        self.recommend();
    }

    fn recommend(&mut self) {
        let center = self.posterior.center();
        let mut ranked: Vec<(f64, usize)> = self
            .entrants
            .iter()
            .enumerate()
            .map(|(i, e)| (self.posterior.value(&center, &e.parts, EVERY), i))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut best: Option<(f64, usize, f64, f64)> = None;
        for (_, i) in ranked.into_iter().take(10) {
            let e = self.posterior.estimate(&self.entrants[i].parts);
            let lower = e.mean - self.options.caution * e.sd;
            if best.is_none_or(|(b, ..)| lower > b) {
                best = Some((lower, i, e.mean, e.sd));
            }
        }
        if let Some((_, i, mean, sd)) = best {
            let entrant = &self.entrants[i];
            let mut seen = Observation::of_scores(entrant.scores.clone(), Cost::ZERO);
            seen.losses = vec![1.0 - mean];
            seen.variance = Some(sd * sd);
            self.best = Some((i, self.candidate(&entrant.parts), seen));
        }
    }
}
