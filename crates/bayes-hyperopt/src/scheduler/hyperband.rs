use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{History, Levels, Sampler, Seen};
use crate::SearchSpace;
use crate::baseline::{Ended, Ending, Step, Strategy};

/// Successive halving in brackets that trade the number of points against what each gets (Li et al. 2018, algorithm 1).
///
/// With levels 0 to L, bracket s = L, L-1, ..., 0 draws ceil((L+1)/(s+1) eta^s) points at level L-s and raises the best
/// floor(1/eta) of them by one level until those at the full level have ended; then the next bracket begins, after
/// the last the first again. A rung waits for all of its trials, so up to a rung's size can run at once. Failed
/// and abandoned trials are not raised.
///
/// ```
/// use bayes_hyperopt::baseline::Search;
/// use bayes_hyperopt::scheduler::{Hyperband, Levels, Uniform};
/// use bayes_hyperopt::{Domain, Parameter, SearchSpace};
/// use meta_traits::{Ask, Fidelity, Observation, Optimizer, Outcome, Stream};
///
/// let x = Parameter::new("x", Domain::Float { low: 0.0, high: 1.0 });
/// let levels = Levels::new(Fidelity::new(1.0 / 9.0).unwrap(), 3).unwrap();
/// let strategy = Hyperband::new(levels, Uniform);
/// let mut search = Search::new(SearchSpace::new(vec![x]).unwrap(), strategy, Stream::root(1));
/// let mut full = 0;
/// for _ in 0..13 {
///     let Ask::Run(trial) = search.ask() else { break };
///     full += u32::from(trial.fidelity == Fidelity::FULL);
///     let loss = trial.candidate.number("x").unwrap();
///     search.tell(trial.id, Outcome::Complete(Observation::of_loss(loss))).unwrap();
/// }
/// assert_eq!(full, 1); // 9 points at 1/9, 3 of them at 1/3, 1 of them at 1
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "S: Sampler")]
pub struct Hyperband<S: Sampler> {
    levels: Levels,
    sampler: S,
    history: History,
    /// The level at which the present bracket began.
    first: usize,
    /// The level that runs.
    level: usize,
    /// Points of this rung, in order; empty in a first rung, whose points are drawn when asked for.
    raised: Vec<Vec<f64>>,
    /// Trials of this rung, and how many of them were asked for and have ended.
    size: usize,
    asked: usize,
    ended: usize,
    /// Those that ended with a loss: loss, trial and point.
    sound: Vec<(f64, u64, Vec<f64>)>,
}

impl<S: Sampler> Hyperband<S> {
    /// Brackets over these levels, new points from `sampler`.
    pub fn new(levels: Levels, sampler: S) -> Self {
        let history = History::new(levels.len());
        let mut new = Self {
            levels,
            sampler,
            history,
            first: 0,
            level: 0,
            raised: Vec::new(),
            size: 0,
            asked: 0,
            ended: 0,
            sound: Vec::new(),
        };
        new.begin(0);
        new
    }

    /// What was seen at each level.
    pub fn history(&self) -> &History {
        &self.history
    }

    fn begin(&mut self, first: usize) {
        (self.first, self.level) = (first, first);
        self.size = bracket_size(&self.levels, first);
        self.raised.clear();
        (self.asked, self.ended) = (0, 0);
    }

    /// All of a rung has ended: raise the best of it, or begin the next bracket.
    fn advance(&mut self) {
        let mut sound = std::mem::take(&mut self.sound);
        sound.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        sound.truncate((self.size / self.levels.eta()).max(1));
        if sound.is_empty() || self.level + 1 == self.levels.len() {
            self.begin((self.first + 1) % self.levels.len());
            return;
        }
        self.raised = sound.into_iter().map(|(_, _, latent)| latent).collect();
        (self.size, self.asked, self.ended) = (self.raised.len(), 0, 0);
        self.level += 1;
    }
}

/// Points of the bracket that begins at level `first`.
pub(super) fn bracket_size(levels: &Levels, first: usize) -> usize {
    let s = levels.len() - 1 - first;
    let power = levels.eta().saturating_pow(s as u32);
    (levels.len().saturating_mul(power)).div_ceil(s + 1)
}

impl<S: Sampler> Strategy for Hyperband<S> {
    const SCHEMA: &'static str = S::HYPERBAND;
    type Note = ();

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<()> {
        if self.asked == self.size {
            return Step::Wait;
        }
        let latent = match self.raised.get(self.asked) {
            Some(raised) => raised.clone(),
            None => self.sampler.sample(space, &self.history, rng),
        };
        self.asked += 1;
        Step::Run { latent, fidelity: self.levels.at(self.level), note: () }
    }

    fn learn(&mut self, _space: &SearchSpace, ended: Ended<()>) {
        let (id, loss) = (ended.id.0, ended.ending.loss());
        if let Some(loss) = loss {
            self.sound.push((loss, id, ended.latent.clone()));
        }
        if ended.ending != Ending::Abandoned {
            self.history.insert(self.level, Seen { id, latent: ended.latent, loss });
        }
        self.ended += 1;
        if self.ended == self.size {
            self.advance();
        }
    }

    fn fits(&self, space: &SearchSpace) -> bool {
        let levels = self.levels.len();
        self.history.fits(levels, space.len())
            && self.first <= self.level
            && self.level < levels
            && self.size > 0
            && (self.raised.is_empty() || self.raised.len() == self.size)
            && self.asked <= self.size
            && self.ended < self.size
            && self.sound.len() <= self.ended
            && self.raised.iter().chain(self.sound.iter().map(|(_, _, p)| p)).all(|p| p.len() == space.len())
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Fidelity;

    use super::*;

    /// Table 1 of the paper: R = 81, eta = 3.
    #[test]
    fn brackets_are_those_of_the_paper() {
        let levels = Levels::new(Fidelity::new(1.0 / 81.0).unwrap(), 3).unwrap();
        let sizes: Vec<usize> = (0..5).map(|first| bracket_size(&levels, first)).collect();
        assert_eq!(sizes, [81, 34, 15, 8, 5]);
    }
}
