//! The network behind the deep selector, its fused f32 path, and the same network on candle as the reference.

#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into the function compiled for its instruction set"
)]

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::bits;

mod pass;
mod product;
#[cfg(feature = "candle")]
pub(crate) mod reference;
mod single;
pub(crate) mod weights;

pub(crate) use pass::Pass;
pub(crate) use single::Single;

/// The form of a network: a trunk of rectified layers, then one linear layer that holds every head.
///
/// Outputs lie as `[head][action][quantile]`. With `dueling` the last layer has one more group a head, the value of
/// the state, and outputs are value plus advantage minus the mean advantage (Wang et al. 2016, equation 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) inputs: usize,
    pub(crate) hidden: Vec<usize>,
    pub(crate) actions: usize,
    pub(crate) quantiles: usize,
    pub(crate) heads: usize,
    pub(crate) dueling: bool,
}

/// Where a layer lies among the parameters: weights `inputs x outputs`, one row an input, then `outputs` biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) start: usize,
}

impl Layer {
    fn split(self, parameters: &[f32]) -> (&[f32], &[f32]) {
        parameters[self.start..self.end()].split_at(self.inputs * self.outputs)
    }

    fn split_mut(self, parameters: &mut [f32]) -> (&mut [f32], &mut [f32]) {
        parameters[self.start..self.end()].split_at_mut(self.inputs * self.outputs)
    }

    fn end(self) -> usize {
        self.start + (self.inputs + 1) * self.outputs
    }
}

impl Shape {
    /// Numbers a state gives.
    pub(crate) fn outputs(&self) -> usize {
        self.heads * self.actions * self.quantiles
    }

    /// Numbers of the last layer.
    fn raw_outputs(&self) -> usize {
        self.heads * self.quantiles * (self.actions + usize::from(self.dueling))
    }

    /// The layers, the one of the heads last.
    pub(crate) fn layers(&self) -> Vec<Layer> {
        let mut layers: Vec<Layer> = Vec::with_capacity(self.hidden.len() + 1);
        let (mut inputs, mut start) = (self.inputs, 0);
        for outputs in self.hidden.iter().copied().chain([self.raw_outputs()]) {
            let layer = Layer { inputs, outputs, start };
            (inputs, start) = (outputs, layer.end());
            layers.push(layer);
        }
        layers
    }

    /// Turns one state's numbers of the last layer into outputs.
    fn combine(&self, raw: &[f32], outputs: &mut [f32]) {
        outputs.copy_from_slice(&raw[..self.outputs()]);
        if !self.dueling {
            return;
        }
        let (n, values) = (self.quantiles, &raw[self.outputs()..]);
        for (head, outputs) in outputs.chunks_exact_mut(self.actions * n).enumerate() {
            for q in 0..n {
                let mean = outputs.iter().skip(q).step_by(n).sum::<f32>() / self.actions as f32;
                let shift = values[head * n + q] - mean;
                outputs.iter_mut().skip(q).step_by(n).for_each(|x| *x += shift);
            }
        }
    }

    /// The gradient at the last layer from that at the outputs of one state: the transpose of [`Self::combine`].
    fn combine_back(&self, outputs: &[f32], raw: &mut [f32]) {
        let (advantages, values) = raw.split_at_mut(self.outputs());
        advantages.copy_from_slice(outputs);
        if !self.dueling {
            return;
        }
        let n = self.quantiles;
        for (head, advantages) in advantages.chunks_exact_mut(self.actions * n).enumerate() {
            for q in 0..n {
                let sum = advantages.iter().skip(q).step_by(n).sum::<f32>();
                values[head * n + q] = sum;
                let mean = sum / self.actions as f32;
                advantages.iter_mut().skip(q).step_by(n).for_each(|x| *x -= mean);
            }
        }
    }
}

/// A network: its form and all its parameters in one vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub(crate) struct QNet {
    shape: Shape,
    layers: Vec<Layer>,
    parameters: Vec<f32>,
}

/// A network as it is written.
#[derive(Serialize, Deserialize)]
struct Raw {
    shape: Shape,
    #[serde(with = "bits::f32s")]
    parameters: Vec<f32>,
}

impl From<QNet> for Raw {
    fn from(net: QNet) -> Self {
        Self { shape: net.shape, parameters: net.parameters }
    }
}

impl TryFrom<Raw> for QNet {
    type Error = &'static str;
    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        Self::with_parameters(raw.shape, raw.parameters).ok_or("the network has another number of parameters")
    }
}

impl QNet {
    /// Weights and biases uniform within one over the root of the layer's inputs (LeCun et al. 1998).
    pub(crate) fn new(shape: Shape, rng: &Stream) -> Self {
        let layers = shape.layers();
        let mut parameters = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let mut rng = rng.child("layer", index as u64);
            let bound = 1.0 / (layer.inputs as f64).sqrt();
            let count = (layer.inputs + 1) * layer.outputs;
            parameters.extend((0..count).map(|_| ((2.0 * rng.unit() - 1.0) * bound) as f32));
        }
        Self { shape, layers, parameters }
    }

    /// The network of `shape` with these parameters; `None` when their number is another.
    pub(crate) fn with_parameters(shape: Shape, parameters: Vec<f32>) -> Option<Self> {
        let layers = shape.layers();
        (layers.last().map(|l| l.end()) == Some(parameters.len())).then_some(Self {
            shape,
            layers,
            parameters,
        })
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    pub(crate) fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn shape() -> Shape {
        Shape { inputs: 13, hidden: vec![256, 256, 128], actions: 6, quantiles: 1, heads: 1, dueling: false }
    }

    #[test]
    fn the_default_form_has_the_known_number_of_parameters() {
        let net = QNet::new(shape(), &Stream::root(0));
        assert_eq!(net.parameters().len(), 103_046);
        let expected = [(13, 256), (256, 256), (256, 128), (128, 6)];
        assert_eq!(net.layers.iter().map(|l| (l.inputs, l.outputs)).collect::<Vec<_>>(), expected);
        let dueling = Shape { dueling: true, quantiles: 4, heads: 3, ..shape() };
        assert_eq!(dueling.layers()[3].outputs, 3 * 4 * 7);
    }

    #[test]
    fn a_seed_names_a_network() {
        let net = |seed| QNet::new(shape(), &Stream::root(seed));
        assert_eq!(net(3), net(3));
        assert_ne!(net(3), net(4));
        let net = net(3);
        let first = &net.parameters()[..13 * 256];
        let bound = 1.0 / 13.0_f32.sqrt();
        assert!(first.iter().all(|w| w.abs() <= bound) && first.iter().any(|w| w.abs() > 0.95 * bound));
    }

    #[test]
    fn dueling_outputs_have_the_value_as_their_mean() {
        let shape = Shape { actions: 3, quantiles: 2, heads: 2, dueling: true, ..shape() };
        let raw: Vec<f32> = (0..16).map(|i| (i * i % 7) as f32).collect();
        let mut outputs = [0.0; 12];
        shape.combine(&raw, &mut outputs);
        for (head, outputs) in outputs.chunks(6).enumerate() {
            for q in 0..2 {
                let mean = (outputs[q] + outputs[2 + q] + outputs[4 + q]) / 3.0;
                assert!((mean - raw[12 + 2 * head + q]).abs() < 1e-5);
                let advantage = raw[6 * head + q] - raw[6 * head + 2 + q];
                assert!((outputs[q] - outputs[2 + q] - advantage).abs() < 1e-5);
            }
        }
    }
}
