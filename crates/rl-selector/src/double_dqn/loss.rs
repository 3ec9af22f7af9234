use crate::qnet::Shape;
use crate::replay::Draw;

/// What a learning step makes small, and its slope at the network's outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objective<'a> {
    pub(crate) shape: &'a Shape,
    /// Whether the learning network chooses the next action that the target network judges (van Hasselt et al. 2016).
    pub(crate) double: bool,
    /// Weight of the conservative term.
    pub(crate) conservative: f32,
}

/// Whether bit `action` is set.
pub(crate) fn is_allowed(mask: u32, action: usize) -> bool {
    mask >> action & 1 == 1
}

/// The allowed action of the largest mean; the first among equals, `None` when none is allowed.
///
/// `outputs` are one head's `[action][quantile]`. A value that is NaN loses against every other.
pub(crate) fn best_action(outputs: &[f32], quantiles: usize, mask: u32) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (action, quantiles) in outputs.chunks_exact(quantiles).enumerate() {
        let value: f32 = quantiles.iter().sum();
        let better = best.is_none_or(|(_, top)| value > top || top.is_nan());
        if is_allowed(mask, action) && better {
            best = Some((action, value));
        }
    }
    best.map(|(action, _)| action)
}

impl Objective<'_> {
    /// Targets as `[transition][head][quantile]`: reward plus discounted value of the best allowed next action.
    pub(crate) fn targets(&self, draw: &Draw, learning: &[f32], target: &[f32], out: &mut Vec<f32>) {
        let (n, head_width) = (self.shape.quantiles, self.shape.actions * self.shape.quantiles);
        let batch = &draw.batch;
        out.clear();
        let rows = learning.chunks_exact(self.shape.outputs()).zip(target.chunks_exact(self.shape.outputs()));
        for (i, (learning, target)) in rows.enumerate() {
            let (reward, discount, mask) = (batch.rewards[i], batch.discounts[i], batch.next_allowed[i]);
            for (learning, target) in learning.chunks_exact(head_width).zip(target.chunks_exact(head_width)) {
                let chooser = if self.double { learning } else { target };
                match best_action(chooser, n, mask) {
                    Some(a) if discount > 0.0 => {
                        out.extend(target[a * n..(a + 1) * n].iter().map(|q| reward + discount * q));
                    }
                    _ => out.extend(std::iter::repeat_n(reward, n)),
                }
            }
        }
    }

    /// The loss of a batch; its slope at `outputs`, and each transition's error (mean over heads), go out.
    ///
    /// One quantile: Huber's loss (1964) with threshold 1. More: the quantile Huber loss (Dabney et al. 2018, equation
    /// 10). Mean over transitions and heads.
    pub(crate) fn slope(
        &self,
        draw: &Draw,
        outputs: &[f32],
        targets: &[f32],
        slope: &mut Vec<f32>,
        errors: &mut Vec<f32>,
    ) -> f64 {
        let Shape { actions, quantiles: n, heads, .. } = *self.shape;
        slope.clear();
        slope.resize(outputs.len(), 0.0);
        errors.clear();
        let size = draw.slots.len();
        let mut loss = 0.0;
        for i in 0..size {
            let share = draw.weights[i] / (size * heads) as f32;
            let mut error = 0.0;
            for head in 0..heads {
                let at = (i * heads + head) * actions * n;
                let (outputs, slope) = (&outputs[at..at + actions * n], &mut slope[at..at + actions * n]);
                let target = &targets[(i * heads + head) * n..][..n];
                let action = draw.batch.actions[i];
                let taken = action * n..(action + 1) * n;
                error += (mean(target) - mean(&outputs[taken.clone()])).abs() / heads as f32;
                if !is_allowed(draw.batch.heads[i], head) {
                    continue;
                }
                let own = quantile_huber(&outputs[taken.clone()], target, share, &mut slope[taken]);
                loss += f64::from(share) * f64::from(own);
                if self.conservative > 0.0 {
                    let term = conservative(
                        outputs,
                        n,
                        draw.batch.allowed[i],
                        action,
                        share * self.conservative,
                        slope,
                    );
                    loss += f64::from(share * self.conservative) * f64::from(term);
                }
            }
            errors.push(error);
        }
        loss
    }
}

fn mean(numbers: &[f32]) -> f32 {
    numbers.iter().sum::<f32>() / numbers.len() as f32
}

fn huber(error: f32) -> f32 {
    if error.abs() <= 1.0 { 0.5 * error * error } else { error.abs() - 0.5 }
}

/// Adds `share` times the slope at `predicted` to `slope`; returns the loss.
pub(crate) fn quantile_huber(predicted: &[f32], target: &[f32], share: f32, slope: &mut [f32]) -> f32 {
    let n = predicted.len();
    if let ([predicted], [target]) = (predicted, target) {
        let error = target - predicted;
        slope[0] -= share * error.clamp(-1.0, 1.0);
        return huber(error);
    }
    let (mut loss, targets) = (0.0, target.len() as f32);
    for (i, (predicted, slope)) in predicted.iter().zip(slope).enumerate() {
        let level = (i as f32 + 0.5) / n as f32;
        for target in target {
            let error = target - predicted;
            let weight = (level - f32::from(u8::from(error < 0.0))).abs() / targets;
            loss += weight * huber(error);
            *slope -= share * weight * error.clamp(-1.0, 1.0);
        }
    }
    loss
}

/// The soft maximum of the allowed values less the value of the action taken; adds `share` times its slope.
fn conservative(outputs: &[f32], n: usize, mask: u32, taken: usize, share: f32, slope: &mut [f32]) -> f32 {
    let allowed = |a: &usize| is_allowed(mask, *a) || *a == taken;
    let value = |a: usize| mean(&outputs[a * n..(a + 1) * n]);
    let actions = outputs.len() / n;
    let top = (0..actions).filter(allowed).map(value).fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = (0..actions).filter(allowed).map(|a| (value(a) - top).exp()).sum();
    for a in (0..actions).filter(allowed) {
        let weight = (value(a) - top).exp() / sum - f32::from(u8::from(a == taken));
        slope[a * n..(a + 1) * n].iter_mut().for_each(|s| *s += share * weight / n as f32);
    }
    top + sum.ln() - value(taken)
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;
    use crate::qnet::tests::shape;

    fn draw(shape: &Shape, size: usize, rng: &mut Stream) -> Draw {
        let mut draw = Draw::default();
        for i in 0..size {
            draw.slots.push(i);
            draw.weights.push(0.5 + rng.unit() as f32 / 2.0);
            let batch = &mut draw.batch;
            batch.rewards.push(rng.unit() as f32 * 4.0 - 2.0);
            batch.discounts.push(if i % 3 == 0 { 0.0 } else { 0.9 });
            batch.actions.push(rng.below(shape.actions));
            batch.allowed.push(rng.bits() as u32);
            batch.next_allowed.push(rng.bits() as u32 | 1 << rng.below(shape.actions));
            batch.heads.push(if shape.heads == 1 { 1 } else { rng.bits() as u32 });
        }
        draw
    }

    #[test]
    fn the_slope_is_that_of_the_loss() {
        for (quantiles, heads, conservative) in [(1, 1, 0.0), (1, 1, 0.7), (5, 1, 0.0), (3, 4, 0.3)] {
            let shape = Shape { quantiles, heads, ..shape() };
            let objective = Objective { shape: &shape, double: true, conservative };
            let mut rng = Stream::root(3);
            let draw = draw(&shape, 5, &mut rng);
            let mut numbers = |n: usize| (0..n).map(|_| rng.unit() as f32 * 4.0 - 2.0).collect::<Vec<_>>();
            let (mut outputs, targets) = (numbers(5 * shape.outputs()), numbers(5 * heads * quantiles));
            let (mut slope, mut ignored, mut errors) = (Vec::new(), Vec::new(), Vec::new());
            objective.slope(&draw, &outputs, &targets, &mut slope, &mut errors);
            for i in 0..outputs.len() {
                let old = outputs[i];
                let mut at = |x: f32| {
                    outputs[i] = x;
                    objective.slope(&draw, &outputs, &targets, &mut ignored, &mut errors)
                };
                let numeric = (at(old + 1e-3) - at(old - 1e-3)) / 2e-3;
                outputs[i] = old;
                assert!((numeric - f64::from(slope[i])).abs() < 1e-3, "{i}: {numeric} {}", slope[i]);
            }
        }
    }

    #[test]
    fn targets_respect_masks_ends_and_the_chooser() {
        let shape = Shape { actions: 3, ..shape() };
        let mut draw = Draw { slots: vec![0, 1, 2], ..Draw::default() };
        draw.batch.rewards = vec![1.0, 1.0, 1.0];
        draw.batch.discounts = vec![0.5, 0.5, 0.0];
        draw.batch.next_allowed = vec![0b111, 0b011, 0b111];
        let learning = [1.0, 2.0, 3.0].repeat(3);
        let target = [10.0, 30.0, 20.0].repeat(3);
        let mut out = Vec::new();
        let mut objective = Objective { shape: &shape, double: true, conservative: 0.0 };
        objective.targets(&draw, &learning, &target, &mut out);
        assert_eq!(out, [11.0, 16.0, 1.0]);
        objective.double = false;
        draw.batch.next_allowed[1] = 0b101;
        objective.targets(&draw, &learning, &target, &mut out);
        assert_eq!(out, [16.0, 11.0, 1.0]);
    }

    #[test]
    fn the_best_action_is_allowed_and_no_nan() {
        assert_eq!(best_action(&[f32::NAN, 1.0, 5.0], 1, 0b011), Some(1));
        assert_eq!(best_action(&[1.0, f32::NAN], 1, 0b11), Some(0));
        assert_eq!(best_action(&[1.0, 1.0, 2.0, 2.0], 2, 0b11), Some(1));
        assert_eq!(best_action(&[1.0, 2.0], 1, 0), None);
    }
}
