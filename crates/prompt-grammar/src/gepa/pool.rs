use std::cmp::Ordering;

use meta_traits::{Components, Observation, Stream};
use serde::{Deserialize, Serialize};

use super::options::ParentChoice;

/// A candidate that was evaluated on the whole validation set. Members are never removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Member {
    /// The texts.
    pub candidate: Components,
    /// Positions in the pool of the members it was made of: none for the seed, two for a merge.
    pub parents: Vec<usize>,
    /// The evaluation on the validation set, in its order, without notes.
    pub observation: Observation,
    /// The iteration that found it; 0 for the seed, iterations count from 1.
    pub iteration: u64,
    /// The place in the circle of components: the one to be rewritten next.
    pub(super) next: usize,
}

impl Member {
    /// The mean score on the validation set; higher is better.
    pub fn mean(&self) -> f64 {
        let scores = &self.observation.instances;
        scores.iter().map(|s| f64::from(s.score)).sum::<f64>() / scores.len() as f64
    }

    /// The score at `position` of the validation set.
    pub(super) fn score(&self, position: usize) -> f64 {
        self.observation.instances.get(position).map_or(f64::NEG_INFINITY, |s| f64::from(s.score))
    }
}

/// The best score seen on one validation example, and every member that has it.
#[derive(Clone, Debug)]
struct Front {
    score: f64,
    members: Vec<usize>,
}

/// All members, with what selection needs kept up to date: O(members on fronts) per new member, O(1) per draw.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    members: Vec<Member>,
    means: Vec<f64>,
    fronts: Vec<Front>,
    /// Members that no set of others makes superfluous, with the number of fronts each is on; in pool order.
    survivors: Vec<(usize, usize)>,
    best: usize,
}

impl Pool {
    pub(super) fn of(members: Vec<Member>) -> Self {
        let mut pool = Self::default();
        for member in members {
            pool.push(member);
        }
        pool.survivors = pool.undominated();
        pool
    }

    /// Adds a member; gives its position.
    pub(super) fn add(&mut self, member: Member) -> usize {
        let index = self.push(member);
        self.survivors = self.undominated();
        index
    }

    fn push(&mut self, member: Member) -> usize {
        let index = self.members.len();
        for (position, scored) in member.observation.instances.iter().enumerate() {
            let score = f64::from(scored.score);
            match self.fronts.get_mut(position) {
                None => self.fronts.push(Front { score, members: vec![index] }),
                Some(front) if score > front.score => *front = Front { score, members: vec![index] },
                Some(front) if score >= front.score => front.members.push(index),
                Some(_) => {}
            }
        }
        let mean = member.mean();
        // Strictly: of equal means the earliest member stays the best.
        if index == 0 || mean > self.means[self.best] {
            self.best = index;
        }
        self.means.push(mean);
        self.members.push(member);
        index
    }

    /// Goes through the members on fronts from the worst mean up and drops each one whose every front still holds
    /// another. Dropping one can only make others needed, so one pass is enough.
    fn undominated(&self) -> Vec<(usize, usize)> {
        let mut on: Vec<Vec<usize>> = vec![Vec::new(); self.members.len()];
        let mut order = Vec::new();
        for (f, front) in self.fronts.iter().enumerate() {
            for &m in &front.members {
                if on[m].is_empty() {
                    order.push(m);
                }
                on[m].push(f);
            }
        }
        order.sort_by(|&a, &b| self.means[a].partial_cmp(&self.means[b]).unwrap_or(Ordering::Equal));
        let mut left: Vec<usize> = self.fronts.iter().map(|f| f.members.len()).collect();
        let mut kept = vec![true; self.members.len()];
        for m in order {
            if on[m].iter().all(|&f| left[f] > 1) {
                kept[m] = false;
                for &f in &on[m] {
                    left[f] -= 1;
                }
            }
        }
        (0..self.members.len()).filter(|&m| kept[m] && !on[m].is_empty()).map(|m| (m, on[m].len())).collect()
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(super) fn member(&self, index: usize) -> &Member {
        &self.members[index]
    }

    pub(super) fn mean(&self, index: usize) -> f64 {
        self.means[index]
    }

    /// The member with the best mean; the earliest of equals.
    pub(super) fn best(&self) -> Option<(usize, &Member)> {
        self.members.get(self.best).map(|m| (self.best, m))
    }

    pub(super) fn survivors(&self) -> impl ExactSizeIterator<Item = usize> {
        self.survivors.iter().map(|(m, _)| *m)
    }

    /// The survivors, with the number of fronts each is on.
    pub(super) fn fronts(&self) -> &[(usize, usize)] {
        &self.survivors
    }

    /// Draws a parent. The pool must not be empty.
    pub(super) fn draw(&self, choice: ParentChoice, rng: &mut Stream) -> usize {
        match choice {
            ParentChoice::EpsilonGreedy(epsilon) if rng.chance(epsilon) => rng.below(self.members.len()),
            ParentChoice::EpsilonGreedy(_) | ParentChoice::CurrentBest => self.best,
            ParentChoice::ParetoFront => {
                let total: usize = self.survivors.iter().map(|(_, fronts)| fronts).sum();
                let mut left = rng.below(total);
                for &(m, fronts) in &self.survivors {
                    if left < fronts {
                        return m;
                    }
                    left -= fronts;
                }
                self.best
            }
        }
    }

    /// The component `member` is to have rewritten next, of `n`; moves it on.
    pub(super) fn turn(&mut self, member: usize, n: usize) -> usize {
        let next = &mut self.members[member].next;
        let now = *next;
        *next = (now + 1) % n;
        now
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::{Cost, Draw, ExampleId, Scored, Split};

    use super::*;

    fn member(scores: &[f32]) -> Member {
        let draw = |i: usize| Draw { example: ExampleId::new(Split::Val, i as u32), repeat: 0 };
        let scored = scores.iter().enumerate().map(|(i, s)| Scored::new(draw(i), *s)).collect();
        Member {
            candidate: Components::new(),
            parents: Vec::new(),
            observation: Observation::of_scores(scored, Cost::ZERO),
            iteration: 0,
            next: 0,
        }
    }

    #[track_caller]
    fn check(pool: &[&[f32]], survivors: &[(usize, usize)], best: usize) {
        let mut grown = Pool::default();
        for scores in pool {
            grown.add(member(scores));
        }
        assert_eq!(grown.survivors, survivors);
        assert_eq!(grown.best, best);
        let rebuilt = Pool::of(pool.iter().map(|s| member(s)).collect());
        assert_eq!(rebuilt.survivors, survivors);
    }

    #[test]
    fn ties_share_fronts_and_the_worst_goes_first() {
        check(&[&[0.0, 0.0]], &[(0, 2)], 0);
        // Equal throughout: the first in order of appearance goes, the last stays.
        check(&[&[1.0, 1.0], &[1.0, 1.0]], &[(1, 2)], 0);
        // Each is alone somewhere.
        check(&[&[1.0, 0.0], &[0.0, 1.0]], &[(0, 1), (1, 1)], 0);
        // The third covers both others; they have the lower means.
        check(&[&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0], &[1.0, 1.0, 1.0]], &[(2, 3)], 2);
        // Nobody is alone on a front; the lowest mean goes, then the others are needed.
        check(&[&[1.0, 1.0, 0.0, 0.0], &[0.0, 1.0, 1.0, 0.5], &[1.0, 0.0, 1.0, 0.5]], &[(1, 3), (2, 3)], 1);
        // A member on no front is nobody's parent.
        check(&[&[0.5, 0.5], &[1.0, 1.0]], &[(1, 2)], 1);
    }

    #[test]
    fn draws_follow_the_number_of_fronts() {
        let mut pool = Pool::default();
        for scores in [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0]] {
            pool.add(member(&scores));
        }
        let mut rng = Stream::root(4);
        let second = (0..4000).filter(|_| pool.draw(ParentChoice::ParetoFront, &mut rng) == 1).count();
        assert!((2880..3120).contains(&second), "{second}");
        assert_eq!(pool.draw(ParentChoice::CurrentBest, &mut rng), 1);
        let first = (0..4000).filter(|_| pool.draw(ParentChoice::EpsilonGreedy(0.5), &mut rng) == 0).count();
        assert!((900..1100).contains(&first), "{first}");
    }

    #[test]
    fn turns_go_round() {
        let mut pool = Pool::default();
        pool.add(member(&[1.0]));
        assert_eq!((0..5).map(|_| pool.turn(0, 3)).collect::<Vec<_>>(), [0, 1, 2, 0, 1]);
    }
}
