use serde::{Deserialize, Serialize};

use crate::ConfigError;
use crate::range::{inside_unit, refuse, within};

/// Settings of algorithm selection, as users write them.
///
/// ```
/// use rl_selector::RLConfig;
/// let config = RLConfig { learning_rate: 1.5, ..RLConfig::default() };
/// let fault = config.validate().unwrap_err().to_string();
/// assert_eq!(fault, "rl: learning_rate = 1.5 is outside its range; allowed: above 0, below 1");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RLConfig {
    /// Numbers that describe a state; 1 to 100, default 13.
    pub state_dim: usize,
    /// Algorithms to choose among; 2 to 20, default 6.
    pub action_dim: usize,
    /// Widths of the hidden layers; 1 to 5 layers of 32 to 1024, default 256, 256, 128.
    pub hidden_dims: Vec<usize>,
    /// Step size of learning; above 0, below 1, default 3e-4.
    pub learning_rate: f64,
    /// Experiences kept; 1000 to 100,000, default 10,000.
    pub buffer_capacity: usize,
    /// Experiences a learning step; 16 to 512, default 64.
    pub batch_size: usize,
    /// Discount of later rewards; 0.9 to 0.999, default 0.99.
    pub gamma: f64,
    /// Share of the target network replaced a step; above 0, below 1, default 0.005.
    pub tau: f64,
    /// Noise on choices; 0 to 1, default 0.1.
    pub exploration_noise: f64,
    /// Decisions before learning begins; 100 to 10,000, default 1000.
    pub warmup_steps: usize,
    /// Decisions between learning steps; 1 to 100, default 4.
    pub update_frequency: usize,
    /// Whether surprising experiences are replayed more often; default true.
    pub prioritized_replay: bool,
    /// Whether a second network judges the choice of the first; default true.
    pub double_q_learning: bool,
    /// Whether value and advantage have heads of their own; default false.
    pub dueling_network: bool,
}

impl Default for RLConfig {
    fn default() -> Self {
        Self {
            state_dim: 13,
            action_dim: 6,
            hidden_dims: vec![256, 256, 128],
            learning_rate: 3e-4,
            buffer_capacity: 10_000,
            batch_size: 64,
            gamma: 0.99,
            tau: 0.005,
            exploration_noise: 0.1,
            warmup_steps: 1000,
            update_frequency: 4,
            prioritized_replay: true,
            double_q_learning: true,
            dueling_network: false,
        }
    }
}

impl RLConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] with the path of the first field outside its range, its value and the range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        within("state_dim", self.state_dim, 1, 100)?;
        within("action_dim", self.action_dim, 2, 20)?;
        if !(1..=5).contains(&self.hidden_dims.len()) {
            return refuse("hidden_dims", &format!("{:?}", self.hidden_dims), "1 to 5 layers");
        }
        for (layer, width) in self.hidden_dims.iter().enumerate() {
            within(format!("hidden_dims[{layer}]"), *width, 32, 1024)?;
        }
        inside_unit("learning_rate", self.learning_rate)?;
        within("buffer_capacity", self.buffer_capacity, 1000, 100_000)?;
        within("batch_size", self.batch_size, 16, 512)?;
        within("gamma", self.gamma, 0.9, 0.999)?;
        inside_unit("tau", self.tau)?;
        within("exploration_noise", self.exploration_noise, 0.0, 1.0)?;
        within("warmup_steps", self.warmup_steps, 100, 10_000)?;
        within("update_frequency", self.update_frequency, 1, 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults with fields replaced by those of `json`; the fault, or nothing.
    fn fault(json: &str) -> String {
        let config: RLConfig = serde_json::from_str(json).unwrap();
        config.validate().map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let expected = r#"{"state_dim":13,"action_dim":6,"hidden_dims":[256,256,128],"learning_rate":0.0003,"#
            .to_string()
            + r#""buffer_capacity":10000,"batch_size":64,"gamma":0.99,"tau":0.005,"exploration_noise":0.1,"#
            + r#""warmup_steps":1000,"update_frequency":4,"prioritized_replay":true,"double_q_learning":true,"#
            + r#""dueling_network":false}"#;
        assert_eq!(serde_json::to_string(&RLConfig::default()).unwrap(), expected);
        assert_eq!(serde_json::from_str::<RLConfig>("{}").unwrap(), RLConfig::default());
        assert_eq!(fault("{}"), "");
    }

    #[test]
    fn every_edge_of_every_range() {
        let inclusive = [
            ("state_dim", ["1", "100"], ["0", "101"], "1 to 100"),
            ("action_dim", ["2", "20"], ["1", "21"], "2 to 20"),
            ("buffer_capacity", ["1000", "100000"], ["999", "100001"], "1000 to 100000"),
            ("batch_size", ["16", "512"], ["15", "513"], "16 to 512"),
            ("gamma", ["0.9", "0.999"], ["0.899", "0.9991"], "0.9 to 0.999"),
            ("exploration_noise", ["0", "1"], ["-0.001", "1.001"], "0 to 1"),
            ("warmup_steps", ["100", "10000"], ["99", "10001"], "100 to 10000"),
            ("update_frequency", ["1", "100"], ["0", "101"], "1 to 100"),
        ];
        for (field, legal, illegal, range) in inclusive {
            for value in legal {
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), "", "{field} {value}");
            }
            for value in illegal {
                let expected = format!("rl: {field} = {value} is outside its range; allowed: {range}");
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), expected);
            }
        }
        for field in ["learning_rate", "tau"] {
            for value in ["0.000001", "0.999999"] {
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), "");
            }
            for value in ["0", "1", "-1"] {
                let expected =
                    format!("rl: {field} = {value} is outside its range; allowed: above 0, below 1");
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), expected);
            }
        }
    }

    #[test]
    fn layers_are_counted_and_each_is_checked() {
        for legal in ["[32]", "[1024,32,32,32,1024]"] {
            assert_eq!(fault(&format!(r#"{{"hidden_dims":{legal}}}"#)), "");
        }
        let none = "rl: hidden_dims = [] is outside its range; allowed: 1 to 5 layers";
        assert_eq!(fault(r#"{"hidden_dims":[]}"#), none);
        assert!(fault(r#"{"hidden_dims":[64,64,64,64,64,64]}"#).ends_with("allowed: 1 to 5 layers"));
        let narrow = "rl: hidden_dims[1] = 31 is outside its range; allowed: 32 to 1024";
        assert_eq!(fault(r#"{"hidden_dims":[64,31]}"#), narrow);
        let wide = "rl: hidden_dims[0] = 1025 is outside its range; allowed: 32 to 1024";
        assert_eq!(fault(r#"{"hidden_dims":[1025]}"#), wide);
    }

    #[test]
    fn nan_is_outside_of_every_range() {
        for set in [
            (|c| c.gamma = f64::NAN) as fn(&mut RLConfig),
            |c| c.tau = f64::NAN,
            |c| c.learning_rate = f64::NAN,
            |c| c.exploration_noise = f64::NAN,
        ] {
            let mut config = RLConfig::default();
            set(&mut config);
            assert!(config.validate().unwrap_err().to_string().contains("= NaN is outside"));
        }
    }

    #[test]
    fn unknown_fields_and_wrong_types_are_errors() {
        for json in
            [r#"{"learning_rates":0.1}"#, r#"{"state_dim":-1}"#, r#"{"state_dim":1.5}"#, r#"{"gamma":"x"}"#]
        {
            assert!(serde_json::from_str::<RLConfig>(json).is_err(), "{json}");
        }
    }
}
