use serde::{Deserialize, Serialize};

use crate::qnet::Shape;
use crate::range::{refuse, within};
use crate::replay::Priorities;
use crate::{ConfigError, History, RLConfig};

/// What computes values and gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Engine {
    /// The crate's own kernels.
    #[default]
    Fused,
    /// candle's tensors and automatic differentiation: slower, for checking.
    #[cfg(feature = "candle")]
    Candle,
}

/// Settings of [`crate::DoubleDqn`]: the common ones in `rl`, and those of single techniques.
///
/// Actions explored: during the warm-up all are drawn uniformly; then the share of drawn ones falls linearly from 1 to
/// `rl.exploration_noise` over `exploration_steps` decisions. With loaded weights exploration begins at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DqnConfig {
    /// The common settings.
    pub rl: RLConfig,
    /// Rewards summed before the network is asked for the rest; 1 to 20, default 3 (Sutton 1988).
    pub n_step: usize,
    /// Gradient steps a learning step; 1 to 64, default 4.
    pub gradient_steps: usize,
    /// Decisions after the warm-up until exploration has fallen to its end; 0 to 1,000,000, default 2000.
    pub exploration_steps: u64,
    /// How much priorities count, alpha; 0 to 1, default 0.6 (Schaul et al. 2016).
    pub priority_exponent: f64,
    /// Correction of the bias of priorities at the first step, beta; 0 to 1, default 0.4.
    pub importance: f64,
    /// Gradient steps until that correction is full; 1 to 10,000,000, default 20,000.
    pub importance_steps: u64,
    /// Largest priority in units of the mean one; 1 to 1000, default 20.
    pub priority_cap: f64,
    /// Quantiles of the return that each head predicts; 1 (the mean alone) to 64, default 1 (Dabney et al. 2018).
    pub quantiles: usize,
    /// Bootstrapped heads, each learning from half of the experiences; 1 (all of them) to 16, default 1 (Osband et al.
    /// 2016).
    pub heads: usize,
    /// Weight of the conservative term, which lowers values of actions that the experience does not show; 0 to 100,
    /// default 0 (Kumar et al. 2020, equation 4).
    pub conservative: f64,
    /// Longest gradient; above 0, default 10.
    pub gradient_limit: f64,
    /// What computes values and gradients.
    pub engine: Engine,
}

impl Default for DqnConfig {
    fn default() -> Self {
        Self {
            rl: RLConfig::default(),
            n_step: 3,
            gradient_steps: 4,
            exploration_steps: 2000,
            priority_exponent: 0.6,
            importance: 0.4,
            importance_steps: 20_000,
            priority_cap: 20.0,
            quantiles: 1,
            heads: 1,
            conservative: 0.0,
            gradient_limit: 10.0,
            engine: Engine::Fused,
        }
    }
}

impl DqnConfig {
    /// Settings for states that are the features of a [`History`] of so many arms: five heads, so that it is known how
    /// unsure a value is, and steps three times as long as the default, for learning offline.
    pub fn of_history(arms: usize) -> Self {
        let rl = RLConfig {
            state_dim: History::width(arms),
            action_dim: arms,
            learning_rate: 1e-3,
            ..RLConfig::default()
        };
        Self { rl, heads: 5, ..Self::default() }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] with the first field outside its range, its value and the range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.rl.validate()?;
        within("n_step", self.n_step, 1, 20)?;
        within("gradient_steps", self.gradient_steps, 1, 64)?;
        within("exploration_steps", self.exploration_steps, 0, 1_000_000)?;
        within("priority_exponent", self.priority_exponent, 0.0, 1.0)?;
        within("importance", self.importance, 0.0, 1.0)?;
        within("importance_steps", self.importance_steps, 1, 10_000_000)?;
        within("priority_cap", self.priority_cap, 1.0, 1000.0)?;
        within("quantiles", self.quantiles, 1, 64)?;
        within("heads", self.heads, 1, 16)?;
        within("conservative", self.conservative, 0.0, 100.0)?;
        if !(self.gradient_limit > 0.0 && self.gradient_limit.is_finite()) {
            return refuse("gradient_limit", &self.gradient_limit, "above 0, finite");
        }
        Ok(())
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape {
            inputs: self.rl.state_dim,
            hidden: self.rl.hidden_dims.clone(),
            actions: self.rl.action_dim,
            quantiles: self.quantiles,
            heads: self.heads,
            dueling: self.rl.dueling_network,
        }
    }

    pub(crate) fn priorities(&self) -> Priorities {
        Priorities {
            exponent: self.priority_exponent,
            correction: self.importance,
            correction_steps: self.importance_steps,
            cap: self.priority_cap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge() {
        let fault = |json: &str| {
            let config: DqnConfig = serde_json::from_str(json).unwrap();
            config.validate().map_or_else(|e| e.to_string(), |()| String::new())
        };
        assert_eq!(fault("{}"), "");
        for (field, legal, illegal, range) in [
            ("n_step", ["1", "20"], ["0", "21"], "1 to 20"),
            ("gradient_steps", ["1", "64"], ["0", "65"], "1 to 64"),
            ("exploration_steps", ["0", "1000000"], ["1000001", "9999999"], "0 to 1000000"),
            ("priority_exponent", ["0", "1"], ["-0.1", "1.1"], "0 to 1"),
            ("importance", ["0", "1"], ["-0.1", "1.1"], "0 to 1"),
            ("importance_steps", ["1", "10000000"], ["0", "10000001"], "1 to 10000000"),
            ("priority_cap", ["1", "1000"], ["0.5", "1001"], "1 to 1000"),
            ("quantiles", ["1", "64"], ["0", "65"], "1 to 64"),
            ("heads", ["1", "16"], ["0", "17"], "1 to 16"),
            ("conservative", ["0", "100"], ["-1", "101"], "0 to 100"),
            ("gradient_limit", ["0.1", "1000"], ["0", "-1"], "above 0, finite"),
        ] {
            for value in legal {
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), "", "{field} {value}");
            }
            for value in illegal {
                let expected = format!("rl: {field} = {value} is outside its range; allowed: {range}");
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), expected);
            }
        }
        assert!(fault(r#"{"rl":{"action_dim":1}}"#).starts_with("rl: action_dim = 1"));
        assert!(serde_json::from_str::<DqnConfig>(r#"{"steps":1}"#).is_err());
    }
}
