use candle_core::{D, DType, Device, Result, Tensor, Var};
use meta_traits::Stream;
use serde::Serialize;
use topology_neat::{Library, Module, ModuleKind, Workflow, WorkflowSpace};

use super::data::{Data, Part};

/// Adam's step size and decays.
const RATE: f32 = 0.02;
const DECAYS: [f32; 2] = [0.9, 0.999];
const WIDTHS: [usize; 4] = [4, 8, 16, 32];

/// The architectures: up to 6 layers that read up to 3 each.
///
/// # Panics
/// Never: the library is sound.
pub fn space() -> WorkflowSpace {
    let kinds = vec![
        (ModuleKind::Generate, 12),
        (ModuleKind::Refine, 2),
        (ModuleKind::Retrieve, 2),
        (ModuleKind::Enhancer, 1),
    ];
    let library = Library::new(kinds).expect("every kind has variants and some answer");
    WorkflowSpace::new(library, 6, 3).expect("the limits are small")
}

/// Shares of wrong answers after training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// On validation data.
    pub validation: f64,
    /// On test data.
    pub test: f64,
}

/// Trains a network of this architecture from weights of its own, and counts its errors.
///
/// The same arguments give the same errors. A network that does not stay finite errs always.
///
/// # Errors
/// What the tensor library says, which for architectures of [`space`] is nothing.
pub fn train(architecture: &Workflow, data: &Data, steps: u16, seed: u64) -> Result<Errors> {
    let mut network = Network::new(architecture, data, &Stream::root(seed).child("weights", 0))?;
    let (inputs, wanted) = tensors(&data.training, data)?;
    for step in 1..=i32::from(steps) {
        let output = network.forward(&inputs)?;
        let loss = (output.log_sum_exp(D::Minus1)? - (&output * &wanted)?.sum(D::Minus1)?)?.mean_all()?;
        network.step(&loss, step)?;
    }
    Ok(Errors {
        validation: network.errors(&data.validation, data)?,
        test: network.errors(&data.test, data)?,
    })
}

fn tensors(part: &Part, data: &Data) -> Result<(Tensor, Tensor)> {
    let rows = part.classes.len();
    let inputs = Tensor::from_vec(part.inputs.clone(), (rows, data.width), &Device::Cpu)?;
    let mut wanted = vec![0.0_f32; rows * data.classes];
    for (row, class) in part.classes.iter().enumerate() {
        wanted[row * data.classes + usize::from(*class)] = 1.0;
    }
    Ok((inputs, Tensor::from_vec(wanted, (rows, data.classes), &Device::Cpu)?))
}

struct Network<'a> {
    architecture: &'a Workflow,
    /// Weight and bias of each layer that has them, in order, the output's last.
    weights: Vec<Weight>,
}

struct Weight {
    value: Var,
    numbers: Vec<f32>,
    /// Adam's first and second moments.
    moments: [Vec<f32>; 2],
}

impl<'a> Network<'a> {
    fn new(architecture: &'a Workflow, data: &Data, stream: &Stream) -> Result<Self> {
        let mut widths = vec![data.width];
        let mut weights = Vec::new();
        for position in 0..=architecture.modules().len() {
            let read: usize = architecture.reads(position).map(|v| widths[v]).sum();
            let module = architecture.modules().get(position);
            let out = match module.map(|m| (m.kind, m.variant)) {
                Some((ModuleKind::Generate, v)) => WIDTHS[usize::from(v) % 4],
                Some((ModuleKind::Retrieve, _)) => 2 * read,
                Some(_) => read,
                None => data.classes,
            };
            widths.push(out);
            if module.is_none_or(|m| matches!(m.kind, ModuleKind::Generate | ModuleKind::Refine)) {
                let mut rng = stream.child("layer", position as u64);
                let scale = (3.0 / read as f64).sqrt();
                let drawn = (0..read * out).map(|_| (scale * (2.0 * rng.unit() - 1.0)) as f32).collect();
                weights.push(Weight::new(drawn, (read, out))?);
                weights.push(Weight::new(vec![0.0; out], (1, out))?);
            }
        }
        Ok(Self { architecture, weights })
    }

    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        let mut weights = self.weights.iter().map(|w| &w.value);
        let mut dense = |x: &Tensor| match (weights.next(), weights.next()) {
            (Some(weight), Some(bias)) => x.matmul(weight)?.broadcast_add(bias),
            _ => x.matmul(x),
        };
        let mut values = vec![inputs.clone()];
        for position in 0..=self.architecture.modules().len() {
            let read: Vec<&Tensor> = self.architecture.reads(position).map(|v| &values[v]).collect();
            let read = if let [one] = read[..] { one.clone() } else { Tensor::cat(&read, 1)? };
            let value = match self.architecture.modules().get(position) {
                None => dense(&read)?,
                Some(module) => layer(*module, &read, &mut dense)?,
            };
            values.push(value);
        }
        Ok(values.swap_remove(values.len() - 1))
    }

    fn step(&mut self, loss: &Tensor, step: i32) -> Result<()> {
        let gradients = loss.backward()?;
        let [first, second] = DECAYS;
        let rate = RATE * (1.0 - second.powi(step)).sqrt() / (1.0 - first.powi(step));
        for weight in &mut self.weights {
            let Some(gradient) = gradients.get(&weight.value) else { continue };
            let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
            let [m, v] = &mut weight.moments;
            for (((x, g), m), v) in weight.numbers.iter_mut().zip(gradient).zip(m).zip(v) {
                *m = first * *m + (1.0 - first) * g;
                *v = second * *v + (1.0 - second) * g * g;
                *x -= rate * *m / (v.sqrt() + 1e-8);
            }
            let shape = weight.value.shape().clone();
            weight.value.set(&Tensor::from_vec(weight.numbers.clone(), shape, &Device::Cpu)?)?;
        }
        Ok(())
    }

    fn errors(&self, part: &Part, data: &Data) -> Result<f64> {
        let (inputs, _) = tensors(part, data)?;
        let output = self.forward(&inputs)?.to_dtype(DType::F32)?;
        let rows = output.to_vec2::<f32>()?;
        let is_right = |(row, class): &(&Vec<f32>, &u8)| {
            let wanted = row[usize::from(**class)];
            row.iter().all(|x| x.is_finite())
                && row.iter().enumerate().all(|(c, x)| c == usize::from(**class) || *x < wanted)
        };
        let right = rows.iter().zip(&part.classes).filter(is_right).count();
        Ok(1.0 - right as f64 / rows.len() as f64)
    }
}

impl Weight {
    fn new(numbers: Vec<f32>, shape: (usize, usize)) -> Result<Self> {
        let value = Var::from_vec(numbers.clone(), shape, &Device::Cpu)?;
        let zeros = vec![0.0; numbers.len()];
        Ok(Self { value, numbers, moments: [zeros.clone(), zeros] })
    }
}

fn layer(module: Module, read: &Tensor, dense: &mut impl FnMut(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    match (module.kind, module.variant) {
        (ModuleKind::Generate, v) => match v / 4 {
            0 => dense(read)?.tanh(),
            1 => dense(read)?.relu(),
            _ => dense(read)?.affine(3.0, 0.0)?.sin(),
        },
        (ModuleKind::Refine, 0) => read + dense(read)?.tanh()?,
        (ModuleKind::Refine, _) => read + dense(read)?.relu()?,
        (ModuleKind::Retrieve, 0) => Tensor::cat(&[read, &read.sqr()?], 1),
        (ModuleKind::Retrieve, _) => Tensor::cat(&[read, &read.affine(6.0, 0.0)?.sin()?], 1),
        _ => {
            let centred = read.broadcast_sub(&read.mean_keepdim(1)?)?;
            let deviation = (centred.sqr()?.mean_keepdim(1)? + 1e-5)?.sqrt()?;
            centred.broadcast_div(&deviation)
        }
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Space as _;

    use super::super::data::Problem;
    use super::*;

    #[test]
    fn every_architecture_trains_and_training_repeats_itself() {
        for problem in Problem::ALL {
            let data = Data::new(problem);
            for seed in 0..12 {
                let architecture = space().sample(&mut Stream::root(seed));
                let errors = train(&architecture, &data, 2, seed).unwrap();
                assert!((0.0..=1.0).contains(&errors.validation) && (0.0..=1.0).contains(&errors.test));
                assert_eq!(errors, train(&architecture, &data, 2, seed).unwrap(), "{architecture}");
            }
        }
    }

    #[test]
    fn training_lowers_the_error() {
        let data = Data::new(Problem::Digits);
        let architecture = Workflow::single(Module::new(ModuleKind::Generate, 7)).unwrap();
        let after = |steps| train(&architecture, &data, steps, 1).unwrap().validation;
        assert!(after(40) < 0.6 && after(0) > 0.7, "{} {}", after(40), after(0));
    }
}
