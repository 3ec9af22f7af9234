use serde::{Deserialize, Serialize};

use super::Variety;
use crate::workflow::{Edit, WorkflowError};
use crate::{MutationKind, TopologyConfig};

/// Settings of a [`super::WorkflowSearch`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchOptions {
    /// Edits that are tried; at least one; default all.
    pub edits: Vec<Edit>,
    /// Most complexity of a workflow, as [`crate::Workflow::complexity`] counts; at least 1; default none.
    pub max_complexity: Option<f64>,
    /// Trials after which the search is over; at least 1; default without end.
    pub evaluations: Option<u64>,
    /// What a unit of complexity adds to the loss; at least 0; default 0.
    pub complexity_penalty: f64,
    /// Whether proposals are screened by the predictor; default true. On simulated workflows it finds half of what can be
    /// gained after three quarters of the evaluations.
    pub predictor: bool,
    /// Predicted gain in loss below which an evaluation goes to a repeat of a leader; at least 0; default 0.
    pub min_improvement: f64,
    /// Share of proposals that the predictor does not screen; 0.1 to 1; default 0.1.
    pub unscreened: f64,
    /// Candidates from which one is proposed; 1 to 10,000; default 20.
    pub pool: usize,
    /// Most edits of a candidate; 1 to 3; default 3.
    pub changes: usize,
    /// How much of the predicted standard deviation enters the choice of a candidate: 0 takes the best predicted, 1 draws
    /// from the whole posterior (Thompson 1933); 0 to 10; default 0.7.
    pub exploration: f64,
    /// Workflows one change away from the best single module that are evaluated first, the edits that add something
    /// taking turns; up to 1,000; default 8.
    pub initial: usize,
    /// Share of evaluations that go to the recommended workflow as it is, at least; 0 to 0.5; default 0.1.
    pub elitism: f64,
    /// Share of candidates that are drawn at random and not made from others; 0 to 1; default 0.2.
    pub random: f64,
    /// Probability that a child has two parents; 0 to 1; default 0.2.
    pub crossover: f64,
    /// Probability that a child of two parents is also edited; 0 to 1; default 1.
    pub mutation: f64,
    /// Mean rank of a parent among the workflows seen, the best having rank 0; 0 to 1e6; default 8.
    pub spread: f64,
    /// Probability that a parent is drawn for its variety rather than as one of the best of all; 0 to 1; default 0.25.
    pub diversity: f64,
    /// What variety means; default the best of every niche.
    pub variety: Variety,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            edits: Edit::ALL.to_vec(),
            max_complexity: None,
            evaluations: None,
            complexity_penalty: 0.0,
            predictor: true,
            min_improvement: 0.0,
            unscreened: 0.1,
            pool: 20,
            changes: 3,
            exploration: 0.7,
            initial: 8,
            elitism: 0.1,
            random: 0.2,
            crossover: 0.2,
            mutation: 1.0,
            spread: 8.0,
            diversity: 0.25,
            variety: Variety::default(),
        }
    }
}

impl SearchOptions {
    /// The options that the settings ask for.
    pub fn of(config: &TopologyConfig) -> Self {
        let edits = |kind: &MutationKind| Edit::of(*kind).iter().copied();
        Self {
            edits: config.mutation_types.iter().flat_map(edits).collect(),
            max_complexity: Some(config.max_complexity_threshold),
            complexity_penalty: config.complexity_penalty,
            predictor: config.performance_prediction_enabled,
            min_improvement: config.min_improvement_threshold,
            elitism: config.elitism_rate,
            crossover: config.crossover_rate,
            mutation: config.mutation_rate,
            diversity: if config.diversity_maintenance { Self::default().diversity } else { 0.0 },
            ..Self::default()
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`WorkflowError::Option`] with the first field outside its range.
    pub fn check(&self) -> Result<(), WorkflowError> {
        let wrong = |field, value: String, allowed| Err(WorkflowError::Option { field, value, allowed });
        let within = |value: f64, low: f64, high: f64| low <= value && value <= high;
        if self.edits.is_empty() {
            return wrong("edits", "[]".into(), "at least one");
        }
        if let Some(most) = self.max_complexity
            && !within(most, 1.0, f64::MAX)
        {
            return wrong("max_complexity", most.to_string(), "1 and more");
        }
        if self.evaluations == Some(0) {
            return wrong("evaluations", "0".into(), "1 and more");
        }
        let numbers = [
            ("complexity_penalty", self.complexity_penalty, f64::MAX, "0 and more"),
            ("min_improvement", self.min_improvement, f64::MAX, "0 and more"),
            ("exploration", self.exploration, 10.0, "0 to 10"),
            ("elitism", self.elitism, 0.5, "0 to 0.5"),
            ("random", self.random, 1.0, "0 to 1"),
            ("crossover", self.crossover, 1.0, "0 to 1"),
            ("mutation", self.mutation, 1.0, "0 to 1"),
            ("diversity", self.diversity, 1.0, "0 to 1"),
            ("spread", self.spread, 1e6, "0 to 1e6"),
        ];
        for (field, value, high, allowed) in numbers {
            if !within(value, 0.0, high) {
                return wrong(field, value.to_string(), allowed);
            }
        }
        if !within(self.unscreened, 0.1, 1.0) {
            return wrong("unscreened", self.unscreened.to_string(), "0.1 to 1");
        }
        if self.initial > 1000 {
            return wrong("initial", self.initial.to_string(), "up to 1000");
        }
        if self.changes == 0 || self.changes > 3 {
            return wrong("changes", self.changes.to_string(), "1 to 3");
        }
        if self.pool == 0 || self.pool > 10_000 {
            return wrong("pool", self.pool.to_string(), "1 to 10000");
        }
        Ok(())
    }
}
