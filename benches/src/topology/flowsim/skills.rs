use meta_traits::Stream;

use super::instance::{Check, Family, GENERATORS, REFINERS, Skills, TYPES};

impl Skills {
    /// Draws the skills and the price of a unit of cost; the ranges are in the [module](super)'s table.
    pub(super) fn draw(family: Family, rng: &mut Stream) -> (Self, f64) {
        use Family::{A, B, C, D, E, F};
        let is = |of: &[Family]| of.contains(&family);
        let mut s = Self::default();
        let shares = [(); TYPES].map(|()| gamma3(rng));
        let total: f64 = shares.iter().sum();
        let mut edge = 0.0;
        for (slot, share) in s.types.iter_mut().zip(shares) {
            edge += share / total;
            *slot = edge;
        }
        let needy = if is(&[A]) { (0.5, 0.9) } else { (0.0, 0.3) };
        s.needy = [(); TYPES].map(|()| uniform(rng, needy));
        s.slope = uniform(rng, (1.5, 2.5));
        s.taste = uniform(rng, if is(&[C]) { (2.6, 3.6) } else { (1.0, 1.6) });
        s.habit = uniform(rng, (0.6, 0.9));
        s.shared = uniform(rng, if is(&[C]) { (0.0, 0.2) } else { (0.5, 0.9) });
        let base = uniform(rng, if is(&[E]) { (2.8, 3.8) } else { (-0.5, 1.2) });
        let spread = uniform(rng, (0.2, 0.6));
        let home = uniform(rng, if is(&[F]) { (1.0, 1.8) } else { (0.0, 0.0) });
        s.price = [1.0, uniform(rng, (0.4, 0.8)), 1.0, uniform(rng, (2.0, 3.5))];
        for (g, row) in s.generate.iter_mut().enumerate() {
            let lift = [0.0, -0.4, 0.0, 0.5][g];
            let at = |z: usize| if z == g % TYPES { 1.0 } else { -0.5 };
            *row = [0, 1, 2].map(|z| base + lift + home * at(z) + 0.6 * spread * normal(rng));
        }
        let mut order: Vec<usize> = (0..GENERATORS).collect();
        rng.shuffle(&mut order);
        s.price = [0, 1, 2, 3].map(|g| s.price[order[g]]);
        s.generate = [0, 1, 2, 3].map(|g| s.generate[order[g]]);
        let find = if is(&[A]) { (0.3, 1.8) } else { (-1.2, 0.8) };
        s.retrieve = [(); 2].map(|()| [(); TYPES].map(|()| uniform(rng, find)));
        let misled = if is(&[D]) { 1.2 } else { 0.0 };
        s.critique = [(); 2].map(|()| {
            [(); TYPES].map(|()| Check {
                of_wrong: uniform(rng, (-0.6, 1.0)),
                of_right: uniform(rng, (-2.0, -0.2)) + misled,
            })
        });
        let checkable = if is(&[B, D, E]) { 0.85 } else { 0.3 };
        s.verify = [(); 2].map(|()| {
            [(); TYPES].map(|()| {
                let good = rng.chance(checkable);
                let (hit, miss) = if good { ((1.5, 3.0), (-4.0, -2.2)) } else { ((-1.0, 0.0), (-1.0, 0.0)) };
                Check { of_wrong: uniform(rng, hit), of_right: uniform(rng, miss) }
            })
        });
        let mean = s.generate.iter().flatten().sum::<f64>() / (GENERATORS * TYPES) as f64;
        s.refine = [(); REFINERS].map(|()| [(); TYPES].map(|()| mean + uniform(rng, (-0.6, 0.2))));
        let more = if is(&[D]) { 0.2 } else { 0.0 };
        s.restless = [(); REFINERS].map(|()| uniform(rng, (0.2, 0.6)) + more);
        s.evidence = uniform(rng, (0.0, 0.5));
        s.missing = uniform(rng, (2.0, 3.5));
        s.distraction = uniform(rng, (0.1, 0.6));
        s.copying = uniform(rng, (0.2, 0.7));
        s.hint = uniform(rng, (0.0, 0.6));
        let proof = match family {
            B | D => (1.5, 3.0),
            E => (1.0, 2.0),
            A | C | F => (0.3, 1.2),
        };
        s.proof = uniform(rng, proof);
        s.classifier = uniform(rng, if is(&[F]) { (0.85, 0.97) } else { (0.75, 0.97) });
        s.trust = uniform(rng, (3.0, 6.0));
        let price = uniform(rng, if is(&[E]) { (0.02, 0.04) } else { (0.003, 0.01) });
        (s, price)
    }
}

fn uniform(rng: &mut Stream, (low, high): (f64, f64)) -> f64 {
    low + (high - low) * rng.unit()
}

fn normal(rng: &mut Stream) -> f64 {
    let (a, b) = (rng.unit(), rng.unit());
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// A gamma number of shape 3: the sum of three exponential ones.
fn gamma3(rng: &mut Stream) -> f64 {
    (0..3).map(|_| -(1.0 - rng.unit()).ln()).sum()
}
