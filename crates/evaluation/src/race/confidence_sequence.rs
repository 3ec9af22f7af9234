use serde::{Deserialize, Serialize};

/// Steps of the grid of means.
const GRID: usize = 400;

/// Bounds of the mean of a finite set of scores in [0, 1], drawn in random order without replacement, valid at all times.
///
/// The bounds hold at every number of draws at once with probability 1 - alpha, and close in on the exact mean at the
/// last draw. A mean m is excluded once half the sum of two gamblers' wealth, one betting above and one below, reaches
/// 1 / alpha; the i-th bet is against the mean that the rest would need, (n m - S) / (n - i + 1).
///
/// Source: Waudby-Smith & Ramdas, "Confidence sequences for sampling without replacement" (NeurIPS 2020) and "Estimating
/// means of bounded random variables by betting" (JRSS B 2024), section 5, with the predictable plug-in bets of eq. 26.
///
/// ```
/// use evaluation::race::ConfidenceSequence;
/// let mut bounds = ConfidenceSequence::new(40, 0.05);
/// for i in 0..40 {
///     bounds.observe(f64::from(i % 2));
/// }
/// let (low, high) = bounds.interval();
/// assert!(low <= 0.5 && 0.5 <= high && high - low < 1e-9);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceSequence {
    n: usize,
    alpha: f64,
    seen: usize,
    sum: f64,
    squares: f64,
    /// Logarithms of the wealth above and below each mean of the grid.
    wealth: Vec<(f64, f64)>,
    low: f64,
    high: f64,
}

impl ConfidenceSequence {
    /// Of `n` scores; wrong with probability `alpha` at most.
    pub fn new(n: usize, alpha: f64) -> Self {
        let alpha = alpha.clamp(1e-12, 1.0);
        let wealth = vec![(0.0, 0.0); GRID + 1];
        Self { n, alpha, seen: 0, sum: 0.0, squares: 0.0, wealth, low: 0.0, high: 1.0 }
    }

    /// Takes in the next score; scores beyond the n-th are ignored. O(grid).
    pub fn observe(&mut self, score: f64) {
        if self.seen >= self.n {
            return;
        }
        let x = if score.is_finite() { score.clamp(0.0, 1.0) } else { 0.0 };
        let t = (self.seen + 1) as f64;
        let variance = (0.25 + self.squares) / t;
        let bet = (2.0 * (2.0 / self.alpha).ln() / (variance * t * (t + 1.0).ln())).sqrt();
        let left = (self.n - self.seen) as f64;
        for (i, (up, down)) in self.wealth.iter_mut().enumerate() {
            let m = ((self.n as f64 * i as f64 / GRID as f64 - self.sum) / left).clamp(0.0, 1.0);
            *up += (1.0 + bet.min(0.5 / m.max(1e-9)) * (x - m)).ln();
            *down += (1.0 - bet.min(0.5 / (1.0 - m).max(1e-9)) * (x - m)).ln();
        }
        self.seen += 1;
        self.sum += x;
        let mean = (0.5 + self.sum) / (t + 1.0);
        self.squares += (x - mean) * (x - mean);
        self.narrow();
    }

    fn narrow(&mut self) {
        let limit = (2.0 / self.alpha).ln();
        let inside = |&(up, down): &(f64, f64)| {
            let most = f64::max(up, down);
            most + ((up - most).exp() + (down - most).exp()).ln() < limit
        };
        let step = 1.0 / GRID as f64;
        // A mean between two points of the grid may be inside when a neighbour is.
        if let Some(first) = self.wealth.iter().position(inside) {
            self.low = self.low.max((first as f64 - 1.0) * step);
        }
        if let Some(last) = self.wealth.iter().rposition(inside) {
            self.high = self.high.min((last as f64 + 1.0) * step);
        }
        // What was seen bounds the mean for sure.
        let n = self.n as f64;
        self.low = self.low.max(self.sum / n);
        self.high = self.high.min((self.sum + (self.n - self.seen) as f64) / n).max(self.low);
    }

    /// The bounds now.
    pub fn interval(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    #[test]
    fn covers_the_mean_at_all_times_at_once() {
        for ones in [5, 30, 50, 88] {
            let runs = 600;
            let (mut missed, mut width) = (0, 0.0);
            for run in 0..runs {
                let mut rng = Stream::root(3).child("run", run * 100 + ones);
                let mut scores: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i < ones))).collect();
                rng.shuffle(&mut scores);
                let mut bounds = ConfidenceSequence::new(100, 0.1);
                let truth = ones as f64 / 100.0;
                let mut out = false;
                for (t, score) in scores.into_iter().enumerate() {
                    bounds.observe(score);
                    let (low, high) = bounds.interval();
                    out |= truth < low - 1e-12 || truth > high + 1e-12;
                    if t == 59 {
                        width += high - low;
                    }
                }
                missed += usize::from(out);
            }
            let limit = 0.1 + 2.0 * (0.1 * 0.9 / runs as f64).sqrt();
            assert!(missed as f64 / runs as f64 <= limit, "{missed} of {runs} at {ones}");
            assert!(
                width / (runs as f64) < 0.3,
                "after 60 of 100 the bounds are of use: {}",
                width / runs as f64
            );
        }
    }
}
