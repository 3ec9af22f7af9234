use super::weights::half_number as half;

/// Weights of a super-block of the K types.
pub(crate) const SUPER: usize = 256;

/// Weights taken out of their blocks: `quant * scale + shift`, one pair for each run of `run` weights.
///
/// Nothing is rounded: the quants of every type here fit into a byte.
#[derive(Debug)]
pub(crate) struct Runs {
    pub(crate) quants: Vec<i8>,
    pub(crate) scales: Vec<f32>,
    /// Empty where the type has none.
    pub(crate) shifts: Vec<f32>,
    /// 16 or 32.
    pub(crate) run: usize,
}

impl Runs {
    fn new(weights: usize, run: usize) -> Self {
        let (quants, scales) = (Vec::with_capacity(weights), Vec::with_capacity(weights / run));
        Self { quants, scales, shifts: Vec::new(), run }
    }

    fn pair(&mut self, scale: f32, shift: f32) {
        self.scales.push(scale);
        self.shifts.push(shift);
    }
}

/// Five bits in blocks of 32 (`Q5_0` of 22 bytes, `Q5_1` of 24): the fifth bits lie apart.
pub(crate) fn five<const N: usize>(data: &[u8]) -> Runs {
    let blocks = data.as_chunks::<N>().0;
    let mut runs = Runs::new(blocks.len() * 32, 32);
    for block in blocks {
        let scale = half(block[0], block[1]);
        let (high, low) = block[N - 20..].split_at(4);
        let high = u32::from_le_bytes([high[0], high[1], high[2], high[3]]);
        // Q5_0 counts from -16, Q5_1 from 0 and adds a shift of its own.
        let zero = if N == 22 { 16 } else { 0 };
        let quant = |nibble: u8, i: usize| (nibble | (((high >> i) & 1) as u8) << 4).cast_signed() - zero;
        runs.quants.extend(low.iter().enumerate().map(|(i, q)| quant(q & 15, i)));
        runs.quants.extend(low.iter().enumerate().map(|(i, q)| quant(q >> 4, i + 16)));
        if N == 22 {
            runs.scales.push(scale);
        } else {
            runs.pair(scale, half(block[2], block[3]));
        }
    }
    runs
}

/// `Q2_K`: two bits, a scale and a shift of four bits each for 16 weights.
pub(crate) fn two_k(data: &[u8]) -> Runs {
    let blocks = data.as_chunks::<84>().0;
    let mut runs = Runs::new(blocks.len() * SUPER, 16);
    for block in blocks {
        let (steps, quants) = (&block[..16], &block[16..80]);
        let (scale, shift) = (half(block[80], block[81]), half(block[82], block[83]));
        for &step in steps {
            runs.pair(scale * f32::from(step & 15), -(shift * f32::from(step >> 4)));
        }
        for quants in quants.chunks_exact(32) {
            for bits in [0, 2, 4, 6] {
                runs.quants.extend(quants.iter().map(|q| ((q >> bits) & 3).cast_signed()));
            }
        }
    }
    runs
}

/// `Q3_K`: two bits, a third that lies apart, and a signed scale of six bits for 16 weights.
pub(crate) fn three_k(data: &[u8]) -> Runs {
    let blocks = data.as_chunks::<110>().0;
    let mut runs = Runs::new(blocks.len() * SUPER, 16);
    for block in blocks {
        let (high, quants, steps) = (&block[..32], &block[32..96], &block[96..108]);
        let scale = half(block[108], block[109]);
        for i in 0..16 {
            let low = if i < 8 { steps[i] & 15 } else { steps[i - 8] >> 4 };
            let top = (steps[8 + i % 4] >> (2 * (i / 4))) & 3;
            runs.scales.push(scale * f32::from((low | (top << 4)).cast_signed() - 32));
        }
        for (part, quants) in quants.chunks_exact(32).enumerate() {
            for step in 0..4 {
                let there = 1 << (4 * part + step);
                runs.quants.extend(quants.iter().zip(high).map(|(q, high)| {
                    let low = ((q >> (2 * step)) & 3).cast_signed();
                    if high & there == 0 { low - 4 } else { low }
                }));
            }
        }
    }
    runs
}

/// `Q4_K` (144 bytes) and `Q5_K` (176): four or five bits, a scale and a shift of six bits each for 32 weights.
pub(crate) fn four_or_five_k<const N: usize>(data: &[u8]) -> Runs {
    let blocks = data.as_chunks::<N>().0;
    let mut runs = Runs::new(blocks.len() * SUPER, 32);
    for block in blocks {
        let (scale, shift) = (half(block[0], block[1]), half(block[2], block[3]));
        let steps = &block[4..16];
        for i in 0..8 {
            let (by, minus) = if i < 4 {
                (steps[i] & 63, steps[i + 4] & 63)
            } else {
                let (low, top) = (steps[i + 4], [steps[i - 4] >> 6, steps[i] >> 6]);
                ((low & 15) | (top[0] << 4), (low >> 4) | (top[1] << 4))
            };
            runs.pair(scale * f32::from(by), -(shift * f32::from(minus)));
        }
        let (high, low) = block[16..].split_at(N - 144);
        for (part, low) in low.chunks_exact(32).enumerate() {
            for nibble in 0..2 {
                let quant = |(i, q): (usize, &u8)| {
                    let fifth = high.get(i).map_or(0, |high| ((high >> (2 * part + nibble)) & 1) << 4);
                    (((q >> (4 * nibble)) & 15) | fifth).cast_signed()
                };
                runs.quants.extend(low.iter().enumerate().map(quant));
            }
        }
    }
    runs
}

/// `Q6_K`: four bits, two more that lie apart, and a signed scale of eight bits for 16 weights.
pub(crate) fn six_k(data: &[u8]) -> Runs {
    let blocks = data.as_chunks::<210>().0;
    let mut runs = Runs::new(blocks.len() * SUPER, 16);
    for block in blocks {
        let (low, high, steps) = (&block[..128], &block[128..192], &block[192..208]);
        let scale = half(block[208], block[209]);
        runs.scales.extend(steps.iter().map(|step| scale * f32::from(step.cast_signed())));
        for (low, high) in low.chunks_exact(64).zip(high.chunks_exact(32)) {
            for part in 0..4 {
                let nibbles = &low[32 * (part % 2)..][..32];
                runs.quants.extend(nibbles.iter().zip(high).map(|(low, high)| {
                    let low = if part < 2 { low & 15 } else { low >> 4 };
                    (low | (((high >> (2 * part)) & 3) << 4)).cast_signed() - 32
                }));
            }
        }
    }
    runs
}
