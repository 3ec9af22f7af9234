use crate::TopologyConfig;

/// Scores that are looked at, and the variance below which they lie on a plateau.
const LATEST: usize = 5;
const FLAT: f64 = 0.001;

impl TopologyConfig {
    /// Whether the structure is due for a change: at least `min_topology_budget` evaluations are left, and the latest five
    /// scores have a (population) variance below 0.001. Fewer scores, or one that is not finite: not due.
    ///
    /// ```
    /// use topology_neat::TopologyConfig;
    /// let config = TopologyConfig::default();
    /// assert!(config.is_due(10, &[0.1, 0.50, 0.51, 0.50, 0.52, 0.51]));
    /// assert!(!config.is_due(9, &[0.5; 5]), "too little budget");
    /// assert!(!config.is_due(10, &[0.1, 0.2, 0.3, 0.4, 0.5]), "still rising");
    /// ```
    pub fn is_due(&self, evaluations_left: u64, scores: &[f64]) -> bool {
        let Some(start) = scores.len().checked_sub(LATEST) else { return false };
        let latest = &scores[start..];
        let mean = latest.iter().sum::<f64>() / LATEST as f64;
        let variance = latest.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / LATEST as f64;
        evaluations_left >= self.min_topology_budget && variance < FLAT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_or_unsound_scores_are_no_plateau() {
        let config = TopologyConfig::default();
        assert!(!config.is_due(100, &[0.5; 4]));
        assert!(!config.is_due(100, &[0.5, 0.5, f64::NAN, 0.5, 0.5]));
        assert!(!config.is_due(100, &[0.5, 0.5, f64::INFINITY, 0.5, 0.5]));
        assert!(config.is_due(100, &[0.5; 5]));
    }
}
