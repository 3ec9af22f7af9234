use serde::{Deserialize, Serialize};

use crate::range::{refuse, within};
use crate::{ConfigError, MutationKind};

/// Settings of the evolution of structure, as users write them.
///
/// ```
/// use topology_neat::TopologyConfig;
/// let config = TopologyConfig { mutation_rate: 0.05, ..TopologyConfig::default() };
/// let fault = config.validate().unwrap_err().to_string();
/// assert_eq!(fault, "topology: mutation_rate = 0.05 is outside its range; allowed: 0.1 to 1");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TopologyConfig {
    /// Complexity a system may reach; 1 to 10, default 2.
    pub max_complexity_threshold: f64,
    /// Budget below which structure is left alone; 5 to 100, default 10.
    pub min_topology_budget: u64,
    /// Predicted gain below which structure is left alone; 0.01 to 0.5, default 0.05.
    pub min_improvement_threshold: f64,
    /// Kinds of change that are tried; at least one, none twice; default all but `parameter_mutation`.
    pub mutation_types: Vec<MutationKind>,
    /// What a unit of complexity costs in score; 0 to 1, default 0.1.
    pub complexity_penalty: f64,
    /// Whether gains are predicted before anything is tried; default true.
    pub performance_prediction_enabled: bool,
    /// Whether species protect new structures; default true.
    pub diversity_maintenance: bool,
    /// Share of the best kept as they are; 0 to 0.5, default 0.1.
    pub elitism_rate: f64,
    /// Probability that a child is mutated; 0.1 to 1, default 0.3.
    pub mutation_rate: f64,
    /// Probability that a child has two parents; 0 to 1, default 0.7.
    pub crossover_rate: f64,
}

impl Default for TopologyConfig {
    fn default() -> Self {
        Self {
            max_complexity_threshold: 2.0,
            min_topology_budget: 10,
            min_improvement_threshold: 0.05,
            mutation_types: vec![
                MutationKind::AddModule,
                MutationKind::RemoveModule,
                MutationKind::Reconnect,
                MutationKind::ControlFlow,
            ],
            complexity_penalty: 0.1,
            performance_prediction_enabled: true,
            diversity_maintenance: true,
            elitism_rate: 0.1,
            mutation_rate: 0.3,
            crossover_rate: 0.7,
        }
    }
}

impl TopologyConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] with the path of the first field outside its range, its value and the range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        within("max_complexity_threshold", self.max_complexity_threshold, 1.0, 10.0)?;
        within("min_topology_budget", self.min_topology_budget, 5, 100)?;
        within("min_improvement_threshold", self.min_improvement_threshold, 0.01, 0.5)?;
        if self.mutation_types.is_empty() {
            return refuse("mutation_types", &"[]", "at least one kind");
        }
        for (index, kind) in self.mutation_types.iter().enumerate() {
            if self.mutation_types[..index].contains(kind) {
                let field = format!("mutation_types[{index}]");
                return refuse(field, &kind.name(), "each kind once");
            }
        }
        within("complexity_penalty", self.complexity_penalty, 0.0, 1.0)?;
        within("elitism_rate", self.elitism_rate, 0.0, 0.5)?;
        within("mutation_rate", self.mutation_rate, 0.1, 1.0)?;
        within("crossover_rate", self.crossover_rate, 0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults with fields replaced by those of `json`; the fault, or nothing.
    fn fault(json: &str) -> String {
        let config: TopologyConfig = serde_json::from_str(json).unwrap();
        config.validate().map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let expected = r#"{"max_complexity_threshold":2.0,"min_topology_budget":10,"#.to_string()
            + r#""min_improvement_threshold":0.05,"#
            + r#""mutation_types":["add_module","remove_module","reconnect","control_flow"],"#
            + r#""complexity_penalty":0.1,"performance_prediction_enabled":true,"diversity_maintenance":true,"#
            + r#""elitism_rate":0.1,"mutation_rate":0.3,"crossover_rate":0.7}"#;
        assert_eq!(serde_json::to_string(&TopologyConfig::default()).unwrap(), expected);
        assert_eq!(serde_json::from_str::<TopologyConfig>("{}").unwrap(), TopologyConfig::default());
        assert_eq!(fault("{}"), "");
    }

    #[test]
    fn every_edge_of_every_range() {
        let ranges = [
            ("max_complexity_threshold", ["1", "10"], ["0.99", "10.01"], "1 to 10"),
            ("min_topology_budget", ["5", "100"], ["4", "101"], "5 to 100"),
            ("min_improvement_threshold", ["0.01", "0.5"], ["0.009", "0.51"], "0.01 to 0.5"),
            ("complexity_penalty", ["0", "1"], ["-0.1", "1.1"], "0 to 1"),
            ("elitism_rate", ["0", "0.5"], ["-0.1", "0.51"], "0 to 0.5"),
            ("mutation_rate", ["0.1", "1"], ["0.09", "1.1"], "0.1 to 1"),
            ("crossover_rate", ["0", "1"], ["-0.1", "1.1"], "0 to 1"),
        ];
        for (field, legal, illegal, range) in ranges {
            for value in legal {
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), "", "{field} {value}");
            }
            for value in illegal {
                let expected = format!("topology: {field} = {value} is outside its range; allowed: {range}");
                assert_eq!(fault(&format!(r#"{{"{field}":{value}}}"#)), expected);
            }
        }
    }

    #[test]
    fn mutation_kinds_are_a_set() {
        assert_eq!(fault(r#"{"mutation_types":["parameter_mutation"]}"#), "");
        let none = "topology: mutation_types = [] is outside its range; allowed: at least one kind";
        assert_eq!(fault(r#"{"mutation_types":[]}"#), none);
        let twice = "topology: mutation_types[2] = reconnect is outside its range; allowed: each kind once";
        assert_eq!(fault(r#"{"mutation_types":["reconnect","add_module","reconnect"]}"#), twice);
        let all = serde_json::to_string(&MutationKind::ALL).unwrap();
        assert_eq!(fault(&format!(r#"{{"mutation_types":{all}}}"#)), "");
        assert!(serde_json::from_str::<TopologyConfig>(r#"{"mutation_types":["grow"]}"#).is_err());
    }

    #[test]
    fn nan_and_unknown_fields_are_errors() {
        let config = TopologyConfig { elitism_rate: f64::NAN, ..TopologyConfig::default() };
        assert!(config.validate().is_err());
        assert!(serde_json::from_str::<TopologyConfig>(r#"{"elitism":0.1}"#).is_err());
    }
}
