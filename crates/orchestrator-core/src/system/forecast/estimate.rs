//! Estimates for a whole data set.

use evaluation::Dataset;
use meta_traits::{Components, Split};
use serde::{Deserialize, Serialize};

use super::{CompoundAISystem, Guess, Pricing, Question, Tally};
use crate::system::SystemError;

/// Bounds and mean of a quantity per example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spread {
    /// The least over all examples and courses.
    pub min: f64,
    /// The mean over examples, of the middling course of each.
    pub mean: f64,
    /// The most over all examples and courses.
    pub max: f64,
}

/// What one example is thought to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Examples looked at.
    pub examples: usize,
    /// Model calls.
    pub calls: Spread,
    /// Tokens read.
    pub tokens_in: Spread,
    /// Tokens written.
    pub tokens_out: Spread,
}

/// Counts characters.
pub(super) struct ByLength {
    tokens_per_char: f64,
}

impl ByLength {
    /// Values outside 0.01 to 4 are taken to the nearest of these.
    pub(super) fn new(tokens_per_char: f64) -> Self {
        let usable = if tokens_per_char.is_finite() { tokens_per_char } else { 0.25 };
        Self { tokens_per_char: usable.clamp(0.01, 4.0) }
    }

    fn tokens(&self, text: &str) -> f64 {
        (text.chars().count() as f64 * self.tokens_per_char).ceil()
    }
}

impl Pricing for ByLength {
    fn unknown(&self, tokens: u32) -> String {
        self.unknown_bytes((f64::from(tokens) / self.tokens_per_char) as usize)
    }

    fn unknown_bytes(&self, bytes: usize) -> String {
        "x".repeat(bytes.min(crate::system::template::MAX_RENDERED))
    }

    fn call(&self, question: &Question<'_>, prompt: String) -> Tally {
        let mut tally = Tally { calls: 1.0, tokens_in: self.tokens(&prompt), ..Tally::default() };
        if question.scores() {
            tally.tokens_in += question.labels.iter().map(|l| self.tokens(l)).sum::<f64>();
        } else {
            tally.tokens_out = f64::from(question.max_tokens);
        }
        if question.calibrate { tally.times(2.0) } else { tally }
    }
}

impl CompoundAISystem {
    /// What one example takes with the prompts of `candidate`, over every example of `data`; no model is asked.
    ///
    /// `tokens_per_char` is what the models' tokenizers make of a character, about 0.25 for English (values outside
    /// 0.01 to 4 are taken to the nearest of these). `max` assumes the dearest branch, all rounds of every loop and the
    /// longest answers; `mean` half of that.
    ///
    /// # Errors
    /// [`SystemError::Candidate`], or [`SystemError::Input`] for an example that lacks a declared field.
    pub fn estimate(
        &self,
        candidate: &Components,
        data: &Dataset,
        tokens_per_char: f64,
    ) -> Result<Estimate, SystemError> {
        let varied = self.varied(candidate)?;
        let system = varied.as_deref().unwrap_or(self);
        let prompts = system.prompts(candidate)?;
        let pricing = ByLength::new(tokens_per_char);
        let splits = [Split::Train, Split::Val, Split::Test];
        let examples = splits.into_iter().flat_map(|s| data.rows(s).unwrap_or_default());
        let mut rows: Vec<[Tally; 3]> = Vec::new();
        for example in examples {
            super::Scope::of_input(&system.spec.input, &example.input)?;
            rows.push(
                [Guess::Least, Guess::Mean, Guess::Most].map(|guess| {
                    system.forecast(&prompts, &example.input, guess, &pricing).unwrap_or_default()
                }),
            );
        }
        let n = rows.len().max(1) as f64;
        let range = |pick: fn(&Tally) -> f64| Spread {
            min: rows.iter().map(|r| pick(&r[0])).reduce(f64::min).unwrap_or(0.0),
            mean: rows.iter().map(|r| pick(&r[1])).sum::<f64>() / n,
            max: rows.iter().map(|r| pick(&r[2])).reduce(f64::max).unwrap_or(0.0),
        };
        Ok(Estimate {
            examples: rows.len(),
            calls: range(|t| t.calls),
            tokens_in: range(|t| t.tokens_in),
            tokens_out: range(|t| t.tokens_out),
        })
    }
}
