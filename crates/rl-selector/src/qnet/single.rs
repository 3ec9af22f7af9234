use pulp::{Simd, WithSimd};

use super::QNet;
use crate::cpu::{Cpu, madd1};

/// Weights rows worked on at once.
const ROWS: usize = 4;

/// One state on its way through a network: what a decision costs.
///
/// Units that are 0 are skipped with their weights, which halves the memory traffic behind rectified layers.
#[derive(Clone, Debug)]
pub(crate) struct Single {
    cpu: Cpu,
    input: Vec<f32>,
    output: Vec<f32>,
    active: Vec<usize>,
}

impl Single {
    pub(crate) fn new() -> Self {
        Self { cpu: Cpu::detect(), input: Vec::new(), output: Vec::new(), active: Vec::new() }
    }

    /// The outputs of one state.
    pub(crate) fn forward(&mut self, net: &QNet, state: &[f32]) -> &[f32] {
        self.trunk(net, state, net.layers.len());
        self.output.clone_from(&self.input);
        self.input.truncate(net.shape.outputs());
        net.shape.combine(&self.output, &mut self.input);
        &self.input
    }

    /// The units of the last hidden layer.
    pub(crate) fn features(&mut self, net: &QNet, state: &[f32]) -> &[f32] {
        self.trunk(net, state, net.layers.len() - 1);
        &self.input
    }

    /// Runs the first `layers` layers; their result is in `input`.
    fn trunk(&mut self, net: &QNet, state: &[f32], layers: usize) {
        self.input.clear();
        self.input.extend_from_slice(state);
        for (index, layer) in net.layers[..layers].iter().enumerate() {
            let (weights, biases) = layer.split(&net.parameters);
            self.output.clear();
            self.output.extend_from_slice(biases);
            let input = &self.input;
            self.active.clear();
            self.active.extend((0..input.len()).filter(|i| input[*i] != 0.0));
            let rectify = index + 1 < net.layers.len();
            self.cpu.run(Rows { weights, input, active: &self.active, output: &mut self.output, rectify });
            std::mem::swap(&mut self.input, &mut self.output);
        }
    }
}

struct Rows<'a> {
    weights: &'a [f32],
    input: &'a [f32],
    active: &'a [usize],
    output: &'a mut [f32],
    rectify: bool,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { weights, input, active, output, rectify } = self;
        let width = output.len();
        let row = |i: usize| &weights[i * width..][..width];
        let (fours, rest) = active.as_chunks::<ROWS>();
        for four in fours {
            let [a, b, c, d] = four.map(row);
            let x = four.map(|i| input[i]);
            for ((((out, a), b), c), d) in output.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                let sum = madd1::<S>(x[0], *a, *out);
                let sum = madd1::<S>(x[1], *b, sum);
                let sum = madd1::<S>(x[2], *c, sum);
                *out = madd1::<S>(x[3], *d, sum);
            }
        }
        for i in rest {
            let x = input[*i];
            output.iter_mut().zip(row(*i)).for_each(|(out, w)| *out = madd1::<S>(x, *w, *out));
        }
        if rectify {
            for x in output {
                *x = if *x > 0.0 { *x } else { 0.0 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::tests::shape;
    use super::super::{Pass, Shape};
    use super::*;

    #[test]
    fn one_state_and_a_batch_agree() {
        for shape in [shape(), Shape { dueling: true, heads: 5, quantiles: 3, ..shape() }] {
            let net = QNet::new(shape, &Stream::root(7));
            let mut rng = Stream::root(8);
            for _ in 0..10 {
                let state: Vec<f32> =
                    (0..13).map(|i| if i % 3 == 0 { 0.0 } else { rng.unit() as f32 }).collect();
                let mut pass = Pass::new();
                let mut single = Single::new();
                let batch = pass.forward(&net, &state);
                for (a, b) in single.forward(&net, &state).iter().zip(batch) {
                    assert!((a - b).abs() < 1e-5, "{a} {b}");
                }
            }
        }
    }
}
