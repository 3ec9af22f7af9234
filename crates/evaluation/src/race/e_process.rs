use serde::{Deserialize, Serialize};

/// Fractions of the largest safe bet, and how the first unit of wealth is spread over them.
const BETS: [(f64, f64); 6] = [(0.1, 0.15), (0.2, 0.25), (0.33, 0.25), (0.5, 0.2), (0.7, 0.1), (0.9, 0.05)];
/// Stands for infinite evidence: the hypothesis is impossible. Finite, so that every written form keeps it.
const CERTAIN: f64 = 1e6;

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Target {
    /// The mean over whatever the examples are drawn from.
    Population,
    /// The mean over exactly this many examples, met in uniformly random order, each at most once.
    Finite(usize),
}

/// Evidence against "the mean difference is at most 0", valid whenever one looks.
///
/// Differences lie in [-bound, bound]. The e-value is the wealth of a gambler who starts with 1 and bets on positive
/// differences: a mixture over six fixed fractions of products of 1 + lambda (d - m). Under the hypothesis its mean is at
/// most 1 at any stopping time, so it exceeds 1 / alpha with probability at most alpha (Ville 1939). For a finite
/// target m is the largest mean the rest can have under the hypothesis, -S / (n - t), so that the last examples decide
/// for sure.
///
/// Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting" (JRSS B 2024), sections 4
/// and 5 (without replacement); the mixture is theirs in appendix B.
///
/// ```
/// use evaluation::race::{EProcess, Target};
/// let mut evidence = EProcess::new(Target::Population, 1.0);
/// for _ in 0..20 {
///     evidence.observe(1.0);
/// }
/// assert!(evidence.value() > 1000.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EProcess {
    target: Target,
    bound: f64,
    seen: usize,
    sum: f64,
    /// Logarithm of the wealth at each bet.
    wealth: [f64; BETS.len()],
    certain: bool,
}

impl EProcess {
    /// No evidence yet; differences are in [-bound, bound].
    pub fn new(target: Target, bound: f64) -> Self {
        Self {
            target,
            bound: bound.max(f64::MIN_POSITIVE),
            seen: 0,
            sum: 0.0,
            wealth: [0.0; BETS.len()],
            certain: false,
        }
    }

    /// Takes in the next difference. One that is no number counts as the worst.
    pub fn observe(&mut self, difference: f64) {
        let d = if difference.is_finite() { (difference / self.bound).clamp(-1.0, 1.0) } else { -1.0 };
        let m = match self.target {
            Target::Population => 0.0,
            Target::Finite(n) => -self.sum / n.saturating_sub(self.seen).max(1) as f64,
        };
        self.sum += d;
        self.seen += 1;
        let room = 1.0 + m;
        if let Target::Finite(n) = self.target {
            // The rest would have to lie below what is possible.
            let rest = n.saturating_sub(self.seen) as f64;
            self.certain |= self.sum > rest + 1e-9;
        }
        if room <= 1e-9 {
            return;
        }
        for (wealth, (bet, _)) in self.wealth.iter_mut().zip(BETS) {
            *wealth += (1.0 + bet / room * (d - m)).max(1e-12).ln();
        }
    }

    /// The logarithm of the e-value.
    pub fn log(&self) -> f64 {
        if self.certain {
            return CERTAIN;
        }
        let most = self.wealth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + self.wealth.iter().zip(BETS).map(|(w, (_, share))| share * (w - most).exp()).sum::<f64>().ln()
    }

    /// The e-value.
    pub fn value(&self) -> f64 {
        self.log().min(700.0).exp()
    }

    /// Differences taken in.
    pub fn seen(&self) -> usize {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    #[test]
    fn ville_holds_at_every_look_under_the_hypothesis() {
        let n = 4000;
        let mut crossed = [0, 0];
        for run in 0..n {
            let mut rng = Stream::root(1).child("run", run);
            let mut endless = EProcess::new(Target::Population, 1.0);
            let mut finite = EProcess::new(Target::Finite(100), 1.0);
            let mut population: Vec<f64> = (0..100)
                .map(|i| {
                    if i < 15 {
                        1.0
                    } else if i < 30 {
                        -1.0
                    } else {
                        0.0
                    }
                })
                .collect();
            rng.shuffle(&mut population);
            let (mut a, mut b) = (false, false);
            for d in population {
                let u = rng.unit();
                endless.observe(if u < 0.15 {
                    1.0
                } else if u < 0.3 {
                    -1.0
                } else {
                    0.0
                });
                finite.observe(d);
                a |= endless.value() >= 20.0;
                b |= finite.value() >= 20.0;
            }
            crossed[0] += usize::from(a);
            crossed[1] += usize::from(b);
        }
        let limit = 0.05 + 2.0 * (0.05 * 0.95 / n as f64).sqrt();
        for crossed in crossed {
            assert!(crossed as f64 / n as f64 <= limit, "{crossed} of {n}");
        }
    }

    #[test]
    fn the_mean_wealth_stays_at_most_one_when_stopping_at_the_top() {
        let n = 20_000;
        let mut total = 0.0;
        for run in 0..n {
            let mut rng = Stream::root(2).child("run", run);
            let mut e = EProcess::new(Target::Population, 1.0);
            for _ in 0..50 {
                e.observe(if rng.chance(0.5) { 1.0 } else { -1.0 });
                if e.value() > 3.0 {
                    break;
                }
            }
            total += e.value();
        }
        assert!(total / (n as f64) < 1.05, "{}", total / n as f64);
    }

    #[test]
    fn a_finite_population_is_decided_for_sure_before_its_end() {
        let mut e = EProcess::new(Target::Finite(10), 1.0);
        for _ in 0..6 {
            e.observe(1.0);
        }
        assert!(e.log() > 1e5);
    }
}
