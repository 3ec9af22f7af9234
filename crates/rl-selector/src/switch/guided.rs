use crate::bandit::{Bandit, Rule};
use crate::simulator::{Episode, Simulation};
use crate::{History, Schedule};

/// An episode with a bandit that watches it: beside what each action brings, it says what the bandit and the schedule
/// would bring from here on.
#[derive(Clone)]
pub(super) struct Guided<'a, R: Rule> {
    episode: Episode<'a>,
    bandit: Bandit<R>,
    schedule: &'a Schedule,
    block: usize,
}

impl<'a, R: Rule> Guided<'a, R> {
    pub(super) fn new(episode: Episode<'a>, bandit: Bandit<R>, schedule: &'a Schedule) -> Self {
        Self { episode, bandit, schedule, block: 0 }
    }

    /// The arm the bandit would choose now.
    pub(super) fn advised(&self) -> usize {
        let allowed = vec![true; self.actions()];
        let advice = self.bandit.advise(&self.history().features(), &allowed, self.block as u64);
        advice.map_or(0, |(arm, _)| arm)
    }

    /// The arm the schedule has for the present block.
    pub(super) fn scheduled(&self) -> usize {
        let arms = self.schedule.arms();
        arms.get(self.block).or(arms.last()).copied().unwrap_or(0)
    }

    /// The final score when the bandit decides from here on.
    fn by_bandit(&self) -> f64 {
        let mut copy = self.clone();
        while !copy.episode.done() {
            let arm = copy.advised();
            copy.step(arm);
        }
        copy.episode.score()
    }

    /// The final score when the schedule decides from here on.
    fn by_schedule(&self) -> f64 {
        let mut copy = self.clone();
        while !copy.episode.done() {
            copy.episode.step(copy.scheduled());
            copy.block += 1;
        }
        copy.episode.score()
    }
}

impl<R: Rule> Simulation for Guided<'_, R> {
    fn actions(&self) -> usize {
        self.episode.actions()
    }

    fn history(&self) -> &History {
        self.episode.history()
    }

    fn done(&self) -> bool {
        self.episode.done()
    }

    fn score(&self) -> f64 {
        self.episode.score()
    }

    fn step(&mut self, action: usize) -> f64 {
        let features = self.episode.history().features();
        let reward = self.episode.step(action);
        self.bandit.watch(action, &features, reward);
        self.block += 1;
        reward
    }

    fn commit(&self) -> Vec<f64> {
        let mut ends = self.episode.commit();
        ends.extend([self.by_bandit(), self.by_schedule()]);
        ends
    }

    fn fork(&self) -> Box<dyn Simulation + '_> {
        Box::new(self.clone())
    }
}
