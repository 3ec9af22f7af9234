use pulp::{Simd, WithSimd};

use super::product::{Multiplier, View};
use super::{QNet, Shape};
use crate::cpu::Cpu;

/// The values of a batch on their way through a network and the gradients on their way back.
///
/// Buffers are kept between calls; their contents mean nothing afterwards, so no snapshot holds them.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    cpu: Cpu,
    multiplier: Multiplier,
    /// Outputs of each layer; rectified but for the last.
    layers: Vec<Vec<f32>>,
    outputs: Vec<f32>,
    delta: Vec<f32>,
    next_delta: Vec<f32>,
}

impl Pass {
    pub(crate) fn new() -> Self {
        Self {
            cpu: Cpu::detect(),
            multiplier: Multiplier::new(),
            layers: Vec::new(),
            outputs: Vec::new(),
            delta: Vec::new(),
            next_delta: Vec::new(),
        }
    }

    /// The outputs of `states`, one row a state, as rows of [`Shape::outputs`] numbers.
    pub(crate) fn forward(&mut self, net: &QNet, states: &[f32]) -> &[f32] {
        let batch = states.len() / net.shape.inputs;
        self.layers.resize_with(net.layers.len(), Vec::new);
        for (index, layer) in net.layers.iter().enumerate() {
            let (weights, biases) = layer.split(&net.parameters);
            let (before, after) = self.layers.split_at_mut(index);
            let input: &[f32] = before.last().map_or(states, Vec::as_slice);
            let output = &mut after[0];
            output.clear();
            for _ in 0..batch {
                output.extend_from_slice(biases);
            }
            self.multiplier.add_product(
                View::new(input, batch, layer.inputs),
                View::new(weights, layer.inputs, layer.outputs),
                output,
            );
            if index + 1 < net.layers.len() {
                self.cpu.run(Rectify(output));
            }
        }
        self.finish(&net.shape, batch)
    }

    fn finish(&mut self, shape: &Shape, batch: usize) -> &[f32] {
        self.outputs.resize(batch * shape.outputs(), 0.0);
        let raw = self.layers.last().map_or(&[][..], Vec::as_slice);
        let rows = raw.chunks_exact(shape.raw_outputs());
        for (raw, outputs) in rows.zip(self.outputs.chunks_exact_mut(shape.outputs())) {
            shape.combine(raw, outputs);
        }
        &self.outputs
    }

    /// The gradient at the parameters from that at the outputs of the last [`Self::forward`], which had these
    /// arguments.
    pub(crate) fn backward(&mut self, net: &QNet, states: &[f32], at_outputs: &[f32], gradient: &mut [f32]) {
        let shape = &net.shape;
        let batch = states.len() / shape.inputs;
        self.delta.resize(batch * shape.raw_outputs(), 0.0);
        let rows = self.delta.chunks_exact_mut(shape.raw_outputs());
        for (raw, outputs) in rows.zip(at_outputs.chunks_exact(shape.outputs())) {
            shape.combine_back(outputs, raw);
        }
        for (index, layer) in net.layers.iter().enumerate().rev() {
            let (weights, _) = layer.split(&net.parameters);
            let (to_weights, to_biases) = layer.split_mut(gradient);
            let delta = View::new(&self.delta, batch, layer.outputs);
            let input: &[f32] = if index == 0 { states } else { &self.layers[index - 1] };
            self.multiplier.product(View::new(input, batch, layer.inputs).transposed(), delta, to_weights);
            to_biases.fill(0.0);
            for row in self.delta.chunks_exact(layer.outputs) {
                to_biases.iter_mut().zip(row).for_each(|(sum, d)| *sum += d);
            }
            if index == 0 {
                break;
            }
            self.next_delta.resize(batch * layer.inputs, 0.0);
            let weights = View::new(weights, layer.inputs, layer.outputs).transposed();
            self.multiplier.product(delta, weights, &mut self.next_delta);
            self.cpu.run(Gate(&mut self.next_delta, &self.layers[index - 1]));
            std::mem::swap(&mut self.delta, &mut self.next_delta);
        }
    }
}

/// Negative numbers become 0.
struct Rectify<'a>(&'a mut [f32]);

impl WithSimd for Rectify<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 });
    }
}

/// Gradients of units that were 0 become 0.
struct Gate<'a>(&'a mut [f32], &'a [f32]);

impl WithSimd for Gate<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.iter_mut().zip(self.1).for_each(|(d, x)| *d = if *x > 0.0 { *d } else { 0.0 });
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::tests::shape;
    use super::*;

    /// Central differences of a random linear function of the outputs.
    #[test]
    fn the_gradient_is_the_slope() {
        for dueling in [false, true] {
            let shape =
                Shape { inputs: 5, hidden: vec![34, 33], actions: 3, quantiles: 2, heads: 2, dueling };
            let rng = Stream::root(4);
            let mut net = QNet::new(shape, &rng);
            let mut draw = rng.child("x", 0);
            let mut numbers = |n: usize| (0..n).map(|_| draw.unit() as f32 - 0.5).collect::<Vec<_>>();
            let (states, slopes) = (numbers(7 * 5), numbers(7 * 12));
            let mut pass = Pass::new();
            pass.forward(&net, &states);
            let mut gradient = vec![0.0; net.parameters().len()];
            pass.backward(&net, &states, &slopes, &mut gradient);
            let mut value = |net: &QNet| -> f64 {
                let outputs = pass.forward(net, &states);
                outputs.iter().zip(&slopes).map(|(q, s)| f64::from(*q) * f64::from(*s)).sum()
            };
            for index in (0..gradient.len()).step_by(37) {
                let old = net.parameters()[index];
                net.parameters_mut()[index] = old + 1e-2;
                let above = value(&net);
                net.parameters_mut()[index] = old - 1e-2;
                let below = value(&net);
                net.parameters_mut()[index] = old;
                let slope = (above - below) / 2e-2;
                let error = (slope - f64::from(gradient[index])).abs();
                assert!(error < 5e-3 * (1.0 + slope.abs()), "{index}: {slope} {}", gradient[index]);
            }
        }
    }

    #[test]
    fn a_state_gets_the_same_bits_in_every_batch() {
        let net = QNet::new(shape(), &Stream::root(5));
        let mut rng = Stream::root(6);
        let states: Vec<f32> = (0..64 * 13).map(|_| rng.unit() as f32).collect();
        let mut pass = Pass::new();
        let all = pass.forward(&net, &states).to_vec();
        for at in [0, 5, 63] {
            let one = pass.forward(&net, &states[at * 13..(at + 1) * 13]);
            assert_eq!(one, &all[at * 6..(at + 1) * 6]);
        }
    }
}
