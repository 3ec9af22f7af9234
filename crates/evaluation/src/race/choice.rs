use meta_traits::Stream;
use serde::{Deserialize, Serialize};

/// Draws one of the examples with a positive weight: with probability `floor` uniformly, else by weight.
///
/// Gives the example and the probability with which it was drawn, at least `floor` / (number of eligible examples).
/// Negative or unsound weights count as 0 and are eligible; `None` marks what must not be drawn.
pub(super) fn draw(weights: &[Option<f64>], floor: f64, rng: &mut Stream) -> Option<(usize, f64)> {
    let probabilities = probabilities(weights, floor);
    let drawn = rng.weighted(&probabilities)?;
    Some((drawn, probabilities[drawn]))
}

fn probabilities(weights: &[Option<f64>], floor: f64) -> Vec<f64> {
    let sound = |w: f64| if w.is_finite() && w > 0.0 { w } else { 0.0 };
    let eligible = weights.iter().flatten().count().max(1) as f64;
    let total: f64 = weights.iter().flatten().map(|w| sound(*w)).sum();
    let floor = if total > 0.0 { floor.clamp(0.0, 1.0) } else { 1.0 };
    let mix = |w: f64| floor / eligible + if total > 0.0 { (1.0 - floor) * sound(w) / total } else { 0.0 };
    weights.iter().map(|w| w.map_or(0.0, mix)).collect()
}

/// `n` different examples, drawn one after the other, each with the probability it had when its turn came.
///
/// ```
/// use evaluation::race::choose;
/// use meta_traits::Stream;
/// let drawn = choose(&[Some(0.0), Some(9.0), None], 0.2, 2, &mut Stream::root(1));
/// assert_eq!(drawn.len(), 2);
/// assert!(drawn.iter().all(|(j, p)| *j < 2 && *p >= 0.1));
/// ```
pub fn choose(weights: &[Option<f64>], floor: f64, n: usize, rng: &mut Stream) -> Vec<(usize, f64)> {
    let mut left = weights.to_vec();
    let mut drawn = Vec::with_capacity(n.min(left.len()));
    while drawn.len() < n {
        let Some((j, p)) = draw(&left, floor, rng) else { break };
        left[j] = None;
        drawn.push((j, p));
    }
    drawn
}

/// The mean over all examples from examples that were not drawn uniformly, without bias.
///
/// Each draw contributes the mean of the guesses for all examples plus (score - guess) / (n p): augmented inverse
/// probability weighting. Its mean is that of all scores whatever the guesses, which only lower the variance, as long as
/// the guesses and the probability were fixed before the draw and every probability is positive (the scheduler's are
/// at least 0.2 / n). Draws are with replacement: what was drawn stays in the mean.
///
/// Source: Robins, Rotnitzky & Zhao 1994, "Estimation of regression coefficients when some regressors are not always
/// observed"; for adaptive probabilities Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro 2024, "Anytime-valid off-policy
/// inference for contextual bandits".
///
/// ```
/// use evaluation::race::Aipw;
/// let mut mean = Aipw::default();
/// mean.observe(1.0, 0.25, &[0.5, 0.5], 0);
/// assert_eq!(mean.mean(), Some(0.5 + 0.5 / (2.0 * 0.25)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Aipw {
    sum: f64,
    count: u64,
}

impl Aipw {
    /// Takes in the score of example `drawn`, which was drawn with `probability`; `guesses` are for all examples. Gives
    /// the contribution.
    pub fn observe(&mut self, score: f64, probability: f64, guesses: &[f64], drawn: usize) -> f64 {
        let n = guesses.len().max(1) as f64;
        let guess = guesses.get(drawn).copied().unwrap_or(0.0);
        let contribution =
            guesses.iter().sum::<f64>() / n + (score - guess) / (n * probability.max(f64::MIN_POSITIVE));
        self.sum += contribution;
        self.count += 1;
        contribution
    }

    /// The estimate; `None` before the first draw.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_kept() {
        let weights: Vec<Option<f64>> = (0..50).map(|i| Some(f64::from(i).powi(3))).collect();
        assert!(probabilities(&weights, 0.2).iter().all(|p| *p >= 0.2 / 50.0 - 1e-15));
        assert!((probabilities(&weights, 0.2).iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn aipw_is_unbiased_whatever_the_guesses() {
        let scores: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
        let truth = scores.iter().sum::<f64>() / 40.0;
        let weights: Vec<Option<f64>> = (0..40).map(|i| Some(if i % 3 == 0 { 5.0 } else { 1.0 })).collect();
        for guesses in [vec![0.0; 40], vec![0.9; 40], scores.iter().map(|s| 0.8 * s).collect()] {
            let n = 40_000;
            let (mut sum, mut squares, mut naive) = (0.0, 0.0, 0.0);
            let mut rng = Stream::root(5);
            for _ in 0..n {
                let (j, p) = draw(&weights, 0.2, &mut rng).unwrap();
                let x = Aipw::default().observe(scores[j], p, &guesses, j);
                sum += x;
                squares += x * x;
                naive += scores[j];
            }
            let mean = sum / f64::from(n);
            let se = ((squares / f64::from(n) - mean * mean) / f64::from(n)).sqrt();
            assert!((mean - truth).abs() < 4.0 * se + 1e-12, "{mean} for {truth}, se {se}");
            assert!(naive / f64::from(n) - truth > 0.2, "unweighted the same draws mislead");
        }
    }
}
