use meta_traits::{Space as _, Stream};

use super::ascent::ascent;
use super::landscape::{GROUPS, HIDDEN, Landscape, SIZES, TRAIN, Table, VAL, Variant, WORDING};

/// Share of an effect's variance that is the group's own.
const OWN: f64 = 0.35;
const MAIN: f64 = 0.28;
const CONSTRAINT: f64 = 0.22;
const JOINT: f64 = 0.45;
/// Share of the cells of a joint table that are not 0.
const FILLED: f64 = 0.35;
/// Probability that a pair of slots has a table, and the same where a constraint takes part.
const PAIRED: [f64; 2] = [0.3, 0.105];
const ORDER: f64 = 0.12;
/// Best mean log odds by construction.
const BEST: f64 = 4.0;

impl Landscape {
    /// The landscape with this number. Develop below 100, report on 100 and above.
    pub fn new(number: u64, variant: Variant) -> Self {
        let root = Stream::root(10_000 + number).child("promptscape", 0);
        let main = (0..SIZES.len()).map(|s| main_table(s, root.child("main", s as u64))).collect();
        let mut joint = Vec::new();
        for high in 0..SIZES.len() {
            for low in 0..high {
                let mut rng = root.child("pair", (high * SIZES.len() + low) as u64);
                if rng.chance(PAIRED[usize::from(high >= WORDING)]) {
                    joint.push(joint_table(vec![low, high], &mut rng));
                }
            }
        }
        let mut rng = root.child("order", 0);
        let order = (0..7).map(|_| (0..7).map(|_| ORDER * normal(&mut rng)).collect()).collect();
        let mut rng = root.child("examples", 0);
        let n = TRAIN + VAL + HIDDEN;
        let group = (0..n).map(|_| rng.below(GROUPS)).collect();
        let offset = (0..n).map(|_| -1.8 + 0.9 * normal(&mut rng)).collect();
        let mut landscape = Self {
            number,
            variant,
            main,
            joint,
            order,
            tokens: tokens(&mut root.child("tokens", 0)),
            group,
            offset,
            kappa: 1.0,
            price: Self::PRICE,
        };
        match variant {
            Variant::Threeway => landscape.add_triples(&root),
            Variant::Null => landscape.clear(),
            Variant::Base | Variant::Misspecified => {}
        }
        if variant != Variant::Null {
            let mean = |x: &_| landscape.effects(x).iter().sum::<f64>() / GROUPS as f64;
            landscape.kappa = BEST / ascent(&landscape.space(), 6, mean).1;
        }
        landscape
    }

    fn clear(&mut self) {
        for table in self.main.iter_mut().chain(&mut self.joint) {
            table.cells.iter_mut().for_each(|c| c.fill(0.0));
        }
        self.order.iter_mut().for_each(|o| o.fill(0.0));
        self.price = 0.0;
    }

    /// Adds tables of three slots, scaled to a tenth of the variance over random prompts.
    fn add_triples(&mut self, root: &Stream) {
        let mut rng = root.child("triples", 0);
        let mut triples = Vec::new();
        for _ in 0..12 {
            let mut slots: Vec<usize> = (0..WORDING).collect();
            rng.shuffle(&mut slots);
            slots.truncate(3);
            slots.sort_unstable();
            triples.push(joint_table(slots, &mut rng));
        }
        let space = self.space();
        let prompts: Vec<_> = (0..400).map(|i| space.sample(&mut root.child("sample", i))).collect();
        let variance = |landscape: &Self| {
            let of = |x| landscape.effects(x).iter().sum::<f64>() / GROUPS as f64;
            let values: Vec<f64> = prompts.iter().map(of).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>()
        };
        let before = variance(self);
        let mut alone = self.clone();
        alone.clear();
        alone.joint = triples;
        let scale = (before / 9.0 / variance(&alone)).sqrt();
        for table in &mut alone.joint {
            table.cells.iter_mut().flatten().for_each(|c| *c *= scale);
        }
        self.joint.append(&mut alone.joint);
    }
}

/// Values that all groups share in part; `size` of them for each group.
fn shared(size: usize, deviation: f64, rng: &mut Stream) -> Vec<Vec<f64>> {
    let base: Vec<f64> = (0..size).map(|_| deviation * normal(rng)).collect();
    let one = |b: &f64, rng: &mut Stream| (1.0 - OWN).sqrt() * b + OWN.sqrt() * deviation * normal(rng);
    (0..GROUPS).map(|_| base.iter().map(|b| one(b, rng)).collect()).collect()
}

fn main_table(slot: usize, mut rng: Stream) -> Table {
    let constraint = slot >= WORDING;
    let mut cells = shared(SIZES[slot], if constraint { CONSTRAINT } else { MAIN }, &mut rng);
    let inert = constraint && rng.chance(0.5);
    for group in &mut cells {
        let first = group[0];
        for v in group.iter_mut() {
            *v = if inert { 0.0 } else { *v - first };
        }
    }
    Table { slots: vec![slot], cells }
}

fn joint_table(slots: Vec<usize>, rng: &mut Stream) -> Table {
    let size = slots.iter().map(|s| SIZES[*s]).product();
    let mut cells = shared(size, JOINT, rng);
    for cell in 0..size {
        if !rng.chance(FILLED) {
            for group in &mut cells {
                group[cell] = 0.0;
            }
        }
    }
    Table { slots, cells }
}

fn tokens(rng: &mut Stream) -> Vec<Vec<u32>> {
    let slot = |s: usize| -> Vec<u32> {
        match s {
            5 => (0..6).map(|k| 55 * k).collect(),
            6 | 7 => vec![0; SIZES[s]],
            WORDING.. => vec![0, 8 + rng.below(17) as u32],
            _ => {
                let mut all: Vec<u32> = (0..SIZES[s]).map(|_| 5 + rng.below(55) as u32).collect();
                if matches!(s, 0 | 2 | 3 | 4) {
                    all[0] = 0;
                }
                all
            }
        }
    };
    (0..SIZES.len()).map(slot).collect()
}

/// A standard normal number (Box & Muller 1958).
fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}
