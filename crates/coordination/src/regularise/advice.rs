use serde::{Deserialize, Serialize};

/// Something to add to the loss of what a learner might do next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Penalty {
    /// For every unit of complexity: a learner's squared weights, a structure's modules, a prompt's length by its bound.
    Complexity {
        /// Loss a unit of complexity.
        weight: f64,
    },
    /// For doing what was mostly done of late.
    Repetition {
        /// Loss for a choice that is always made; in proportion to the choice's share below.
        weight: f64,
    },
}

/// Something a learner must not do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Veto {
    /// Learning on: held-out domains have become worse while it learnt. The state after round `best` is the one to go back to.
    Learning {
        /// The round in which held-out domains scored best, counted from 0.
        best: usize,
        /// How much they have lost since, mean over domains.
        lost: f64,
    },
    /// Making its usual choice again without a look at others: hardly anything else is chosen.
    Exploitation {
        /// The entropy of choices, 0 to 1.
        entropy: f64,
    },
}

/// What a regulariser asks of learners for the next round.
///
/// ```
/// use coordination::regularise::{Advice, Penalty};
/// let mut advice = Advice::default();
/// advice.penalties.push(Penalty::Complexity { weight: 0.1 });
/// advice.penalties.push(Penalty::Repetition { weight: 0.2 });
/// // A candidate of complexity 3 by a choice that is made half of the time.
/// assert!((advice.penalised(1.0, 3.0, 0.5) - (1.0 + 0.3 + 0.1)).abs() < 1e-12);
/// assert!(advice.may_learn() && advice.may_exploit());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Advice {
    /// To add to losses.
    pub penalties: Vec<Penalty>,
    /// To heed.
    pub vetoes: Vec<Veto>,
}

impl Advice {
    /// A loss with the penalties for a complexity and for the share, 0 to 1, that the choice has had of late.
    pub fn penalised(&self, loss: f64, complexity: f64, share: f64) -> f64 {
        loss + self.complexity_weight() * complexity + self.repetition_weight() * share
    }

    /// Loss a unit of complexity: the factor of a ridge or of a length penalty.
    pub fn complexity_weight(&self) -> f64 {
        let weight = |p: &Penalty| if let Penalty::Complexity { weight } = p { *weight } else { 0.0 };
        self.penalties.iter().map(weight).sum()
    }

    /// Loss for a choice that is always made.
    pub fn repetition_weight(&self) -> f64 {
        let weight = |p: &Penalty| if let Penalty::Repetition { weight } = p { *weight } else { 0.0 };
        self.penalties.iter().map(weight).sum()
    }

    /// Whether learning may go on.
    pub fn may_learn(&self) -> bool {
        !self.vetoes.iter().any(|veto| matches!(veto, Veto::Learning { .. }))
    }

    /// The round whose state a learner should go back to, if it may not learn on.
    pub fn go_back_to(&self) -> Option<usize> {
        let best = |veto: &Veto| if let Veto::Learning { best, .. } = veto { Some(*best) } else { None };
        self.vetoes.iter().find_map(best)
    }

    /// Whether the usual choice may be made without a look at others.
    pub fn may_exploit(&self) -> bool {
        !self.vetoes.iter().any(|veto| matches!(veto, Veto::Exploitation { .. }))
    }
}
