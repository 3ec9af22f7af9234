use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt::Write as _;

use rand_chacha::ChaCha8Rng;
use rand_core::{SeedableRng, TryRng};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A node in a tree of random streams.
///
/// A child depends on the path of keys that leads to it, never on how many numbers were drawn before or on other
/// children; so completion order and thread count cannot change a result. Draws of one node advance that node only.
///
/// The key of a child is SipHash-2-4 (Aumasson & Bernstein 2012) of the label and index under the parent's key,
/// with two domain bytes for its two halves; numbers come from ChaCha8 seeded by two more domains. Both are
/// portable: [`Stream`] gives the same numbers on every platform and in every version (the tests hold vectors).
///
/// ```
/// use meta_traits::Stream;
/// let root = Stream::root(7);
/// let mut a = root.child("trial", 3);
/// let mut b = root.child("trial", 4);
/// let first = a.unit();
/// assert_ne!(first, b.unit());
/// assert_eq!(first, Stream::root(7).child("trial", 3).unit());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    key: [u64; 2],
    rng: ChaCha8Rng,
}

impl Stream {
    /// The root of the tree of `seed`.
    pub fn root(seed: u64) -> Self {
        Self::of_key([siphash([seed, 0], 0, "root", 0), siphash([seed, 0], 1, "root", 0)])
    }

    /// The child `index` under `label`. O(length of the label).
    #[must_use]
    pub fn child(&self, label: &str, index: u64) -> Self {
        Self::of_key([siphash(self.key, 0, label, index), siphash(self.key, 1, label, index)])
    }

    fn of_key(key: [u64; 2]) -> Self {
        let mut seed = [0_u8; 32];
        for (part, chunk) in seed.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&siphash(key, 2 + part as u8, "chacha8", 0).to_le_bytes());
        }
        Self { key, rng: ChaCha8Rng::from_seed(seed) }
    }

    /// A number that identifies this node, for seeding what is outside of Rust.
    pub fn key(&self) -> u64 {
        self.key[0]
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        rand_core::Rng::next_u64(&mut self.rng)
    }

    /// A uniform number in [0, 1), a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A uniform index in `0..n` without bias (Lemire 2019, multiply and reject). `n` = 0 gives 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        if n == 0 {
            return 0;
        }
        loop {
            let wide = u128::from(self.bits()) * u128::from(n);
            if wide as u64 >= n.wrapping_neg() % n {
                return (wide >> 64) as usize;
            }
        }
    }

    /// True with probability `p`; never for `p <= 0` or NaN, always for `p >= 1`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// A member of `items`, uniformly; `None` when there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.below(items.len())) }
    }

    /// An index drawn in proportion to `weights`; `None` unless some weight is positive and finite.
    ///
    /// Weights that are negative or not finite count as 0. O(n).
    pub fn weighted(&mut self, weights: &[f64]) -> Option<usize> {
        let sound = |w: &f64| if w.is_finite() && *w > 0.0 { *w } else { 0.0 };
        let total: f64 = weights.iter().map(sound).sum();
        let last = weights.iter().rposition(|w| sound(w) > 0.0)?;
        let mut left = self.unit() * total;
        for (i, w) in weights.iter().enumerate() {
            left -= sound(w);
            if left < 0.0 && sound(w) > 0.0 {
                return Some(i);
            }
        }
        Some(last)
    }

    /// Puts `items` in a uniformly random order (Fisher & Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

impl TryRng for Stream {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.rng.try_next_u32()
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.rng.try_next_u64()
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.rng.try_fill_bytes(dst)
    }
}

/// The written form is `KEY:POSITION` in hexadecimal: 32 digits, then the number of 32-bit words drawn.
impl Serialize for Stream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(48);
        let written = write!(text, "{:016x}{:016x}:{:x}", self.key[0], self.key[1], self.rng.get_word_pos());
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Stream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = || -> Option<(u64, u64, u128)> {
            let (key, position) = text.split_once(':')?;
            let (high, low) = (key.get(..16)?, key.get(16..)?);
            let position = u128::from_str_radix(position, 16).ok()?;
            Some((u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?, position))
        };
        let (high, low, position) =
            parts().ok_or_else(|| D::Error::custom(alloc::format!("'{text}' is not a stream")))?;
        let mut stream = Self::of_key([high, low]);
        stream.rng.set_word_pos(position);
        Ok(stream)
    }
}

/// SipHash-2-4 of `domain || len(label) || label || index` under `key`.
fn siphash(key: [u64; 2], domain: u8, label: &str, index: u64) -> u64 {
    let mut bytes = Vec::with_capacity(label.len() + 17);
    bytes.push(domain);
    bytes.extend_from_slice(&(label.len() as u64).to_le_bytes());
    bytes.extend_from_slice(label.as_bytes());
    bytes.extend_from_slice(&index.to_le_bytes());
    siphash_2_4(key, &bytes)
}

/// SipHash-2-4 as in the paper's appendix.
fn siphash_2_4(key: [u64; 2], bytes: &[u8]) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let round = |v: &mut [u64; 4]| {
        v[0] = v[0].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[2] = v[2].rotate_left(32);
    };
    let absorb = |v: &mut [u64; 4], word: u64| {
        v[3] ^= word;
        round(v);
        round(v);
        v[0] ^= word;
    };
    let chunks = bytes.chunks_exact(8);
    let mut last = [0_u8; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    last[7] = bytes.len() as u8;
    for chunk in chunks {
        let mut word = [0_u8; 8];
        word.copy_from_slice(chunk);
        absorb(&mut v, u64::from_le_bytes(word));
    }
    absorb(&mut v, u64::from_le_bytes(last));
    v[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's appendix A: key 00..0f, message 00..0e.
    #[test]
    fn siphash_matches_the_paper() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(siphash_2_4(key, &message), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn below_is_in_range_and_hits_all() {
        let mut s = Stream::root(1);
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            seen[s.below(7)] += 1;
        }
        assert!(seen.iter().all(|n| (800..1200).contains(n)), "{seen:?}");
        assert_eq!(s.below(0), 0);
        assert_eq!(s.below(1), 0);
    }

    #[test]
    fn weighted_ignores_unsound_weights() {
        let mut s = Stream::root(2);
        for _ in 0..200 {
            assert_eq!(s.weighted(&[f64::NAN, 0.0, 3.0, -1.0, f64::INFINITY]), Some(2));
        }
        assert_eq!(s.weighted(&[0.0, f64::NAN]), None);
        assert_eq!(s.weighted(&[]), None);
    }

    #[test]
    fn written_form_continues_bit_for_bit() {
        let mut s = Stream::root(3).child("x", 9);
        for _ in 0..5 {
            s.bits();
        }
        let json = serde_json::to_string(&s).unwrap();
        let mut back: Stream = serde_json::from_str(&json).unwrap();
        assert_eq!(back, s);
        for _ in 0..100 {
            assert_eq!(back.bits(), s.bits());
        }
        assert!(serde_json::from_str::<Stream>("\"zz\"").is_err());
    }
}
