//! The engine's matrix product by itself, for the benches. Not part of the interface.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

use super::product::multiply;
use super::simd::Cpu;
use super::weights::Weights;

/// A product of a Q4_1 or Q8_0 matrix with some tokens.
#[derive(Debug)]
pub struct Kernel {
    cpu: Cpu,
    weights: Weights,
    x: Vec<f32>,
    tokens: usize,
    out: Vec<f32>,
}

impl Kernel {
    /// A product of `rows` x `columns` weights of `bits` bits, 4 or 8, with `tokens` tokens; `columns` is a multiple
    /// of 32. With `simd`, by the widest instructions of this machine, else without any.
    ///
    /// # Errors
    /// A sentence for sizes that cannot be.
    pub fn new(simd: bool, bits: u32, rows: usize, columns: usize, tokens: usize) -> Result<Self, String> {
        let wave = |n: usize, step: f32| (0..n).map(|i| (i as f32 * step).sin()).collect::<Vec<f32>>();
        let dtype = if bits == 4 { GgmlDType::Q4_1 } else { GgmlDType::Q8_0 };
        let weights = Tensor::from_vec(wave(rows * columns, 0.37), (rows, columns), &Device::Cpu)
            .and_then(|tensor| QTensor::quantize(&tensor, dtype))
            .map_err(|error| error.to_string())?;
        let weights = Weights::from_tensor(&weights, None)?;
        let out = vec![0.0; tokens * weights.padded()];
        let cpu = if simd { Cpu::detect() } else { Cpu::baseline() };
        Ok(Self { cpu, weights, x: wave(columns * tokens, 0.11), tokens, out })
    }

    /// Multiplies and returns one of the results.
    pub fn run(&mut self) -> f32 {
        multiply(self.cpu, &self.weights, &self.x, self.tokens, &mut self.out);
        self.out[0]
    }
}
