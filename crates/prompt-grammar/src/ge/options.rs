use serde::{Deserialize, Serialize};

use crate::grammar::{Grammar, GrammarError, Learning};

/// Settings of [`super::Ge`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Trees kept; at least 1.
    pub population: usize,
    /// Trees proposed a round after the first, which proposes as many as are kept; at least 1.
    pub children: usize,
    /// Trees that compete to be a parent; at least 1.
    pub tournament: usize,
    /// Levels a tree may have.
    pub depth: u32,
    /// Levels a tree of the first round may have.
    pub first_depth: u32,
    /// Nodes a tree may have; at least 1.
    pub nodes: usize,
    /// Share of children that are drawn from the weights alone; 0 to 1.
    pub fresh: f64,
    /// How often another operator follows; 0 to 0.9.
    pub again: f64,
    /// Members of equal loss at most; at least 1.
    pub alike: usize,
    /// Results that the choice of operators looks back on; at least 1.
    pub window: usize,
    /// How the weights learn; none: they stay.
    pub learning: Option<Learning>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            population: 100,
            children: 50,
            tournament: 4,
            depth: 17,
            first_depth: 8,
            nodes: 300,
            fresh: 0.02,
            again: 0.2,
            alike: 3,
            window: 400,
            learning: Some(Learning { rate: 0.05, floor: 0.02, prior: 10.0 }),
        }
    }
}

impl Options {
    pub(super) fn check(&self, grammar: &Grammar) -> Result<(), GrammarError> {
        let counts = [
            ("population", self.population),
            ("children", self.children),
            ("tournament", self.tournament),
            ("nodes", self.nodes),
            ("alike", self.alike),
            ("window", self.window),
        ];
        for (field, value) in counts {
            if value == 0 || value > 1_000_000 {
                return Err(GrammarError::range(field.into(), value, "1 to 1000000"));
            }
        }
        for (field, value, most) in [("fresh", self.fresh, 1.0), ("again", self.again, 0.9)] {
            if !(0.0..=most).contains(&value) {
                return Err(GrammarError::range(field.into(), value, &format!("0 to {most}")));
            }
        }
        for setting in 0..grammar.settings() {
            let least = grammar.least_depth(grammar.start(), &grammar.values(setting));
            if self.depth < least {
                let (budget, least) = (self.depth as usize, least as usize);
                return Err(GrammarError::Budget { budget, unit: "levels", least });
            }
        }
        match &self.learning {
            Some(learning) => learning.check(),
            None => Ok(()),
        }
    }
}
