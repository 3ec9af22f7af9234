//! Conflicts among what components ask for in one round, settled before anything starts.
//!
//! Admission keeps conflicting updates apart in time. This decides what they may ask for at all: shares of a resource that
//! together are too much, one parameter set to two values, priorities too close to mean anything.

use std::collections::{BTreeMap, BTreeSet};

/// What a component asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claim {
    /// Who asks; unique in a round.
    pub component: String,
    /// Higher goes first; 0 to 1 by custom.
    pub priority: f64,
    /// The share of the shared resource it asks for, 0 to 1.
    pub share: f64,
    /// Parameters it would set, and to what.
    pub sets: BTreeMap<String, f64>,
}

/// What becomes of one parameter that several would set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnParameter {
    /// They set it one after the other, the most urgent last, so that its value stands.
    #[default]
    Serialise,
    /// All set it to the mean of their values, weighted by priority.
    Merge,
    /// The most urgent sets it, the others do not.
    Reject,
}

/// What was settled, in the order of the claims.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// Together they asked for more than all: this one's share was cut by so much.
    Share {
        /// Whose.
        component: String,
        /// Its new share by its old.
        factor: f64,
    },
    /// Several would set one parameter.
    Parameter {
        /// Which.
        name: String,
        /// Who, the most urgent first.
        components: Vec<String>,
    },
    /// Its priority was moved away from that of another.
    Priority {
        /// Whose.
        component: String,
        /// By how much.
        by: f64,
    },
}

/// What [`resolve`] made of claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// The claims as they stand now, in their order.
    pub claims: Vec<Claim>,
    /// Pairs of places of claims: the first's update runs before the second's.
    pub before: BTreeSet<(usize, usize)>,
    /// What was changed and why, for the log.
    pub settled: Vec<Settled>,
}

/// A lower-priority share is cut to this part of itself at a time.
const CUT: f64 = 0.7;
/// Priorities closer than this are spread by as much.
const APART: f64 = 0.1;

/// Settles all conflicts among `claims`; the same claims give the same resolution. O(n^2 parameters).
///
/// Shares: while their sum is above 1, the claim of lowest priority that was cut least often is cut to 0.7 of its share,
/// the most urgent one last of all. Parameters: see [`OnParameter`]. Priorities closer than 0.1 are spread so that each is
/// 0.1 above the next; among equals the earlier claim is the more urgent. Numbers that are not finite, and negative shares,
/// count as 0.
///
/// ```
/// use coordination::resolve::{Claim, OnParameter, resolve};
/// let claim = |name: &str, priority, share| Claim { component: name.into(), priority, share, ..Claim::default() };
/// let made = resolve(&[claim("selector", 0.9, 0.6), claim("topology", 0.5, 0.5)], OnParameter::Serialise);
/// assert_eq!(made.claims[1].share, 0.35);
/// assert_eq!(made.settled.len(), 1);
/// ```
pub fn resolve(claims: &[Claim], on_parameter: OnParameter) -> Resolution {
    let number = |x: f64| if x.is_finite() { x } else { 0.0 };
    let cleaned = claims.iter().map(|c| Claim {
        priority: number(c.priority),
        share: number(c.share).max(0.0),
        sets: c.sets.iter().map(|(name, value)| (name.clone(), number(*value))).collect(),
        ..c.clone()
    });
    let mut made = Resolution { claims: cleaned.collect(), before: BTreeSet::new(), settled: Vec::new() };
    // The most urgent first.
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_by(|a, b| made.claims[*b].priority.total_cmp(&made.claims[*a].priority).then(a.cmp(b)));
    made.cut_shares(&order);
    made.part_parameters(&order, on_parameter);
    made.spread_priorities(&order);
    made
}

impl Resolution {
    fn cut_shares(&mut self, order: &[usize]) {
        let asked: Vec<f64> = self.claims.iter().map(|c| c.share).collect();
        let mut urgency = order.iter().rev().cycle();
        // One above 1 alone would be cut for ever by less and less.
        while self.claims.iter().map(|c| c.share).sum::<f64>() > 1.0 {
            let Some(at) = urgency.next() else { break };
            self.claims[*at].share *= CUT;
        }
        for (claim, asked) in self.claims.iter().zip(asked) {
            if claim.share < asked {
                let (component, factor) = (claim.component.clone(), claim.share / asked);
                self.settled.push(Settled::Share { component, factor });
            }
        }
    }

    fn part_parameters(&mut self, order: &[usize], policy: OnParameter) {
        let names: BTreeSet<String> = self.claims.iter().flat_map(|c| c.sets.keys().cloned()).collect();
        for name in names {
            let setters: Vec<usize> =
                order.iter().copied().filter(|at| self.claims[*at].sets.contains_key(&name)).collect();
            if setters.len() < 2 {
                continue;
            }
            match policy {
                OnParameter::Serialise => self.before.extend(setters.windows(2).map(|w| (w[1], w[0]))),
                OnParameter::Merge => self.merge(&name, &setters),
                OnParameter::Reject => {
                    for at in &setters[1..] {
                        self.claims[*at].sets.remove(&name);
                    }
                }
            }
            let components = setters.iter().map(|at| self.claims[*at].component.clone()).collect();
            self.settled.push(Settled::Parameter { name, components });
        }
    }

    fn merge(&mut self, name: &str, setters: &[usize]) {
        let weights: Vec<f64> = setters.iter().map(|at| self.claims[*at].priority.max(0.0)).collect();
        let total: f64 = weights.iter().sum();
        let weight = |i: usize| if total > 0.0 { weights[i] / total } else { 1.0 / setters.len() as f64 };
        let mean = setters.iter().enumerate().map(|(i, at)| weight(i) * self.claims[*at].sets[name]).sum();
        for at in setters {
            self.claims[*at].sets.insert(name.into(), mean);
        }
    }

    fn spread_priorities(&mut self, order: &[usize]) {
        for pair in order.windows(2).rev() {
            let (urgent, next) = (pair[0], pair[1]);
            let short = self.claims[next].priority + APART - self.claims[urgent].priority;
            // Beyond what rounding leaves of a gap that is wide enough.
            if short > 1e-12 {
                self.claims[urgent].priority += short;
                let component = self.claims[urgent].component.clone();
                self.settled.push(Settled::Priority { component, by: short });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::*;

    fn claim(name: &str, priority: f64, share: f64, sets: &[(&str, f64)]) -> Claim {
        let sets = sets.iter().map(|(n, v)| ((*n).into(), *v)).collect();
        Claim { component: name.into(), priority, share, sets }
    }

    #[test]
    fn one_parameter_is_serialised_merged_or_rejected() {
        let claims = [claim("a", 0.2, 0.1, &[("x", 1.0), ("y", 5.0)]), claim("b", 0.6, 0.1, &[("x", 3.0)])];
        let made = |policy| resolve(&claims, policy);
        let serial = made(OnParameter::Serialise);
        assert_eq!(serial.before.into_iter().collect::<Vec<_>>(), [(0, 1)], "the urgent one's value stands");
        let merged = made(OnParameter::Merge);
        assert!(merged.claims.iter().all(|c| (c.sets["x"] - 2.5).abs() < 1e-12) && merged.before.is_empty());
        let rejected = made(OnParameter::Reject);
        assert_eq!(rejected.claims[0].sets.keys().collect::<Vec<_>>(), ["y"]);
        let told = Settled::Parameter { name: "x".into(), components: vec!["b".into(), "a".into()] };
        assert!(rejected.settled.contains(&told));
    }

    #[test]
    fn close_priorities_are_spread_in_their_order() {
        let claims = [0.5, 0.45, 0.5, 0.9].map(|p| claim("c", p, 0.0, &[]));
        let made = resolve(&claims, OnParameter::Serialise);
        let priorities: Vec<f64> = made.claims.iter().map(|c| c.priority).collect();
        let expected = [0.65, 0.45, 0.55, 0.9];
        assert!(priorities.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{priorities:?}");
    }

    #[test]
    fn laws_hold_for_random_and_broken_claims() {
        for seed in 0..500 {
            let mut rng = Stream::root(seed);
            let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0, 40.0];
            let claims: Vec<Claim> = (0..rng.below(6))
                .map(|i| {
                    let mut draw = || if rng.chance(0.1) { odd[rng.below(5)] } else { rng.unit() };
                    claim(&format!("c{i}"), draw(), draw(), &[("x", draw())])
                })
                .collect();
            let made = resolve(&claims, [OnParameter::Serialise, OnParameter::Merge][rng.below(2)]);
            assert!(made.claims.iter().map(|c| c.share).sum::<f64>() <= 1.0 + 1e-12);
            for a in 0..claims.len() {
                for b in 0..claims.len() {
                    let (old, new) = ([&claims[a], &claims[b]], [&made.claims[a], &made.claims[b]]);
                    let apart = new[0].priority - new[1].priority;
                    assert!(a == b || apart.abs() > APART - 1e-9, "seed {seed}");
                    let finite = old.iter().all(|c| c.priority.is_finite());
                    assert!(!finite || old[0].priority <= old[1].priority || apart > 0.0, "order is kept");
                }
            }
        }
    }
}
