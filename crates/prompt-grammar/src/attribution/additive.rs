use super::MainEffect;
use crate::model::Lower;
use crate::space::{Choices, PromptSpace, Slot};

/// Steps of the variances.
const STEPS: usize = 30;
/// How firmly the variances of slots are believed to be alike, in options.
const ALIKE: f64 = 4.0;
/// Half of the width of a 90 % interval, in standard deviations.
const NINETY: f64 = 1.645;

/// Main effects by ridge regression: a score is the sum of an example's ease, one effect for each option of each slot
/// that takes part, one for each pair of sections in this order, a price of tokens, and noise.
///
/// Effects of options are normal around what their tokens cost, with a variance for each slot, learnt from the evidence
/// and drawn to the mean of all (empirical Bayes: the EM steps of Dempster, Laird & Rubin 1977, with an inverse gamma
/// prior). What options do together is part of the noise, so the effects are those of the additive projection over the
/// prompts tried; try prompts of a [`design`](super::design), on [telling](super::Telling) examples where calls are few.
/// Unlike the [`Posterior`](crate::model::Posterior) its cost does not grow with the number of prompts.
///
/// ```
/// use meta_traits::Stream;
/// use prompt_grammar::attribution::{Additive, design};
/// use prompt_grammar::space::{PromptSpace, Slot, SlotOption};
/// let options = || (0..3).map(|i| SlotOption::new(format!("o{i}"), 1)).collect();
/// let space = PromptSpace::new(vec![Slot::new("x", options()), Slot::new("y", options())], vec![], None)?;
/// let mut additive = Additive::new(space.clone(), 10);
/// for (i, prompt) in design(&space, 300, &Stream::root(0)).iter().enumerate() {
///     // Option 2 of the first slot raises the chance of success.
///     let chance = if prompt.option(0) == 2 { 0.7 } else { 0.3 };
///     let success = Stream::root(i as u64).unit() < chance;
///     additive.observe(prompt, i % 10, f64::from(u8::from(success)));
/// }
/// let effects = additive.main_effects();
/// assert!(effects[2].low > 0.0 && effects[0].high < 0.0);
/// // What the second slot seems to do is small beside that.
/// assert!(effects[3..].iter().all(|e| e.value.abs() < effects[2].value / 2.0));
/// # Ok::<(), prompt_grammar::PromptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Additive {
    space: PromptSpace,
    /// First column of each slot, of the order of sections, of tokens, of the examples, and one behind the last.
    starts: Vec<usize>,
    /// Tokens that count as one: their standard deviation over even prompts.
    unit: f64,
    /// Products of columns with each other, and with the scores.
    gram: Vec<f64>,
    products: Vec<f64>,
    squares: f64,
    count: f64,
}

impl Additive {
    /// Nothing is known yet. `examples` is the number of examples.
    pub fn new(space: PromptSpace, examples: usize) -> Self {
        let sections = space.sections().len();
        let sizes = space.slots().iter().map(|s| s.options.len());
        let mut starts = vec![0];
        for size in sizes.chain([sections * sections.saturating_sub(1) / 2, 1, examples]) {
            starts.push(starts[starts.len() - 1] + size);
        }
        let n = starts[starts.len() - 1];
        let unit = space.slots().iter().map(spread_of_tokens).sum::<f64>().sqrt().max(1.0);
        Self { space, starts, unit, gram: vec![0.0; n * n], products: vec![0.0; n], squares: 0.0, count: 0.0 }
    }

    /// Takes a score of a prompt on an example; one that is no finite number, or of an example that is not there, is
    /// left out. O((slots + sections^2)^2).
    pub fn observe(&mut self, prompt: &Choices, example: usize, score: f64) {
        let slots = self.space.slots().len();
        let n = self.products.len();
        if !score.is_finite() || self.starts[slots + 2] + example >= n {
            return;
        }
        let mut parts: Vec<(usize, f64)> = (0..slots)
            .filter(|s| self.space.is_active(prompt, *s))
            .map(|s| (self.starts[s] + usize::from(prompt.option(s)), 1.0))
            .collect();
        let there: Vec<usize> = prompt
            .order()
            .iter()
            .map(|s| usize::from(*s))
            .filter(|s| self.space.is_present(prompt, *s))
            .collect();
        for (i, &first) in there.iter().enumerate() {
            for &then in &there[i + 1..] {
                let (low, high) = (first.min(then), first.max(then));
                let sign = if first < then { 0.5 } else { -0.5 };
                parts.push((self.starts[slots] + high * (high - 1) / 2 + low, sign));
            }
        }
        parts.push((self.starts[slots + 1], f64::from(self.space.tokens(prompt)) / self.unit));
        parts.push((self.starts[slots + 2] + example, 1.0));
        for &(a, x) in &parts {
            self.products[a] += x * score;
            for &(b, y) in &parts {
                self.gram[a * n + b] += x * y;
            }
        }
        self.squares += score * score;
        self.count += 1.0;
    }

    /// The effect of every option beside the mean of its slot's, in scores, with 90 % intervals; all 0 before anything
    /// was observed. O(steps x columns^3).
    pub fn main_effects(&self) -> Vec<MainEffect> {
        let slots = self.space.slots().len();
        let (mean, covariance) = self.fit();
        let n = self.products.len();
        let price = self.starts[slots + 1];
        let mut out = Vec::new();
        for slot in 0..slots {
            let columns = self.starts[slot]..self.starts[slot + 1];
            let k = columns.len() as f64;
            let tokens: Vec<f64> =
                self.space.slots()[slot].options.iter().map(|o| f64::from(o.tokens) / self.unit).collect();
            let usual = tokens.iter().sum::<f64>() / k;
            for (option, c) in columns.clone().enumerate() {
                // The option less the mean of its slot, in columns.
                let mut beside: Vec<(usize, f64)> =
                    columns.clone().map(|b| (b, f64::from(u8::from(b == c)) - 1.0 / k)).collect();
                beside.push((price, tokens[option] - usual));
                let value: f64 = beside.iter().map(|(b, x)| mean[*b] * x).sum();
                let variance: f64 = beside
                    .iter()
                    .flat_map(|a| beside.iter().map(move |b| (a, b)))
                    .map(|((a, x), (b, y))| x * y * covariance[a * n + b])
                    .sum();
                let width = NINETY * variance.max(0.0).sqrt();
                out.push(MainEffect {
                    slot,
                    option: option as u16,
                    value,
                    low: value - width,
                    high: value + width,
                });
            }
        }
        out
    }

    /// Posterior mean and covariance of all columns.
    fn fit(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.products.len();
        if self.count < 2.0 {
            return (vec![0.0; n], vec![0.0; n * n]);
        }
        let spread = (self.squares / self.count).max(1e-12);
        let groups = self.starts.len() - 1;
        let mut variances = vec![0.02 * spread; groups];
        variances[groups - 1] = spread;
        let mut noise = 0.5 * spread;
        for _ in 0..STEPS {
            let (mean, covariance) = self.posterior(&variances, noise);
            self.step(&mean, &covariance, &mut variances, &mut noise);
        }
        self.posterior(&variances, noise)
    }

    fn posterior(&self, variances: &[f64], noise: f64) -> (Vec<f64>, Vec<f64>) {
        let n = self.products.len();
        let mut precision = Lower::default();
        let mut extra = Vec::with_capacity(n);
        for (group, variance) in variances.iter().enumerate() {
            for i in self.starts[group]..self.starts[group + 1] {
                let row: Vec<f64> = self.gram[i * n..=i * n + i].iter().map(|v| v / noise).collect();
                precision.push(&row);
                extra.push(1.0 / variance);
            }
        }
        let factor = precision.factor(&extra);
        let scaled: Vec<f64> = self.products.iter().map(|p| p / noise).collect();
        let inverse = factor.inverse();
        let mut covariance = vec![0.0; n * n];
        for i in 0..n {
            for (j, v) in inverse.row(i).iter().enumerate() {
                covariance[i * n + j] = *v;
                covariance[j * n + i] = *v;
            }
        }
        (factor.solve(&scaled), covariance)
    }

    /// One step of the variances.
    fn step(&self, mean: &[f64], covariance: &[f64], variances: &mut [f64], noise: &mut f64) {
        let n = mean.len();
        let groups = variances.len();
        let slots = groups - 3;
        let common = variances[..slots].iter().sum::<f64>() / slots as f64;
        for (group, variance) in variances.iter_mut().enumerate() {
            let columns = self.starts[group]..self.starts[group + 1];
            let size = columns.len() as f64;
            let sum: f64 = columns.map(|c| mean[c] * mean[c] + covariance[c * n + c]).sum();
            let (belief, mode) = if group < slots { (ALIKE, common) } else { (1.0, *variance) };
            *variance = ((sum + belief * mode) / (size + belief)).max(1e-9);
        }
        // What is left of the scores' squares, and how uncertain the fit is.
        let mut explained = 0.0;
        let mut doubt = 0.0;
        for i in 0..n {
            let row = &self.gram[i * n..(i + 1) * n];
            let fitted: f64 = row.iter().zip(mean).map(|(g, m)| g * m).sum();
            explained += mean[i] * (2.0 * self.products[i] - fitted);
            doubt += row.iter().zip(&covariance[i * n..(i + 1) * n]).map(|(g, c)| g * c).sum::<f64>();
        }
        *noise = ((self.squares - explained + doubt) / self.count).max(1e-6);
    }
}

/// Variance of the tokens of a slot's options, each as likely as the others.
fn spread_of_tokens(slot: &Slot) -> f64 {
    let k = slot.options.len() as f64;
    let mean = slot.options.iter().map(|o| f64::from(o.tokens)).sum::<f64>() / k;
    slot.options.iter().map(|o| (f64::from(o.tokens) - mean).powi(2)).sum::<f64>() / k
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::design;
    use super::*;
    use crate::space::SlotOption;

    /// What tokens cost is learnt from all slots and is part of the effects of options.
    #[test]
    fn tokens_have_one_price() {
        let options = |tokens: [u32; 3]| {
            tokens.iter().enumerate().map(|(i, t)| SlotOption::new(format!("o{i}"), *t)).collect()
        };
        let slots = (0..8).map(|s| Slot::new(format!("s{s}"), options([0, 40, 80]))).collect();
        let space = PromptSpace::new(slots, Vec::new(), None).expect("sound");
        let mut additive = Additive::new(space.clone(), 5);
        for (i, prompt) in design(&space, 1500, &Stream::root(1)).iter().enumerate() {
            let noise = 0.2 * (Stream::root(i as u64).unit() - 0.5);
            additive.observe(prompt, i % 5, 0.8 - f64::from(space.tokens(prompt)) / 1600.0 + noise);
        }
        let effects = additive.main_effects();
        for of_slot in effects.chunks(3) {
            let values: Vec<f64> = of_slot.iter().map(|e| e.value).collect();
            // 40 tokens are 0.025.
            assert!((values[0] - 0.025).abs() < 0.012 && (values[2] + 0.025).abs() < 0.012, "{values:?}");
            assert!(of_slot.iter().all(|e| e.low <= e.value && e.value <= e.high));
        }
    }
}
