use super::WorkflowSearch;

/// Standard deviations of the difference by which another workflow must lead the best single module.
const DOUBT: f64 = 1.0;

impl WorkflowSearch {
    /// The arm with the lowest posterior mean, or the best single module where the lead over it is in doubt.
    ///
    /// Of many that are observed with noise the luckiest looks best, and a single module was evaluated before luck had a
    /// say. The deviations are taken as those of independent numbers, which is on the safe side.
    pub(super) fn recommended(&self) -> Option<usize> {
        let (best, single) = self.leaders()?;
        let (a, b) = (self.seen[best], self.seen[single]);
        let sure = b.mean - a.mean >= DOUBT * (a.variance + b.variance).sqrt();
        Some(if sure { best } else { single })
    }

    /// The recommended arm; where it is in doubt, of those in question the one evaluated least: the leader and the two
    /// best single modules. So single modules stay under measurement for as long as one of them may be the answer.
    pub(super) fn elite(&self) -> Option<usize> {
        let (best, single) = self.leaders()?;
        if self.best == Some(best) && best != single {
            return Some(best);
        }
        let rival = self.lowest(|arm| self.is_single(arm) && arm != single);
        let in_question = [Some(best), Some(single), rival].into_iter().flatten();
        in_question.min_by_key(|arm| self.arms[*arm].times)
    }

    /// The arms with the lowest posterior mean, of all and of single modules; of all where there is no single one.
    fn leaders(&self) -> Option<(usize, usize)> {
        let best = self.lowest(|_| true)?;
        Some((best, self.lowest(|arm| self.is_single(arm)).unwrap_or(best)))
    }

    fn lowest(&self, of: impl Fn(usize) -> bool) -> Option<usize> {
        let among = (0..self.seen.len()).filter(|arm| of(*arm));
        among.min_by(|a, b| self.seen[*a].mean.total_cmp(&self.seen[*b].mean))
    }

    fn is_single(&self, arm: usize) -> bool {
        self.arms[arm].workflow.modules().len() == 1
    }
}
