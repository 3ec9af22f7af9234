use std::collections::BTreeMap;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::grammar::HoleKind;

/// What was seen of a fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    n: f64,
    mean: f64,
    /// Sum of squared deviations.
    square: f64,
}

/// Earlier fills and how they did, for use in other prompts and modules.
///
/// The gain of a fill is the score of its prompt minus that of the prompt before it. The bank draws by Thompson
/// sampling: each fill's mean gain is drawn from its posterior under a normal prior of mean 0, and the highest wins.
///
/// ```
/// use prompt_grammar::HoleKind;
/// use prompt_grammar::holes::FillBank;
/// use meta_traits::Stream;
/// let mut bank = FillBank::new(100);
/// for _ in 0..20 {
///     bank.record(HoleKind::RuleItem, "Never guess.", 0.2);
///     bank.record(HoleKind::RuleItem, "Be brief.", -0.2);
/// }
/// let mut rng = Stream::root(1);
/// let draws = (0..100).filter(|_| bank.draw(HoleKind::RuleItem, &mut rng) == Some("Never guess.")).count();
/// assert!(draws > 90);
/// assert_eq!(bank.draw(HoleKind::Tag, &mut rng), None);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FillBank {
    most: usize,
    fills: BTreeMap<HoleKind, Vec<(String, Seen)>>,
}

impl FillBank {
    /// A bank that keeps so many fills a kind, those with the best mean gains.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), fills: BTreeMap::new() }
    }

    /// Takes note of a gain. What is not finite is left out.
    pub fn record(&mut self, kind: HoleKind, text: &str, gain: f64) {
        if !gain.is_finite() {
            return;
        }
        let fills = self.fills.entry(kind).or_default();
        let at = fills.iter().position(|(t, _)| t == text).unwrap_or_else(|| {
            fills.push((text.to_string(), Seen::default()));
            fills.len() - 1
        });
        let seen = &mut fills[at].1;
        seen.n += 1.0;
        let step = gain - seen.mean;
        seen.mean += step / seen.n;
        seen.square += step * (gain - seen.mean);
        if fills.len() > self.most {
            // The worst of the others goes: what is new must get its chance.
            let worst = (0..fills.len())
                .filter(|i| *i != at)
                .min_by(|a, b| centre(&fills[*a].1).total_cmp(&centre(&fills[*b].1)));
            if let Some(worst) = worst {
                fills.remove(worst);
            }
        }
    }

    /// A fill of this kind. O(fills).
    pub fn draw(&self, kind: HoleKind, rng: &mut Stream) -> Option<&str> {
        let fills = self.fills.get(&kind)?;
        let drawn = fills.iter().map(|(text, seen)| {
            let sd = deviation(seen);
            let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
            let normal = radius * (std::f64::consts::TAU * rng.unit()).cos();
            (text.as_str(), centre(seen) + sd * normal)
        });
        drawn.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(text, _)| text)
    }

    /// The fills of a kind that raise scores with a chance of at least `chance`, by the posterior of their mean gain
    /// (normal, by the logistic approximation); 0.5 asks for a positive mean.
    pub fn better(&self, kind: HoleKind, chance: f64) -> impl Iterator<Item = &str> {
        let likely =
            move |seen: &Seen| 1.0 / (1.0 + (-1.702 * centre(seen) / deviation(seen)).exp()) >= chance;
        let fills = self.fills.get(&kind).into_iter().flatten();
        fills.filter(move |(_, seen)| likely(seen)).map(|(text, _)| text.as_str())
    }

    /// The fills of a kind with their mean gains and how often they were seen.
    pub fn fills(&self, kind: HoleKind) -> impl Iterator<Item = (&str, f64, f64)> {
        self.fills.get(&kind).into_iter().flatten().map(|(text, seen)| (text.as_str(), seen.mean, seen.n))
    }
}

fn centre(seen: &Seen) -> f64 {
    seen.n * seen.mean / (seen.n + 1.0)
}

/// Of the mean gain. One observation of gain 0 and of variance 0.01 is there before the first.
fn deviation(seen: &Seen) -> f64 {
    let variance = (seen.square + 0.01) / (seen.n + 1.0);
    (variance / (seen.n + 1.0)).sqrt()
}
