use candle_core::{Device, Result, Tensor, Var};

use super::{QNet, Shape};

/// The same network on candle: forward by its tensors, backward by its automatic differentiation.
///
/// It has the interface of [`super::Pass`] and shares no arithmetic with it, so each checks the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    recorded: Option<Recorded>,
    outputs: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Recorded {
    variables: Vec<(Var, Var)>,
    outputs: Tensor,
}

impl Graph {
    /// The outputs of `states`, one row a state.
    ///
    /// # Errors
    /// candle's, as text.
    pub(crate) fn forward(&mut self, net: &QNet, states: &[f32]) -> std::result::Result<&[f32], String> {
        let recorded = record(net, states).map_err(|e| e.to_string())?;
        self.outputs = recorded.outputs.flatten_all().and_then(|t| t.to_vec1()).map_err(|e| e.to_string())?;
        self.recorded = Some(recorded);
        Ok(&self.outputs)
    }

    /// The gradient at the parameters from that at the outputs of the last [`Self::forward`].
    ///
    /// # Errors
    /// candle's, as text.
    pub(crate) fn backward(
        &mut self,
        net: &QNet,
        at_outputs: &[f32],
        gradient: &mut [f32],
    ) -> std::result::Result<(), String> {
        let recorded = self.recorded.take().ok_or("no forward pass to go back from")?;
        differentiate(net, &recorded, at_outputs, gradient).map_err(|e| e.to_string())
    }
}

fn record(net: &QNet, states: &[f32]) -> Result<Recorded> {
    let device = Device::Cpu;
    let batch = states.len() / net.shape.inputs;
    let mut x = Tensor::from_slice(states, (batch, net.shape.inputs), &device)?;
    let mut variables = Vec::new();
    for (index, layer) in net.layers.iter().enumerate() {
        let (weights, biases) = layer.split(&net.parameters);
        let weights = Var::from_slice(weights, (layer.inputs, layer.outputs), &device)?;
        let biases = Var::from_slice(biases, layer.outputs, &device)?;
        x = x.matmul(&weights)?.broadcast_add(&biases)?;
        if index + 1 < net.layers.len() {
            x = x.relu()?;
        }
        variables.push((weights, biases));
    }
    Ok(Recorded { variables, outputs: combine(&net.shape, &x, batch)? })
}

/// Value plus advantage minus the mean advantage, where values have a group of their own.
fn combine(shape: &Shape, raw: &Tensor, batch: usize) -> Result<Tensor> {
    let form = (batch, shape.heads, shape.actions, shape.quantiles);
    let advantages = raw.narrow(1, 0, shape.outputs())?.reshape(form)?;
    if !shape.dueling {
        return Ok(advantages);
    }
    let values = raw.narrow(1, shape.outputs(), shape.heads * shape.quantiles)?;
    let values = values.reshape((batch, shape.heads, 1, shape.quantiles))?;
    advantages.broadcast_sub(&advantages.mean_keepdim(2)?)?.broadcast_add(&values)
}

fn differentiate(net: &QNet, recorded: &Recorded, at_outputs: &[f32], gradient: &mut [f32]) -> Result<()> {
    let slopes = Tensor::from_slice(at_outputs, recorded.outputs.shape(), &Device::Cpu)?;
    let store = (&recorded.outputs * slopes)?.sum_all()?.backward()?;
    gradient.fill(0.0);
    for (layer, (weights, biases)) in net.layers.iter().zip(&recorded.variables) {
        let (to_weights, to_biases) = layer.split_mut(gradient);
        for (variable, to) in [(weights, to_weights), (biases, to_biases)] {
            if let Some(slope) = store.get(variable) {
                to.copy_from_slice(&slope.flatten_all()?.to_vec1::<f32>()?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::tests::shape;
    use super::super::{Pass, Single};
    use super::*;

    /// Largest distance in units of the largest number.
    fn distance(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        let scale = b.iter().fold(f32::MIN_POSITIVE, |m, x| m.max(x.abs()));
        a.iter().zip(b).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs())) / scale
    }

    #[test]
    fn the_fused_path_is_candles_to_a_hundred_thousandth() {
        let forms = [
            shape(),
            Shape { dueling: true, ..shape() },
            Shape { quantiles: 32, heads: 5, actions: 20, hidden: vec![64], ..shape() },
            Shape {
                quantiles: 3,
                heads: 2,
                dueling: true,
                inputs: 100,
                hidden: vec![33, 65, 32, 40, 47],
                ..shape()
            },
        ];
        for (seed, form) in forms.into_iter().enumerate() {
            let rng = Stream::root(seed as u64);
            let net = QNet::new(form.clone(), &rng);
            let mut draw = rng.child("x", 0);
            let mut numbers = |n: usize| (0..n).map(|_| draw.unit() as f32 * 4.0 - 2.0).collect::<Vec<_>>();
            let (states, slopes) = (numbers(64 * form.inputs), numbers(64 * form.outputs()));
            let (mut pass, mut graph) = (Pass::new(), Graph::default());
            let expected = graph.forward(&net, &states).unwrap().to_vec();
            assert!(distance(pass.forward(&net, &states), &expected) < 1e-5);
            let first = &states[..form.inputs];
            assert!(distance(Single::new().forward(&net, first), &expected[..form.outputs()]) < 1e-5);
            let mut gradients = [vec![0.0; net.parameters().len()], vec![0.0; net.parameters().len()]];
            let [fused, reference] = &mut gradients;
            pass.backward(&net, &states, &slopes, fused);
            graph.backward(&net, &slopes, reference).unwrap();
            assert!(distance(fused, reference) < 1e-5);
        }
    }
}
