//! Attribution against the truth of PromptScape landscapes.

use meta_traits::{Space as _, Split, Stream};
use prompt_grammar::attribution::{Additive, Telling, design, shapley};
use prompt_grammar::model::Posterior;
use prompt_grammar::space::{Choices, PromptSpace};
use serde::Serialize;

use super::promptscape::{Landscape, TRAIN, VAL};

/// Example calls after which effects are compared.
pub const AT: [u64; 3] = [1000, 3000, 10_000];
/// Prompts the model of Shapley values is fitted to, and examples each is tried on.
const PROMPTS: usize = 250;
const EACH: usize = 4;
/// Steps of its variances.
const STEPS: usize = 3;
/// Prompts that true effects are averaged over.
const HOSTS: u64 = 1024;

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

/// Tries prompts of a design, each on one telling example, and compares the main effects of all options with the true ones.
///
/// A true main effect is the mean true score over random prompts with the option, less the mean over the options of its
/// slot: the additive projection. Shapley values are those of twenty random prompts.
pub fn attribution(landscape: &Landscape) -> Row {
    let space = landscape.space();
    let stream = Stream::root(4242 + landscape.number()).child("attribution", 0);
    let truth = true_effects(landscape, &space, &stream);
    let rank_correlation = AT.map(|calls| {
        let found = found(landscape, &space, calls as usize, &stream.child("design", calls));
        correlation(&ranks(&found), &ranks(&truth))
    });
    let posterior = learnt(landscape, &space, &stream);
    let mean = posterior.mean_effects();
    let error = |i: u64| {
        let prompt = space.sample(&mut stream.child("shapley", i));
        let whole = posterior.value_of(&mean, &prompt) - posterior.value_of(&mean, &space.seed());
        let shares = shapley(&posterior, &space, &prompt, &space.seed(), 0, &stream.child("orders", i));
        (shares.iter().map(|s| s.value).sum::<f64>() - whole).abs()
    };
    let efficiency_error = (0..20).map(error).fold(0.0, f64::max);
    Row { landscape: landscape.number(), rank_correlation, efficiency_error }
}

/// All examples a search may use, in random order.
fn examples(rng: &mut Stream) -> Vec<usize> {
    let mut all: Vec<usize> = [Split::Train, Split::Val]
        .into_iter()
        .flat_map(Landscape::examples)
        .map(Landscape::position)
        .collect();
    rng.shuffle(&mut all);
    all
}

fn score(landscape: &Landscape, prompt: &Choices, example: usize) -> f64 {
    f64::from(u8::from(landscape.outcome(prompt, example, 0)))
}

/// Estimated main effects of all options after `calls` calls.
fn found(landscape: &Landscape, space: &PromptSpace, calls: usize, stream: &Stream) -> Vec<f64> {
    let mut additive = Additive::new(space.clone(), TRAIN + VAL);
    let mut telling = Telling::new(TRAIN + VAL);
    let prompts = design(space, calls, stream);
    let mut done = 0;
    while done < calls {
        let block = (done / 3).max(TRAIN + VAL).min(calls - done);
        let on = telling.next(block, &stream.child("examples", done as u64));
        for (prompt, example) in prompts[done..done + block].iter().zip(on) {
            let score = score(landscape, prompt, example);
            additive.observe(prompt, example, score);
            telling.observe(example, score);
        }
        done += block;
    }
    additive.main_effects().into_iter().map(|e| e.value).collect()
}

fn learnt(landscape: &Landscape, space: &PromptSpace, stream: &Stream) -> Posterior {
    let mut posterior = Posterior::new(space.clone(), TRAIN + VAL);
    for (i, prompt) in design(space, PROMPTS, &stream.child("learnt", 0)).iter().enumerate() {
        let row = posterior.add(prompt);
        for example in examples(&mut stream.child("learnt", i as u64)).into_iter().take(EACH) {
            posterior.observe(row, example, score(landscape, prompt, example));
        }
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
