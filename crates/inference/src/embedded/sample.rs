use std::cmp::Ordering;
use std::collections::BinaryHeap;

use meta_traits::Stream;

/// How the next token is drawn from logits.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    /// 0 or less is greedy.
    pub(crate) temperature: f32,
    /// Smallest mass of the likeliest tokens that are drawn from; 1 is all.
    pub(crate) top_p: f32,
    /// Where draws come from.
    pub(crate) stream: Stream,
}

impl Sampler {
    /// The token of step `step`. Greedy takes the first of equals; a draw depends on the seed and the step alone.
    pub(crate) fn pick(&self, logits: &[f32], step: u64) -> u32 {
        let best = (0..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
        if self.temperature <= 0.0 {
            return best as u32;
        }
        let top = f64::from(logits[best]);
        let temperature = f64::from(self.temperature);
        let weigh = |logit: &f32| ((f64::from(*logit) - top) / temperature).exp();
        let mut draw = self.stream.child("sample", step);
        let weights: Vec<f64> = logits.iter().map(weigh).collect();
        if self.top_p >= 1.0 {
            return draw.weighted(&weights).unwrap_or(best) as u32;
        }
        let mass: f64 = weights.iter().sum::<f64>() * f64::from(self.top_p);
        let mut heap: BinaryHeap<Likely> =
            weights.iter().enumerate().map(|(token, &weight)| Likely { weight, token }).collect();
        let (mut nucleus, mut held) = (Vec::new(), 0.0);
        while let Some(likely) = heap.pop() {
            held += likely.weight;
            nucleus.push(likely);
            if held >= mass {
                break;
            }
        }
        let weights: Vec<f64> = nucleus.iter().map(|likely| likely.weight).collect();
        draw.weighted(&weights).map_or(best, |i| nucleus[i].token) as u32
    }
}

/// Ordered by weight, then the lower token first.
struct Likely {
    weight: f64,
    token: usize,
}

impl Ord for Likely {
    fn cmp(&self, other: &Self) -> Ordering {
        self.weight.total_cmp(&other.weight).then(other.token.cmp(&self.token))
    }
}

impl PartialOrd for Likely {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Likely {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Likely {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(temperature: f32, top_p: f32) -> Sampler {
        Sampler { temperature, top_p, stream: Stream::root(1) }
    }

    #[test]
    fn greedy_takes_the_first_of_equals() {
        assert_eq!(sampler(0.0, 1.0).pick(&[1.0, 3.0, 3.0], 0), 1);
    }

    #[test]
    fn draws_follow_the_softmax() {
        let logits = [0.0_f32, 1.0, 2.0];
        let mut counts = [0.0_f64; 3];
        for step in 0..20_000 {
            counts[sampler(0.5, 1.0).pick(&logits, step) as usize] += 1.0;
        }
        let total: f64 = logits.iter().map(|l| f64::from(l * 2.0).exp()).sum();
        for (count, logit) in counts.iter().zip(logits) {
            assert!((count / 20_000.0 - f64::from(logit * 2.0).exp() / total).abs() < 0.01, "{counts:?}");
        }
    }

    #[test]
    fn the_nucleus_leaves_out_the_rest() {
        // Probabilities 0.09, 0.245, 0.665.
        let logits = [0.0, 1.0, 2.0];
        let seen = |top_p| {
            (0..500).map(|s| sampler(1.0, top_p).pick(&logits, s)).fold([0; 3], |mut n, t| {
                n[t as usize] += 1;
                n
            })
        };
        assert_eq!(seen(0.6), [0, 0, 500]);
        let two = seen(0.9);
        assert!(two[0] == 0 && two[1] > 50, "{two:?}");
        assert!(seen(0.95)[0] > 10);
    }

    #[test]
    fn a_step_s_draw_does_not_depend_on_other_steps() {
        let s = sampler(1.0, 0.99);
        let logits = [0.1, 0.2, 0.3, 0.4];
        let forward: Vec<u32> = (0..50).map(|i| s.pick(&logits, i)).collect();
        let backward: Vec<u32> = (0..50).rev().map(|i| s.pick(&logits, i)).collect();
        assert_eq!(forward, backward.into_iter().rev().collect::<Vec<_>>());
    }
}
