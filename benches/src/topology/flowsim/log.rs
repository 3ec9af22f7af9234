use std::collections::BTreeMap;

use topology_neat::Workflow;

use super::instance::{Instance, Score};

/// Variance of the score of one evaluation, and the least that is taken for the variance between workflows.
const NOISE: f64 = 0.0023;
const LEAST: f64 = 5e-4;

/// What a search without a model has seen, and what it would recommend after each evaluation.
///
/// The recommendation is the workflow with the highest mean, shrunk towards the mean of all by the ratio of noise to
/// variance between workflows (empirical Bayes).
#[derive(Debug)]
pub(super) struct Log<'a> {
    instance: &'a Instance,
    /// Number of the first evaluation.
    start: u64,
    budget: usize,
    seen: Vec<Seen>,
    index: BTreeMap<Workflow, usize>,
    middle: f64,
    shrinkage: f64,
    truths: Vec<Option<f64>>,
    /// True score of the recommendation after each evaluation.
    pub(super) curve: Vec<f64>,
}

#[derive(Debug)]
struct Seen {
    workflow: Workflow,
    sum: f64,
    times: f64,
}

impl<'a> Log<'a> {
    pub(super) fn new(instance: &'a Instance, run: u64, budget: usize) -> Self {
        Self {
            instance,
            start: run * 100_000,
            budget,
            seen: Vec::new(),
            index: BTreeMap::new(),
            middle: 0.0,
            shrinkage: 0.3,
            truths: Vec::new(),
            curve: Vec::new(),
        }
    }

    pub(super) fn has_budget(&self) -> bool {
        self.curve.len() < self.budget
    }

    /// Evaluates `workflow`; its number. Every fourth evaluation goes to the recommendation before it is made.
    pub(super) fn evaluate(&mut self, workflow: &Workflow) -> usize {
        let of = self.once(workflow);
        if self.curve.len().is_multiple_of(4) && self.has_budget() {
            let best = self.seen[self.best()].workflow.clone();
            self.once(&best);
        }
        of
    }

    fn once(&mut self, workflow: &Workflow) -> usize {
        let Score { value, .. } = self.instance.evaluate(workflow, self.start + self.curve.len() as u64);
        let of = *self.index.entry(workflow.clone()).or_insert_with(|| {
            self.seen.push(Seen { workflow: workflow.clone(), sum: 0.0, times: 0.0 });
            self.truths.push(None);
            self.seen.len() - 1
        });
        self.seen[of].sum += value;
        self.seen[of].times += 1.0;
        self.fit();
        let best = self.best();
        let instance = self.instance;
        let recommended = &self.seen[best].workflow;
        let truth = *self.truths[best].get_or_insert_with(|| instance.truth(recommended).value);
        self.curve.push(truth);
        of
    }

    fn fit(&mut self) {
        let n = self.seen.len() as f64;
        let means = || self.seen.iter().map(|s| s.sum / s.times);
        self.middle = means().sum::<f64>() / n;
        if self.seen.len() > 3 {
            let variance = means().map(|m| (m - self.middle).powi(2)).sum::<f64>() / n;
            self.shrinkage = NOISE / (variance - NOISE).max(LEAST);
        }
    }

    /// The shrunk mean.
    pub(super) fn mean(&self, of: usize) -> f64 {
        let seen = &self.seen[of];
        (seen.sum + self.shrinkage * self.middle) / (seen.times + self.shrinkage)
    }

    pub(super) fn workflow(&self, of: usize) -> &Workflow {
        &self.seen[of].workflow
    }

    /// The numbers of all that was seen, best first; of equals the earliest first.
    pub(super) fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.seen.len()).collect();
        order.sort_by(|a, b| self.mean(*b).total_cmp(&self.mean(*a)));
        order
    }

    fn best(&self) -> usize {
        self.ranking().first().copied().unwrap_or(0)
    }
}
