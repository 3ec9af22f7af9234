use std::cmp::Ordering;
use std::collections::BTreeSet;

use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use super::{History, Levels, Sampler, Seen};
use crate::SearchSpace;
use crate::baseline::{Ended, Ending, Step, Strategy};

/// The quantile of the differences between crossing curves that PASHA takes for its tolerance.
const QUANTILE: f64 = 0.9;

/// Asynchronous successive halving: no rung waits (Li et al. 2020, algorithm 2).
///
/// Whenever work is asked for, the best 1/eta of a rung that were not raised yet are raised, highest rung first; where
/// none is due, a new point begins at the lowest level. [`Asha::progressive`] is PASHA (Bohdal et al. 2023): it begins with
/// two levels and adds one when the ranking of the topmost differs from that of the level below by more than a tolerance,
/// the 0.9 quantile of differences between points whose curves cross twice. Failed trials are not raised.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "S: Sampler")]
pub struct Asha<S: Sampler> {
    levels: Levels,
    sampler: S,
    /// Ids here are those of the first trial of each point.
    history: History,
    /// (level, point) that was raised to the level above.
    raised: BTreeSet<(usize, u64)>,
    /// The highest level in use.
    top: usize,
    progressive: bool,
    points: u64,
}

/// Which point a trial evaluates, and at which level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AshaNote {
    point: u64,
    level: usize,
}

impl<S: Sampler> Asha<S> {
    /// Over these levels, new points from `sampler`.
    pub fn new(levels: Levels, sampler: S) -> Self {
        let (history, top) = (History::new(levels.len()), levels.len() - 1);
        Self { levels, sampler, history, raised: BTreeSet::new(), top, progressive: false, points: 0 }
    }

    /// PASHA: the highest level in use grows while rankings still change.
    pub fn progressive(levels: Levels, sampler: S) -> Self {
        let top = 1.min(levels.len() - 1);
        Self { top, progressive: true, ..Self::new(levels, sampler) }
    }

    /// The highest level in use.
    pub fn top(&self) -> usize {
        self.top
    }

    /// What was seen at each level.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Points of a level, best first.
    fn ranking(&self, level: usize) -> Vec<(f64, &Seen)> {
        let mut ranking: Vec<(f64, &Seen)> =
            self.history.at(level).iter().filter_map(|seen| seen.loss.map(|loss| (loss, seen))).collect();
        ranking.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.id.cmp(&b.1.id)));
        ranking
    }

    fn due(&self) -> Option<(usize, Seen)> {
        (0..self.top).rev().find_map(|level| {
            let ranking = self.ranking(level);
            let due = ranking.iter().take(ranking.len() / self.levels.eta());
            let due = due.map(|(_, seen)| *seen).find(|seen| !self.raised.contains(&(level, seen.id)))?;
            Some((level, due.clone()))
        })
    }

    fn loss(&self, level: usize, point: u64) -> Option<f64> {
        let rows = self.history.at(level);
        rows.binary_search_by_key(&point, |seen| seen.id).ok().and_then(|at| rows[at].loss)
    }

    /// Whether the topmost level ranks its points as the one below does, up to the tolerance.
    fn rankings_agree(&self) -> bool {
        let top = self.ranking(self.top);
        let mut below: Vec<(f64, f64, u64)> = top
            .iter()
            .filter_map(|(loss, seen)| Some((self.loss(self.top - 1, seen.id)?, *loss, seen.id)))
            .collect();
        below.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
        let tolerance = self.tolerance(&top);
        top.iter().zip(&below).all(|((loss, _), (_, same, _))| (loss - same).abs() <= tolerance)
    }

    /// Differences at the topmost level between points that swapped their order and swapped it back below.
    fn tolerance(&self, top: &[(f64, &Seen)]) -> f64 {
        let mut crossings = Vec::new();
        for (i, (loss_a, a)) in top.iter().enumerate() {
            for (loss_b, b) in &top[..i] {
                let order = |level| Some(self.loss(level, a.id)?.total_cmp(&self.loss(level, b.id)?));
                let mut orders: Vec<Ordering> =
                    (0..=self.top).filter_map(order).filter(|o| o.is_ne()).collect();
                orders.dedup();
                if orders.len() >= 3 {
                    crossings.push((loss_a - loss_b).abs());
                }
            }
        }
        crossings.sort_by(f64::total_cmp);
        let at = (crossings.len() as f64 * QUANTILE).ceil() as usize;
        at.checked_sub(1).map_or(0.0, |at| crossings[at])
    }
}

impl<S: Sampler> Strategy for Asha<S> {
    const SCHEMA: &'static str = S::ASHA;
    type Note = AshaNote;

    fn next(&mut self, space: &SearchSpace, rng: &mut Stream) -> Step<AshaNote> {
        if let Some((level, seen)) = self.due() {
            self.raised.insert((level, seen.id));
            let note = AshaNote { point: seen.id, level: level + 1 };
            return Step::Run { latent: seen.latent, fidelity: self.levels.at(level + 1), note };
        }
        let note = AshaNote { point: self.points, level: 0 };
        self.points += 1;
        Step::Run {
            latent: self.sampler.sample(space, &self.history, rng),
            fidelity: self.levels.at(0),
            note,
        }
    }

    fn learn(&mut self, _space: &SearchSpace, ended: Ended<AshaNote>) {
        if ended.ending == Ending::Abandoned {
            return;
        }
        let AshaNote { point, level } = ended.note;
        self.history.insert(level, Seen { id: point, latent: ended.latent, loss: ended.ending.loss() });
        let grows = self.progressive && level == self.top && self.top + 1 < self.levels.len();
        if grows && !self.rankings_agree() {
            self.top += 1;
        }
    }

    fn fits(&self, space: &SearchSpace) -> bool {
        self.history.fits(self.levels.len(), space.len()) && self.top < self.levels.len()
    }
}
