use serde::{Deserialize, Serialize};

/// Numbers a run as a whole gives, before those of each arm.
const OF_RUN: usize = 5;
/// Numbers each arm gives, its entry of "ran last" included.
const OF_ARM: usize = 14;
/// Losses are compared on twelve decades below the scale of the first block.
const DECADES: f64 = 12.0;

/// What a run has seen of its arms: the part of a state that tells which algorithm brought what.
///
/// Everything is relative to the run itself: shifting all losses or multiplying them by a positive number changes no
/// feature (up to rounding), so that what is learnt on one problem means the same on the next. The unit of losses is the spread of the
/// first block (median less minimum); gaps and gains enter as logarithms, 0 for a trillionth of the unit or less and 1
/// for the unit.
///
/// Features of the run: share of the budget used; blocks since the incumbent improved / 10, at most 1; size of the last
/// block's improvement; size of all improvements since the first block; share of arms tried. Then for each arm: share of
/// the budget it used; gap of its own best to the incumbent (1.5 untried); 1 if tried; sizes of the improvements of its
/// own best in its last block and the one before; decayed size of the improvements it brought to the incumbent (0.6 a
/// block); its own blocks without improvement / 8, at most 1; gaps of the median and of the minimum of its last block to
/// its own best; blocks since it ran / 10, at most 1; ratio of its last two own improvements in decades / 3, within
/// +-1; blocks whose minimum came again within a millionth of the unit to its own best / 4, at most 1; gap between the
/// minima of its last two blocks; 1 if it ran last.
///
/// ```
/// use rl_selector::History;
/// let mut history = History::new(2, 100);
/// history.observe(0, &[5.0, 4.0, 3.0]);
/// history.observe(1, &[3.5, 2.0]);
/// assert_eq!(history.best(), Some(2.0));
/// assert_eq!(history.features().len(), History::width(2));
/// assert_eq!(history.features()[0], 0.05);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    budget: usize,
    used: usize,
    blocks: usize,
    unit: f64,
    first: Option<f64>,
    best: Option<f64>,
    stalled: usize,
    gain: f64,
    arms: Vec<Arm>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Arm {
    used: usize,
    best: Option<f64>,
    gains: [f64; 2],
    brought: f64,
    stalled: usize,
    median: f64,
    lowest: [Option<f64>; 2],
    agreed: usize,
    ran: usize,
}

impl History {
    /// Nothing seen yet, of so many arms, on a budget in evaluations; a budget of 0 counts as 1.
    pub fn new(arms: usize, budget: usize) -> Self {
        Self {
            budget: budget.max(1),
            used: 0,
            blocks: 0,
            unit: 1.0,
            first: None,
            best: None,
            stalled: 0,
            gain: 0.0,
            arms: vec![Arm::default(); arms],
        }
    }

    /// The number of features of a run with so many arms.
    pub fn width(arms: usize) -> usize {
        OF_RUN + OF_ARM * arms
    }

    /// The lowest finite loss seen.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Evaluations seen.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The budget in evaluations.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// The number of arms.
    pub fn arms(&self) -> usize {
        self.arms.len()
    }

    /// Takes the losses of one block that `arm` ran, in order; returns the size of the improvement of the incumbent in
    /// [0, 1]: 0 for none, 1 for one as large as the unit or larger.
    ///
    /// Losses that are not finite count as evaluations and say nothing else; an arm out of range changes nothing.
    pub fn observe(&mut self, arm: usize, losses: &[f64]) -> f64 {
        if arm >= self.arms.len() {
            return 0.0;
        }
        self.used += losses.len();
        self.blocks += 1;
        let mut finite: Vec<f64> = losses.iter().copied().filter(|l| l.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        let (Some(&lowest), middle) = (finite.first(), finite.len() / 2) else {
            self.arms[arm].used += losses.len();
            self.arms[arm].stalled += 1;
            self.arms[arm].ran = self.blocks;
            self.stalled += 1;
            return 0.0;
        };
        let median = finite[middle];
        if self.first.is_none() {
            let spread = (median - lowest).max(1e-12 * lowest.abs());
            self.unit = if spread > 0.0 && spread.is_finite() { spread } else { 1.0 };
            self.first = Some(lowest);
        }
        let before = self.best;
        let gained = before.map_or(0.0, |best| (best - lowest).max(0.0));
        let size = self.size(gained).min(1.0);
        self.best = Some(before.map_or(lowest, |best| best.min(lowest)));
        self.gain = size;
        self.stalled = if gained > 0.0 || before.is_none() { 0 } else { self.stalled + 1 };
        let (blocks, near) = (self.blocks, 1e-6 * self.unit);
        let own = &mut self.arms[arm];
        own.used += losses.len();
        own.ran = blocks;
        own.brought = 0.6 * own.brought + 0.4 * size;
        own.median = median;
        own.lowest = [Some(lowest), own.lowest[0]];
        match own.best {
            None => own.best = Some(lowest),
            Some(best) => {
                own.gains = [(best - lowest).max(0.0), own.gains[0]];
                own.stalled = if lowest < best { 0 } else { own.stalled + 1 };
                own.agreed = match (best - lowest) / near {
                    gain if gain > 1.0 => 0,
                    gain if gain >= -1.0 => own.agreed + 1,
                    _ => own.agreed,
                };
                own.best = Some(best.min(lowest));
            }
        }
        size
    }

    /// What features say of each of so many arms: the gap of its own best to the incumbent, and its own blocks in a row
    /// without improvement (8 stands for 8 and more); `None` when they are not those of such a history.
    pub(crate) fn standing(features: &[f64], arms: usize) -> Option<Vec<(f64, f64)>> {
        let arms_of = features.get(OF_RUN..).filter(|_| features.len() == Self::width(arms))?;
        Some(arms_of.chunks_exact(OF_ARM).map(|arm| (arm[1], 8.0 * arm[6])).collect())
    }

    /// The arm that ran last, by its features; `None` at the beginning.
    pub(crate) fn last_arm(features: &[f64]) -> Option<usize> {
        features.get(OF_RUN..)?.chunks_exact(OF_ARM).position(|arm| arm[OF_ARM - 1] > 0.5)
    }

    /// The features, in the order of the type's description.
    pub fn features(&self) -> Vec<f64> {
        let mut features = Vec::with_capacity(Self::width(self.arms.len()));
        let capped = |count: usize, at: f64| (count as f64 / at).min(1.0);
        let best = self.best.unwrap_or(0.0);
        let tried = self.arms.iter().filter(|a| a.used > 0).count();
        features.push(capped(self.used, self.budget as f64));
        features.push(capped(self.stalled, 10.0));
        features.push(self.gain);
        features.push(self.size(self.first.map_or(0.0, |first| first - best)));
        features.push(tried as f64 / self.arms.len().max(1) as f64);
        for arm in &self.arms {
            let own = arm.best.unwrap_or(best);
            let [last, before] = arm.lowest;
            let slope = match arm.gains {
                [a, b] if a > 0.0 && b > 0.0 => ((a / b).log10() / 3.0).clamp(-1.0, 1.0),
                _ => 0.0,
            };
            let between = last.zip(before).map_or(0.0, |(a, b)| (a - b).abs());
            features.extend([
                capped(arm.used, self.budget as f64),
                arm.best.map_or(1.5, |own| self.size(own - best)),
                f64::from(u8::from(arm.used > 0)),
                self.size(arm.gains[0]),
                self.size(arm.gains[1]),
                arm.brought,
                capped(arm.stalled, 8.0),
                if arm.best.is_some() { self.size(arm.median - own) } else { 0.0 },
                last.map_or(0.0, |last| self.size(last - own)),
                capped(self.blocks - arm.ran, 10.0),
                slope,
                capped(arm.agreed, 4.0),
                self.size(between),
                f64::from(u8::from(arm.used > 0 && arm.ran == self.blocks)),
            ]);
        }
        features
    }

    /// A difference of losses on the logarithmic scale of the run.
    fn size(&self, difference: f64) -> f64 {
        if difference <= 0.0 || difference.is_nan() {
            return 0.0;
        }
        (((difference / self.unit).log10() + DECADES) / DECADES).clamp(0.0, 1.5)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact in binary or compared with their own formula")]
mod tests {
    use super::*;

    fn blocks(shift: f64, scale: f64) -> History {
        let mut history = History::new(3, 40);
        for (arm, losses) in
            [(1, [9.0, 7.0, 8.0]), (0, [7.5, 6.0, 6.5]), (1, [6.0, 5.5, 9.0]), (1, [5.5, 5.5, 8.0])]
        {
            history.observe(arm, &losses.map(|l| shift + scale * l));
        }
        history
    }

    #[test]
    fn shift_and_scale_change_nothing() {
        let plain = blocks(0.0, 1.0);
        for (shift, scale) in [(1024.0, 1.0), (0.0, 0.25), (-64.0, 8.0)] {
            for (a, b) in plain.features().iter().zip(blocks(shift, scale).features()) {
                assert!((a - b).abs() < 1e-9, "{a} {b}");
            }
        }
    }

    #[test]
    fn each_arm_is_described_by_what_it_did() {
        let features = blocks(0.0, 1.0).features();
        let arm = |k: usize| &features[OF_RUN + OF_ARM * k..OF_RUN + OF_ARM * (k + 1)];
        assert_eq!(arm(2)[..3], [0.0, 1.5, 0.0]);
        assert_eq!((arm(1)[0], arm(1)[1], arm(1)[2], arm(1)[6]), (9.0 / 40.0, 0.0, 1.0, 1.0 / 8.0));
        assert_eq!((arm(1)[11], arm(1)[13], arm(0)[13]), (0.25, 1.0, 0.0));
        assert_eq!(arm(0)[9], 0.2);
    }

    #[test]
    fn losses_that_say_nothing_change_no_best() {
        let mut history = History::new(2, 0);
        assert_eq!(history.observe(0, &[f64::NAN, f64::INFINITY]), 0.0);
        assert_eq!((history.best(), history.used()), (None, 2));
        assert_eq!(history.observe(7, &[1.0]), 0.0);
        assert_eq!(history.used(), 2);
        assert_eq!(history.observe(1, &[3.0]), 0.0);
        assert!(history.observe(1, &[1.0, f64::NAN]) > 0.0);
        assert!(history.features().iter().all(|f| f.is_finite()));
    }
}
