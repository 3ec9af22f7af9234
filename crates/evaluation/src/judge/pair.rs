use meta_traits::Cost;
use serde::Serialize;

use crate::Verdict;
use crate::stats::mcnemar_exact;

/// Which of two replies is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// The first.
    First,
    /// The second.
    Second,
    /// Neither.
    Neither,
}

impl Preference {
    /// The same preference after the two changed places.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
            Self::Neither => Self::Neither,
        }
    }
}

/// Two replies judged in both orders.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// What the judge prefers when the first reply is shown first.
    pub straight: Preference,
    /// What it prefers when the second is shown first; told of the same replies, not of places.
    pub swapped: Preference,
    /// What both calls cost, repairs included.
    pub cost: Cost,
    /// The reasons given for the first order.
    pub reasons: String,
}

impl Comparison {
    /// What both orders agree on; [`Preference::Neither`] where they do not.
    pub fn preferred(&self) -> Preference {
        if self.is_consistent() { self.straight } else { Preference::Neither }
    }

    /// Whether the order of the replies makes no difference.
    pub fn is_consistent(&self) -> bool {
        self.straight == self.swapped
    }

    /// 1 where the first reply is preferred, 0 where the second is, else 0.5.
    pub(super) fn verdict(&self) -> Verdict {
        let (score, said) = match self.preferred() {
            Preference::First => (1.0, "judged better than expected"),
            Preference::Second => (0.0, "judged worse than expected"),
            Preference::Neither if self.is_consistent() => (0.5, "judged as good as expected"),
            Preference::Neither => (0.5, "judged differently in the two orders"),
        };
        Verdict::new(score, format!("{said}: {}", self.reasons))
    }
}

/// How far the order of replies sways a judge.
///
/// ```
/// use evaluation::judge::{Preference, SwapStatistics};
/// use Preference::{First, Neither, Second};
/// // Told of replies: the judge that prefers the first reply, then the second, preferred the first place twice.
/// let pairs = [(First, First), (First, Second), (First, Second), (Second, Second), (Neither, Neither)];
/// let statistics = SwapStatistics::of(pairs).unwrap();
/// assert_eq!(statistics.consistency, 0.6);
/// assert_eq!((statistics.favours_first, statistics.favours_second), (2, 0));
/// assert_eq!(statistics.p, 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SwapStatistics {
    /// Pairs judged in both orders.
    pub pairs: u64,
    /// The share of pairs with the same preference in both orders.
    pub consistency: f64,
    /// Pairs where the first place won in both orders.
    pub favours_first: u64,
    /// Pairs where the second place won in both orders.
    pub favours_second: u64,
    /// Two-sided exact p-value of no liking for either place: the sign test on those pairs (McNemar 1947).
    pub p: f64,
}

impl SwapStatistics {
    /// Counts over pairs of preferences, as [`Comparison::straight`] and [`Comparison::swapped`] give them; `None`
    /// without pairs.
    pub fn of(pairs: impl IntoIterator<Item = (Preference, Preference)>) -> Option<Self> {
        let (mut all, mut same, mut favours_first, mut favours_second) = (0_u64, 0_u64, 0, 0);
        for (straight, swapped) in pairs {
            all += 1;
            match (straight, swapped) {
                _ if straight == swapped => same += 1,
                (Preference::First, Preference::Second) => favours_first += 1,
                (Preference::Second, Preference::First) => favours_second += 1,
                _ => {}
            }
        }
        (all > 0).then(|| Self {
            pairs: all,
            consistency: same as f64 / all as f64,
            favours_first,
            favours_second,
            p: mcnemar_exact(favours_first, favours_second),
        })
    }
}
