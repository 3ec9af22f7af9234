use candle_core::Device;
use candle_core::quantized::{GgmlDType, QTensor};
use pulp::{Scalar256b, Simd};

use super::blocks::{self, Runs};
use super::simd::madd;

/// Weights a quantised block holds.
pub(crate) const BLOCK: usize = 32;

/// A weight matrix of `rows` x `columns`, kept as quantised as it came; row r gives output r.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) values: Values,
}

/// How the numbers of a matrix are held, row after row.
#[derive(Debug)]
pub(crate) enum Values {
    /// Four bits: `q * scale + shift`, one pair a block of 32. In a row of n weights, byte i holds weight i (low) and
    /// weight i + n/2 (high), so that long runs of bytes become long runs of weights.
    Four { quants: Vec<u8>, scales: Vec<f32>, shifts: Vec<f32> },
    /// Eight bits: `q * scale`, one scale a block of 32.
    Eight { quants: Vec<i8>, scales: Vec<f32> },
    /// Up to eight bits with a scale, and perhaps a shift, for each run of 16 or 32.
    Runs(Runs),
    /// The upper halves of single-precision numbers.
    Brain(Vec<u16>),
    /// Bits of IEEE half precision.
    Half(Vec<u16>),
    /// Single precision.
    Single(Vec<f32>),
}

impl Weights {
    /// Takes a tensor of a model file over. Types without a form of their own become single precision.
    ///
    /// # Errors
    /// A sentence when the shape is not a matrix or the type cannot be read.
    pub(crate) fn from_tensor(tensor: &QTensor) -> Result<Self, String> {
        let (rows, columns) = tensor
            .shape()
            .dims2()
            .map_err(|_| format!("has the shape {:?} where a matrix is needed", tensor.shape().dims()))?;
        let data = tensor.data().map_err(|error| error.to_string())?;
        let block = tensor.dtype().block_size();
        if columns % block != 0 {
            return Err(format!("has rows of {columns} weights; blocks of {block} do not divide them"));
        }
        let values = match tensor.dtype() {
            GgmlDType::Q4_0 => four(data.as_chunks::<18>().0, columns, |b| {
                let scale = half(b[0], b[1]);
                (scale, -8.0 * scale)
            }),
            GgmlDType::Q4_1 => {
                four(data.as_chunks::<20>().0, columns, |b| (half(b[0], b[1]), half(b[2], b[3])))
            }
            GgmlDType::Q8_0 => {
                let blocks = data.as_chunks::<34>().0;
                Values::Eight {
                    quants: blocks.iter().flat_map(|b| b[2..].iter().map(|q| q.cast_signed())).collect(),
                    scales: blocks.iter().map(|b| half(b[0], b[1])).collect(),
                }
            }
            GgmlDType::Q5_0 => {
                let Runs { quants, scales, .. } = blocks::five::<22>(&data);
                Values::Eight { quants, scales }
            }
            GgmlDType::Q4K => packed(blocks::four_or_five_k::<144>(&data), columns),
            GgmlDType::Q5_1 => Values::Runs(blocks::five::<24>(&data)),
            GgmlDType::Q2K => Values::Runs(blocks::two_k(&data)),
            GgmlDType::Q3K => Values::Runs(blocks::three_k(&data)),
            GgmlDType::Q5K => Values::Runs(blocks::four_or_five_k::<176>(&data)),
            GgmlDType::Q6K => Values::Runs(blocks::six_k(&data)),
            GgmlDType::BF16 => {
                Values::Brain(data.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b)).collect())
            }
            GgmlDType::F16 => {
                Values::Half(data.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b)).collect())
            }
            GgmlDType::F32 => {
                Values::Single(data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
            }
            _ => Values::Single(
                tensor
                    .dequantize(&Device::Cpu)
                    .and_then(|t| t.flatten_all()?.to_vec1::<f32>())
                    .map_err(|error| error.to_string())?,
            ),
        };
        Ok(Self { rows, columns, values })
    }

    /// The same matrix with row `order[r]` in place of row r. `order` must be a permutation.
    pub(crate) fn reordered(self, order: &[usize]) -> Self {
        let Self { rows, columns, values } = self;
        let values = match values {
            Values::Four { quants, scales, shifts } => Values::Four {
                quants: reorder(&quants, rows, order),
                scales: reorder(&scales, rows, order),
                shifts: reorder(&shifts, rows, order),
            },
            Values::Eight { quants, scales } => {
                Values::Eight { quants: reorder(&quants, rows, order), scales: reorder(&scales, rows, order) }
            }
            Values::Runs(Runs { quants, scales, shifts, run }) => Values::Runs(Runs {
                quants: reorder(&quants, rows, order),
                scales: reorder(&scales, rows, order),
                shifts: reorder(&shifts, rows, order),
                run,
            }),
            Values::Brain(bits) => Values::Brain(reorder(&bits, rows, order)),
            Values::Half(bits) => Values::Half(reorder(&bits, rows, order)),
            Values::Single(values) => Values::Single(reorder(&values, rows, order)),
        };
        Self { rows, columns, values }
    }

    /// Writes row `row` as numbers.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        self.fill(Scalar256b, row, out);
    }

    /// Writes row `row` as numbers, with the instruction set of the caller.
    #[inline(always)]
    pub(crate) fn fill<S: Simd>(&self, simd: S, row: usize, out: &mut [f32]) {
        let columns = self.columns;
        match &self.values {
            Values::Four { quants, scales, shifts } => {
                FourRows { quants, scales, shifts, columns }.fill(simd, row, 0, out);
            }
            Values::Eight { quants, scales } => EightRows { quants, scales, columns }.fill(simd, row, 0, out),
            Values::Runs(runs) => RunRows { runs, columns }.fill(simd, row, 0, out),
            Values::Brain(bits) => BrainRows { bits, columns }.fill(simd, row, 0, out),
            Values::Half(bits) => HalfRows { bits, columns }.fill(simd, row, 0, out),
            Values::Single(values) => {
                SingleRows { values, offset: 0, stride: columns }.fill(simd, row, 0, out);
            }
        }
    }
}

fn reorder<T: Copy>(values: &[T], rows: usize, order: &[usize]) -> Vec<T> {
    let width = values.len() / rows;
    order.iter().flat_map(|&row| &values[row * width..(row + 1) * width]).copied().collect()
}

/// A half as it lies in a file.
pub(super) fn half(low: u8, high: u8) -> f32 {
    half_to_single(u16::from_le_bytes([low, high]))
}

/// Exact for every finite half; infinities become large. Without branches, so that loops become vector code.
#[inline(always)]
pub(crate) fn half_to_single(bits: u16) -> f32 {
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * f32::from_bits(0x7780_0000);
    f32::from_bits(magnitude.to_bits() | (u32::from(bits & 0x8000) << 16))
}

/// Takes blocks of 32 over; in a block, byte i of the last 16 holds elements i (low) and i + 16 (high).
fn four<const N: usize>(
    blocks: &[[u8; N]],
    columns: usize,
    scale_and_shift: impl Fn(&[u8; N]) -> (f32, f32),
) -> Values {
    let (scales, shifts) = blocks.iter().map(scale_and_shift).unzip();
    let mut quants = Vec::with_capacity(blocks.len() * BLOCK / 2);
    let mut row = vec![0_u8; columns];
    for blocks in blocks.chunks_exact(columns / BLOCK) {
        for (block, out) in blocks.iter().zip(row.as_chunks_mut::<BLOCK>().0) {
            let (low, high) = out.split_at_mut(BLOCK / 2);
            for ((q, low), high) in block[N - BLOCK / 2..].iter().zip(low).zip(high) {
                (*low, *high) = (q & 15, q >> 4);
            }
        }
        let (low, high) = row.split_at(columns / 2);
        quants.extend(low.iter().zip(high).map(|(low, high)| low | (high << 4)));
    }
    Values::Four { quants, scales, shifts }
}

/// Packs runs of 32 four-bit quants.
fn packed(runs: Runs, columns: usize) -> Values {
    let Runs { quants: loose, scales, shifts, .. } = runs;
    let mut quants = Vec::with_capacity(loose.len() / 2);
    for row in loose.chunks_exact(columns) {
        let (low, high) = row.split_at(columns / 2);
        quants.extend(low.iter().zip(high).map(|(low, high)| (low | (high << 4)).cast_unsigned()));
    }
    Values::Four { quants, scales, shifts }
}

/// Rows of numbers that a matrix product reads piece by piece.
pub(crate) trait Rows: Copy {
    /// Writes elements `from..from + out.len()` of row `row`. Quantised forms need both to be multiples of 32.
    fn fill<S: Simd>(self, simd: S, row: usize, from: usize, out: &mut [f32]);

    /// Writes elements `from..from + length` of the rows that start at `first`, one into each line of `panel`.
    #[inline(always)]
    fn fill_panel<S: Simd, const N: usize>(
        self,
        simd: S,
        first: usize,
        from: usize,
        length: usize,
        panel: &mut [[f32; N]],
    ) {
        for (r, line) in panel.iter_mut().enumerate() {
            self.fill(simd, first + r, from, &mut line[..length]);
        }
    }
}

/// See [`Values::Four`].
#[derive(Clone, Copy)]
pub(crate) struct FourRows<'a> {
    pub(crate) quants: &'a [u8],
    pub(crate) scales: &'a [f32],
    pub(crate) shifts: &'a [f32],
    pub(crate) columns: usize,
}

impl FourRows<'_> {
    /// Writes the bare quants of elements `from..from + out.len()`.
    #[inline(always)]
    pub(crate) fn quants(self, row: usize, from: usize, out: &mut [f32]) {
        let half = self.columns / 2;
        let bytes = &self.quants[row * half..(row + 1) * half];
        let low = half.saturating_sub(from).min(out.len());
        let (first, second) = out.split_at_mut(low);
        // Plain loops over long slices: the compiler turns them into vector code.
        if !first.is_empty() {
            for (out, &byte) in first.iter_mut().zip(&bytes[from..]) {
                *out = f32::from(byte & 15);
            }
        }
        if !second.is_empty() {
            for (out, &byte) in second.iter_mut().zip(&bytes[from + low - half..]) {
                *out = f32::from(byte >> 4);
            }
        }
    }
}

impl Rows for FourRows<'_> {
    #[inline(always)]
    fn fill<S: Simd>(self, simd: S, row: usize, from: usize, out: &mut [f32]) {
        self.quants(row, from, out);
        let first = (row * self.columns + from) / BLOCK;
        let pairs = self.scales[first..].iter().zip(&self.shifts[first..]);
        for (block, (&scale, &shift)) in out.chunks_exact_mut(BLOCK).zip(pairs) {
            let (scale, shift) = (simd.splat_f32s(scale), simd.splat_f32s(shift));
            for numbers in S::as_mut_simd_f32s(block).0 {
                *numbers = madd(simd, *numbers, scale, shift);
            }
        }
    }
}

/// See [`Values::Eight`].
#[derive(Clone, Copy)]
pub(crate) struct EightRows<'a> {
    pub(crate) quants: &'a [i8],
    pub(crate) scales: &'a [f32],
    pub(crate) columns: usize,
}

impl EightRows<'_> {
    /// Writes the bare quants of elements `from..from + out.len()`.
    #[inline(always)]
    pub(crate) fn quants(self, row: usize, from: usize, out: &mut [f32]) {
        for (out, &q) in out.iter_mut().zip(&self.quants[row * self.columns + from..]) {
            *out = f32::from(q);
        }
    }
}

impl Rows for EightRows<'_> {
    #[inline(always)]
    fn fill<S: Simd>(self, simd: S, row: usize, from: usize, out: &mut [f32]) {
        self.quants(row, from, out);
        let first = (row * self.columns + from) / BLOCK;
        for (block, &scale) in out.chunks_exact_mut(BLOCK).zip(&self.scales[first..]) {
            let scale = simd.splat_f32s(scale);
            for numbers in S::as_mut_simd_f32s(block).0 {
                *numbers = simd.mul_f32s(*numbers, scale);
            }
        }
    }
}

/// See [`Values::Runs`].
#[derive(Clone, Copy)]
pub(crate) struct RunRows<'a> {
    pub(crate) runs: &'a Runs,
    pub(crate) columns: usize,
}

impl Rows for RunRows<'_> {
    #[inline(always)]
    fn fill<S: Simd>(self, _: S, row: usize, from: usize, out: &mut [f32]) {
        let Runs { quants, scales, shifts, run } = self.runs;
        let start = row * self.columns + from;
        let first = start / run;
        for (out, &q) in out.iter_mut().zip(&quants[start..]) {
            *out = f32::from(q);
        }
        for (i, numbers) in out.chunks_exact_mut(*run).enumerate() {
            let scale = scales[first + i];
            let shift = shifts.get(first + i).copied().unwrap_or_default();
            for number in numbers {
                *number = *number * scale + shift;
            }
        }
    }
}

/// See [`Values::Brain`].
#[derive(Clone, Copy)]
pub(crate) struct BrainRows<'a> {
    pub(crate) bits: &'a [u16],
    pub(crate) columns: usize,
}

impl Rows for BrainRows<'_> {
    #[inline(always)]
    fn fill<S: Simd>(self, _: S, row: usize, from: usize, out: &mut [f32]) {
        for (out, &bits) in out.iter_mut().zip(&self.bits[row * self.columns + from..]) {
            *out = f32::from_bits(u32::from(bits) << 16);
        }
    }
}

/// See [`Values::Half`].
#[derive(Clone, Copy)]
pub(crate) struct HalfRows<'a> {
    pub(crate) bits: &'a [u16],
    pub(crate) columns: usize,
}

impl Rows for HalfRows<'_> {
    #[inline(always)]
    fn fill<S: Simd>(self, _: S, row: usize, from: usize, out: &mut [f32]) {
        for (out, &bits) in out.iter_mut().zip(&self.bits[row * self.columns + from..]) {
            *out = half_to_single(bits);
        }
    }
}

/// Rows of single precision: element k of row r lies at `offset + r * stride + k`.
#[derive(Clone, Copy)]
pub(crate) struct SingleRows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) offset: usize,
    pub(crate) stride: usize,
}

impl Rows for SingleRows<'_> {
    #[inline(always)]
    fn fill<S: Simd>(self, _: S, row: usize, from: usize, out: &mut [f32]) {
        let start = self.offset + row * self.stride + from;
        out.copy_from_slice(&self.values[start..start + out.len()]);
    }
}

/// The transpose of [`SingleRows`]: element k of row r lies at `offset + k * stride + r`.
#[derive(Clone, Copy)]
pub(crate) struct SingleColumns<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) offset: usize,
    pub(crate) stride: usize,
}

impl Rows for SingleColumns<'_> {
    #[inline(always)]
    fn fill<S: Simd>(self, _: S, row: usize, from: usize, out: &mut [f32]) {
        let start = self.offset + from * self.stride + row;
        for (out, &value) in out.iter_mut().zip(self.values[start..].iter().step_by(self.stride)) {
            *out = value;
        }
    }

    #[inline(always)]
    fn fill_panel<S: Simd, const N: usize>(
        self,
        _: S,
        first: usize,
        from: usize,
        length: usize,
        panel: &mut [[f32; N]],
    ) {
        let height = panel.len();
        let lines = self.values[self.offset + from * self.stride..].chunks(self.stride);
        for (k, line) in lines.enumerate().take(length.min(N)) {
            for (out, &value) in panel.iter_mut().zip(&line[first..first + height]) {
                out[k] = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::*;

    #[test]
    fn half_precision_is_exact() {
        let cases =
            [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_5e-8), (0x7bff, 65504.0), (0x8000, -0.0)];
        for (bits, value) in cases {
            assert_eq!(half_to_single(bits).to_bits(), f32::to_bits(value), "{bits:#x}");
        }
    }

    #[test]
    fn every_form_gives_candle_s_numbers() {
        let (rows, columns) = (3, 512);
        let plain: Vec<f32> = (0..rows * columns).map(|i| (i as f32 * 0.37).sin() * 2.0 + 0.1).collect();
        let tensor = Tensor::from_vec(plain, (rows, columns), &Device::Cpu).unwrap();
        let types = [
            GgmlDType::Q4_0,
            GgmlDType::Q4_1,
            GgmlDType::Q5_0,
            GgmlDType::Q5_1,
            GgmlDType::Q8_0,
            GgmlDType::Q2K,
            GgmlDType::Q3K,
            GgmlDType::Q4K,
            GgmlDType::Q5K,
            GgmlDType::Q6K,
            GgmlDType::BF16,
            GgmlDType::F16,
            GgmlDType::F32,
        ];
        for dtype in types {
            let quantised = QTensor::quantize(&tensor, dtype).unwrap();
            let truth: Vec<Vec<f32>> = quantised.dequantize(&Device::Cpu).unwrap().to_vec2().unwrap();
            let weights = Weights::from_tensor(&quantised).unwrap();
            let mut row = vec![0.0; columns];
            for (r, truth) in truth.iter().enumerate() {
                weights.row(r, &mut row);
                for (a, b) in row.iter().zip(truth) {
                    assert!((a - b).abs() < 1e-6, "{dtype:?}: {a} {b}");
                }
            }
            let turned = weights.reordered(&[2, 0, 1]);
            for (r, from) in [(0, 2), (1, 0), (2, 1)] {
                turned.row(r, &mut row);
                for (a, b) in row.iter().zip(&truth[from]) {
                    assert!((a - b).abs() < 1e-6, "{dtype:?}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn a_vector_is_not_a_matrix() {
        let tensor = Tensor::zeros(32, candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = Weights::from_tensor(&QTensor::quantize(&tensor, GgmlDType::F32).unwrap()).unwrap_err();
        assert!(error.contains("[32]"), "{error}");
    }
}
