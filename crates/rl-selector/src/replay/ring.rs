use serde::{Deserialize, Serialize};

use crate::bits;

/// One remembered step of `n` decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Transition {
    pub(crate) state: Vec<f32>,
    /// Bit a tells whether action a was allowed.
    pub(crate) allowed: u32,
    pub(crate) action: usize,
    /// Discounted sum of the rewards on the way.
    pub(crate) reward: f32,
    /// Which heads learn from it, a bit each.
    pub(crate) heads: u32,
    /// What came after the last reward; `None` at the end of an episode.
    pub(crate) next: Option<Next>,
}

/// The state after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Next {
    pub(crate) state: Vec<f32>,
    pub(crate) allowed: u32,
    /// gamma to the number of rewards on the way.
    pub(crate) discount: f32,
}

/// The latest transitions, in flat arrays; a new one takes the place of the oldest when all are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ring {
    capacity: usize,
    width: usize,
    /// Transitions ever added.
    added: u64,
    #[serde(with = "bits::f32s")]
    states: Vec<f32>,
    #[serde(with = "bits::f32s")]
    next_states: Vec<f32>,
    #[serde(with = "bits::f32s")]
    rewards: Vec<f32>,
    /// 0 where the episode ended.
    #[serde(with = "bits::f32s")]
    discounts: Vec<f32>,
    actions: Vec<u32>,
    allowed: Vec<u32>,
    next_allowed: Vec<u32>,
    heads: Vec<u32>,
}

impl Ring {
    /// Room for `capacity` transitions between states of `width` numbers.
    pub(crate) fn new(capacity: usize, width: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            width,
            added: 0,
            states: Vec::new(),
            next_states: Vec::new(),
            rewards: Vec::new(),
            discounts: Vec::new(),
            actions: Vec::new(),
            allowed: Vec::new(),
            next_allowed: Vec::new(),
            heads: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rewards.len()
    }

    pub(crate) fn added(&self) -> u64 {
        self.added
    }

    /// Keeps a transition; returns its slot.
    pub(crate) fn add(&mut self, transition: &Transition) -> usize {
        let slot = (self.added % self.capacity as u64) as usize;
        self.added += 1;
        if slot == self.len() {
            self.grow();
        }
        let place = slot * self.width..(slot + 1) * self.width;
        self.states[place.clone()].copy_from_slice(&transition.state);
        let next_state = transition.next.as_ref().map_or(&transition.state, |next| &next.state);
        self.next_states[place].copy_from_slice(next_state);
        self.rewards[slot] = transition.reward;
        self.discounts[slot] = transition.next.as_ref().map_or(0.0, |next| next.discount);
        self.next_allowed[slot] = transition.next.as_ref().map_or(0, |next| next.allowed);
        self.actions[slot] = transition.action as u32;
        self.allowed[slot] = transition.allowed;
        self.heads[slot] = transition.heads;
        slot
    }

    fn grow(&mut self) {
        let states = self.states.len() + self.width;
        self.states.resize(states, 0.0);
        self.next_states.resize(states, 0.0);
        self.rewards.push(0.0);
        self.discounts.push(0.0);
        for bits in [&mut self.actions, &mut self.allowed, &mut self.next_allowed, &mut self.heads] {
            bits.push(0);
        }
    }

    /// Copies these slots to `batch`.
    pub(crate) fn gather(&self, slots: &[usize], batch: &mut Batch) {
        batch.clear();
        for slot in slots {
            let place = slot * self.width..(slot + 1) * self.width;
            batch.states.extend_from_slice(&self.states[place.clone()]);
            batch.next_states.extend_from_slice(&self.next_states[place]);
            batch.rewards.push(self.rewards[*slot]);
            // Without an allowed action nothing can follow: as at the end of an episode.
            let follows = self.next_allowed[*slot] != 0;
            batch.discounts.push(if follows { self.discounts[*slot] } else { 0.0 });
            batch.actions.push(self.actions[*slot] as usize);
            batch.allowed.push(self.allowed[*slot]);
            batch.next_allowed.push(self.next_allowed[*slot]);
            batch.heads.push(self.heads[*slot]);
        }
    }

    /// What is wrong with a restored ring that is to hold `capacity` transitions of this form, if anything.
    pub(crate) fn fault(&self, capacity: usize, width: usize, actions: usize) -> Option<&'static str> {
        let n = self.len();
        let flat = [self.states.len(), self.next_states.len()].iter().all(|len| *len == n * width);
        let bits = [&self.actions, &self.allowed, &self.next_allowed, &self.heads];
        if self.capacity != capacity.max(1) || self.width != width {
            Some("the replay has another form than the configuration")
        } else if !flat || self.discounts.len() != n || bits.iter().any(|b| b.len() != n) {
            Some("the replay's arrays differ in length")
        } else if n > self.capacity || (n as u64) != self.added.min(self.capacity as u64) {
            Some("the replay's count does not fit its contents")
        } else if self.actions.iter().any(|a| *a as usize >= actions) {
            Some("the replay holds an action that does not exist")
        } else {
            None
        }
    }
}

/// Transitions side by side, for one learning step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    pub(crate) states: Vec<f32>,
    pub(crate) next_states: Vec<f32>,
    pub(crate) rewards: Vec<f32>,
    pub(crate) discounts: Vec<f32>,
    pub(crate) actions: Vec<usize>,
    pub(crate) allowed: Vec<u32>,
    pub(crate) next_allowed: Vec<u32>,
    pub(crate) heads: Vec<u32>,
}

impl Batch {
    fn clear(&mut self) {
        self.states.clear();
        self.next_states.clear();
        self.rewards.clear();
        self.discounts.clear();
        self.actions.clear();
        for bits in [&mut self.allowed, &mut self.next_allowed, &mut self.heads] {
            bits.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transition(i: usize) -> Transition {
        let next = Next { state: vec![i as f32 + 0.5; 2], allowed: 3, discount: 0.9 };
        let next = (!i.is_multiple_of(3)).then_some(next);
        Transition { state: vec![i as f32; 2], allowed: 3, action: i % 2, reward: i as f32, heads: 1, next }
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut ring = Ring::new(4, 2);
        let slots: Vec<usize> = (0..6).map(|i| ring.add(&transition(i))).collect();
        assert_eq!((slots, ring.len(), ring.added()), (vec![0, 1, 2, 3, 0, 1], 4, 6));
        let mut batch = Batch::default();
        ring.gather(&[0, 1, 2, 3], &mut batch);
        assert_eq!(batch.rewards, [4.0, 5.0, 2.0, 3.0]);
        assert_eq!(batch.next_states, [4.5, 4.5, 5.5, 5.5, 2.5, 2.5, 3.0, 3.0]);
        assert_eq!(batch.discounts, [0.9, 0.9, 0.9, 0.0]);
        assert_eq!(ring.fault(4, 2, 2), None);
        assert!(
            ring.fault(5, 2, 2).is_some() && ring.fault(4, 2, 1).is_some() && ring.fault(4, 1, 2).is_some()
        );
    }

    #[test]
    fn nothing_follows_where_nothing_is_allowed() {
        let mut ring = Ring::new(2, 2);
        let mut stuck = transition(1);
        stuck.next.iter_mut().for_each(|next| next.allowed = 0);
        ring.add(&stuck);
        let mut batch = Batch::default();
        ring.gather(&[0], &mut batch);
        assert_eq!(batch.discounts, [0.0]);
    }
}
