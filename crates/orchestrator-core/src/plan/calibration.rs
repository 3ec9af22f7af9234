use serde::{Deserialize, Serialize};

use super::Source;

/// The factors by which the model's intervals are stretched so that they hold what they promise, learnt on recorded
/// runs.
///
/// `data/plan-calibration.json` of this crate holds them with the command that made them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// How it was made.
    pub made_by: String,
    /// Recorded runs it rests on.
    pub runs: usize,
    /// For plans from the lengths of prompts alone.
    pub lengths: Factors,
    /// For plans from a probe.
    pub probe: Factors,
    /// For plans from earlier runs.
    pub history: Factors,
}

/// Factors of one source: for each amount that of the lower and of the upper side, in logarithms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factors {
    /// The share of simulated runs whose metric calls the interval holds.
    pub metric_calls: f64,
    /// Proposals.
    pub proposals: [f64; 2],
    /// Model calls.
    pub model_calls: [f64; 2],
    /// Tokens read.
    pub tokens_in: [f64; 2],
    /// Tokens written.
    pub tokens_out: [f64; 2],
    /// Tokens together.
    pub tokens: [f64; 2],
    /// Money.
    pub nano_usd: [f64; 2],
    /// Time.
    pub seconds: [f64; 2],
}

impl Factors {
    /// The model's own intervals.
    pub const NONE: Self = Self {
        metric_calls: 0.9,
        proposals: [1.0; 2],
        model_calls: [1.0; 2],
        tokens_in: [1.0; 2],
        tokens_out: [1.0; 2],
        tokens: [1.0; 2],
        nano_usd: [1.0; 2],
        seconds: [1.0; 2],
    };
}

impl Calibration {
    /// What this version ships.
    pub fn shipped() -> Self {
        serde_json::from_str(include_str!("../../data/plan-calibration.json"))
            .unwrap_or_else(|_| Self::none())
    }

    /// The model's own intervals, unchanged.
    pub fn none() -> Self {
        let (made_by, runs) = (String::new(), 0);
        Self { made_by, runs, lengths: Factors::NONE, probe: Factors::NONE, history: Factors::NONE }
    }

    /// The factors for plans from `source`.
    pub fn of(&self, source: Source) -> &Factors {
        match source {
            Source::Lengths => &self.lengths,
            Source::Probe { .. } => &self.probe,
            Source::History { .. } => &self.history,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_sound() {
        let shipped = Calibration::shipped();
        assert!(shipped.runs >= 100, "{}", shipped.runs);
        assert!(shipped.made_by.contains("--bin plan"));
        for f in [shipped.lengths, shipped.probe, shipped.history] {
            assert!((0.5..=1.0).contains(&f.metric_calls));
            let all =
                [f.proposals, f.model_calls, f.tokens_in, f.tokens_out, f.tokens, f.nano_usd, f.seconds];
            assert!(all.iter().flatten().all(|x| x.is_finite() && (0.0..20.0).contains(x)), "{f:?}");
        }
    }
}
