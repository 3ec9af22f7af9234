use serde::{Deserialize, Serialize};

use crate::{Flow, Genome, GenomeError, NodeKind};

/// What a neuron does with the weighted sum of what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// The sum itself.
    Identity,
    /// The hyperbolic tangent, in (-1, 1).
    Tanh,
    /// The logistic function with slope 4.9, in (0, 1) (Stanley & Miikkulainen 2002).
    Sigmoid,
    /// The sum if positive, else 0.
    Relu,
}

impl Activation {
    /// The value for a sum; never NaN for a sum that is not.
    pub fn of(self, sum: f64) -> f64 {
        match self {
            Self::Identity => sum,
            Self::Tanh => sum.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-4.9 * sum).exp()),
            Self::Relu => sum.max(0.0),
        }
    }
}

impl NodeKind for Activation {
    fn code(&self) -> u64 {
        *self as u64
    }
}

/// A genome of a neural network: nodes are neurons, edges carry weights.
pub type NetworkGenome = Genome<Activation, f64>;

/// What networks of a search look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpace {
    /// Inputs that are given, at least 1.
    pub inputs: usize,
    /// Outputs, at least 1.
    pub outputs: usize,
    /// Whether an input that is always 1 comes after the others.
    pub bias: bool,
    /// Whether edges may close cycles, and with them carry state.
    pub flow: Flow,
    /// What inner neurons compute.
    pub hidden: Activation,
    /// What outputs compute.
    pub output: Activation,
    /// Inner neurons a network may have.
    pub max_hidden: usize,
    /// Edges a network may have.
    pub max_edges: usize,
}

impl NetworkSpace {
    /// Feed-forward networks with bias, up to 32 inner neurons and 512 edges.
    pub fn feed_forward(inputs: usize, outputs: usize, activation: Activation) -> Self {
        Self {
            inputs,
            outputs,
            bias: true,
            flow: Flow::Acyclic,
            hidden: activation,
            output: activation,
            max_hidden: 32,
            max_edges: 512,
        }
    }

    /// The smallest network: every input joined to every output with weight 0.
    ///
    /// # Errors
    /// [`GenomeError::NoOutput`] without outputs.
    pub fn minimal(&self) -> Result<NetworkGenome, GenomeError> {
        let inputs = vec![Activation::Identity; self.inputs + usize::from(self.bias)];
        let mut genome = Genome::new(self.flow, &inputs, &vec![self.output; self.outputs])?;
        for from in 0..inputs.len() as u32 {
            for into in 0..self.outputs as u32 {
                if let (Some(from), Some(into)) = (genome.input(from), genome.output(into)) {
                    genome.connect(from, into, 0.0)?;
                }
            }
        }
        Ok(genome)
    }

    /// Whether a genome is a network of this space.
    pub fn contains(&self, genome: &NetworkGenome) -> bool {
        let role =
            |wanted: fn(&crate::Role) -> bool| genome.nodes().iter().filter(|n| wanted(&n.role)).count();
        genome.check().is_ok()
            && genome.flow() == self.flow
            && role(|r| matches!(r, crate::Role::Input(_))) == self.inputs + usize::from(self.bias)
            && role(|r| matches!(r, crate::Role::Output(_))) == self.outputs
            && genome.inner() <= self.max_hidden
            && genome.edges().len() <= self.max_edges
            && genome.edges().iter().all(|e| e.payload.is_finite())
    }
}
