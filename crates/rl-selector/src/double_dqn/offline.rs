use meta_traits::Stream;

use super::agent::DoubleDqn;
use super::loss::best_action;
use crate::DqnError;
use crate::qnet::{QNet, Single};
use crate::simulator::{Chooser, Conduct, Rows, Simulation, TrainingConfig, collect, single};

impl DoubleDqn {
    /// Learns offline from runs whose every alternative is known: states are gathered by random behaviour first and by
    /// the network itself afterwards (Ross, Gordon & Bagnell 2011), every action in each is labelled by what it would
    /// have brought, and [`Self::fit`] takes `steps` gradient steps after each round of gathering, beginning with the
    /// weights of the round before.
    ///
    /// `start(i)` gives run `i` at its beginning; its actions are those of the agent, its features the agent's states.
    /// Returns the mean loss at the end. The same runs, settings and stream give the same weights.
    ///
    /// # Errors
    /// [`DqnError::Experience`] when there is no run, or runs have another number of actions or features.
    pub fn pretrain<'a>(
        &mut self,
        runs: usize,
        start: impl Fn(usize) -> Box<dyn Simulation + 'a>,
        training: &TrainingConfig,
        steps: usize,
        rng: &Stream,
    ) -> Result<f64, DqnError> {
        let mut rows = Rows::default();
        let mut loss = 0.0;
        let first = training.first.unwrap_or_else(|| single(runs, &start));
        let TrainingConfig { caution, patience, .. } = *training;
        for round in 0..=training.rounds as u64 {
            let learnt = (round > 0).then(|| self.learner.net.clone());
            let policy = learnt.as_ref().map(|chooser| Conduct { chooser, first, caution, patience });
            let rollouts = round > 0 && training.rounds as u64 - round < training.rollouts as u64;
            let episodes = if round == 0 { training.episodes } else { training.episodes_a_round };
            for run in 0..runs {
                let begin = start(run);
                let rng = rng.child("round", round).child("run", begin.name().unwrap_or(run as u64));
                for episode in 0..episodes {
                    let mut rng = rng.child("episode", episode as u64);
                    collect(begin.as_ref(), first, policy, rollouts, training, &mut rng, &mut rows);
                }
            }
            // Labels of further ways to go on are for others.
            for gains in &mut rows.gains {
                gains.truncate(self.config.rl.action_dim);
            }
            loss = self.fit(&rows.states, &rows.gains, steps)?;
        }
        Ok(loss)
    }

    /// The allowed action of the largest expected value less `caution` standard deviations over the heads.
    pub fn cautious(&self, state: &[f64], allowed: &[bool], caution: f64) -> Option<usize> {
        let (values, mask) = (appraised(&self.learner.net, &self.clean(state), caution), self.mask(allowed));
        best_action(&values, 1, mask)
    }
}

impl Chooser for QNet {
    fn best(&self, features: &[f64], actions: usize, caution: f64) -> usize {
        let state: Vec<f32> = features.iter().map(|x| *x as f32).collect();
        let values = appraised(self, &state, caution);
        best_action(&values[..actions.min(values.len())], 1, u32::MAX).unwrap_or(0)
    }
}

/// For each action the mean value over heads and quantiles less `caution` standard deviations over the heads.
fn appraised(net: &QNet, state: &[f32], caution: f64) -> Vec<f32> {
    let mut single = Single::new();
    let outputs = single.forward(net, state);
    let shape = net.shape();
    let n = shape.quantiles;
    let of_head = |head: usize, action: usize| {
        let at = (head * shape.actions + action) * n;
        outputs[at..at + n].iter().sum::<f32>() / n as f32
    };
    let value = |action: usize| {
        let heads = shape.heads as f32;
        let mean = (0..shape.heads).map(|head| of_head(head, action)).sum::<f32>() / heads;
        let spread = (0..shape.heads).map(|head| (of_head(head, action) - mean).powi(2)).sum::<f32>();
        mean - caution as f32 * (spread / heads).sqrt()
    };
    (0..shape.actions).map(value).collect()
}
