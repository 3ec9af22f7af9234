use meta_traits::{Space as _, Stream};
use serde::{Deserialize, Serialize};

use super::interval;
use crate::model::Posterior;
use crate::space::{Choices, PromptSpace};

/// Random prompts that means and variances are taken over.
const SAMPLE: u64 = 256;

/// What an option is worth on average over prompts drawn from the space, beside the mean of its slot's options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MainEffect {
    /// The slot.
    pub slot: usize,
    /// The option.
    pub option: u16,
    /// Posterior mean, in log odds ([`main_effects`]) or scores ([`Additive`](super::Additive)).
    pub value: f64,
    /// Lower end of the 90 % interval.
    pub low: f64,
    /// Upper end of the 90 % interval.
    pub high: f64,
}

/// Shares of the variance of f over prompts drawn from the space, by the posterior mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// The slot.
    pub slot: usize,
    /// What the slot explains alone (Sobol' first-order index).
    pub main: f64,
    /// What is lost without it, interactions included (total index, Jansen 1999).
    pub total: f64,
}

/// The main effect of every option: the additive projection of the posterior. `draws` draws give the intervals.
/// O(options x 256 + draws x effects).
pub fn main_effects(
    posterior: &Posterior,
    space: &PromptSpace,
    draws: u64,
    stream: &Stream,
) -> Vec<MainEffect> {
    let hosts = hosts(space, stream);
    let mean = posterior.mean_effects();
    let drawn: Vec<_> = (0..draws).map(|d| posterior.draw(&mut stream.child("draw", d))).collect();
    let mut out = Vec::new();
    for (slot, shape) in space.slots().iter().enumerate() {
        let n = shape.options.len();
        let mut parts = vec![vec![0.0; posterior.effects()]; n];
        let step = 1.0 / hosts.len() as f64;
        for host in &hosts {
            for (option, part) in parts.iter_mut().enumerate() {
                posterior
                    .visit(&with(space, host, slot, option as u16), |at, value| part[at] += step * value);
            }
        }
        let middle: Vec<f64> =
            (0..posterior.effects()).map(|at| parts.iter().map(|p| p[at]).sum::<f64>() / n as f64).collect();
        for (option, mut part) in parts.into_iter().enumerate() {
            part.iter_mut().zip(&middle).for_each(|(p, m)| *p -= m);
            let value = mean.dot(&part);
            let (low, high) = interval(value, drawn.iter().map(|d| d.dot(&part)).collect());
            out.push(MainEffect { slot, option: option as u16, value, low, high });
        }
    }
    out
}

/// First-order and total index of every slot. All 0 where nothing varies. O(slots x 256 x options).
pub fn indices(posterior: &Posterior, space: &PromptSpace, stream: &Stream) -> Vec<Index> {
    let hosts = hosts(space, stream);
    let mean = posterior.mean_effects();
    let value = |prompt: &Choices| posterior.value_of(&mean, prompt);
    let values: Vec<f64> = hosts.iter().map(value).collect();
    let n = values.len() as f64;
    let centre = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / n;
    let share = |part: f64| if variance > 0.0 { part / variance } else { 0.0 };
    let slots = space.slots().iter().enumerate();
    slots
        .map(|(slot, shape)| {
            let weights: Vec<f64> = shape.options.iter().map(|o| o.weight).collect();
            let total: f64 = weights.iter().sum();
            let mut means = vec![0.0; weights.len()];
            let mut lost = 0.0;
            for host in &hosts {
                let all: Vec<f64> =
                    (0..weights.len()).map(|o| value(&with(space, host, slot, o as u16))).collect();
                let local = all.iter().zip(&weights).map(|(v, w)| v * w / total).sum::<f64>();
                lost +=
                    all.iter().zip(&weights).map(|(v, w)| w / total * (v - local) * (v - local)).sum::<f64>();
                means.iter_mut().zip(&all).for_each(|(m, v)| *m += v / n);
            }
            let middle = means.iter().zip(&weights).map(|(m, w)| m * w / total).sum::<f64>();
            let main = means.iter().zip(&weights).map(|(m, w)| w / total * (m - middle) * (m - middle)).sum();
            Index { slot, main: share(main), total: share(lost / n) }
        })
        .collect()
}

fn hosts(space: &PromptSpace, stream: &Stream) -> Vec<Choices> {
    (0..SAMPLE).map(|i| space.sample(&mut stream.child("host", i))).collect()
}

fn with(space: &PromptSpace, host: &Choices, slot: usize, option: u16) -> Choices {
    let mut prompt = host.clone();
    prompt.choose(slot, option);
    space.canonical(prompt)
}
