use std::borrow::Cow;

use candle_core::Device;
use candle_core::quantized::{GgmlDType, QTensor};
use pulp::Scalar256b;

use super::blocks::{self, Runs};
use super::packed::{Groups, Packed};

/// Weights a quantised block holds.
pub(crate) const BLOCK: usize = 32;

/// Weight rows that lie side by side: a multiple of every register's lanes.
pub(crate) const GROUP: usize = 16;

/// One number of each row of a group.
pub(crate) type Line = [f32; GROUP];

/// A weight matrix of `rows` x `columns`, kept as quantised as it came; row r gives output r.
///
/// Rows lie in groups of [`GROUP`], element by element, so that a register holds one element of many rows: products
/// then need no horizontal sums, and unpacking fills whole registers. The last group is filled up with zeros.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) values: Values,
}

/// How the numbers of a matrix are held.
#[derive(Debug)]
pub(crate) enum Values {
    /// Up to four bits, a scale and a shift for each block of 32.
    Four(Packed<4, u16>),
    /// Up to eight bits, a scale and a shift for each block of 32.
    Eight(Packed<8, u16>),
    /// As `Four`, with scales that no half holds exactly.
    FineFour(Packed<4, f32>),
    /// As `Eight`, with scales that no half holds exactly.
    FineEight(Packed<8, f32>),
    /// Bits of IEEE half precision, one line an element.
    Half(Vec<[u16; GROUP]>),
    /// Single precision, one line an element.
    Single(Vec<Line>),
}

impl Weights {
    /// Takes a tensor of a model file over, with row `order[r]` in place of row r if there is an `order`, a permutation.
    /// Types without a form of their own become single precision.
    ///
    /// # Errors
    /// A sentence when the shape is not a matrix or the type cannot be read.
    pub(crate) fn from_tensor(tensor: &QTensor, order: Option<&[usize]>) -> Result<Self, String> {
        let (rows, columns) = tensor
            .shape()
            .dims2()
            .map_err(|_| format!("has the shape {:?} where a matrix is needed", tensor.shape().dims()))?;
        let block = tensor.dtype().block_size();
        if columns % block != 0 {
            return Err(format!("has rows of {columns} weights; blocks of {block} do not divide them"));
        }
        let data = tensor.data().map_err(|error| error.to_string())?;
        let data = in_order(&data, rows, order);
        let values = match tensor.dtype() {
            GgmlDType::Q4_0 => {
                Values::Four(Packed::new(columns, data.as_chunks::<18>().0, |block, quants| {
                    nibbles(&block[2..], quants);
                    let scale = half(block[0], block[1]);
                    (scale, scaled(scale, -8.0))
                }))
            }
            GgmlDType::Q4_1 => {
                Values::Four(Packed::new(columns, data.as_chunks::<20>().0, |block, quants| {
                    nibbles(&block[4..], quants);
                    (half(block[0], block[1]), half(block[2], block[3]))
                }))
            }
            GgmlDType::Q8_0 => {
                Values::Eight(Packed::new(columns, data.as_chunks::<34>().0, |block, quants| {
                    for (quant, byte) in quants.iter_mut().zip(&block[2..]) {
                        *quant = byte ^ 0x80;
                    }
                    let scale = half(block[0], block[1]);
                    (scale, scaled(scale, -128.0))
                }))
            }
            GgmlDType::F16 => {
                Values::Half(interleave(columns, data.as_chunks::<2>().0, |b| u16::from_le_bytes(*b)))
            }
            GgmlDType::F32 => {
                Values::Single(interleave(columns, data.as_chunks::<4>().0, |b| f32::from_le_bytes(*b)))
            }
            GgmlDType::BF16 => {
                let single = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
                Values::Single(interleave(columns, data.as_chunks::<2>().0, single))
            }
            GgmlDType::Q5_0 => Values::FineEight(packed(&blocks::five::<22>(&data), columns, -16)),
            GgmlDType::Q5_1 => Values::FineEight(packed(&blocks::five::<24>(&data), columns, 0)),
            GgmlDType::Q4K => Values::FineFour(packed(&blocks::four_or_five_k::<144>(&data), columns, 0)),
            GgmlDType::Q5K => Values::FineEight(packed(&blocks::four_or_five_k::<176>(&data), columns, 0)),
            GgmlDType::Q2K => single(&blocks::two_k(&data), columns),
            GgmlDType::Q3K => single(&blocks::three_k(&data), columns),
            GgmlDType::Q6K => single(&blocks::six_k(&data), columns),
            _ => {
                let numbers = tensor
                    .dequantize(&Device::Cpu)
                    .and_then(|t| t.flatten_all()?.to_vec1::<f32>())
                    .map_err(|error| error.to_string())?;
                Values::Single(interleave(columns, &in_order(&numbers, rows, order), |x| *x))
            }
        };
        Ok(Self { rows, columns, values })
    }

    /// Rows, counted up to whole groups: what a product writes for each token.
    pub(crate) fn padded(&self) -> usize {
        self.rows.next_multiple_of(GROUP)
    }

    /// Writes row `row` as numbers.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        let (group, columns) = (row / GROUP, self.columns);
        let mut lines = vec![[0.0; GROUP]; columns];
        match &self.values {
            Values::Four(groups) => groups.fill(Scalar256b, columns, group, 0, &mut lines),
            Values::Eight(groups) => groups.fill(Scalar256b, columns, group, 0, &mut lines),
            Values::FineFour(groups) => groups.fill(Scalar256b, columns, group, 0, &mut lines),
            Values::FineEight(groups) => groups.fill(Scalar256b, columns, group, 0, &mut lines),
            Values::Half(groups) => groups.fill(Scalar256b, columns, group, 0, &mut lines),
            Values::Single(groups) => groups.fill(Scalar256b, columns, group, 0, &mut lines),
        }
        for (out, line) in out.iter_mut().zip(&lines) {
            *out = line[row % GROUP];
        }
    }
}

/// `data` of `rows` rows, with row `order[r]` in place of row r.
fn in_order<'a, T: Copy>(data: &'a [T], rows: usize, order: Option<&[usize]>) -> Cow<'a, [T]> {
    let Some(order) = order else { return Cow::Borrowed(data) };
    let width = data.len() / rows.max(1);
    order.iter().flat_map(|&row| &data[row * width..(row + 1) * width]).copied().collect()
}

/// Runs of 32 whose quants are `lowest` or more.
fn packed<const BITS: usize>(runs: &Runs, columns: usize, lowest: i8) -> Packed<BITS, f32> {
    let all: Vec<usize> = (0..runs.scales.len()).collect();
    Packed::new(columns, &all, |&run, quants| {
        for (quant, from) in quants.iter_mut().zip(&runs.quants[run * BLOCK..]) {
            *quant = (from - lowest).cast_unsigned();
        }
        let scale = runs.scales[run];
        let shift = runs.shifts.get(run).copied().unwrap_or_default();
        (scale, shift + scale * f32::from(lowest))
    })
}

/// Runs of any length, as numbers.
fn single(runs: &Runs, columns: usize) -> Values {
    let number = |(i, &quant): (usize, &i8)| {
        let shift = runs.shifts.get(i / runs.run).copied().unwrap_or_default();
        f32::from(quant) * runs.scales[i / runs.run] + shift
    };
    let numbers: Vec<f32> = runs.quants.iter().enumerate().map(number).collect();
    Values::Single(interleave(columns, &numbers, |x| *x))
}

/// Puts the elements of row-major `source` side by side in groups of rows.
fn interleave<F, T: Copy + Default>(
    columns: usize,
    source: &[F],
    convert: impl Fn(&F) -> T,
) -> Vec<[T; GROUP]> {
    let rows = source.chunks_exact(columns.max(1));
    let mut out = vec![[T::default(); GROUP]; rows.len().div_ceil(GROUP) * columns];
    for (r, row) in rows.enumerate() {
        for (line, element) in out[r / GROUP * columns..].iter_mut().zip(row) {
            line[r % GROUP] = convert(element);
        }
    }
    out
}

/// Takes the quants of a block of 32 apart: byte i holds elements i (low) and i + 16 (high).
fn nibbles(bytes: &[u8], quants: &mut [u8; BLOCK]) {
    let (low, high) = quants.split_at_mut(BLOCK / 2);
    for ((byte, low), high) in bytes.iter().zip(low).zip(high) {
        (*low, *high) = (byte & 15, byte >> 4);
    }
}

fn half(low: u8, high: u8) -> u16 {
    u16::from_le_bytes([low, high])
}

/// A half as it lies in a file, as a number.
pub(super) fn half_number(low: u8, high: u8) -> f32 {
    half_to_single(half(low, high))
}

/// A half times 8 or 128 and a sign, as a half; exact for scales below 512, which those of models are.
fn scaled(bits: u16, factor: f32) -> u16 {
    let product = half_to_single(bits) * factor;
    // The way of `half_to_single` back.
    let magnitude = (product.abs() * f32::from_bits(0x0780_0000)).to_bits() >> 13;
    magnitude.min(0x7fff) as u16 | if product.is_sign_negative() { 0x8000 } else { 0 }
}

/// Exact for every finite half; infinities become large. Without branches, so that loops become vector code.
#[inline(always)]
pub(crate) fn half_to_single(bits: u16) -> f32 {
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * f32::from_bits(0x7780_0000);
    f32::from_bits(magnitude.to_bits() | (u32::from(bits & 0x8000) << 16))
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
    fn halves_are_multiplied_exactly() {
        for bits in (0..0x5c00_u16).flat_map(|bits| [bits, bits | 0x8000]) {
            for factor in [-8.0, -128.0] {
                let product = half_to_single(bits) * factor;
                assert_eq!(
                    half_to_single(scaled(bits, factor)).to_bits(),
                    product.to_bits(),
                    "{bits:#x} {factor}"
                );
            }
        }
    }

    #[test]
    fn every_form_gives_candle_s_numbers() {
        let (rows, columns) = (19, 512);
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
        let order: Vec<usize> = (0..rows).rev().collect();
        for dtype in types {
            let quantised = QTensor::quantize(&tensor, dtype).unwrap();
            let truth: Vec<Vec<f32>> = quantised.dequantize(&Device::Cpu).unwrap().to_vec2().unwrap();
            let weights = Weights::from_tensor(&quantised, None).unwrap();
            let turned = Weights::from_tensor(&quantised, Some(&order)).unwrap();
            let (mut row, mut same) = (vec![0.0; columns], vec![0.0; columns]);
            for (r, truth) in truth.iter().enumerate() {
                weights.row(r, &mut row);
                for (a, b) in row.iter().zip(truth) {
                    assert!((a - b).abs() < 1e-6, "{dtype:?}: {a} {b}");
                }
                turned.row(order[r], &mut same);
                assert_eq!(row, same, "{dtype:?}");
            }
        }
    }

    #[test]
    fn a_vector_is_not_a_matrix() {
        let tensor = Tensor::zeros(32, candle_core::DType::F32, &Device::Cpu).unwrap();
        let error =
            Weights::from_tensor(&QTensor::quantize(&tensor, GgmlDType::F32).unwrap(), None).unwrap_err();
        assert!(error.contains("[32]"), "{error}");
    }
}
