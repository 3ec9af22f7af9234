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

    /// The recommended arm; where it is in doubt, that of the two in question of which less is known.
    pub(super) fn elite(&self) -> Option<usize> {
        let (best, single) = self.leaders()?;
        let is_vague = self.seen[best].variance > self.seen[single].variance;
        Some(if self.best == Some(best) || is_vague { best } else { single })
    }

    /// The arms with the lowest posterior mean, of all and of single modules; of all where there is no single one.
    fn leaders(&self) -> Option<(usize, usize)> {
        let lowest = |singles: bool| {
            let of = (0..self.seen.len()).filter(|i| !singles || self.arms[*i].workflow.modules().len() == 1);
            of.min_by(|a, b| self.seen[*a].mean.total_cmp(&self.seen[*b].mean))
        };
        let best = lowest(false)?;
        Some((best, lowest(true).unwrap_or(best)))
    }
}
