//! Fixed numbers of [`Stream`]: the promise that seeds mean the same in every version and on every platform.
//!
//! `tests/golden/stream.json` is written by `tests/golden/stream.py`, which follows the papers and shares no code.

use meta_traits::Stream;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    seed: String,
    path: Vec<(String, String)>,
    key: String,
    bits: Vec<String>,
    skip: usize,
    then: String,
    written: String,
}

#[test]
fn streams_give_the_golden_numbers() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../golden/stream.json")).unwrap();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let mut stream = Stream::root(vector.seed.parse().unwrap());
        for (label, index) in &vector.path {
            stream = stream.child(label, index.parse().unwrap());
        }
        assert_eq!(format!("{:016x}", stream.key()), vector.key);
        let fresh = stream.clone();
        let bits: Vec<String> = (0..4).map(|_| format!("{:016x}", stream.bits())).collect();
        assert_eq!(bits, vector.bits, "seed {} path {:?}", vector.seed, vector.path);
        let mut far = fresh;
        for _ in 0..vector.skip {
            far.bits();
        }
        assert_eq!(format!("{:016x}", far.bits()), vector.then);
        assert_eq!(serde_json::to_string(&far).unwrap(), format!("\"{}\"", vector.written));
    }
}

#[test]
fn derived_draws_have_fixed_values_too() {
    let mut s = Stream::root(7).child("trial", 3);
    let first = s.clone().bits();
    assert_eq!(s.unit().to_bits(), ((first >> 11) as f64 / 9_007_199_254_740_992.0).to_bits());
    let mut order: Vec<u32> = (0..8).collect();
    let mut draws = Stream::root(7).child("trial", 3);
    draws.shuffle(&mut order);
    let picks: Vec<usize> = (0..6).map(|_| draws.below(10)).collect();
    assert_eq!((order, picks), (SHUFFLED.to_vec(), PICKS.to_vec()));
}

/// Printed by `tests/golden/draws.py`.
const SHUFFLED: [u32; 8] = [6, 7, 5, 3, 1, 4, 2, 0];
const PICKS: [usize; 6] = [7, 0, 9, 8, 5, 6];
