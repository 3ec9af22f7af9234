use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors, View};

use super::QNet;
use crate::DqnError;

/// One tensor on its way out: little-endian bytes and their form.
struct Tensor {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn names(index: usize) -> [String; 2] {
    [format!("layers.{index}.weight"), format!("layers.{index}.bias")]
}

/// The weights as safetensors: `layers.I.weight` of form outputs x inputs, `layers.I.bias`, the heads last.
pub(crate) fn to_bytes(net: &QNet) -> Result<Vec<u8>, DqnError> {
    let bytes = |numbers: &mut dyn Iterator<Item = f32>| numbers.flat_map(f32::to_le_bytes).collect();
    let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
    for (index, layer) in net.layers.iter().enumerate() {
        let (weights, biases) = layer.split(&net.parameters);
        let [weight, bias] = names(index);
        let mut transposed =
            (0..layer.outputs).flat_map(|o| (0..layer.inputs).map(move |i| weights[i * layer.outputs + o]));
        let shape = vec![layer.outputs, layer.inputs];
        tensors.insert(weight, Tensor { shape, bytes: bytes(&mut transposed) });
        let shape = vec![layer.outputs];
        tensors.insert(bias, Tensor { shape, bytes: bytes(&mut biases.iter().copied()) });
    }
    safetensors::serialize(tensors, None).map_err(|e| DqnError::Weights(e.to_string()))
}

/// Parameters for a network of the form of `net` from safetensors as [`to_bytes`] writes them.
pub(crate) fn from_bytes(net: &QNet, bytes: &[u8]) -> Result<Vec<f32>, DqnError> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| DqnError::Weights(e.to_string()))?;
    let read = |name: &str, shape: &[usize]| -> Result<Vec<f32>, DqnError> {
        let tensor = file.tensor(name).map_err(|_| DqnError::Weights(format!("no tensor '{name}'")))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let found = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
            return Err(DqnError::Weights(format!("'{name}' is {found}; needed: F32 {shape:?}")));
        }
        let (chunks, _) = tensor.data().as_chunks::<4>();
        let numbers: Vec<f32> = chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if numbers.iter().any(|x| !x.is_finite()) {
            return Err(DqnError::Weights(format!("'{name}' holds numbers that are not finite")));
        }
        Ok(numbers)
    };
    if file.len() != 2 * net.layers.len() {
        let message = format!("{} tensors; needed: {}", file.len(), 2 * net.layers.len());
        return Err(DqnError::Weights(message));
    }
    let mut parameters = Vec::with_capacity(net.parameters.len());
    for (index, layer) in net.layers.iter().enumerate() {
        let [weight, bias] = names(index);
        let weights = read(&weight, &[layer.outputs, layer.inputs])?;
        let (inputs, outputs) = (layer.inputs, layer.outputs);
        parameters.extend(
            (0..inputs).flat_map(|i| (0..outputs).map(move |o| (i, o))).map(|(i, o)| weights[o * inputs + i]),
        );
        parameters.extend(read(&bias, &[outputs])?);
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::tests::shape;
    use super::super::{QNet, Shape};
    use super::*;

    #[test]
    fn weights_come_back_bit_for_bit() {
        let net = QNet::new(shape(), &Stream::root(1));
        let bytes = to_bytes(&net).unwrap();
        assert_eq!(from_bytes(&net, &bytes).unwrap(), net.parameters());
    }

    #[test]
    fn damaged_and_foreign_weights_are_refused() {
        let net = QNet::new(shape(), &Stream::root(1));
        let bytes = to_bytes(&net).unwrap();
        assert!(from_bytes(&net, &bytes[..bytes.len() / 2]).is_err());
        assert!(from_bytes(&net, b"").is_err());
        let other = QNet::new(Shape { actions: 5, ..shape() }, &Stream::root(1));
        let message = from_bytes(&other, &bytes).unwrap_err().to_string();
        assert!(message.contains("'layers.3.weight' is F32 [6, 128]; needed: F32 [5, 128]"), "{message}");
        let deeper = QNet::new(Shape { hidden: vec![256, 256], ..shape() }, &Stream::root(1));
        assert!(from_bytes(&deeper, &bytes).is_err());
        let mut poisoned = net.clone();
        poisoned.parameters_mut()[7] = f32::NAN;
        assert!(from_bytes(&net, &to_bytes(&poisoned).unwrap()).is_err());
    }
}
