use std::collections::BTreeMap;

use crate::PromptError;

/// Sweeps of the additive fit of prompts and examples.
const SWEEPS: usize = 20;

/// One prompt, and what was seen of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The items it has, by number.
    pub items: Vec<u32>,
    /// Examples it was tried on, with scores; an example may come again.
    pub scores: Vec<(usize, f64)>,
    /// Prompts of one family, such as the children of one parent, are only compared with each other.
    pub family: u32,
    /// What else may explain its scores, such as its length; as many numbers as every other prompt has.
    pub covariates: Vec<f64>,
}

/// What was seen of some prompts, as sets of items.
///
/// ```
/// use prompt_grammar::pattern::{Evidence, Observed};
/// let mut evidence = Evidence::new(vec!["asks for steps".into()]);
/// evidence.add(Observed { items: vec![0], scores: vec![(0, 1.0), (4, 0.5)], ..Observed::default() })?;
/// let fault = evidence.add(Observed { items: vec![1], scores: vec![(0, 1.0)], ..Observed::default() });
/// assert_eq!(fault.unwrap_err().to_string(), "prompt: items = 1 is outside its range; allowed: below 1");
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    names: Vec<String>,
    prompts: Vec<Observed>,
}

impl Evidence {
    /// Nothing seen yet; `names` are the items' names.
    pub fn new(names: Vec<String>) -> Self {
        Self { names, prompts: Vec::new() }
    }

    /// Adds a prompt.
    ///
    /// # Errors
    /// [`PromptError`] when it has no scores, an item that has no name, other covariates than the prompts before, or a
    /// score or covariate that is no finite number. Nothing is added then.
    pub fn add(&mut self, mut prompt: Observed) -> Result<(), PromptError> {
        if prompt.scores.is_empty() {
            return Err(PromptError::Empty { what: "the list of scores of a prompt" });
        }
        if let Some(item) = prompt.items.iter().find(|i| **i as usize >= self.names.len()) {
            return Err(PromptError::range("items", item, &format!("below {}", self.names.len())));
        }
        let n = self.prompts.first().map_or(prompt.covariates.len(), |p| p.covariates.len());
        if prompt.covariates.len() != n {
            return Err(PromptError::range("covariates", prompt.covariates.len(), &format!("{n} numbers")));
        }
        let numbers = prompt.scores.iter().map(|(_, s)| s).chain(&prompt.covariates);
        if let Some(value) = numbers.into_iter().find(|v| !v.is_finite()) {
            return Err(PromptError::range("scores and covariates", value, "finite numbers"));
        }
        prompt.items.sort_unstable();
        prompt.items.dedup();
        self.prompts.push(prompt);
        Ok(())
    }

    /// The items' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The prompts in the order of adding.
    pub fn prompts(&self) -> &[Observed] {
        &self.prompts
    }

    /// The scores without the examples' part of an additive fit of prompts and examples; examples renamed 0, 1, ..
    pub(super) fn freed(&self) -> Vec<Vec<(usize, f64)>> {
        let mut numbers = BTreeMap::new();
        for (example, _) in self.prompts.iter().flat_map(|p| &p.scores) {
            let next = numbers.len();
            numbers.entry(*example).or_insert(next);
        }
        let mut offsets = vec![0.0; numbers.len()];
        let mut freed: Vec<Vec<(usize, f64)>> =
            self.prompts.iter().map(|p| p.scores.iter().map(|(e, s)| (numbers[e], *s)).collect()).collect();
        for _ in 0..SWEEPS {
            let mut sums = vec![(0.0, 0.0); offsets.len()];
            for scores in &freed {
                let mean = mean(scores.iter().map(|(e, s)| s - offsets[*e]));
                for (e, s) in scores {
                    sums[*e] = (sums[*e].0 + s - mean, sums[*e].1 + 1.0);
                }
            }
            for (offset, (sum, n)) in offsets.iter_mut().zip(sums) {
                *offset = sum / f64::max(n, 1.0);
            }
        }
        for (e, s) in freed.iter_mut().flatten() {
            *s -= offsets[*e];
        }
        freed
    }
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    if n > 0.0 { sum / n } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prompts of equal worth on examples of different difficulty come out equal, whichever they met.
    #[test]
    fn difficulty_is_taken_out() {
        let mut evidence = Evidence::new(Vec::new());
        let difficulty = |e: usize| e as f64 / 10.0;
        for x in 0..6 {
            let worth = f64::from(x % 2);
            let scores = (0..4).map(|k| (x as usize + 2 * k) % 9).map(|e| (e, worth + difficulty(e)));
            evidence.add(Observed { scores: scores.collect(), ..Observed::default() }).expect("sound");
        }
        let freed = evidence.freed();
        let means: Vec<f64> = freed.iter().map(|s| mean(s.iter().map(|(_, v)| *v))).collect();
        for pair in means.chunks(2) {
            assert!((pair[1] - pair[0] - 1.0).abs() < 0.05, "{means:?}");
        }
    }
}
