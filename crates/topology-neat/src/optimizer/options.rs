use serde::{Deserialize, Serialize};

use crate::{
    Compatibility, MutationKind, NeatError, NetworkEdit, NetworkGenome, NetworkSpace, TopologyConfig,
};

/// Settings of [`crate::Neat`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeatOptions {
    /// What networks look like.
    pub space: NetworkSpace,
    /// Evaluations a generation, 2 to 1,000,000; default 150.
    pub population: usize,
    /// Species that the threshold is steered to, 1 to `population / 4` (at least 1); default 8.
    pub target_species: usize,
    /// The compatibility threshold at the start, 0 or more; default 3. A structure nearer than this to a species founds
    /// none.
    pub threshold: f64,
    /// The distance that the threshold is compared to.
    pub compatibility: Compatibility,
    /// Deviation of weights at the start, above 0; default 1.
    pub step: f64,
    /// Generations without improvement after which a species dies out, at least 1; default 15.
    pub stagnation: u64,
    /// How far the best loss of a species must fall, as a share of its size, to count as an improvement, in [0, 1];
    /// default 0. With 0 a species lives as long as its weights are polished, however little that brings.
    #[serde(default)]
    pub progress: f64,
    /// Generations for which a species cannot be displaced by a new one; default 6.
    pub grace: u64,
    /// Probability that a founder has two parents, in [0, 1]; default 0.25.
    pub crossover_rate: f64,
    /// Probability that a founder of two parents is edited too, in [0, 1]; default 1. One of a single parent always is.
    pub mutation_rate: f64,
    /// Share of `target_species`, rounded up, that does not die out: the best species; when stuck they begin anew around
    /// their best weights. In [0, 0.5]; default 0.
    pub elitism: f64,
    /// Probability that a founder is the smallest network with fresh weights, in [0, 1]; default 0.1.
    pub restart_rate: f64,
    /// Probability that a founder takes the structure of its parents alone and fresh weights, in [0, 1]; default 0. Where
    /// weights have local optima, what its parents have learnt may be a dead end.
    pub fresh_rate: f64,
    /// Probability of one more edit after each, in [0, 0.9]; default 0.5.
    pub more_edits: f64,
    /// What an inner neuron adds to the loss when species are compared; default 0.
    pub complexity_penalty: f64,
    /// Edits that may come up; at least one.
    pub edits: Vec<NetworkEdit>,
    /// Inner neurons at the start, each fed by every input and, if recurrent, by the output; default 0.
    pub start_hidden: usize,
    /// Generations after which the search is over; none without limit.
    pub generations: Option<u64>,
}

impl NeatOptions {
    /// The defaults for networks of `space`.
    pub fn new(space: NetworkSpace) -> Self {
        Self {
            space,
            population: 150,
            target_species: 8,
            threshold: 3.0,
            compatibility: Compatibility::default(),
            step: 1.0,
            stagnation: 15,
            progress: 0.0,
            grace: 6,
            crossover_rate: 0.25,
            mutation_rate: 1.0,
            elitism: 0.0,
            restart_rate: 0.1,
            fresh_rate: 0.0,
            more_edits: 0.5,
            complexity_penalty: 0.0,
            edits: NetworkEdit::ALL.to_vec(),
            start_hidden: 0,
            generations: None,
        }
    }

    /// These settings with what users wrote: rates of crossover, mutation and elitism, penalty, kinds of change, whether
    /// species protect new structures (one species if not), and the largest complexity, which caps the inner neurons.
    /// `add_module` and `remove_module` are neurons, `reconnect` is edges, `control_flow` switches edges,
    /// `parameter_mutation` weights.
    #[must_use]
    pub fn with_config(mut self, config: &TopologyConfig) -> Self {
        self.crossover_rate = config.crossover_rate;
        self.mutation_rate = config.mutation_rate;
        self.elitism = config.elitism_rate;
        self.space.max_hidden = self.space.max_hidden.min(config.max_complexity_threshold as usize);
        self.complexity_penalty = config.complexity_penalty;
        let edits = |kind: &MutationKind| match kind {
            MutationKind::AddModule => vec![NetworkEdit::AddNode],
            MutationKind::RemoveModule => vec![NetworkEdit::RemoveNode],
            MutationKind::Reconnect => vec![NetworkEdit::AddEdge, NetworkEdit::RemoveEdge],
            MutationKind::ControlFlow => vec![NetworkEdit::Toggle],
            MutationKind::ParameterMutation => vec![NetworkEdit::Weights],
        };
        self.edits = config.mutation_types.iter().flat_map(edits).collect();
        if !config.diversity_maintenance {
            self.target_species = 1;
        }
        self
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`NeatError::Range`] with the first option outside its range.
    pub fn validate(&self) -> Result<(), NeatError> {
        let refuse = |option: &'static str, allowed: &str| {
            Err(NeatError::Range { option, allowed: allowed.to_owned() })
        };
        let share = |p: f64, high: f64| (0.0..=high).contains(&p);
        let start =
            (self.space.inputs + usize::from(self.space.bias)).saturating_mul(self.space.outputs.max(1));
        match self {
            _ if self.space.inputs == 0 || self.space.inputs > 100_000 => {
                refuse("space.inputs", "1 to 100000")
            }
            _ if self.space.outputs == 0 || self.space.outputs > 10_000 => {
                refuse("space.outputs", "1 to 10000")
            }
            _ if start > self.space.max_edges => {
                refuse("space.max_edges", "at least inputs x outputs, bias included")
            }
            _ if self.start_hidden > self.space.max_hidden => refuse("start_hidden", "0 to space.max_hidden"),
            _ if !(2..=1_000_000).contains(&self.population) => refuse("population", "2 to 1000000"),
            _ if self.target_species == 0 || self.target_species > (self.population / 4).max(1) => {
                refuse("target_species", "1 to population / 4")
            }
            _ if !(self.threshold >= 0.0 && self.threshold.is_finite()) => refuse("threshold", "0 or more"),
            _ if !(self.step > 0.0 && self.step <= 1e3) => refuse("step", "above 0, up to 1000"),
            _ if self.stagnation == 0 => refuse("stagnation", "1 or more"),
            _ if !share(self.progress, 1.0) => refuse("progress", "0 to 1"),
            _ if !share(self.crossover_rate, 1.0) => refuse("crossover_rate", "0 to 1"),
            _ if !share(self.mutation_rate, 1.0) => refuse("mutation_rate", "0 to 1"),
            _ if !share(self.elitism, 0.5) => refuse("elitism", "0 to 0.5"),
            _ if !share(self.restart_rate, 1.0) => refuse("restart_rate", "0 to 1"),
            _ if !share(self.fresh_rate, 1.0) => refuse("fresh_rate", "0 to 1"),
            _ if !share(self.more_edits, 0.9) => refuse("more_edits", "0 to 0.9"),
            _ if !(self.complexity_penalty >= 0.0 && self.complexity_penalty.is_finite()) => {
                refuse("complexity_penalty", "0 or more")
            }
            _ if self.edits.is_empty() => refuse("edits", "at least one"),
            _ if self.generations == Some(0) => refuse("generations", "1 or more"),
            _ => Ok(()),
        }
    }

    /// Gives the smallest network its first inner neurons.
    pub(super) fn furnish(&self, genome: &mut NetworkGenome) {
        for at in 0..self.start_hidden {
            let Some(input) = genome.input((at % self.space.inputs) as u32) else { return };
            let Some(output) = genome.output((at % self.space.outputs) as u32) else { return };
            let edge = crate::Innovation::edge(input, output);
            let Ok(hidden) = genome.split(edge, self.space.hidden, 0.0, 0.0) else { return };
            genome.set_enabled(edge, true);
            for from in 0..(self.space.inputs + usize::from(self.space.bias)) as u32 {
                if let Some(from) = genome.input(from) {
                    // The one that the split made is there.
                    let _ = genome.connect(from, hidden, 0.0);
                }
            }
            if self.space.flow == crate::Flow::Recurrent {
                for (source, target) in [(output, hidden), (hidden, hidden), (output, output)] {
                    let _ = genome.connect(source, target, 0.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;

    #[test]
    fn what_users_wrote_is_taken_over() {
        let plain = NeatOptions::new(NetworkSpace::feed_forward(2, 1, Activation::Tanh));
        let config = TopologyConfig {
            mutation_types: vec![MutationKind::Reconnect, MutationKind::ControlFlow],
            max_complexity_threshold: 3.9,
            elitism_rate: 0.25,
            diversity_maintenance: false,
            ..TopologyConfig::default()
        };
        let options = plain.with_config(&config);
        assert_eq!(options.edits, [NetworkEdit::AddEdge, NetworkEdit::RemoveEdge, NetworkEdit::Toggle]);
        assert_eq!((options.space.max_hidden, options.target_species), (3, 1));
        let rates =
            [options.elitism, options.mutation_rate, options.crossover_rate, options.complexity_penalty];
        assert_eq!(rates.map(f64::to_bits), [0.25, 0.3, 0.7, 0.1].map(f64::to_bits));
        assert_eq!(options.validate(), Ok(()));
    }
}
