//! Corrections of the order of pairs, where the orders seen speak for them.

use super::learn::Learning;
use super::rule::{Arrange, Pair};

/// Orders in which one member stands before another that a correction of the two needs.
const LEAST: usize = 30;
/// Standard deviations by which a correction must differ from 0.
const CLEAR: f64 = 2.0;
/// Steps of Newton's method over all pairs.
const SWEEPS: usize = 12;
/// Prior precision of a correction.
const PRECISION: f64 = 1.0;

/// Moves the corrections of pairs that stand in this order at least 30 times towards their most probable values given
/// the utilities, under a normal prior around 0; one that is not two standard deviations from 0 moves towards 0. So
/// utilities alone describe the order as long as little was seen.
pub(super) fn learn(arrange: &mut Arrange, orders: &[(Vec<usize>, f64)], how: &Learning) {
    let n = arrange.members.len();
    let before = |first: usize, then: usize| {
        let place = |order: &[usize], m: usize| order.iter().position(|o| *o == m);
        let stands = |(order, _): &&(Vec<usize>, f64)| {
            place(order, first).zip(place(order, then)).is_some_and(|(a, b)| a < b)
        };
        orders.iter().filter(stands).count()
    };
    let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    let open: Vec<(usize, usize)> = pairs.filter(|(i, j)| i != j && before(*i, *j) >= LEAST).collect();
    if open.is_empty() {
        return;
    }
    let old = std::mem::take(&mut arrange.pairs);
    let known = |first: usize, then: usize| {
        old.iter().find(|p| (p.first, p.then) == (first, then)).map_or(0.0, |p| p.bonus)
    };
    let fixed = old.iter().filter(|p| !open.contains(&(p.first, p.then)));
    arrange.pairs = fixed.copied().collect();
    let start = arrange.pairs.len();
    arrange.pairs.extend(open.iter().map(|&(first, then)| Pair { first, then, bonus: 0.0 }));
    let mut information = vec![0.0; open.len()];
    for _ in 0..SWEEPS {
        for (k, &(first, then)) in open.iter().enumerate() {
            let (gradient, curvature) = slope(arrange, orders, first, then);
            let bonus = &mut arrange.pairs[start + k].bonus;
            information[k] = curvature + PRECISION;
            *bonus += ((gradient - PRECISION * *bonus) / information[k]).clamp(-1.0, 1.0);
        }
    }
    for (k, &(first, then)) in open.iter().enumerate() {
        let pair = &mut arrange.pairs[start + k];
        let clear = pair.bonus * pair.bonus * information[k] > CLEAR * CLEAR;
        let seen = if clear { pair.bonus } else { 0.0 };
        pair.bonus = (1.0 - how.rate) * known(first, then) + how.rate * seen;
    }
    arrange.pairs.retain(|p| p.bonus.abs() > 1e-3);
}

/// First and negative second derivative of the log-likelihood of the orders in the correction of a pair.
fn slope(arrange: &Arrange, orders: &[(Vec<usize>, f64)], first: usize, then: usize) -> (f64, f64) {
    let (mut gradient, mut curvature) = (0.0, 0.0);
    for (order, weight) in orders {
        let place = |m: usize| order.iter().position(|o| *o == m);
        let (Some(from), Some(to)) = (place(first), place(then)) else { continue };
        for at in from + 1..=to {
            let p = arrange.chance(then, &order[..at], &order[at..]);
            gradient += weight * (f64::from(u8::from(at == to)) - p);
            curvature += weight * p * (1.0 - p);
        }
    }
    (gradient, curvature)
}

#[cfg(test)]
mod tests {
    use meta_traits::Stream;

    use super::super::rule::{Member, Text};
    use super::super::{Body, Draft, Grammar, Production};
    use super::*;
    use crate::{Part, Sampler, Tree};

    fn grammar(pairs: Vec<Pair>) -> Grammar {
        let members = ["a", "b", "c", "d"].map(|n| Member::mandatory(n.to_string())).to_vec();
        let mut arrange = Arrange::new(members, Text::Fixed(" ".into()));
        arrange.pairs = pairs;
        let draft = Draft::new("all").rule("all", Body::Arrange(arrange));
        let word = |draft: Draft, n: &str| draft.choice(n, vec![Production::new(vec![Part::text(n)])]);
        ["a", "b", "c", "d"].iter().fold(draft, |draft, n| word(draft, n)).build().unwrap()
    }

    fn learnt(pairs: Vec<Pair>, n: u64) -> Vec<Pair> {
        let truth = grammar(pairs);
        let sampler = Sampler::new(&truth);
        let trees: Vec<Tree> = (0..n).map(|i| sampler.sample(&mut Stream::root(i), 3).unwrap()).collect();
        let weighted: Vec<(&Tree, f64)> = trees.iter().map(|t| (t, 1.0)).collect();
        let mut grammar = grammar(Vec::new());
        grammar.learn(&weighted, &Learning { rate: 1.0, ..Learning::default() }).unwrap();
        let Body::Arrange(arrange) = &grammar.rules()[0].body else { panic!("the first rule arranges") };
        arrange.pairs.clone()
    }

    #[test]
    fn corrections_are_found_where_there_are_some() {
        let planted = Pair { first: 2, then: 1, bonus: 2.0 };
        let found = learnt(vec![planted], 600);
        let own = found.iter().find(|p| (p.first, p.then) == (2, 1)).expect("it is found");
        let rest: f64 = found.iter().filter(|p| (p.first, p.then) != (2, 1)).map(|p| p.bonus.abs()).sum();
        assert!(own.bonus > 0.8 && rest < 2.0 * own.bonus, "{found:?}");
        assert!(learnt(vec![planted], 29).is_empty(), "29 orders are too few");
        assert!(learnt(Vec::new(), 300).len() <= 2, "chance alone brings few");
    }
}
