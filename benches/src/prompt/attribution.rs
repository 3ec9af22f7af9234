//! Attribution against the truth of PromptScape landscapes.

use meta_traits::{Space as _, Split, Stream};
use prompt_grammar::attribution::{main_effects, shapley};
use prompt_grammar::model::Posterior;
use prompt_grammar::space::{Choices, PromptSpace};
use serde::Serialize;

use super::promptscape::{Landscape, TRAIN, VAL};

/// Example calls after which effects are compared.
pub const AT: [u64; 3] = [1000, 3000, 10_000];
/// Most prompts the model is fitted to.
const PROMPTS: u64 = 900;
/// Least examples a prompt is tried on.
const LEAST: u64 = 4;
/// Steps of the variances before effects are read.
const STEPS: usize = 6;
/// Prompts that true effects are averaged over.
const HOSTS: u64 = 256;

/// One landscape.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The landscape.
    pub landscape: u64,
    /// Rank correlation of estimated and true main effects after the calls of [`AT`].
    pub rank_correlation: [f64; 3],
    /// Largest difference between the sum of Shapley values and what they divide.
    pub efficiency_error: f64,
}

/// Tries random prompts of a landscape and compares the main effects of all options with the true ones.
///
/// A true main effect is the mean true score over random prompts with the option, less the mean over the options of its
/// slot: the additive projection.
pub fn attribution(landscape: &Landscape) -> Row {
    let space = landscape.space();
    let stream = Stream::root(4242 + landscape.number()).child("attribution", 0);
    let truth = true_effects(landscape, &space, &stream);
    let mut efficiency_error: f64 = 0.0;
    let rank_correlation = AT.map(|calls| {
        let posterior = learnt(landscape, &space, calls, &stream);
        let found: Vec<f64> = main_effects(&posterior, &space, 0, &stream.child("effects", 0))
            .iter()
            .map(|e| e.value)
            .collect();
        for i in 0..20 {
            let prompt = space.sample(&mut stream.child("shapley", i));
            let mean = posterior.mean_effects();
            let whole = posterior.value_of(&mean, &prompt) - posterior.value_of(&mean, &space.seed());
            let shares = shapley(&posterior, &space, &prompt, &space.seed(), 0, &stream.child("orders", i));
            let sum: f64 = shares.iter().map(|s| s.value).sum();
            efficiency_error = efficiency_error.max((sum - whole).abs());
        }
        correlation(&ranks(&found), &ranks(&truth))
    });
    Row { landscape: landscape.number(), rank_correlation, efficiency_error }
}

fn learnt(landscape: &Landscape, space: &PromptSpace, calls: u64, stream: &Stream) -> Posterior {
    let each = calls.div_ceil(PROMPTS).max(LEAST);
    let mut posterior = Posterior::new(space.clone(), TRAIN + VAL);
    let mut left = calls;
    let mut number = 0;
    while left > 0 {
        let mut rng = stream.child("prompt", number);
        number += 1;
        let prompt = space.sample(&mut rng);
        let row = posterior.add(&prompt);
        let mut examples: Vec<usize> = [Split::Train, Split::Val]
            .into_iter()
            .flat_map(Landscape::examples)
            .map(Landscape::position)
            .collect();
        rng.shuffle(&mut examples);
        for &example in examples.iter().take(each.min(left) as usize) {
            posterior.observe(row, example, f64::from(u8::from(landscape.outcome(&prompt, example, 0))));
        }
        left = left.saturating_sub(each);
    }
    posterior.fit();
    (0..STEPS).for_each(|_| posterior.learn_variances());
    posterior
}

fn true_effects(landscape: &Landscape, space: &PromptSpace, stream: &Stream) -> Vec<f64> {
    let hosts: Vec<Choices> = (0..HOSTS).map(|i| space.sample(&mut stream.child("host", i))).collect();
    let mut out = Vec::new();
    for (slot, shape) in space.slots().iter().enumerate() {
        let mean = |option: u16| {
            let with = |host: &Choices| {
                let mut prompt = host.clone();
                prompt.choose(slot, option);
                landscape.truth(&space.canonical(prompt))
            };
            hosts.iter().map(with).sum::<f64>() / hosts.len() as f64
        };
        let means: Vec<f64> = (0..shape.options.len() as u16).map(mean).collect();
        let middle = means.iter().sum::<f64>() / means.len() as f64;
        out.extend(means.iter().map(|m| m - middle));
    }
    out
}

/// Ranks from 0, equals share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |v: &f64| {
        let below = values.iter().filter(|o| *o < v).count() as f64;
        let equal = values.iter().filter(|o| *o <= v).count() as f64 - below;
        below + (equal - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let products = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum::<f64>();
    let spread = |v: &[f64], m: f64| v.iter().map(|x| (x - m) * (x - m)).sum::<f64>().sqrt();
    products / (spread(a, ma) * spread(b, mb)).max(f64::MIN_POSITIVE)
}
