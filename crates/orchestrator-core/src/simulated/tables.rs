use super::family::Family;
use super::genome::{MODULES, OPTIONS, SLOTS};
use super::hash::{normal, uniform};

/// Hidden types of examples.
pub(super) const TYPES: usize = 4;
/// Examples of the training, validation and test splits together.
pub(super) const EXAMPLES: usize = 1200;
/// The first test example.
pub(super) const TEST: usize = 200;

type Square = [[f64; OPTIONS]; OPTIONS];

/// An interaction of two slots of one prompt.
pub(super) struct Pair {
    pub(super) k: usize,
    pub(super) l: usize,
    pub(super) g: Square,
}

/// An interaction of three slots of one prompt.
pub(super) struct Triple {
    pub(super) slots: [usize; 3],
    pub(super) t: [Square; OPTIONS],
}

/// Everything about an instance that does not depend on the candidate.
pub(super) struct Tables {
    /// Hidden type of each example.
    pub(super) kind: Vec<u8>,
    /// base - d(m, x).
    pub(super) level: [Vec<f64>; MODULES],
    /// u(m, x).
    pub(super) u: [Vec<f64>; MODULES],
    /// The draw that decides on a rescue by verification.
    pub(super) uv: Vec<f64>,
    /// Main effects `[module][slot][option][type]`.
    pub(super) w: [[[[f64; TYPES]; OPTIONS]; SLOTS]; MODULES],
    pub(super) pairs: [Vec<Pair>; MODULES],
    pub(super) triples: [Vec<Triple>; MODULES],
    /// Interface of module m (slot 3) with module m + 1 (slot 1).
    pub(super) cross: [Square; MODULES - 1],
    /// Best bucket of each hyperparameter; by type for `retrieval_k`.
    pub(super) hopt: [[i8; TYPES]; 3],
    /// Effect of decomposition by type.
    pub(super) dec: [f64; TYPES],
    /// Strength of verification by type.
    pub(super) pv: [f64; TYPES],
    /// Test examples type by type: where each type ends, and the levels in that order.
    pub(super) grouped: Grouped,
}

/// The levels of the test examples in the order of their types, so that one type is one slice.
pub(super) struct Grouped {
    pub(super) ends: [usize; TYPES],
    pub(super) level: [Vec<f64>; MODULES],
}

impl Tables {
    pub(super) fn new(s: u64, family: Family) -> Self {
        let kind: Vec<u8> = (0..EXAMPLES).map(|x| (uniform("type", &[s, x as u64]) * 4.0) as u8).collect();
        let base = family.base();
        let level = each_module(|m| {
            (0..EXAMPLES as u64).map(|x| base - 0.8 * normal("diff", &[s, m, x])).collect::<Vec<f64>>()
        });
        let grouped = Grouped::new(&kind, &level);
        let mut hopt = [[0; TYPES]; 3];
        for (j, row) in hopt.iter_mut().enumerate() {
            for (t, h) in row.iter_mut().enumerate() {
                let at: &[u64] = if j == 1 { &[s, 1, t as u64] } else { &[s, j as u64] };
                *h = (uniform("hopt", at) * 5.0) as i8;
            }
        }
        let mut w = [[[[0.0; TYPES]; OPTIONS]; SLOTS]; MODULES];
        for (m, module) in w.iter_mut().enumerate() {
            for (k, slot) in module.iter_mut().enumerate() {
                *slot = main_effects(s, m as u64, k as u64, family);
            }
        }
        Self {
            level,
            u: each_module(|m| (0..EXAMPLES as u64).map(|x| uniform("u", &[s, m, x])).collect()),
            uv: (0..EXAMPLES as u64).map(|x| uniform("uv", &[s, x])).collect(),
            w,
            pairs: each_module(|m| pairs(s, m)),
            triples: each_module(|m| if family == Family::Epistasis { triples(s, m) } else { Vec::new() }),
            cross: [0, 1].map(|m| square(|v, v2| normal("c", &[s, m, v, v2]))),
            hopt,
            dec: each_type(|t| if uniform("dec", &[s, t]) < 0.6 { 1.2 } else { -0.6 }),
            pv: each_type(|t| 0.25 + 0.5 * uniform("pv", &[s, t])),
            grouped,
            kind,
        }
    }
}

impl Grouped {
    fn new(kind: &[u8], level: &[Vec<f64>; MODULES]) -> Self {
        let mut ends = [0; TYPES];
        let mut order = Vec::with_capacity(EXAMPLES - TEST);
        for (t, end) in ends.iter_mut().enumerate() {
            order.extend((TEST..EXAMPLES).filter(|x| usize::from(kind[*x]) == t));
            *end = order.len();
        }
        Self { ends, level: [0, 1, 2].map(|m: usize| order.iter().map(|x| level[m][*x]).collect()) }
    }
}

fn each_module<T>(f: impl FnMut(u64) -> T) -> [T; MODULES] {
    [0, 1, 2].map(f)
}

fn each_type(f: impl FnMut(u64) -> f64) -> [f64; TYPES] {
    [0, 1, 2, 3].map(f)
}

/// A table over two options that is 0 at (0, 0).
fn square(mut f: impl FnMut(u64, u64) -> f64) -> Square {
    let mut g = [[0.0; OPTIONS]; OPTIONS];
    for (v, row) in g.iter_mut().enumerate() {
        for (v2, cell) in row.iter_mut().enumerate() {
            *cell = f(v as u64, v2 as u64);
        }
    }
    g[0][0] = 0.0;
    g
}

fn main_effects(s: u64, m: u64, k: u64, family: Family) -> [[f64; TYPES]; OPTIONS] {
    let weight = if family == Family::Epistasis { 0.4 } else { 1.0 };
    let mut w = [[-0.2 * weight; TYPES]; OPTIONS];
    for (v, row) in w.iter_mut().enumerate().skip(1) {
        let a = 0.7 * normal("a", &[s, m, k, v as u64]) - 0.1;
        *row = each_type(|t| (a + 0.4 * normal("d", &[s, m, k, v as u64, t])) * weight);
    }
    w
}

fn pairs(s: u64, m: u64) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for k in 0..SLOTS {
        for l in k + 1..SLOTS {
            let (a, b) = (k as u64, l as u64);
            if uniform("pair", &[s, m, a, b]) < 0.3 {
                let g = square(|v, v2| 0.8 * normal("g", &[s, m, a, b, v, v2]));
                pairs.push(Pair { k, l, g });
            }
        }
    }
    pairs
}

fn triples(s: u64, m: u64) -> Vec<Triple> {
    let mut triples = Vec::new();
    for k in 0..SLOTS {
        for l in k + 1..SLOTS {
            for n in l + 1..SLOTS {
                let at = [k as u64, l as u64, n as u64];
                if uniform("tri", &[s, m, at[0], at[1], at[2]]) < 0.2 {
                    let value =
                        |a: u64, b: u64, c: u64| 1.2 * normal("t3", &[s, m, at[0], at[1], at[2], a, b, c]);
                    let mut t = [0, 1, 2, 3, 4].map(|a: u64| {
                        let mut plane = square(|b, c| value(a, b, c));
                        plane[0][0] = value(a, 0, 0);
                        plane
                    });
                    t[0][0][0] = 0.0;
                    triples.push(Triple { slots: [k, l, n], t });
                }
            }
        }
    }
    triples
}
