use meta_traits::Stream;
use serde::{Deserialize, Serialize};

use crate::archive::elites;
use crate::pareto::{crowding, fronts};
use crate::workflow::Workflow;

/// Neighbours over which novelty is taken.
const NEIGHBOURS: usize = 10;

/// By what a parent is chosen when it is not chosen for its loss alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Variety {
    /// The best of each [`crate::Niche`], uniformly (MAP-Elites; Mouret & Clune 2015).
    #[default]
    Niches,
    /// Tournaments of two by front and crowding over loss, cost and size (NSGA-II; Deb et al. 2002).
    Pareto,
    /// Tournaments of two by the mean distance to the ten nearest workflows seen (Lehman & Stanley 2011).
    Novelty,
}

/// Workflows from which such a parent is drawn, the preferred first.
#[derive(Debug)]
pub(super) struct Varied<'a> {
    order: Vec<&'a Workflow>,
    entrants: usize,
}

impl<'a> Varied<'a> {
    /// `ranked` stands best first.
    pub(super) fn niches(ranked: &[&'a Workflow]) -> Self {
        Self { order: elites(ranked), entrants: 1 }
    }

    /// One point a workflow, all coordinates to be small.
    pub(super) fn pareto(all: &[&'a Workflow], points: &[Vec<f64>]) -> Self {
        let mut order = Vec::with_capacity(all.len());
        for front in fronts(points) {
            let apart = crowding(points, &front);
            let mut places: Vec<usize> = (0..front.len()).collect();
            places.sort_by(|a, b| apart[*b].total_cmp(&apart[*a]));
            order.extend(places.into_iter().map(|place| all[front[place]]));
        }
        Self { order, entrants: 2 }
    }

    pub(super) fn novelty(all: &[&'a Workflow], distance: impl Fn(usize, usize) -> f64) -> Self {
        let novelty = |i: usize| {
            let mut to: Vec<f64> = (0..all.len()).filter(|j| *j != i).map(|j| distance(i, j)).collect();
            to.sort_by(f64::total_cmp);
            to.truncate(NEIGHBOURS);
            to.iter().sum::<f64>() / to.len().max(1) as f64
        };
        let mut order: Vec<(f64, &Workflow)> =
            all.iter().enumerate().map(|(i, w)| (novelty(i), *w)).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        Self { order: order.into_iter().map(|(_, w)| w).collect(), entrants: 2 }
    }

    pub(super) fn draw(&self, rng: &mut Stream) -> Option<&'a Workflow> {
        if self.order.is_empty() {
            return None;
        }
        let first = (0..self.entrants).map(|_| rng.below(self.order.len())).min()?;
        Some(self.order[first])
    }
}

#[cfg(test)]
mod tests {
    use meta_traits::Space as _;

    use super::*;
    use crate::{Library, WorkflowSpace};

    #[test]
    fn each_rule_prefers_what_it_is_named_for() {
        let space = WorkflowSpace::new(Library::default(), 10, 5).unwrap();
        let mut all: Vec<Workflow> = (0..40).map(|seed| space.sample(&mut Stream::root(seed))).collect();
        all.sort();
        all.dedup();
        let all: Vec<&Workflow> = all.iter().collect();
        let n = all.len();

        // One dominates; the others lie on a line, dominated by it.
        let mut points: Vec<Vec<f64>> = (0..n).map(|i| vec![i as f64 + 1.0, (n - i) as f64]).collect();
        points[7] = vec![0.0, 0.0];
        assert_eq!(Varied::pareto(&all, &points).order[0], all[7]);

        // The fourth stands far from all others.
        let far = |i, j| if i == 3 || j == 3 { 9.0 } else { 1.0 };
        assert_eq!(Varied::novelty(&all, far).order[0], all[3]);

        let cells = Varied::niches(&all).order.len();
        assert!(cells > 3 && cells < n, "{cells}");
    }

    #[test]
    fn tournaments_prefer_the_first() {
        let space = WorkflowSpace::new(Library::default(), 10, 5).unwrap();
        let all: Vec<Workflow> = (0..2).map(|seed| space.sample(&mut Stream::root(seed))).collect();
        let all: Vec<&Workflow> = all.iter().collect();
        let mut rng = Stream::root(1);
        for (entrants, least, most) in [(1, 400, 600), (2, 650, 850)] {
            let varied = Varied { order: all.clone(), entrants };
            let first = (0..1000).filter(|_| varied.draw(&mut rng) == Some(all[0])).count();
            assert!((least..most).contains(&first), "{first} of 1000 with {entrants}");
        }
    }

    #[test]
    fn of_none_none_is_drawn() {
        assert!(Varied::niches(&[]).draw(&mut Stream::root(1)).is_none());
    }
}
