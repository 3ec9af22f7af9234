//! Drawing which members of an arrangement are present, and in which order.

use meta_traits::Stream;

use super::rule::Arrange;

/// Which members are present: independent coins, given that the number of heads lies between two bounds.
///
/// `tail[j][k]` is the probability that exactly k of the members j.. are present.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Presence {
    coins: Vec<f64>,
    tail: Vec<Vec<f64>>,
    least: usize,
    most: usize,
}

impl Presence {
    pub(crate) fn new<R>(arrange: &Arrange<R>) -> Self {
        let coins: Vec<f64> = arrange.members.iter().map(|m| m.presence).collect();
        let n = coins.len();
        let most = arrange.most.min(n);
        let mut tail = vec![vec![0.0; most + 2]; n + 1];
        tail[n][0] = 1.0;
        for j in (0..n).rev() {
            for k in 0..=most {
                let heads = if k > 0 { tail[j + 1][k - 1] } else { 0.0 };
                tail[j][k] = coins[j] * heads + (1.0 - coins[j]) * tail[j + 1][k];
            }
        }
        Self { coins, tail, least: arrange.least, most }
    }

    pub(crate) fn least(&self) -> usize {
        self.least
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// The probability that the number lies between the bounds.
    pub(crate) fn total(&self) -> f64 {
        self.tail[0].get(self.least..=self.most).map_or(0.0, |counts| counts.iter().sum())
    }

    /// The positions of the members that are present, in ascending order.
    pub(crate) fn draw(&self, rng: &mut Stream, out: &mut Vec<usize>) {
        out.clear();
        let counts = self.tail[0].get(self.least..=self.most).unwrap_or_default();
        let mut left = self.least + rng.weighted(counts).unwrap_or(0);
        for (j, coin) in self.coins.iter().enumerate() {
            if left == 0 {
                break;
            }
            let present = coin * self.tail[j + 1][left - 1];
            let absent = (1.0 - coin) * self.tail[j + 1][left];
            if rng.unit() * (present + absent) < present {
                out.push(j);
                left -= 1;
            }
        }
    }

    /// The natural logarithm of the probability of a set of members.
    pub(crate) fn log(&self, present: &[usize]) -> f64 {
        let coin = |(j, p): (usize, &f64)| if present.contains(&j) { p.ln() } else { (-p).ln_1p() };
        self.coins.iter().enumerate().map(coin).sum::<f64>() - self.total().ln()
    }
}

impl<R> Arrange<R> {
    /// Utility of `member` when those in `placed` stand before it.
    fn utility(&self, member: usize, placed: &[usize]) -> f64 {
        let bonus = |p: &&super::Pair| p.then == member && placed.contains(&p.first);
        self.members[member].utility + self.pairs.iter().filter(bonus).map(|p| p.bonus).sum::<f64>()
    }

    /// Puts the positions of members in an order drawn by Plackett & Luce's model.
    pub(crate) fn order(&self, members: &mut [usize], rng: &mut Stream) {
        let flat = self.pairs.is_empty() && members.iter().all(|m| self.members[*m].utility == 0.0);
        if flat {
            rng.shuffle(members);
            return;
        }
        for i in 0..members.len().saturating_sub(1) {
            let weights = self.weights(&members[..i], &members[i..]);
            let next = i + rng.weighted(&weights).unwrap_or(0);
            members[i..=next].rotate_right(1);
        }
    }

    /// The natural logarithm of the probability of an order.
    pub(crate) fn log_order(&self, members: &[usize]) -> f64 {
        let step = |i: usize| {
            let weights = self.weights(&members[..i], &members[i..]);
            (weights[0] / weights.iter().sum::<f64>()).ln()
        };
        (0..members.len().saturating_sub(1)).map(step).sum()
    }

    /// The probability that `member` comes next.
    pub(super) fn chance(&self, member: usize, placed: &[usize], left: &[usize]) -> f64 {
        let weights = self.weights(placed, left);
        let own: f64 = left.iter().zip(&weights).filter(|(m, _)| **m == member).map(|(_, w)| w).sum();
        own / weights.iter().sum::<f64>()
    }

    fn weights(&self, placed: &[usize], left: &[usize]) -> Vec<f64> {
        let utilities: Vec<f64> = left.iter().map(|m| self.utility(*m, placed)).collect();
        let top = utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        utilities.into_iter().map(|u| (u - top).exp()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::{Member, Pair, Text};
    use super::*;

    fn arrange(presences: &[f64]) -> Arrange<usize> {
        let members = presences.iter().enumerate().map(|(i, p)| Member::optional(i, *p)).collect();
        Arrange::new(members, Text::default())
    }

    #[test]
    fn subsets_follow_their_coins_within_the_bounds() {
        let presence = Presence::new(&arrange(&[0.2, 0.5, 0.9]).counting(1, 2));
        let (mut rng, mut out) = (Stream::root(3), Vec::new());
        let mut counts = [0_u32; 8];
        let n = 40_000;
        for _ in 0..n {
            presence.draw(&mut rng, &mut out);
            counts[out.iter().map(|j| 1 << j).sum::<usize>()] += 1;
        }
        let mut total = 0.0;
        for (set, seen) in counts.iter().enumerate() {
            let present: Vec<usize> = (0..3).filter(|j| set >> j & 1 == 1).collect();
            let p = if (1..=2).contains(&present.len()) { presence.log(&present).exp() } else { 0.0 };
            total += p;
            let sd = (p * (1.0 - p) / f64::from(n)).sqrt();
            assert!((f64::from(*seen) / f64::from(n) - p).abs() <= 5.0 * sd, "{set}: {seen}");
        }
        assert!((total - 1.0).abs() < 1e-12);
    }

    #[test]
    fn orders_follow_utilities_and_pairs() {
        let mut arrange = arrange(&[1.0, 1.0, 1.0]);
        arrange.members[0].utility = 1.0;
        arrange.pairs.push(Pair { first: 2, then: 1, bonus: 2.0 });
        let mut rng = Stream::root(5);
        let (mut seen, n) = (std::collections::BTreeMap::new(), 40_000);
        for _ in 0..n {
            let mut members = vec![0, 1, 2];
            arrange.order(&mut members, &mut rng);
            *seen.entry(members).or_insert(0_u32) += 1;
        }
        assert_eq!(seen.len(), 6);
        let mut total = 0.0;
        for (members, seen) in seen {
            let p = arrange.log_order(&members).exp();
            total += p;
            let sd = (p * (1.0 - p) / f64::from(n)).sqrt();
            assert!((f64::from(seen) / f64::from(n) - p).abs() <= 5.0 * sd, "{members:?}");
        }
        assert!((total - 1.0).abs() < 1e-12);
    }
}
