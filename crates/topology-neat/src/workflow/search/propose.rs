use meta_traits::{Space as _, Stream};

use super::acquire::{gain, knowledge_gradient, normal};
use super::candidates::{self, Candidate};
use super::variety::{Varied, Variety};
use super::{Arm, Proposal, WorkflowSearch};
use crate::workflow::{Edit, Workflow};

/// Draws of a first workflow before it is given up.
const DRAWS: usize = 20;
/// Edits by which the first workflows are made, in turn: each puts a kind of module to the one use it has.
const TURNS: [Edit; 8] = [
    Edit::Prepare,
    Edit::Repair,
    Edit::Assemble,
    Edit::Dispatch,
    Edit::Poll,
    Edit::Prepare,
    Edit::Split,
    Edit::Branch,
];

impl WorkflowSearch {
    /// What to evaluate next.
    pub(super) fn propose(&self, rng: &mut Stream) -> Proposal {
        if let Some(first) = self.first(rng) {
            return Proposal::anew(first);
        }
        let Some(best) = self.best else { return Proposal::anew(self.space.sample(rng)) };
        let again = |arm: usize| Proposal::anew(self.arms[arm].workflow.clone());
        if rng.chance(self.options.elitism)
            && let Some(elite) = self.elite().filter(|arm| !self.is_pending(&self.arms[*arm].workflow))
        {
            return again(elite);
        }
        let seen = &self.seen;
        let mut order: Vec<usize> = (0..seen.len()).collect();
        order.sort_by(|a, b| seen[*a].mean.total_cmp(&seen[*b].mean));
        let repeat = self.best_repeat(&order);
        let ranked: Vec<&Workflow> = order.iter().map(|i| &self.arms[*i].workflow).collect();
        let varied = self.varied(&order);
        let pool = candidates::pool(&ranked, &varied, &self.space, &self.options, rng, |w| self.is_known(w));
        if rng.chance(self.options.unscreened)
            && let Some(new) = pool.first()
        {
            return self.proposal(new, false);
        }
        let screened = self.is_screening();
        let new = if screened {
            let drawn = pool.iter().map(|c| {
                let p = self.model.posterior(&c.workflow);
                (p.mean + self.options.exploration * p.variance.sqrt() * normal(rng), p, c)
            });
            drawn.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, p, c)| (p, c))
        } else {
            pool.first().map(|c| (self.model.posterior(&c.workflow), c))
        };
        let least = self.options.min_improvement.max(repeat.map_or(0.0, |r| r.0));
        let lowest = seen[order[0]].mean;
        match (new, repeat) {
            (Some((p, new)), _) if gain(p, lowest) > least => self.proposal(new, screened),
            (_, Some((_, arm))) => again(arm),
            (Some((_, new)), None) => self.proposal(new, screened),
            (None, None) => again(best),
        }
    }

    fn proposal(&self, new: &Candidate<'_>, screened: bool) -> Proposal {
        let arm = |of: &&Workflow| self.arms.iter().position(|a| a.workflow == **of);
        let parents = new.parents.iter().filter_map(arm).collect();
        Proposal { parents, screened, ..Proposal::anew(new.workflow.clone()) }
    }

    /// What no evaluation has led to yet: single modules, each once, then what one edit makes of the best so far, or where
    /// that gives nothing new a random workflow.
    fn first(&self, rng: &mut Stream) -> Option<Workflow> {
        let singles = self.space.library().answering();
        let unknown = |module| Workflow::single(module).ok().filter(|w| self.fits(w) && !self.is_known(w));
        if let Some(single) = singles.iter().find_map(|module| unknown(*module)) {
            return Some(single);
        }
        let known = self.arms.len() + self.pending.len() + self.failed.len();
        if known >= singles.len() + self.options.initial {
            return None;
        }
        if let Some(best) = self.best {
            let turns: Vec<Edit> = TURNS.into_iter().filter(|e| self.options.edits.contains(e)).collect();
            let edit = turns.get(known.saturating_sub(singles.len()) % turns.len().max(1));
            let best = &self.arms[best].workflow;
            let mut drawn = (0..DRAWS).filter_map(|_| edit?.apply(best, &self.space, rng));
            if let Some(new) = drawn.find(|w| self.fits(w) && !self.is_known(w)) {
                return Some(new);
            }
        }
        (0..DRAWS).map(|_| self.space.sample(rng)).find(|w| self.fits(w) && !self.is_known(w))
    }

    /// What parents are drawn from for their variety; `order` are all arms, best first.
    fn varied(&self, order: &[usize]) -> Varied<'_> {
        let all: Vec<&Workflow> = order.iter().map(|i| &self.arms[*i].workflow).collect();
        match self.options.variety {
            Variety::Niches => Varied::niches(&all),
            Variety::Pareto => {
                let point = |&i: &usize| {
                    let Arm { times, observation, workflow, .. } = &self.arms[i];
                    let cost = observation.cost;
                    let spent = [cost.nano_usd, cost.calls, cost.tokens_in.saturating_add(cost.tokens_out)];
                    let once = spent.map(|all| all as f64 / f64::from(*times));
                    let size = workflow.modules().len() as f64;
                    let others = observation.losses.iter().skip(1).copied();
                    [self.seen[i].mean, size].into_iter().chain(once).chain(others).collect()
                };
                Varied::pareto(&all, &order.iter().map(point).collect::<Vec<Vec<f64>>>())
            }
            Variety::Novelty => Varied::novelty(&all, |a, b| self.model.distance(order[a], order[b])),
        }
    }

    fn is_pending(&self, workflow: &Workflow) -> bool {
        self.pending.values().any(|p| p.workflow == *workflow)
    }

    fn is_known(&self, workflow: &Workflow) -> bool {
        self.arms.iter().any(|a| a.workflow == *workflow)
            || self.is_pending(workflow)
            || self.failed.contains(workflow)
    }

    fn fits(&self, workflow: &Workflow) -> bool {
        self.options.max_complexity.is_none_or(|most| workflow.complexity() <= most)
    }

    /// The arm whose repeat promises most, and how much.
    fn best_repeat(&self, order: &[usize]) -> Option<(f64, usize)> {
        let mean = |place: usize| order.get(place).map_or(f64::INFINITY, |arm| self.seen[*arm].mean);
        let free = order.iter().enumerate().filter(|(_, i)| !self.is_pending(&self.arms[**i].workflow));
        let valued = free.map(|(place, &i)| {
            let rival = mean(usize::from(place == 0));
            (knowledge_gradient(self.seen[i], self.model.noise(), rival, place == 0), i)
        });
        valued.max_by(|a, b| a.0.total_cmp(&b.0))
    }
}
