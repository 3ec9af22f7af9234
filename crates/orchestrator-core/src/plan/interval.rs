use serde::{Deserialize, Serialize};

/// A range that holds what is predicted in nine of ten cases, and its likeliest middle: `low <= mid <= high`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval<T> {
    /// The lower end.
    pub low: T,
    /// The median.
    pub mid: T,
    /// The upper end.
    pub high: T,
}

impl<T: PartialOrd + Copy> Interval<T> {
    /// Whether `x` lies in it, ends included.
    pub fn contains(&self, x: T) -> bool {
        x >= self.low && x <= self.high
    }
}

impl Interval<f64> {
    /// The 5 %, 50 % and 95 % points of `samples`, each side stretched by its factor.
    ///
    /// Sides are stretched in logarithms: an end that is twice the middle away becomes four times with factor 2. A
    /// lower end of 0 is stretched as it is, down to 0.
    pub(super) fn of(samples: &[f64], factors: [f64; 2]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let [low, mid, high] = [0.05, 0.5, 0.95].map(|q| quantile(&sorted, q));
        let stretch = |end: f64, factor: f64| {
            if mid > 0.0 && end > 0.0 {
                mid * (end / mid).powf(factor)
            } else {
                (mid + (end - mid) * factor).max(0.0)
            }
        };
        let (low, high) = (stretch(low, factors[0]), stretch(high, factors[1]));
        Self { low: low.min(mid), mid, high: high.max(mid) }
    }

    /// The shortest range of observed values that holds the share `level` of `samples`, with their median.
    pub(super) fn shortest(samples: &[f64], level: f64) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let held = ((level.clamp(0.0, 1.0) * n as f64).ceil() as usize).clamp(1, n.max(1));
        let starts = 0..=n.saturating_sub(held);
        let width = |i: &usize| sorted.get(i + held - 1).zip(sorted.get(*i)).map_or(0.0, |(b, a)| b - a);
        let start = starts.min_by(|a, b| width(a).total_cmp(&width(b))).unwrap_or(0);
        let at = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
        let (low, high) = (at(start), at(start + held - 1));
        Self { low, mid: quantile(&sorted, 0.5).clamp(low, high), high }
    }

    /// Whole numbers, ends rounded outwards, nothing above `most`.
    pub(super) fn whole(self, most: Option<u64>) -> Interval<u64> {
        let most = most.unwrap_or(u64::MAX);
        Interval {
            low: (self.low.floor() as u64).min(most),
            mid: (self.mid.round() as u64).min(most),
            high: (self.high.ceil() as u64).min(most),
        }
    }
}

/// The `q` point of sorted numbers, between neighbours in proportion; 0 of none.
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (at - at.floor())
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact")]
mod tests {
    use super::*;

    #[test]
    fn factors_stretch_each_side_by_itself() {
        let samples: Vec<f64> = (0..=100).map(|i| 2.0_f64.powf(f64::from(i) / 45.0 - 10.0 / 9.0)).collect();
        let plain = Interval::of(&samples, [1.0, 1.0]);
        assert!(
            (plain.low - 0.5).abs() < 1e-9
                && (plain.mid - 1.0).abs() < 1e-9
                && (plain.high - 2.0).abs() < 1e-9
        );
        let stretched = Interval::of(&samples, [2.0, 0.5]);
        assert!((stretched.low - 0.25).abs() < 1e-9 && (stretched.high - 2.0_f64.sqrt()).abs() < 1e-9);
        assert_eq!(Interval::of(&[], [1.0, 1.0]), Interval { low: 0.0, mid: 0.0, high: 0.0 });
    }

    #[test]
    fn the_shortest_range_leaves_out_the_far_tail() {
        let samples = [10.0, 500.0, 500.0, 499.0, 498.0, 500.0, 499.0, 497.0, 500.0, 500.0];
        assert_eq!(Interval::shortest(&samples, 0.9), Interval { low: 497.0, mid: 499.5, high: 500.0 });
        assert_eq!(Interval::shortest(&samples, 1.0).low, 10.0);
        assert_eq!(Interval::shortest(&[3.0], 0.9), Interval { low: 3.0, mid: 3.0, high: 3.0 });
    }

    #[test]
    fn whole_numbers_keep_to_the_limit() {
        let i = Interval { low: 1.2, mid: 3.5, high: 9.1 };
        assert_eq!(i.whole(None), Interval { low: 1, mid: 4, high: 10 });
        assert_eq!(i.whole(Some(3)), Interval { low: 1, mid: 3, high: 3 });
        assert!(i.whole(None).contains(10) && !i.whole(None).contains(11));
    }
}
