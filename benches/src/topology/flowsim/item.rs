use super::instance::{GENERATORS, Instance, REFINERS, TYPES};
use super::noise::{draw, hash, normals};

/// Answers: 0 is right, the others are wrong.
pub(super) const ANSWERS: usize = 6;

/// One question with all that lasts over calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Where the noise of its calls begins.
    pub(super) hash: u64,
    pub(super) kind: usize,
    /// The type that a classifier sees.
    pub(super) guess: usize,
    pub(super) needy: bool,
    pub(super) difficulty: f64,
    pub(super) findable: f64,
    pub(super) opaque: f64,
    /// Of each generator, then each refiner, its luck with this question.
    pub(super) taste: [f64; GENERATORS + REFINERS],
    /// Of each the wrong answer it falls for.
    pub(super) trap: [u8; GENERATORS + REFINERS],
}

impl Item {
    /// Item `index`, with the luck of those in `who` (one bit each, generators first) and of no others.
    pub(super) fn new(instance: &Instance, index: u64, who: u8) -> Self {
        let s = &instance.skills;
        let h = hash(instance.noise, index, 77);
        let u = draw(h, 1);
        let kind = s.types.iter().position(|edge| u < *edge).unwrap_or(TYPES - 1);
        let wrong_by = 1 + usize::from(draw(h, 3) < 0.5);
        let guess = if draw(h, 2) < s.classifier { kind } else { (kind + wrong_by) % TYPES };
        let (difficulty, findable) = normals(h, 10);
        let (opaque, _) = normals(h, 12);
        let mut taste = [0.0; GENERATORS + REFINERS];
        for (i, pair) in taste.chunks_mut(2).enumerate().filter(|(i, _)| who >> (2 * i) & 3 != 0) {
            let (a, b) = normals(h, 20 + 2 * i as u64);
            pair[0] = s.taste * a;
            pair[1] = s.taste * b;
        }
        let mut trap = [1; GENERATORS + REFINERS];
        for (trap, purpose) in trap.iter_mut().zip((40..).step_by(2)) {
            if draw(h, purpose) >= s.shared {
                *trap = 2 + (4.0 * draw(h, purpose + 1)) as u8;
            }
        }
        let needy = draw(h, 4) < s.needy[kind];
        Self { hash: h, kind, guess, needy, difficulty, findable, opaque, taste, trap }
    }
}
