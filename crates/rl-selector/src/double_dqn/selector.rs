use meta_traits::{Choice, ChoiceId, Level, Selector, TellError};

use super::agent::{Decision, DoubleDqn, Outcome};

/// Deviations of the heads below their mean that bound a value from below: the 10 % point of a normal distribution.
const DEVIATIONS: f64 = 1.281_551_565_5;
/// The level of the quantile that bounds a value from below.
const LEVEL: f64 = 0.1;

impl Selector for DoubleDqn {
    type Context = [f64];

    /// Explores or takes the best known arm. O(network); learning happens in [`Self::reward`].
    ///
    /// `value` is the expected return. `lower` is, with several heads, their mean less 1.28 standard deviations; with a
    /// quantile head, the 10 % quantile; else minus infinity. Both are as the network sees them, without a guarantee.
    fn select(&mut self, context: &[f64], allowed: &[bool]) -> Option<Choice> {
        let mask = self.mask(allowed);
        if mask == 0 {
            return None;
        }
        let state = self.clean(context);
        let id = self.counters.decisions;
        let action = if self.counters.frozen {
            self.best(&state, mask, None)?
        } else {
            self.behave(&state, mask, id)?
        };
        self.counters.decisions += 1;
        self.tally.select(action);
        let (value, lower) = self.appraise(&state, action);
        if self.counters.frozen {
            self.idle.insert((id, action));
            if self.idle.len() > 1024 {
                self.idle.pop_first();
            }
        } else {
            self.expect(Decision { id, state, allowed: mask, action, outcome: None });
        }
        let mut choice = Choice::new(ChoiceId(id), action);
        (choice.level, choice.value, choice.lower) = (Level::Dqn, value, lower);
        Some(choice)
    }

    fn reward(&mut self, of: ChoiceId, reward: f64, next: Option<&[f64]>) -> Result<(), TellError> {
        let idle = self.idle.range((of.0, 0)..=(of.0, usize::MAX)).next().copied();
        if let Some((id, arm)) = idle {
            self.idle.remove(&(id, arm));
            if reward.is_finite() {
                self.tally.reward(arm, reward);
            }
            return Ok(());
        }
        let next = next.map(|state| self.clean(state));
        let unknown = Err(TellError::UnknownChoice(of.0));
        let Ok(at) = self.pending.binary_search_by_key(&of.0, |d| d.id) else { return unknown };
        let Some(decision) = self.pending.get_mut(at).filter(|d| d.outcome.is_none()) else { return unknown };
        decision.outcome = Some(if reward.is_finite() {
            Outcome::Reward { reward: reward.clamp(-1e6, 1e6), next }
        } else {
            Outcome::Void
        });
        let arm = decision.action;
        if reward.is_finite() {
            self.tally.reward(arm, reward);
        }
        self.commit();
        self.learn_if_due();
        Ok(())
    }
}

impl DoubleDqn {
    /// The action of training: drawn with the share of exploration, else the best of this episode's head.
    fn behave(&mut self, state: &[f32], mask: u32, id: u64) -> Option<usize> {
        let mut rng = self.stream.child("explore", id);
        if rng.chance(self.exploration()) {
            return Self::random(mask, &mut rng);
        }
        let heads = self.config.heads;
        let head = (heads > 1).then(|| self.stream.child("head", self.counters.episodes).below(heads));
        self.best(state, mask, head)
    }

    /// Value and lower bound of an action.
    fn appraise(&mut self, state: &[f32], action: usize) -> (f64, f64) {
        let (actions, n, heads) = (self.config.rl.action_dim, self.config.quantiles, self.config.heads);
        let outputs = self.single.forward(&self.learner.net, state);
        let of_action = |head: &[f32]| -> Vec<f64> {
            head[action * n..(action + 1) * n].iter().map(|q| f64::from(*q)).collect()
        };
        let per_head: Vec<Vec<f64>> = outputs.chunks_exact(actions * n).map(of_action).collect();
        let means: Vec<f64> = per_head.iter().map(|q| q.iter().sum::<f64>() / n as f64).collect();
        let value = means.iter().sum::<f64>() / heads as f64;
        let lower = if heads > 1 {
            let spread = means.iter().map(|m| (m - value) * (m - value)).sum::<f64>() / (heads - 1) as f64;
            value - DEVIATIONS * spread.sqrt()
        } else if n > 1 {
            let mut quantiles = per_head.into_iter().next().unwrap_or_default();
            quantiles.sort_unstable_by(f64::total_cmp);
            quantiles[(LEVEL * n as f64) as usize]
        } else {
            f64::NEG_INFINITY
        };
        (sound(value), sound(lower))
    }
}

/// Minus infinity for NaN.
fn sound(x: f64) -> f64 {
    if x.is_nan() { f64::NEG_INFINITY } else { x }
}
