//! Distributions that plans and searches draw from.

use meta_traits::Stream;

/// A standard normal number (Box and Muller 1958).
pub(crate) fn normal(rng: &mut Stream) -> f64 {
    // 1 - u is in (0, 1]: its logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

/// A gamma number of this shape and scale 1 (Marsaglia and Tsang 2000).
fn gamma(shape: f64, rng: &mut Stream) -> f64 {
    if shape < 1.0 {
        return gamma(shape + 1.0, rng) * (1.0 - rng.unit()).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - rng.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// A share in [0, 1]: beta with `a` seen for and `b` against. Where one of them is 0, the other side is certain.
pub(crate) fn beta(a: f64, b: f64, rng: &mut Stream) -> f64 {
    if a <= 0.0 || b <= 0.0 {
        return if a > 0.0 { 1.0 } else { 0.0 };
    }
    let (x, y) = (gamma(a, rng), gamma(b, rng));
    if x + y > 0.0 { x / (x + y) } else { a / (a + b) }
}

/// A positive quantity known up to a factor: its logarithm is normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LogNormal {
    /// The median's logarithm.
    pub(super) centre: f64,
    /// Standard deviation of the logarithm.
    pub(super) sd: f64,
}

impl LogNormal {
    pub(crate) fn new(median: f64, sd: f64) -> Self {
        Self { centre: median.max(1e-12).ln(), sd }
    }

    pub(crate) fn draw(self, rng: &mut Stream) -> f64 {
        (self.centre + self.sd * normal(rng)).exp()
    }

    /// What `sum` of quantities over `of` tells, the single ones having these logarithms relative to it. The spread is
    /// shrunk to that of `self` as if it had been seen in two of them. Gives the belief in the ratio of the sums, and
    /// the spread of single ones.
    pub(crate) fn learn(self, sum: f64, of: f64, logs: &[f64]) -> (Self, f64) {
        let n = logs.len() as f64;
        if logs.is_empty() || sum <= 0.0 || of <= 0.0 {
            return (self, self.sd);
        }
        let mean = logs.iter().sum::<f64>() / n;
        let squares: f64 = logs.iter().map(|x| (x - mean) * (x - mean)).sum();
        let sd = ((2.0 * self.sd * self.sd + squares) / (n + 1.0)).sqrt();
        (Self { centre: (sum / of).ln(), sd: sd / n.sqrt() }, sd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(draw: impl Fn(&mut Stream) -> f64, mean: f64, variance: f64) {
        let mut rng = Stream::root(1).child("draws", 0);
        let draws: Vec<f64> = (0..20_000).map(|_| draw(&mut rng)).collect();
        let m = draws.iter().sum::<f64>() / 2e4;
        let v = draws.iter().map(|x| (x - m).powi(2)).sum::<f64>() / 2e4;
        assert!((m - mean).abs() < 4.0 * (variance / 2e4).sqrt(), "mean {m}, not {mean}");
        assert!((v / variance - 1.0).abs() < 0.06, "variance {v}, not {variance}");
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        check(normal, 0.0, 1.0);
        check(|r| gamma(0.4, r), 0.4, 0.4);
        check(|r| gamma(3.0, r), 3.0, 3.0);
        check(|r| beta(2.0, 3.0, r), 0.4, 0.04);
        let l = LogNormal::new(2.0, 0.5);
        check(|r| l.draw(r).ln(), 2.0_f64.ln(), 0.25);
    }

    #[test]
    fn what_is_certain_is_not_drawn() {
        let mut rng = Stream::root(0);
        assert_eq!((beta(0.0, 2.0, &mut rng), beta(1.0, 0.0, &mut rng)), (0.0, 1.0));
    }

    #[test]
    fn more_observations_make_a_belief_sharper() {
        let prior = LogNormal::new(1.0, 0.5);
        let few = prior.learn(6.0, 3.0, &[0.1, -0.1, 0.0]).0;
        let many = prior.learn(24.0, 12.0, &[0.1, -0.1, 0.0].repeat(4)).0;
        assert!((few.centre - 2.0_f64.ln()).abs() < 1e-12 && many.sd < few.sd && few.sd < prior.sd);
        assert_eq!(prior.learn(0.0, 3.0, &[0.0]).0, prior);
    }
}
