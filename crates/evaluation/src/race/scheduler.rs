use std::collections::BTreeSet;

use super::{Block, Decision, Race, RaceAsk, RaceDraw, RaceError, RaceOptions, Target, choose};

impl RaceOptions {
    pub(super) fn check(&self, examples: usize) -> Result<(), RaceError> {
        let wrong = |name, value: &dyn ToString, allowed| {
            Err(RaceError::Option { name, value: value.to_string(), allowed })
        };
        if examples == 0 {
            return wrong("examples", &examples, "at least 1");
        }
        if self.block == 0 {
            return wrong("block", &self.block, "at least 1");
        }
        if self.ahead == 0 {
            return wrong("ahead", &self.ahead, "at least 1");
        }
        if self.repeats == 0 {
            return wrong("repeats", &self.repeats, "at least 1");
        }
        if !(self.drop >= 0.0 && self.drop < self.keep && self.keep <= 1.0) {
            return wrong("drop", &self.drop, "0 or more, and below keep, which is at most 1");
        }
        if !(0.2..=1.0).contains(&self.floor) {
            return wrong("floor", &self.floor, "0.2 to 1");
        }
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            return wrong("alpha", &self.alpha, "between 0 and 1");
        }
        match self.anchors.iter().find(|a| **a >= examples) {
            Some(anchor) => wrong("anchors", anchor, "numbers of examples, from 0"),
            None => Ok(()),
        }
    }
}

impl Race {
    /// Enters a candidate; the first is the incumbent.
    pub fn enter(&mut self) -> usize {
        let parent = (!self.decisions.is_empty()).then_some(self.incumbent);
        let part = self.posterior.part(0, parent);
        self.posterior.combination(&[part]);
        self.ledger.enter();
        self.decisions.push(Decision::Open);
        self.decisions.len() - 1
    }

    /// Takes in a result from elsewhere, such as an earlier run's, at no cost.
    ///
    /// # Errors
    /// [`RaceError::Unknown`] for a candidate or an example that does not exist, [`RaceError::Mismatch`] for a score
    /// that is not finite.
    pub fn record(&mut self, candidate: usize, example: usize, score: f64) -> Result<(), RaceError> {
        self.known(candidate)?;
        if example >= self.examples {
            return Err(RaceError::Unknown { what: "example", index: example, count: self.examples });
        }
        if !score.is_finite() {
            return Err(RaceError::Mismatch { block: self.issued, wanted: 1, found: 0 });
        }
        self.ledger.record(candidate, example, score);
        self.posterior.observe(candidate, example, score, &[]);
        Ok(())
    }

    /// Opens the claim that `candidate` is better than the incumbent. Only results asked for afterwards count, so open
    /// it before the first for full power; do not open it in the light of results that are to count.
    ///
    /// # Errors
    /// [`RaceError::Unknown`] for a candidate that does not exist, [`RaceError::Option`] where examples do not come in
    /// uniformly random order: `floor` below 1, or anchors.
    pub fn claim(&mut self, candidate: usize, target: Target) -> Result<(), RaceError> {
        self.known(candidate)?;
        if self.options.floor < 1.0 || !self.options.anchors.is_empty() {
            let allowed = "1, without anchors: a claim needs examples in uniformly random order";
            return Err(RaceError::Option { name: "floor", value: self.options.floor.to_string(), allowed });
        }
        self.claims.open(candidate, target);
        Ok(())
    }

    fn known(&self, candidate: usize) -> Result<(), RaceError> {
        let count = self.decisions.len();
        if candidate < count {
            Ok(())
        } else {
            Err(RaceError::Unknown { what: "candidate", index: candidate, count })
        }
    }

    /// The next block.
    pub fn ask(&mut self) -> RaceAsk {
        loop {
            self.settle(self.options.ahead as u64);
            if self.issued - self.committed >= self.options.ahead as u64 {
                return RaceAsk::Wait;
            }
            if let Some(block) = self.plan() {
                self.issued += 1;
                self.calls += block.draws.len() as u64;
                self.pending.insert(block.id, block.clone());
                return RaceAsk::Run(block);
            }
            // Nothing to ask with what is known. What is under way may change that; it is taken in one by one.
            if self.issued == self.committed {
                return RaceAsk::Idle;
            }
            if !self.commit() {
                return RaceAsk::Wait;
            }
        }
    }

    /// Reports the scores of a block, in the order of its draws. Blocks may be told in any order.
    ///
    /// # Errors
    /// [`RaceError::UnknownBlock`] for a block that is not pending, [`RaceError::Mismatch`] for a wrong number of scores
    /// or one that is not finite.
    pub fn tell(&mut self, block: u64, scores: &[f64]) -> Result<(), RaceError> {
        if self.arrived.contains_key(&block) {
            return Err(RaceError::UnknownBlock(block));
        }
        let wanted = self.pending.get(&block).ok_or(RaceError::UnknownBlock(block))?.draws.len();
        let found = scores.iter().filter(|s| s.is_finite()).count();
        if found != wanted || scores.len() != wanted {
            return Err(RaceError::Mismatch { block, wanted, found });
        }
        self.arrived.insert(block, scores.to_vec());
        self.settle(self.options.ahead as u64);
        Ok(())
    }

    /// A block will not be evaluated: once it is taken in, in the order of asking as results are, its calls are given
    /// back and its draws are free again.
    ///
    /// # Errors
    /// [`RaceError::UnknownBlock`] for a block that is not pending.
    pub fn abandon(&mut self, block: u64) -> Result<(), RaceError> {
        if self.arrived.contains_key(&block) {
            return Err(RaceError::UnknownBlock(block));
        }
        if !self.pending.contains_key(&block) {
            return Err(RaceError::UnknownBlock(block));
        }
        // No block is empty, so this stands for no results.
        self.arrived.insert(block, Vec::new());
        self.settle(self.options.ahead as u64);
        Ok(())
    }

    /// Takes in the blocks that the next plan may know of, in the order of asking.
    fn settle(&mut self, ahead: u64) {
        while self.committed.saturating_add(ahead) <= self.issued && self.commit() {}
    }

    /// Takes in the oldest block, if it is told.
    fn commit(&mut self) -> bool {
        let Some(scores) = self.arrived.remove(&self.committed) else { return false };
        let Some(block) = self.pending.remove(&self.committed) else { return false };
        self.committed += 1;
        if scores.is_empty() {
            self.calls = self.calls.saturating_sub(block.draws.len() as u64);
            return true;
        }
        for (draw, &score) in block.draws.iter().zip(&scores) {
            self.ledger.record(block.candidate, draw.example, score);
            self.posterior.observe(block.candidate, draw.example, score, &[]);
            if let Some(other) = self.ledger.mean(self.incumbent, draw.example).filter(|_| draw.repeat == 0) {
                self.claims.observe(block.candidate, score.clamp(0.0, 1.0) - other.clamp(0.0, 1.0));
            }
        }
        self.posterior.update();
        self.decide(block.candidate);
        true
    }

    fn decide(&mut self, candidate: usize) {
        if candidate == self.incumbent || self.decisions[candidate] != Decision::Open {
            return;
        }
        let difference = self.posterior.difference(&[candidate], &[self.incumbent]);
        let better = normal_below(difference.mean / difference.sd.max(1e-12));
        let options = &self.options;
        let least = self.ledger.met(candidate) >= options.least.min(self.examples);
        let anchored = options.anchors.iter().all(|a| self.ledger.mean(candidate, *a).is_some());
        let spent = |j| self.ledger.scores(candidate, j).len() >= options.repeats as usize;
        self.decisions[candidate] =
            if self.ledger.breaks(&options.anchors, options.pass, candidate, self.incumbent) {
                Decision::Inadmissible
            } else if better < options.drop {
                Decision::Dropped
            } else if better > options.keep && least && anchored {
                Decision::Kept
            } else if (0..self.examples).all(spent) {
                if better > 0.5 { Decision::Kept } else { Decision::Dropped }
            } else {
                Decision::Open
            };
    }

    fn plan(&self) -> Option<Block> {
        let stream = self.stream.child("block", self.issued);
        let room = self.options.budget.map_or(u64::MAX, |b| b.saturating_sub(self.calls));
        let size = self.options.block.min(usize::try_from(room).unwrap_or(usize::MAX));
        let eligible = |c: usize| (0..self.examples).any(|j| self.runs(c, j) < self.options.repeats);
        let open: Vec<usize> = (0..self.decisions.len())
            .filter(|&c| c != self.incumbent && self.decisions[c] == Decision::Open && eligible(c))
            .collect();
        let candidate = match open.as_slice() {
            _ if size == 0 => return None,
            [] => return None,
            [only] => *only,
            _ => self.top_two(&open, &stream),
        };
        // An anchor that is named twice is still one example.
        let mut named = BTreeSet::new();
        let due = |a: &usize| self.runs(candidate, *a) == 0 && named.insert(*a);
        let anchors: Vec<usize> = self.options.anchors.iter().copied().filter(due).take(size).collect();
        let draws: Vec<(usize, f64)> = if anchors.is_empty() {
            let told = self.posterior.information(&[candidate], &[candidate]);
            let fewest = (0..self.examples).map(|j| self.runs(candidate, j)).min().unwrap_or(0);
            let met = |j: &usize| self.ledger.mean(self.incumbent, *j).is_some();
            let paired = (0..self.examples).any(|j| self.runs(candidate, j) == fewest && met(&j));
            let weights: Vec<Option<f64>> = (0..self.examples)
                .map(|j| {
                    let free = self.runs(candidate, j) == fewest && (met(&j) || !paired);
                    free.then(|| told.get(j).copied().unwrap_or(1.0))
                })
                .collect();
            choose(&weights, self.options.floor, size, &mut stream.child("examples", 0))
        } else {
            anchors.into_iter().map(|a| (a, 1.0)).collect()
        };
        let draw =
            |(example, probability)| RaceDraw { example, repeat: self.runs(candidate, example), probability };
        Some(Block { id: self.issued, candidate, draws: draws.into_iter().map(draw).collect() })
    }

    /// Results of a candidate on an example, those under way included.
    fn runs(&self, candidate: usize, example: usize) -> u32 {
        let waiting = self.pending.values().filter(|b| b.candidate == candidate);
        let waiting = waiting.flat_map(|b| &b.draws).filter(|d| d.example == example).count();
        (self.ledger.scores(candidate, example).len() + waiting) as u32
    }

    /// The best of a posterior draw, or with probability 1/2 the best of another draw in which it differs.
    fn top_two(&self, open: &[usize], stream: &meta_traits::Stream) -> usize {
        let best = |draw: u64| {
            let effects = self.posterior.draw(&stream.child("draw", draw));
            let value = |c: &usize| effects.of(*c);
            open.iter().copied().max_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(0)
        };
        let first = best(0);
        if stream.child("second", 0).chance(0.5) {
            return first;
        }
        (1..10).map(best).find(|c| *c != first).unwrap_or(first)
    }
}

/// The standard normal distribution function (Abramowitz & Stegun 1964, 26.2.17; error below 1e-7).
fn normal_below(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let above = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if z < 0.0 { above } else { 1.0 - above }
}
