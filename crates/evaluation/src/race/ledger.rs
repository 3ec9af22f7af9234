use serde::{Deserialize, Serialize};

/// Every result of every candidate; nothing is thrown away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    examples: usize,
    /// A row a candidate, a list of scores an example.
    scores: Vec<Vec<Vec<f64>>>,
}

impl Ledger {
    pub(super) fn new(examples: usize) -> Self {
        Self { examples, scores: Vec::new() }
    }

    pub(super) fn enter(&mut self) {
        self.scores.push(vec![Vec::new(); self.examples]);
    }

    pub(super) fn record(&mut self, candidate: usize, example: usize, score: f64) {
        self.scores[candidate][example].push(score);
    }

    /// All scores of a candidate on an example, in the order of asking.
    pub fn scores(&self, candidate: usize, example: usize) -> &[f64] {
        self.scores.get(candidate).and_then(|row| row.get(example)).map_or(&[], Vec::as_slice)
    }

    /// The mean score of a candidate on an example, if it met it.
    pub fn mean(&self, candidate: usize, example: usize) -> Option<f64> {
        let scores = self.scores(candidate, example);
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// Examples a candidate met.
    pub fn met(&self, candidate: usize) -> usize {
        self.scores.get(candidate).map_or(0, |row| row.iter().filter(|s| !s.is_empty()).count())
    }

    pub(super) fn fits(&self, candidates: usize, examples: usize) -> bool {
        self.scores.len() == candidates && self.scores.iter().all(|row| row.len() == examples)
    }

    /// Whether `candidate` fails an anchor that `incumbent` passes, by mean scores.
    pub(super) fn breaks(&self, anchors: &[usize], pass: f64, candidate: usize, incumbent: usize) -> bool {
        let passes = |who, at| self.mean(who, at).map(|mean| mean >= pass);
        anchors.iter().any(|&at| passes(incumbent, at) == Some(true) && passes(candidate, at) == Some(false))
    }
}
